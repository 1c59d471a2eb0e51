"""Whole numbers and numbers of settings and arguments: one rule, whichever library made them, wherever they are passed."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from types import GeneratorType
from typing import Any

import numpy as np
import pytest

import ragbridge
from ragbridge import (
    ConfigurationError,
    Elastic,
    Jina,
    RagbridgeError,
    Retry,
    chunking,
    corpus,
    elastic,
    local,
    server,
)
from ragbridge.ground.numbers import as_number, as_whole, plain
from ragbridge.testing import ScriptedTransport

WHOLE = [3, np.int64(3), np.uint8(3), np.array(3)]
NUMBERS = [*WHOLE, 3.0, np.float64(3), np.float32(3), np.longdouble(3), Fraction(3)]
NEVER = [
    None,
    True,
    np.bool_(True),
    "3",
    b"3",
    math.nan,
    math.inf,
    np.float32("nan"),
    3j,
    np.timedelta64(3, "s"),
    [3],
]


@pytest.mark.parametrize("value", WHOLE, ids=repr)
def test_whole_numbers_of_any_library_become_ints(value):
    """JSON knows no others."""
    assert (as_whole(value), type(as_whole(value))) == (3, int)


@pytest.mark.parametrize("value", [*NEVER, 3.0, np.float64(3), Fraction(3)], ids=repr)
def test_what_is_no_whole_number_is_none(value):
    """True is no count, and 3.0 is none."""
    assert as_whole(value) is None


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_numbers_of_any_library_become_ints_or_floats(value):
    """What was whole stays whole."""
    found = as_number(value)
    assert (found, type(found)) == (3, int if as_whole(value) else float)
    assert type(plain(value)) is type(found)


@pytest.mark.parametrize("value", [*NEVER, 10**400], ids=lambda value: repr(value)[:20])
def test_what_is_not_finite_or_no_number_is_none(value):
    """No comparison with a NaN holds, and no clock knows the infinite."""
    assert as_number(value) is None


def test_what_is_no_number_is_written_down_as_it_is():
    """A switch stays a switch."""
    assert (plain(True), plain(None), plain("3")) == (True, None, "3")


# --- Every number of the public interface ---------------------------------------------------------------------------

GIVEN = re.compile(r"(int|float)( \| None)?")
NOT_ASKED = {
    "BatchStats", "BulkFailure", "BulkStatus", "CacheInfo", "Chunk", "Classification", "Classifier", "Estimate", "Failure",
    "FailedItem", "Grounding", "Hit", "ModelInfo", "Page", "Progress", "RankedDocument", "Report", "SearchHits", "Segment",
    "Segments", "Totals", "Training", "Usage", "Answer", "EsqlResult", "Operation", "Outcome", "Request", "Response",
}  # fmt: skip
"""What methods return, or clients, transports and observers are handed: nobody gives it to us as a setting."""
INNER = {
    "Limiter.reserve",
    "RateLimiter.reserve",
    "Retry.cap",
    "Retry.delay",
    "SqliteCache.drop_until",
    "serve",
}
"""Called by clients with what they counted, not by users; ``serve`` is ``running`` until a signal."""
ALLOCATIONS = {"min_number_of_allocations", "max_number_of_allocations"}
LATER = {
    "AdaptiveAllocations",
    "Cohere",
    "ElasticInferenceService",
    "ElasticsearchService",
    "JinaAI",
    "OpenAI",
}
"""Settings of endpoints: checked when an endpoint is created, by Elasticsearch's rules."""
VALUES: dict[str, Any] = {
    "batch_bytes": 1000, "max_body": 1000, "max_bytes": 2**20, "max_tokens": 500, "port": 0, "rate": 0.5, "deadline": 900,
    "overlap": 1, "sentence_overlap": 1, "dimensions": 64, "dims": 64, "num_candidates": 50, "rank_window_size": 50,
    "window": 120, "requests_per_minute": 100, "tokens_per_minute": 1000, "max_chunk_size": 20, "assert_status_code": 200,
    "lambda_": 0.5,
}  # fmt: skip
"""What is right where 2 is not."""
RETRIEVER = {"standard": {"query": {"match_all": {}}}}
OTHERS: dict[str, Any] = {
    "api_key": "k", "body": {}, "chunks": None, "client": Jina(base_url="local"), "documents": ["a", "b"], "endpoint": None,
    "engine": local.Engine(), "field": "f", "fields": "f", "index": "i", "inference_id": "x", "inference_text": "q",
    "inputs": ["a"], "items": ["a"], "query": "q", "retriever": RETRIEVER, "retrievers": [RETRIEVER, RETRIEVER],
    "settings": elastic.ElasticsearchService(".rerank-v1", num_threads=1, num_allocations=1), "statement": "s",
    "task_type": "rerank", "text": "t", "texts": ["a"], "url": "https://a.example", "urls": ["https://a.example"],
    "content": "t", "source": "s", "path": "c.sqlite", "separators": ["a"], "vectors": [None], "sources": [],
}  # fmt: skip
"""What must be given beside a number, by name."""
REST: dict[str, dict[str, Any]] = {
    "Elastic.bulk": {"documents": [{"a": 1}]},
    "Jina.embed_documents": {"documents": [["a"]]},
    "Jina.embed_documents_stream": {"chunks": list},
    "Jina.embed_multivector": {"role": "query", "model": "jina-colbert-v2"},
    "Jina.embed_multivector_stream": {"role": "query", "model": "jina-colbert-v2"},
    "Jina.read": {"url": "https://a.example"},
    "Jina.rerank": {"model": "unknown-to-us"},
    "Jina.submit_batch": {"inputs": ["a"]},
    "knn_query": {"query_vector": [1.0]},
    "knn_retriever": {"query_vector": [1.0]},
    "semantic_search_body": {"query": "q", "match_field": "g"},
    "match_query": {"query": "q"},
    "linear": {"retrievers": [RETRIEVER, RETRIEVER]},
    "rrf": {"retrievers": [RETRIEVER, RETRIEVER]},
    "pinned": {"ids": ["a"]},
    "rescorer": {"rescore": {"window_size": 50, "query": {"rescore_query": {"match_all": {}}}}},
    "rule": {"ruleset_ids": ["a"], "match_criteria": {"q": "a"}},
    "esql_knn": {"vector": elastic.esql_text_embedding("q", inference_id="x")},
    "search_body": {"query": {"match_all": {}}},
    "RedisCache": {"url": "redis://localhost"},
    "RedisQuotas": {"url": "redis://localhost"},
    "Elastic": {"url": "local"},
    "Elastic.search": {"query": {"match_all": {}}, "body": None},
    "sparse_vector_query": {"query": "q", "inference_id": "x"},
    "standard": {"query": {"match_all": {}}},
}
"""What else one of them needs."""


