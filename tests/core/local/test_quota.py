"""Quotas of the embedded engine, on a clock that the test moves."""

from __future__ import annotations

import json

import pytest

from ragbridge import ConfigurationError, RateLimit
from ragbridge.local import Engine, Faults, Quota

ONE = {"model": "jina-embeddings-v3", "input": "hello"}  # one token
TEN = {"model": "jina-embeddings-v3", "input": ["hello"] * 10}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def statuses(ask, engine, *bodies, **how):
    return [ask(engine, "/v1/embeddings", body, **how).response.status for body in bodies]


def test_requests(ask, clock):
    """So many requests fit into a window, and each makes room again exactly when it is one window old."""
    engine = Engine(quota=Quota(requests_per_minute=2), clock=clock)
    assert statuses(ask, engine, ONE) == [200]
    clock.now += 10
    assert statuses(ask, engine, ONE, ONE) == [200, 429]
    clock.now += 49.9
    assert statuses(ask, engine, ONE) == [429]
    clock.now += 0.1
    assert statuses(ask, engine, ONE, ONE) == [200, 429]


def test_tokens(ask, clock):
    """Tokens are the tokenizer's; what is refused is not counted."""
    engine = Engine(quota=Quota(tokens_per_minute=12), clock=clock)
    assert statuses(ask, engine, TEN, TEN, ONE, ONE, ONE) == [200, 429, 200, 200, 429]
    clock.now += 60
    assert statuses(ask, engine, TEN) == [200]


def test_window(ask, clock):
    """In a shorter window as much less fits."""
    engine = Engine(quota=Quota(requests_per_minute=20, window=6), clock=clock)
    assert statuses(ask, engine, ONE, ONE, ONE) == [200, 200, 429]
    clock.now += 6
    assert statuses(ask, engine, ONE) == [200]


def test_concurrency(ask, clock):
    """A request counts as under way until its answer, late as it may be, is out."""
    late = Faults(rate=1, kinds=["latency"], latency=5)
    engine = Engine(quota=Quota(concurrency=2), faults=late, clock=clock)
    assert statuses(ask, engine, ONE, ONE, ONE) == [200, 200, 429]
    clock.now += 4.9
    assert statuses(ask, engine, ONE) == [429]
    clock.now += 0.2
    assert statuses(ask, engine, ONE, ONE, ONE) == [200, 200, 429]


def test_failed_requests_are_free(ask, clock):
    """Requests that are refused for another reason use nothing."""
    engine = Engine(quota=Quota(requests_per_minute=1, concurrency=1), clock=clock)
    assert statuses(ask, engine, {}, b"x", {**ONE, "model": "none"}, ONE, ONE) == [422, 422, 400, 200, 429]


def test_each_key_and_product_has_its_own(ask, clock):
    """One key's use is nobody else's, and reranking does not use up embedding."""
    engine = Engine(quota=Quota(requests_per_minute=1), clock=clock)
    assert statuses(ask, engine, ONE, ONE, key="a") == [200, 429]
    assert statuses(ask, engine, ONE, key="b") == [200]
    rerank = {"model": "jina-reranker-v3", "query": "a", "documents": ["b"]}
    assert ask(engine, "/v1/rerank", rerank, key="a").response.status == 200


@pytest.mark.parametrize(
    ("quota", "code", "message"),
    [
        (
            Quota(requests_per_minute=1),
            "RATE_REQUEST_LIMIT_EXCEEDED",
            "Request rate limit exceeded: 2/1 requests per minute",
        ),
        (
            Quota(tokens_per_minute=10),
            "RATE_TOKEN_LIMIT_EXCEEDED",
            "Token rate limit exceeded: 20/10 tokens per minute",
        ),
        (
            Quota(concurrency=1),
            "RATE_CONCURRENCY_LIMIT_EXCEEDED",
            "Concurrency limit exceeded: 2/1 concurrent requests",
        ),
    ],
)
def test_refusals(ask, clock, quota, code, message):
    """Refusals have the service's codes and texts, and no Retry-After unless it is asked for."""
    engine = Engine(quota=quota, faults=Faults(rate=1, kinds=["latency"]), clock=clock)
    assert statuses(ask, engine, TEN) == [200]
    response = ask(engine, "/v1/embeddings", TEN).response
    body = json.loads(response.body)
    assert (response.status, body["code"], body["detail"]) == (429, code, message)
    assert "retry-after" not in response.headers


def test_retry_after_is_enough(ask, clock):
    """After the seconds that ``Retry-After`` names the request fits."""
    engine = Engine(quota=Quota(tokens_per_minute=25, retry_after=True), clock=clock)
    for _ in range(2):
        assert statuses(ask, engine, TEN) == [200]
        clock.now += 7.5
    refused = ask(engine, "/v1/embeddings", TEN).response
    assert (refused.status, refused.headers["retry-after"]) == (429, "45")
    clock.now += 45
    assert statuses(ask, engine, TEN) == [200]


def test_a_request_that_never_fits(ask, clock):
    """A request larger than the quota is always refused, and told to wait for a whole window."""
    engine = Engine(quota=Quota(tokens_per_minute=5, retry_after=True), clock=clock)
    assert ask(engine, "/v1/embeddings", TEN).response.headers["retry-after"] == "60"
    clock.now += 60
    assert statuses(ask, engine, TEN) == [429]


@pytest.mark.parametrize(
    "setting", [{"requests_per_minute": 0}, {"tokens_per_minute": -1}, {"concurrency": 0}, {"window": 0}]
)
def test_impossible_quotas(setting):
    """A quota that nothing fits into is refused as a setting."""
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        Quota(**setting)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"requests_per_minute": 3, "window": 4},
            "no request fits into 4 s at 3 requests a minute; set window to 20 or more",
        ),
        (
            {"tokens_per_minute": 6, "window": 5},
            "no token fits into 5 s at 6 tokens a minute; set window to 10 or more",
        ),
    ],
)
def test_a_quota_that_nothing_fits_into(settings, sentence):
    """It is refused when it is made, by the sentence that the client's limits have, not by 429s for ever."""
    for kind in (Quota, RateLimit):
        with pytest.raises(ConfigurationError, match=f"{kind.__name__}: {sentence}"):
            kind(**settings)


@pytest.mark.parametrize("each", [3, 7, 11, 13, 49, 97])
def test_a_window_of_exactly_one_request(ask, clock, each):
    """What fits once by arithmetic fits once, however its fraction is rounded."""
    engine = Engine(quota=Quota(requests_per_minute=each, window=60 / each), clock=clock)
    assert statuses(ask, engine, ONE, ONE) == [200, 429]
