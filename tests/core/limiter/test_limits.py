import math

import pytest

from ragbridge import RateLimit
from ragbridge.errors import ConfigurationError
from ragbridge.limiter.tiers import TIERS, is_default, resolve
from ragbridge.services.jina.session import DEFAULT_TIER, KEYLESS


def test_a_window_holds_its_share_of_a_minute():
    """What fits into one window is the figure per minute x window / 60, to the unit."""
    for window in (0.5, 6.0, 7.0, 60.0, 61.0):
        limit = RateLimit(50 * (60.0 / window), 100_000 * (60.0 / window), 2, window)
        assert limit.requests_per_window == 50
        assert limit.tokens_per_window == 100_000


def test_none_is_not_limited():
    """Each figure can be lifted alone."""
    assert RateLimit(None).requests_per_window is None
    assert RateLimit(tokens_per_minute=None).tokens_per_window is None
    assert RateLimit(concurrency=None).concurrency is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"requests_per_minute": 0},
        {"requests_per_minute": "100"},
        {"requests_per_minute": True},
        {"tokens_per_minute": -1},
        {"tokens_per_minute": math.nan},
        {"tokens_per_minute": math.inf},
        {"concurrency": 0},
        {"concurrency": 1.5},
        {"concurrency": True},
        {"window": None},
        {"window": 0.0},
    ],
)
def test_a_wrong_figure_is_named(wrong):
    """A figure that makes no sense is refused when the limit is made, by its name."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RateLimit(**wrong)


def test_a_window_too_short_for_a_request_is_refused():
    """A limit that no request can meet names the window that would do."""
    with pytest.raises(ConfigurationError, match="set window to 20 or more"):
        RateLimit(requests_per_minute=3, window=10.0)


def test_tiers_by_name():
    """A tier's name gives the published figures of the product."""
    assert resolve("free", service="jina", product="embeddings") == RateLimit(100, 100_000, 2)
    assert resolve("paid", service="jina", product="rerank") == RateLimit(500, 2_000_000, 50)
    assert resolve("premium", service="jina", product="classify") == RateLimit(1_250, 12_000_000, 500)


def test_limits_of_ones_own():
    """A RateLimit is taken as it is, and None means no limiter."""
    own = RateLimit(7)
    assert resolve(own, service="jina", product="embeddings") is own
    assert resolve(None, service="jina", product="embeddings") is None


@pytest.mark.parametrize("wrong", ["gold", "FREE", 5, object()])
def test_an_unknown_tier_names_those_that_exist(wrong):
    """What is neither a limit nor a tier is refused, with the tiers that exist."""
    with pytest.raises(ConfigurationError, match="'free', 'paid', 'premium'"):
        resolve(wrong, service="jina", product="embeddings")


def test_a_product_without_tiers_says_so():
    """A service whose limits nobody published has no tiers to choose from."""
    with pytest.raises(ConfigurationError, match="none for elastic embeddings"):
        resolve("free", service="elastic", product="embeddings")


def test_the_default_is_the_most_cautious_tier():
    """Who sets nothing gets the lowest published figures for a key: those of RateLimit() and of the tier called free."""
    assert resolve(DEFAULT_TIER, service="jina", product="embeddings") == RateLimit()
    assert is_default(RateLimit(), service="jina", product="embeddings")
    assert not is_default(RateLimit(), service="elastic", product="embeddings")
    assert not is_default(RateLimit(101), service="jina", product="embeddings")
    for product in {tier.product for tier in TIERS if tier.service == "jina"}:
        limits = [
            tier.limit
            for tier in TIERS
            if (tier.service, tier.product) == ("jina", product)
            if tier.name != KEYLESS
        ]
        lowest = min(
            limits, key=lambda limit: (limit.requests_per_minute, limit.tokens_per_minute, limit.concurrency)
        )
        assert lowest == resolve(DEFAULT_TIER, service="jina", product=product)


def test_every_tier_says_where_it_is_from():
    """Figures age: each has a date and a source, and no two rows speak of the same tier."""
    assert all(tier.date and tier.source for tier in TIERS)
    assert len({(tier.service, tier.product, tier.name) for tier in TIERS}) == len(TIERS)
