"""Quotas as values, the tiers that services publish, and what every limiter must offer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from ragbridge._errors import ConfigurationError
from ragbridge._flow import Waitable

Reason: TypeAlias = Literal["requests", "tokens", "concurrency", "address"]
"""What a service says it refused a request for (``address``: requests of one IP address)."""

DEFAULT_TIER = "free"
KEYLESS = "keyless"
"""The tier of those who send no key: an address has it, and few products."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a service allows. None = not limited. The defaults are the most cautious published tier.

    Attributes:
        requests_per_minute: Requests a minute.
        tokens_per_minute: Tokens a minute, as the service bills them.
        concurrency: Requests in flight at once.
        window: Seconds over which the service counts; into one window fits the figure per minute x window / 60.

    Raises:
        ConfigurationError: A figure is not positive, or less than one request fits into a window.
    """

    requests_per_minute: float | None = 100
    tokens_per_minute: float | None = 100_000
    concurrency: int | None = 2
    window: float = 60.0

    def __post_init__(self) -> None:
        for name in ("requests_per_minute", "tokens_per_minute", "window"):
            value: object = getattr(self, name)
            if value is None and name != "window":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ConfigurationError(f"RateLimit: {name} must be a number above 0, not {value!r}")
        if self.concurrency is not None and (
            not isinstance(self.concurrency, int)
            or isinstance(self.concurrency, bool)
            or self.concurrency < 1
        ):
            raise ConfigurationError(
                f"RateLimit: concurrency must be a whole number from 1 or None, not {self.concurrency!r}"
            )
        if self.requests_per_window is not None and self.requests_per_window < 1:
            raise ConfigurationError(
                f"RateLimit: no request fits into {self.window:g} s at {self.requests_per_minute:g} "
                f"requests a minute; set window to {60 / (self.requests_per_minute or 1):g} or more"
            )

    @property
    def requests_per_window(self) -> float | None:
        """Requests that fit into one window."""
        # Rounded, because 50 * (60 / 7) * 7 / 60 is a little less than 50, which would cost a request a window.
        return (
            None
            if self.requests_per_minute is None
            else round(self.requests_per_minute * self.window / 60, 9)
        )

    @property
    def tokens_per_window(self) -> float | None:
        """Tokens that fit into one window."""
        return None if self.tokens_per_minute is None else round(self.tokens_per_minute * self.window / 60, 6)


class Ticket(Waitable, Protocol):
    """One request's place in line and, once ``poll`` answers None, its booking.

    ``settle``, ``refuse`` and ``cancel`` end it; the first call wins, later ones do nothing.
    """

    @property
    def waited(self) -> float:
        """Seconds from reserving until the booking was granted (until now, while it is not)."""
        ...

    @property
    def reason(self) -> str | None:
        """What it last waited for: requests, tokens, concurrency, pacing or paused; None if it never waited."""

    def settle(self, tokens: float | None) -> None:
        """An answer came, or none can be known to come: the service counted ``tokens`` (None: the estimate)."""

    def refuse(self, *, reason: Reason | None, retry_after: float | None) -> float:
        """The service answered 429: the tokens come back, every request of this quota pauses.

        Args:
            reason: Which limit the service named; None if it did not say.
            retry_after: Seconds that the service asked to wait; None if it did not say.

        Returns:
            Seconds of the pause.
        """
        ...

    def cancel(self) -> None:
        """The request was never sent: leave the line, or give the whole booking back."""


class RateLimiter(Protocol):
    """Hands out tickets, first come first served. May live in this process or behind a network."""

    @property
    def concurrency(self) -> int | None:
        """Requests in flight at most; None if not limited."""

    @property
    def request_budget(self) -> float | None:
        """Tokens that one request should carry at most to use the quota well; None if tokens are not limited."""

    @property
    def capacity(self) -> float | None:
        """Tokens that one request may have at all; None if tokens are not limited."""

    def reserve(self, tokens: float, *, variance: float = 0.0) -> Ticket:
        """Take a place in line for a request of about ``tokens``; never blocks.

        Args:
            tokens: Estimate of what the service will count.
            variance: Variance of that estimate, in tokens squared.

        Raises:
            ConfigurationError: The request can never fit.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tier:
    """A published limit: whose, for what, since when and by which source."""

    service: str
    product: str
    name: str
    limit: RateLimit
    date: str
    source: str


_PAGES = "jina.ai/reader and jina.ai/embeddings, rate limit tables"
# The lowest figures, those of ELSER and jina-embeddings-v3: v5 has 30,000 requests and 6 M tokens (search: 60,000 and 30 M).
_EIS = "Elastic Inference Service, eis-rate-limits in Elastic's documentation"
_CONCURRENCY = {KEYLESS: 2, "free": 2, "paid": 50, "premium": 500}


def _jina(
    product: str,
    *tiers: tuple[str, float, float | None],
    date: str = "2026-05",
    source: str = _PAGES,
) -> list[Tier]:
    return [
        Tier("jina", product, name, RateLimit(requests, tokens, _CONCURRENCY[name]), date, source)
        for name, requests, tokens in tiers
    ]


# Where Jina's own sources disagree, the lower figure stands: its OpenAPI description of 2026-09 gives 500 requests and
# 1 M tokens (free), 10 M (paid) and 100 M (premium), field reports support the table of 2026-05. Concurrency is
# published for keys as a whole and taken for each product.
TIERS: tuple[Tier, ...] = (
    *_jina("embeddings", ("free", 100, 100_000), ("paid", 500, 2_000_000), ("premium", 5_000, 50_000_000)),
    *_jina("rerank", ("free", 100, 100_000), ("paid", 500, 2_000_000), ("premium", 5_000, 50_000_000)),
    *_jina("classify", ("free", 25, 25_000), ("paid", 125, 500_000), ("premium", 1_250, 12_000_000)),
    *_jina("train", ("free", 25, 25_000), ("paid", 125, 500_000), ("premium", 1_250, 12_000_000)),
    *_jina(
        "segment", (KEYLESS, 20, None), ("free", 200, None), ("paid", 200, None), ("premium", 1_000, None)
    ),
    *_jina("reader", (KEYLESS, 20, None), ("free", 500, None), ("paid", 500, None), ("premium", 5_000, None)),
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
        Tier("elastic", product, "eis", RateLimit(requests, tokens, None), "2026-08", _EIS)
        for product, requests, tokens in (
            ("text_embedding", 6_000, 6_000_000),
            ("text_embedding_search", 6_000, 600_000),
            ("embedding", 6_000, 6_000_000),
            ("embedding_search", 6_000, 600_000),
            ("sparse_embedding", 6_000, 6_000_000),
            ("rerank", 600, 6_000_000),
        )
    ),
)


def resolve(
    limits: RateLimit | str | None, *, service: str = "jina", product: str = "embeddings"
) -> RateLimit | None:
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


def is_default(limit: RateLimit, product: str) -> bool:
    """Whether ``limit`` is what a client has whose user set nothing."""
    if (limit.requests_per_minute, limit.tokens_per_minute, limit.concurrency) == (None, None, None):
        return True  # it bounds nothing, so that it must not lift what somebody chose
    return any(
        tier.limit == limit and tier.product == product and tier.name == DEFAULT_TIER for tier in TIERS
    )