def _numbers(call: Callable[..., Any]) -> dict[str, str]:
    parameters = inspect.signature(call).parameters.values()
    return {one.name: str(one.annotation) for one in parameters if GIVEN.fullmatch(str(one.annotation))}


def _public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public class, function and blocking method, each once."""
    seen: set[int] = set()
    for module in (ragbridge, elastic, local, server, chunking, corpus):
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing) or id(thing) in seen or name in NOT_ASKED:
                continue
            seen.add(id(thing))
            if not isinstance(thing, type):
                yield name, thing
            elif not issubclass(thing, BaseException):
                yield name, thing
                for part, method in inspect.getmembers(thing, callable):
                    awaited = part.startswith("a") and hasattr(thing, part[1:])
                    if not part.startswith("_") and not awaited and not isinstance(method, type):
                        yield f"{name}.{part}", method


def _rows() -> Iterator[tuple[str, str]]:
    for name, call in _public():
        if name not in INNER and name not in LATER:
            try:
                found = _numbers(call)
            except (TypeError, ValueError):
                continue
            yield from ((name, number) for number in found)


ROWS = sorted(set(_rows()))


@pytest.fixture
def call(tmp_path):
    """Calls one of ``ROWS`` with a value, and gives what it did: the requests that it sent, or its error's text."""

    def run(name: str, number: str, value: Any) -> Any:
        transport = ScriptedTransport(default=lambda request: ragbridge.testing.Response(500, {}, b"{}"))
        once: dict[str, Any] = {"transport": transport, "limits": None, "retry": Retry(attempts=1)}
        owners: Mapping[str, Callable[[], Any]] = {
            "Jina": lambda: Jina(base_url="http://x", cache={}, **once),
            "Elastic": lambda: Elastic(url="http://x", **once),
            "BatchJob": lambda: Jina(base_url="http://x", **once).batch("b"),
            "BulkJob": lambda: Jina(base_url="http://x", **once).bulk("b"),
            "Endpoints": lambda: Elastic(url="http://x", **once).endpoints,
        }
        owner, _, method = name.partition(".")
        target = getattr(owners[owner](), method) if method else dict(_public())[name]
        if method == "from_client":
            pytest.skip("takes what the constructor takes, and a ready client")
        given = {}
        for parameter in inspect.signature(target).parameters.values():
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
                known = VALUES.get(parameter.name, 2) if parameter.name in _numbers(target) else None
                given[parameter.name] = OTHERS.get(parameter.name) if known is None else known
        if "path" in given:
            given["path"] = tmp_path / "file"
        if "out" in given:
            given.update(out=tmp_path / "out", inputs=[])
        rest = {**given, **REST.get(name, {}), number: value}
        try:
            several = [
                one for one in inspect.signature(target).parameters.values() if one.kind is one.VAR_POSITIONAL
            ]
            result = target(*("f" for _ in several), **rest)
            if isinstance(result, GeneratorType):
                list(result)
            if hasattr(result, "__enter__") and name == "running":
                with result:
                    pass
        except RagbridgeError as error:
            return type(error), str(error)
        return [(request.url, request.body) for request in transport.requests]

    return run


def _named(found: Any, number: str) -> bool:
    return (
        isinstance(found, tuple)
        and issubclass(found[0], ConfigurationError)
        and number.rstrip("_") in found[1]
    )


@pytest.mark.filterwarnings("ignore:.*bulk-embeddings:DeprecationWarning")
@pytest.mark.parametrize(("name", "number"), ROWS)
def test_every_number_takes_those_of_numpy_and_no_other_thing(call, name, number):
    """What is sent is the same; True, NaN, infinity and texts are refused by the setting's name, floats as counts too."""
    whole = _numbers(dict(_public())[name])[number].startswith("int")
    right = VALUES.get(number, 2)
    before = call(name, number, right)
    assert not _named(before, number), before
    assert call(name, number, (np.int64 if isinstance(right, int) else np.float64)(right)) == before
    if not whole:
        assert not _named(call(name, number, np.float32(right)), number)
    for wrong in [
        True,
        np.bool_(True),
        "2",
        math.nan,
        math.inf,
        np.float32("nan"),
        *([2.0, np.float64(2)] if whole else []),
    ]:
        assert _named(call(name, number, wrong), number), (wrong, call(name, number, wrong))
