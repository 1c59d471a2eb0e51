"""The published tiers of services, and the meaning of a ``limits=`` argument."""

from __future__ import annotations

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.limiter.limits import RateLimit


@dataclass(frozen=True, slots=True)
class Tier:
    """A published limit.

    Attributes:
        service: The service.
        product: The product that it limits.
        name: Its name in ``limits=``.
        limit: The figures.
        date: When they were published.
        source: Where they were published.
        default: Whether it applies to a client without ``limits=``.
    """

    service: str
    product: str
    name: str
    limit: RateLimit
    date: str
    source: str
    default: bool = False


_PAGES = "jina.ai/reader and jina.ai/embeddings, rate limit tables"
# The lowest figures, those of ELSER and jina-embeddings-v3: v5 has 30,000 requests and 6 M tokens (search: 60,000 and 30 M).
_EIS = "Elastic Inference Service, eis-rate-limits in Elastic's documentation"
_CONCURRENCY = {"keyless": 2, "free": 2, "paid": 50, "premium": 500}


def _jina(
    product: str,
    *tiers: tuple[str, float, float | None],
    date: str = "2026-05",
    source: str = _PAGES,
) -> list[Tier]:
    return [
        Tier(
            "jina",
            product,
            name,
            RateLimit(requests, tokens, _CONCURRENCY[name]),
            date,
            source,
            default=name == "free",
        )
        for name, requests, tokens in tiers
    ]


def _eis(product: str) -> tuple[tuple[str, str, float, float], ...]:
    """Limits of one task type: of any model (ELSER's and v3's, the lowest), and of ``jina-embeddings-v5``, 2026-10."""
    return (
        ("eis", product, 6_000, 6_000_000),
        ("eis", f"{product}_search", 6_000, 600_000),
        ("eis-v5", product, 30_000, 30_000_000),
        ("eis-v5", f"{product}_search", 60_000, 6_000_000),
    )


# Where Jina's own sources disagree, the lower figure stands: its OpenAPI description of 2026-09 gives 500 requests and
# 1 M tokens (free), 10 M (paid) and 100 M (premium), field reports support the table of 2026-05. Concurrency is
# published for keys as a whole and taken for each product.
TIERS: tuple[Tier, ...] = (
    *_jina("embeddings", ("free", 100, 100_000), ("paid", 500, 2_000_000), ("premium", 5_000, 50_000_000)),
    *_jina("rerank", ("free", 100, 100_000), ("paid", 500, 2_000_000), ("premium", 5_000, 50_000_000)),
    *_jina("classify", ("free", 25, 25_000), ("paid", 125, 500_000), ("premium", 1_250, 12_000_000)),
    *_jina("train", ("free", 25, 25_000), ("paid", 125, 500_000), ("premium", 1_250, 12_000_000)),
    *_jina(
        "segment", ("keyless", 20, None), ("free", 200, None), ("paid", 200, None), ("premium", 1_000, None)
    ),
    *_jina(
        "reader", ("keyless", 20, None), ("free", 500, None), ("paid", 500, None), ("premium", 5_000, None)
    ),
    *_jina("search", ("free", 100, None), ("paid", 100, None), ("premium", 1_000, None)),
    *_jina("deepsearch", ("free", 50, None), ("paid", 50, None), ("premium", 500, None)),
    *_jina(
        "grounding",
        ("free", 10, None),
        ("paid", 10, None),
        ("premium", 30, None),
        date="2024",
        source="jina.ai/embeddings, rate limit table",
    ),
    *(
        Tier("elastic", product, name, RateLimit(requests, tokens, None), "2026-10", _EIS)
        for name, product, requests, tokens in (
            *_eis("text_embedding"),
            *_eis("embedding"),
            ("eis", "sparse_embedding", 6_000, 6_000_000),
            ("eis-v5", "sparse_embedding", 6_000, 6_000_000),
            ("eis", "rerank", 600, 6_000_000),
            ("eis-v5", "rerank", 600, 6_000_000),
        )
    ),
)


def resolve(limits: RateLimit | str | None, *, service: str, product: str) -> RateLimit | None:
    """The limit that a ``limits=`` argument means for one product of one service; None for no limiter.

    Raises:
        ConfigurationError: There is no such tier; the message names those that exist.
    """
    if limits is None or isinstance(limits, RateLimit):
        return limits
    tiers = {tier.name: tier.limit for tier in TIERS if (tier.service, tier.product) == (service, product)}
    if isinstance(limits, str) and limits in tiers:
        return tiers[limits]
    known = ", ".join(map(repr, tiers)) or f"none for {service} {product}"
    raise ConfigurationError(
        f"limits must be a RateLimit, None or the name of a tier ({known}), not {limits!r}; "
        "for example RateLimit(requests_per_minute=500, tokens_per_minute=1_000_000, concurrency=5)"
    )


def is_default(limit: RateLimit, *, service: str, product: str) -> bool:
    """Whether ``limit`` is what a client of ``service`` has if its user set nothing.

    So is a limit without any bound: it must not lift what another client's user chose.
    """
    if (limit.requests_per_minute, limit.tokens_per_minute, limit.concurrency) == (None, None, None):
        return True
    return any(
        tier.default and (tier.service, tier.product, tier.limit) == (service, product, limit)
        for tier in TIERS
    )
