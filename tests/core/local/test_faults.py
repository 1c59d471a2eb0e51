"""Faults of the embedded engine: what each does to an answer."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ragbridge import ConfigurationError
from ragbridge.local import Engine, Faults

TEXTS = ["one", "two", "three", "four", "five"]
EMBED = {"model": "jina-embeddings-v3", "input": TEXTS, "dimensions": 8}
RERANK = {"model": "jina-reranker-v3", "query": "three", "documents": TEXTS}


def always(kind, **settings):
    return Engine(faults=Faults(rate=1, kinds=[kind], **settings))


def rows(response):
    return {row["index"]: row["embedding"] for row in json.loads(response.body)["data"]}


@pytest.fixture
def right(ask):
    return rows(ask(Engine(), "/v1/embeddings", EMBED).response)


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503, 504, 599])
def test_status(ask, status):
    """Any error status can be had, with the code that goes with it."""
    response = ask(always(f"status{status}"), "/v1/embeddings", EMBED).response
    assert response.status == status
    assert json.loads(response.body)["detail"]


def test_a_gateways_page(ask):
    """``html502`` is no JSON."""
    response = ask(always("html502"), "/v1/embeddings", EMBED).response
    assert (response.status, response.headers["content-type"]) == (502, "text/html")


def test_an_error_as_success(ask):
    """``error200`` is a success without results."""
    response = ask(always("error200"), "/v1/embeddings", EMBED).response
    assert (response.status, list(json.loads(response.body))) == (200, ["detail"])


def test_half_the_json(ask):
    """``badjson`` does not parse."""
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        json.loads(ask(always("badjson"), "/v1/embeddings", EMBED).response.body)


def test_shuffle(ask, right):
    """``shuffle`` changes the order and nothing else."""
    response = ask(always("shuffle"), "/v1/embeddings", EMBED).response
    assert rows(response) == right
    assert list(rows(response)) != list(right)


def test_missing(ask, right):
    """``missing`` drops one row."""
    found = rows(ask(always("missing"), "/v1/embeddings", EMBED).response)
    assert len(found) == 4
    assert found.items() <= right.items()


def test_duplicate(ask):
    """``duplicate`` gives two rows one index."""
    data = json.loads(ask(always("duplicate"), "/v1/embeddings", EMBED).response.body)["data"]
    assert len(data) == 5
    assert len({row["index"] for row in data}) == 4


def test_offset(ask):
    """``offset`` begins to count at 1."""
    assert set(rows(ask(always("offset"), "/v1/embeddings", EMBED).response)) == {1, 2, 3, 4, 5}


def test_nan(ask):
    """``nan`` spoils one number of one row."""
    found = rows(ask(always("nan"), "/v1/embeddings", EMBED).response)
    assert np.isnan(np.array(list(found.values()))).sum() == 1


def test_width(ask):
    """``width`` halves one row."""
    found = rows(ask(always("width"), "/v1/embeddings", EMBED).response)
    assert sorted(len(row) for row in found.values()) == [4, 8, 8, 8, 8]


def test_latency(ask, right):
    """``latency`` is the right answer with a delay for the transport to act out."""
    answer = ask(always("latency", latency=2.5), "/v1/embeddings", EMBED)
    assert (answer.delay, answer.cut, rows(answer.response)) == (2.5, None, right)


@pytest.mark.parametrize("kind", ["reset", "close", "hang", "truncate"])
def test_cuts(ask, kind, right):
    """What happens to the connection is left to the transport, beside the whole answer."""
    answer = ask(always(kind), "/v1/embeddings", EMBED)
    assert (answer.cut, rows(answer.response)) == (kind, right)


def test_rankings_are_spoiled_too(ask):
    """Faults of rows strike rankings: another order, a missing result, NaN, no score."""

    def results(kind):
        return json.loads(ask(always(kind), "/v1/rerank", RERANK).response.body)["results"]

    right = json.loads(ask(Engine(), "/v1/rerank", RERANK).response.body)["results"]
    assert results("shuffle") != right
    assert sorted(results("shuffle"), key=lambda row: row["index"]) == sorted(
        right, key=lambda row: row["index"]
    )
    assert len(results("missing")) == 4
    assert sum(np.isnan(row["relevance_score"]) for row in results("nan")) == 1
    assert sum("relevance_score" not in row for row in results("width")) == 1
    assert {row["index"] for row in results("offset")} == {1, 2, 3, 4, 5}


def test_rate_and_seed(ask):
    """So large a share goes wrong, the same under one seed, another under another."""

    def fates(seed, count=400):
        engine = Engine(faults=Faults(rate=0.1, kinds=["status500", "status503"]), seed=seed)
        return [ask(engine, "/v1/embeddings", {**EMBED, "input": "a"}).response.status for _ in range(count)]

    first = fates(1)
    assert fates(1) == first
    assert fates(2) != first
    assert 20 <= len(first) - first.count(200) <= 60
    assert {500, 503} < set(first)


def test_health_is_spared(ask):
    """Only the products fail."""
    assert ask(always("status500"), "/health", method="GET").response.status == 200


def test_faults_come_after_the_key(ask):
    """A request without a key is refused, not faulted."""
    engine = Engine(api_keys=["k"], faults=Faults(rate=1, kinds=["status500"]))
    assert ask(engine, "/v1/embeddings", EMBED).response.status == 401


@pytest.mark.parametrize(
    "setting",
    [
        {"rate": 1.5},
        {"rate": -1},
        {"kinds": ["boom"]},
        {"kinds": ["status200"]},
        {"kinds": ["status5000"]},
        {"kinds": []},
        {"kinds": "reset"},
        {"latency": -1},
        {"latency": float("inf")},
    ],
)
def test_settings(setting):
    """Faults that do not exist are refused as settings."""
    with pytest.raises(ConfigurationError, match=next(iter(setting))):
        Faults(**setting)
