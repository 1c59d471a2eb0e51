"""Whatever a service, or something before it, answers: a right result or a typed error, nothing else.

Right answers are the embedded engine's own, spoiled in one place or two; only what the engine has no route for is
written down here. What a result promises is read from the types of its class, and completed by a checker a product.
"""

from __future__ import annotations

import asyncio
import collections.abc
import dataclasses
import functools
import gzip
import json
import math
import random
import re
import types
import typing
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import cbor2
import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import Audio, Elastic, Group, Image, Jina, Pdf, RagbridgeError, RateLimit, Retry
from ragbridge.client.service import Service
from ragbridge.elastic import ElasticInferenceService, JinaAI
from ragbridge.flow import Request, Response
from ragbridge.ground.cbor import is_cbor, read_cbor
from ragbridge.local import Engine
from ragbridge.testing import VirtualClock

EXAMPLES = 10
TEXTS = ["a boat", "bread and salt", "the sea"]
PAGE = "<html><head><title>Sea</title></head><body><p>Fish live here. <a href='/b'>More</a></p></body></html>"
LABELS = ["animal", "money"]
TRAINING = [("a cat", "animal"), ("a loan", "money")]
V5 = "jina-embeddings-v5-text-small"
OMNI = "jina-embeddings-v5-omni-small"
DENSE, SPARSE, RERANKER = ".jina-embeddings-v5-text-nano", ".elser-2-elastic", ".jina-reranker-v3"
HOSTED = ElasticInferenceService(V5)
ELASTIC = {"x-elastic-product": "Elasticsearch"}
HIT = {
    "_index": "docs",
    "_id": "a",
    "_score": 1.5,
    "_source": {"content": "sea"},
    "highlight": {"content": ["sea"]},
}
WRITTEN: dict[str, Any] = {
    "PUT /docs": {"acknowledged": True, "shards_acknowledged": True, "index": "docs"},
    "POST /docs/_bulk": {
        "took": 3,
        "errors": False,
        "items": [{"index": {"_index": "docs", "_id": name, "status": 201, "_version": 1}} for name in "abc"],
    },
    "POST /docs/_search": {
        "took": 7,
        "timed_out": False,
        "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {
            "total": {"value": 2, "relation": "eq"},
            "max_score": 1.5,
            "hits": [HIT, {**HIT, "_id": "b"}],
        },
    },
}
"""Answers of Elasticsearch, whatever indexes the engine has."""


@dataclass(frozen=True, eq=False)
class Product:
    """One thing to ask for.

    Attributes:
        call: Asks a client for it.
        check: Says what a right result is, beside what its types say.
        client: What the client is made with, beside what all of them are.
    """

    call: Callable[[Any], Any]
    check: Callable[[Any], object] = lambda found: None
    client: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def shape(*expected: int, kind: type = np.float32) -> Callable[[Any], None]:
    """Checks the array of a result."""

    def check(found: Any) -> None:
        assert found.vectors.shape == expected
        assert found.vectors.dtype == kind

    return check


def of_documents(found: Any) -> None:
    assert [rows.shape for rows in found.documents] == [(2, 8), (1, 8)]


def of_tokens(found: Any) -> None:
    assert len(found) == 2
    assert len({rows.shape[1] for rows in found}) == 1
    assert all(rows.ndim == 2 and len(rows) and rows.dtype == np.float32 for rows in found)
    if found.tokens is not None:
        assert [len(tokens) for tokens in found.tokens] == [len(rows) for rows in found]


def ranked(count: int, of: int) -> Callable[[Any], None]:
    """Checks a ranking: each document once, best first among those that met."""

    def check(found: Any) -> None:
        indices = [row.index for row in found]
        assert len(indices) == len(set(indices)) == count
        assert set(indices) <= set(range(of))
        met = [row.score for row in found if row.index in found.met or not found.met]
        assert met == sorted(met, reverse=True)

    return check


def classified(labels: Mapping[str | None, list[str]] | None) -> Callable[[Any], None]:
    """Checks labels: one of each group for each text, none that was not asked for."""

    def check(found: Any) -> None:
        groups = labels or {None: []}
        assert [(row.index, row.group) for row in found] == [(i, name) for i in range(2) for name in groups]
        for row in found:
            assert row.scores[row.label] == pytest.approx(row.score, abs=1e-3)
            assert labels is None or set(row.scores) <= set(groups[row.group])

    return check


def segmented(found: Any) -> None:
    assert found.num_tokens >= 0
    assert all(CONTENT[row.start : row.end] == row.text for row in found)
    assert [row.start for row in found] == sorted(row.start for row in found)


def of_batch(found: Any) -> None:
    assert found.vectors.shape[0] == 3
    assert found.ids == ("0", "1", "2")
    assert np.isfinite(found.vectors).all()
    assert not found.errors


def of_part(found: Any) -> None:
    """Rows of failed items are NaN, all others are finite."""
    assert len(found.vectors) == len(found.ids) == 3
    for name, vector in zip(found.ids, found.vectors, strict=True):
        assert np.isnan(vector).all() if name in found.errors else np.isfinite(vector).all()


def of_search(found: Any) -> None:
    assert all(page.url for page in found)


def of_sparse(found: Any) -> None:
    assert len(found) == len(found.is_truncated) == 3


CONTENT = "# Sea\n\nBoats sail. Fish swim.\n\nBread is baked.  " * 2
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)

JINA = {
    "embed": Product(lambda jina: jina.embed(TEXTS, dimensions=8), shape(3, 8)),
    "embed in batches": Product(
        lambda jina: jina.embed(TEXTS, dimensions=8), shape(3, 8), {"batch_size": 2, "concurrency": 1}
    ),
    "embed bits": Product(
        lambda jina: jina.embed(TEXTS, dimensions=16, embedding_type="binary"), shape(3, 2, kind=np.uint8)
    ),
    "embed media": Product(
        lambda jina: jina.embed(
            ["a boat", Image(PNG), Group([Image(PNG), "sea"]), Audio(b"RIFF....WAVE")],
            model=OMNI,
            dimensions=8,
        ),
        shape(4, 8),
    ),
    "embed a PDF": Product(
        lambda jina: jina.embed(
            Pdf(b"%PDF-1.4\n/Type /Page\n/Type /Page\n"), model="jina-embeddings-v4", dimensions=8
        ),
        lambda found: shape(max(1, len(found)), 8)(found),
    ),
    "embed_documents": Product(
        lambda jina: jina.embed_documents(
            [TEXTS[:2], TEXTS[2:]], model="jina-embeddings-v3", dimensions=8, late_chunking=True
        ),
        of_documents,
    ),
    "embed_multivector": Product(
        lambda jina: jina.embed_multivector(["boat", "sea"], role="document", dimensions=64), of_tokens
    ),
    "embed_multivector of v4": Product(
        lambda jina: jina.embed_multivector(
            ["boat", "sea"], model="jina-embeddings-v4", role="query", return_tokens=True
        ),
        of_tokens,
    ),
    "rerank": Product(lambda jina: jina.rerank("sea", TEXTS, top_n=2), ranked(2, 3)),
    "rerank with embeddings": Product(
        lambda jina: jina.rerank("sea", TEXTS, model="jina-reranker-v3", return_embeddings=True), ranked(3, 3)
    ),
    "rerank in rounds": Product(
        lambda jina: jina.rerank(
            "sea", [*TEXTS, "salt", "fish"], model="jina-reranker-v3", max_documents_per_call=3
        ),
        ranked(5, 5),
    ),
    "classify": Product(lambda jina: jina.classify(TEXTS[:2], labels=LABELS), classified({None: LABELS})),
    "classify in groups": Product(
        lambda jina: jina.classify(TEXTS[:2], labels={"what": LABELS, "mood": ["good", "bad"]}),
        classified({"what": LABELS, "mood": ["good", "bad"]}),
    ),
    "classify by classifier": Product(
        lambda jina: jina.classify(TEXTS[:2], classifier=kept().classifier), classified(None)
    ),
    "classifiers.train": Product(
        lambda jina: jina.classifiers.train(TRAINING),
        lambda found: found.classifier_id and found.samples >= 0,
    ),
    "classifiers.update": Product(lambda jina: jina.classifiers.update(kept().classifier, TRAINING)),
    "classifiers.list": Product(lambda jina: jina.classifiers.list()),
    "classifiers.delete": Product(lambda jina: jina.classifiers.delete(kept().classifier)),
    "segment": Product(lambda jina: jina.segment(CONTENT, max_chunk_length=20), segmented),
    "segment with tokens": Product(
        lambda jina: jina.segment(CONTENT, max_chunk_length=20, return_tokens=True), segmented
    ),
    "segment a tail": Product(lambda jina: jina.segment(CONTENT, tail=5), segmented),
    "read": Product(lambda jina: jina.read("https://example.com/a", links_summary=True, images_summary=True)),
    "read_many": Product(
        lambda jina: jina.read_many(["https://example.com/a", "https://example.com/b"]),
        lambda found: len(found) == 2,
    ),
    "search": Product(lambda jina: jina.search("fish"), of_search),
    "ground": Product(lambda jina: jina.ground("fish live here"), lambda found: 0 <= found.factuality <= 1),
    "submit_batch": Product(lambda jina: jina.submit_batch(TEXTS, dimensions=64).id),
    "batch.status": Product(lambda jina: jina.batch(kept().job).status()),
    "batch.cancel": Product(lambda jina: jina.batch(kept().pending).cancel()),
    "batch.results": Product(lambda jina: jina.batch(kept().job).results(), of_batch),
    "batch.results in part": Product(
        lambda jina: jina.batch(kept().failed).results(ids=["0", "1", "2"], partial=True), of_part
    ),
    "batch.output": Product(lambda jina: jina.batch(kept().job).output()),
    "batches": Product(lambda jina: jina.batches()),
    "submit_bulk": Product(lambda jina: jina.submit_bulk(b"text\na boat\n", model="jina-embeddings-v3").id),
    "bulk.status": Product(lambda jina: jina.bulk(kept().bulk).status()),
    "bulk.download": Product(lambda jina: jina.bulk(kept().bulk).download()),
    "models": Product(lambda jina: jina.models()),
    "balance": Product(lambda jina: jina.balance()),
}

ELASTICSEARCH = {
    "embed": Product(
        lambda elastic: elastic.embed(TEXTS, inference_id="narrow"),
        lambda found: len(found.vectors) == 3 and found.vectors.ndim == 2,
        {"answer_format": "json"},
    ),
    "embed by CBOR": Product(
        lambda elastic: elastic.embed(TEXTS, inference_id="narrow"),
        lambda found: len(found.vectors) == 3 and found.vectors.ndim == 2,
        {"answer_format": "cbor"},
    ),
    "embed in batches": Product(
        lambda elastic: elastic.embed(TEXTS * 4, inference_id="narrow"),
        lambda found: len(found.vectors) == 12 and found.vectors.ndim == 2,
        {"batch_size": 11},
    ),
    "sparse_embed": Product(lambda elastic: elastic.sparse_embed(TEXTS, inference_id=SPARSE), of_sparse),
    "rerank": Product(
        lambda elastic: elastic.rerank("sea", TEXTS, inference_id=RERANKER, top_n=2), ranked(2, 3)
    ),
    "endpoints.create": Product(lambda elastic: elastic.endpoints.create("new", "text_embedding", HOSTED)),
    "endpoints.get": Product(lambda elastic: elastic.endpoints.get(DENSE)),
    "endpoints.list": Product(lambda elastic: elastic.endpoints.list()),
    "endpoints.update": Product(
        lambda elastic: elastic.endpoints.update("old", api_key="other", max_input_tokens=100)
    ),
    "endpoints.delete": Product(lambda elastic: elastic.endpoints.delete("mine")),
    "endpoints.exists": Product(lambda elastic: elastic.endpoints.exists("nothing")),
    "create_index": Product(lambda elastic: elastic.create_index("docs", {"content": {"type": "text"}})),
    "bulk": Product(
        lambda elastic: elastic.bulk("docs", [{"content": text} for text in TEXTS], ids=list("abc")),
        lambda found: found.ids == tuple("abc"),
    ),
    "search": Product(
        lambda elastic: elastic.search("docs", query={"match_all": {}}), lambda found: len(found) <= 4
    ),
}

PRODUCTS = [
    *(pytest.param(Jina, product, id=f"jina {name}") for name, product in JINA.items()),
    *(pytest.param(Elastic, product, id=f"elastic {name}") for name, product in ELASTICSEARCH.items()),
]


# --- Right answers


HOST = "http://service"
ENGINE = Engine(pages={"https://example.com/a": PAGE, "https://example.com/b": PAGE})


@functools.cache
def kept() -> types.SimpleNamespace:
    """What the engine keeps, and requests ask about."""
    jina, elastic = make(Jina, Wire()), make(Elastic, Wire())
    job = jina.submit_batch(TEXTS, dimensions=64)
    failed = jina.submit_batch(["a", "word " * 33_000, "b"], dimensions=64)
    bulk = jina.submit_bulk(b"text\na boat\n", model="jina-embeddings-v3")
    for one in (job, failed, bulk):
        for _ in range(2):
            path = "bulk-embeddings" if one is bulk else "batch"
            ENGINE.handle(Request("GET", f"{HOST}/v1/{path}/{one.id}", {"authorization": "Bearer k"}))
    for name in ("old", "mine", "narrow"):
        elastic.endpoints.create(
            name, "text_embedding", JinaAI("jina-embeddings-v3", api_key="k", dimensions=8)
        )
    return types.SimpleNamespace(
        classifier=jina.classifiers.train(TRAINING).classifier_id,
        job=job.id,
        failed=failed.id,
        pending=jina.submit_batch(TEXTS[:1], dimensions=64).id,
        bulk=bulk.id,
    )


@functools.cache
def answer_of(method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Response:
    """The right answer; one that changes what the engine keeps is given again and again."""
    place = f"{method} {url.partition('?')[0].removeprefix(HOST)}"
    if place in WRITTEN:
        return Response(200, ELASTIC, json.dumps(WRITTEN[place]).encode())
    return ENGINE.handle(Request(method, url, dict(headers), body)).response


def right_answer(request: Request) -> Response:
    """The right answer to ``request``."""
    headers, body = {"accept": "application/json", **request.headers}, request.body  # as transports add it
    if boundary := headers.get("content-type", "").partition("boundary=")[2]:  # drawn anew for each form
        headers["content-type"] = "multipart/form-data; boundary=x"
        body = body.replace(boundary.encode(), b"x")
    return answer_of(request.method, request.url, tuple(sorted(headers.items())), body)


class Wire:
    """Answers as the engine does, but for one request, whose right answer ``spoil`` replaces."""

    def __init__(self, at: int = -1, spoil: Callable[[Response], Response] = lambda right: right) -> None:
        self._at, self._spoil = at, spoil
        self.count = 0
        self.bounds: list[int | None] = []

    def send(self, request: Request) -> Response:
        right = right_answer(request)
        assert request.most is None or 2 * len(right.body) < request.most, "no right answer is near its bound"
        self.bounds.append(request.most)
        self.count += 1
        return self._spoil(right) if self.count - 1 == self._at else right

    async def send_async(self, request: Request) -> Response:
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass


def make(kind: type[Service], wire: Wire, **more: Any) -> Any:
    """A client that sends one request at a time and never twice."""
    options = {"limits": None, "retry": Retry(attempts=1), "concurrency": 1, "transport": wire, **more}
    return kind("k", base_url=HOST, **options) if kind is Jina else kind(HOST, api_key="k", **options)


def ask(kind: type[Service], product: Product, wire: Wire, **more: Any) -> Any:
    """What the product gives; that some products are deprecated is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kept()
        return product.call(make(kind, wire, **{**product.client, **more}))


# --- What a result promises


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is what the type says, all the way down, its numbers finite."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return len(kinds) == len(value) and all(map(_fits, value, kinds))
    if origin is collections.abc.Mapping:
        return isinstance(value, Mapping) and all(
            _fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items()
        )
    if origin is np.ndarray:
        return isinstance(value, np.ndarray)
    if dataclasses.is_dataclass(hint):
        return isinstance(value, hint) and _is_sound(value)
    if hint in (bool, int, float, str, bytes):
        return type(value) is hint and (hint is not float or math.isfinite(value))  # type: ignore[arg-type]
    return isinstance(value, origin or hint)


_NAMES: dict[str, Any] = {
    "np": np,
    "NDArray": np.ndarray,
    "Vectors": np.ndarray,
    "Mapping": Mapping,
    "Decimal": Decimal,
    "Document": Any,
}


def _is_sound(found: Any) -> bool:
    hints = typing.get_type_hints(type(found), localns=_NAMES)
    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        assert _fits(value, hints[field.name]), f"{type(found).__name__}.{field.name} is {value!r}"
    return True


def sound(found: object) -> None:
    """Check whatever a product gives."""
    for one in found if isinstance(found, tuple) else (found,):
        if dataclasses.is_dataclass(one):
            _is_sound(one)
        vectors = getattr(one, "vectors", None)
        if isinstance(vectors, np.ndarray) and not getattr(one, "errors", None):
            assert np.isfinite(vectors).all()
        for usage in filter(None, [getattr(one, "usage", None)]):
            assert 0 <= usage.tokens < 2**63
            assert usage.requests >= 0
        repr(one)


def outcome(kind: type[Service], product: Product, wire: Wire) -> str:
    """What came of it, which is one of two things."""
    try:
        found = ask(kind, product, wire)
    except RagbridgeError as error:
        str(error), repr(error)
        return type(error).__name__
    sound(found)
    checked = product.check(found)
    assert checked is None or checked
    return "right"


# --- Wrong answers

_RAW = re.compile(rb'"@(digits|deep|open) (\d+)@"')
NUMBERS = [
    math.nan,
    math.inf,
    -math.inf,
    1e39,
    -1e300,
    10**19,
    -(10**400),
    2**63,
    2**31,
    0.5,
    -1,
    0,
    1e15,
    True,
]
WORDS = [
    "",
    "@digits 4299@",
    "@digits 5000@",
    "@deep 50@",
    "@deep 450@",
    "@deep 900@",
    "@open 90000@",
    "AAAA",
    "\ud800",
]
NAMES = [
    "data", "index", "embedding", "embeddings", "results", "detail", "code", "status", "error", "errors", "usage", "id",
    "batch_id", "endpoints", "text_embedding", "rerank", "hits", "items", "url", "message", "total_tokens",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.integers(-2, 70_000), st.sampled_from(NUMBERS), st.sampled_from(WORDS), st.text(max_size=5)
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


def write(value: object) -> bytes:
    """JSON, with numbers that JSON has not, digits without end, and nesting that no parser likes."""

    def raw(match: re.Match[bytes]) -> bytes:
        count = int(match[2])
        if match[1] == b"digits":
            return b"9" * count
        return b"[" * count + (b"]" * count if match[1] == b"deep" else b"")

    return _RAW.sub(raw, json.dumps(value).encode())


@st.composite
def spoiled(draw: st.DrawFn, value: Any) -> Any:
    """``value``, which is JSON, with one part of it changed."""
    keys = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if keys and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(keys))
        copy = value.copy()
        copy[key] = draw(spoiled(value[key]))
        return copy
    ways: list[Any] = [ANYTHING, ANYTHING, st.just([value]), st.just({"data": value})]
    if isinstance(value, list):
        ways += [st.just(value[:-1]), st.just(value * 2), st.permutations(value), st.just([])]
    if isinstance(value, dict):
        ways += [st.just({name: value[name] for name in value if name != key}) for key in keys] * 2
        ways += [ANYTHING.map(lambda more: {**value, **more} if isinstance(more, dict) else {})]
    if isinstance(value, (int, float)):
        ways += [st.sampled_from(NUMBERS), st.just(str(value)), st.just(-value), st.just(value + 1)] * 2
    if isinstance(value, str):
        ways += [st.just(value[:-1]), st.just(value * 2)]
    return draw(st.one_of(ways))


def with_body(right: Response, body: bytes) -> Response:
    return Response(right.status, right.headers, body)


@st.composite
def spoilers(draw: st.DrawFn) -> Callable[[Response], Response]:
    """What makes a wrong answer of a right one, or leaves its body and changes something around it."""
    data = draw(st.data())

    def spoil(right: Response) -> Response:
        if is_cbor(right.body):
            value = read_cbor(right.body)
            for _ in range(data.draw(st.integers(1, 2))):
                value = data.draw(spoiled(value))
            try:
                return with_body(right, cbor2.dumps(value, indefinite_containers=data.draw(st.booleans())))
            except (cbor2.CBOREncodeError, UnicodeError):  # half of a surrogate pair
                return with_body(right, cbor2.dumps(str(value).encode("utf-8", "replace")))
        try:
            value = json.loads(right.body)
        except ValueError:  # lines of JSON, or a page
            lines = right.body.splitlines()
            at = data.draw(st.integers(0, max(0, len(lines) - 1)))
            try:
                lines[at] = write(data.draw(spoiled(json.loads(lines[at]))))
            except (ValueError, IndexError):
                return with_body(right, data.draw(st.binary(max_size=50)))
            return with_body(right, b"\n".join(lines))
        for _ in range(data.draw(st.integers(1, 2))):
            value = data.draw(spoiled(value))
        return with_body(right, write(value))

    return spoil


HEADERS = st.dictionaries(
    st.sampled_from(
        ["location", "retry-after", "retry-after-ms", "x-request-id", "content-type", "x-usage-tokens", "x-opaque-id"]
    ),
    st.sampled_from(
        ["", "http://[", "https://store.example/x?sig=1", "//", "1e400", "-5", "nan", "9" * 400, "Mon, 99 Jan 2026", "ü",
         "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:00 +999999", "text/html", "0x10"]
    ),
    max_size=4,
)  # fmt: skip


@st.composite
def gateways(draw: st.DrawFn) -> Callable[[Response], Response]:
    """What stands between client and service: another status, other headers, half of a body, or none of it."""
    status = draw(
        st.integers(200, 599)
        | st.sampled_from([200, 201, 204, 301, 302, 400, 401, 402, 403, 404, 409, 429, 500])
    )
    headers = draw(HEADERS)
    body = draw(
        st.one_of(
            st.none(),
            st.binary(max_size=60),
            ANYTHING.map(write),
            st.sampled_from(
                [
                    b"<html><title>502</title></html>",
                    b"\xff\xfe\x00",
                    b"\xef\xbb\xbf{}",
                    b"null",
                    b"[" * 90_000,
                ]
            ),
        )
    )
    cut, flip = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    signed = draw(st.booleans())

    def spoil(right: Response) -> Response:
        content = bytes(right.body)
        if body is not None:
            content = body
        elif content and flip < 0.5:
            content = content[: int(len(content) * cut)]
        elif content:
            at = int((len(content) - 1) * cut)
            content = content[:at] + b"\xff" + content[at + 1 :]
        return Response(status, {**(ELASTIC if signed else {}), **headers}, content)

    return spoil


@pytest.mark.parametrize(("kind", "product"), PRODUCTS)
def test_a_right_answer_is_a_right_result(kind, product):
    """Unspoiled, each product gives what its checker asks for: else the checkers would check nothing."""
    assert outcome(kind, product, Wire()) == "right"


@functools.cache
def requests_of(kind: type[Service], product: Product) -> int:
    """Requests that the product sends where all is well."""
    wire = Wire()
    ask(kind, product, wire)
    return wire.count


@pytest.mark.parametrize(("kind", "product"), PRODUCTS)
def test_any_json_is_a_right_result_or_a_typed_error(kind, product):
    """Whatever JSON comes as a success."""

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.integers(0, requests_of(kind, product) - 1), ANYTHING)
    def check(at, value):
        outcome(kind, product, Wire(at, lambda right: with_body(right, write(value))))

    check()


@pytest.mark.parametrize(("kind", "product"), PRODUCTS)
def test_a_spoiled_answer_is_a_right_result_or_a_typed_error(kind, product):
    """A right answer in which one or two things are not what they should be."""

    @settings(max_examples=2 * EXAMPLES, deadline=None)
    @given(st.integers(0, requests_of(kind, product) - 1), spoilers())
    def check(at, spoil):
        outcome(kind, product, Wire(at, spoil))

    check()


@pytest.mark.parametrize(("kind", "product"), PRODUCTS)
def test_what_gateways_do_is_a_right_result_or_a_typed_error(kind, product):
    """Any status with any headers and any bytes: halves, pages, nesting without end, no UTF-8."""

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.integers(0, requests_of(kind, product) - 1), gateways())
    def check(at, spoil):
        outcome(kind, product, Wire(at, spoil))

    check()


ORDERED = ["data", "results"]
"""What answers call lists whose rows say by themselves where they belong."""


def shuffled(right: Response, order: Callable[[list[Any]], list[Any]]) -> Response:
    """The same rows in another order."""
    if b"\n" in right.body:
        return with_body(right, b"\n".join(order(right.body.splitlines())))
    body = json.loads(right.body)
    return with_body(right, write({**body, **{name: order(body[name]) for name in ORDERED if name in body}}))


def plainly(found: Any) -> Any:
    """A result as something that can be compared."""
    vectors = getattr(found, "vectors", None)
    if vectors is None:
        return [(row.index, row.score, getattr(row, "label", None)) for row in found]
    return [row.tolist() for row in vectors]


@pytest.mark.parametrize(
    "name",
    ["embed", "embed in batches", "embed bits", "embed media", "embed_multivector", "embed_multivector of v4", "rerank",
     "rerank with embeddings", "rerank in rounds", "classify", "classify in groups", "batch.results"],
)  # fmt: skip
def test_the_order_of_rows_changes_nothing(name):
    """Rows say by themselves whose they are: no result depends on where in the answer they stand."""
    right = plainly(ask(Jina, JINA[name], Wire()))

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.integers(0, requests_of(Jina, JINA[name]) - 1), st.randoms(use_true_random=False))
    def check(at, chance):
        wire = Wire(at, lambda answer: shuffled(answer, lambda rows: chance.sample(rows, len(rows))))
        assert plainly(ask(Jina, JINA[name], wire)) == right

    check()


@pytest.mark.parametrize(
    "name", ["embed", "embed_multivector", "rerank", "classify", "classifiers.train", "read", "search"]
)
def test_a_wrong_bill_stops_nobody_for_longer_than_a_minute(name):
    """Figures that cannot be are no bill; whatever is one ends with the window that it is booked in."""
    kept()

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.sampled_from([*NUMBERS, 10**7, 9e14, None, "many"]))
    def check(tokens):
        usage = {"usage": {"total_tokens": tokens, "tokens": tokens}}

        def spoil(right: Response) -> Response:
            body = {**json.loads(right.body), **usage, "meta": usage}
            return with_body(right, write(body))

        clock = VirtualClock()
        limits = RateLimit(100, 1_000_000)
        client = make(Jina, Wire(0, spoil), limits=limits, clock=clock)
        for _ in range(3):
            JINA[name].call(client)
        assert clock.now() <= 61
        assert 0 <= client.usage.tokens < 2**63

    check()


def changed(path: str, value: Any) -> Callable[[Response], Response]:
    """What puts ``value`` into a right answer, at a path of names and numbers."""

    def spoil(right: Response) -> Response:
        body = json.loads(right.body)
        *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
        place = functools.reduce(lambda place, part: place[part], way, body)
        place[last] = value
        return with_body(right, write(body))

    return spoil


LONG_AGO = {"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}
KNOWN = {
    "a date that no calendar has": (Jina, "embed", lambda _: Response(503, LONG_AGO, b""), "ServiceError"),
    "a redirect to no address": (Jina, "embed", lambda _: Response(302, {"location": "http://["}, b""), "ResponseError"),
    "a bill beyond reason": (Jina, "embed", changed("usage", {"total_tokens": 1e39}), "right"),
    "nesting around plain rows": (Jina, "embed", changed("model", "@open 90000@"), "ResponseError"),
    "a score that is not the predicted one's": (Jina, "classify", changed("data.0.score", -0.5), "ResponseError"),
    "more items than there can be": (Jina, "batch.results", changed("stats.total", 10**12), "ResponseError"),
    "a link of two letters": (Jina, "read", changed("data.links", ["ab"]), "ResponseError"),
    "a weight of 400 digits": (Elastic, "sparse_embed", changed("sparse_embedding.0.embedding", {"a": 10**400}), "ResponseError"),
    "an id that is a list": (Elastic, "bulk", changed("items.0.index._id", ["a"]), "ResponseError"),
    "a score of 400 digits": (Elastic, "search", changed("hits.hits.0._score", 10**400), "ResponseError"),
    "a duration that is true": (Elastic, "search", changed("took", True), "right"),
}  # fmt: skip


@pytest.mark.parametrize("what", KNOWN)
def test_what_was_once_got_wrong(what):
    """Found by the tests above, and kept here by name."""
    kind, name, spoil, expected = KNOWN[what]
    product = (JINA if kind is Jina else ELASTICSEARCH)[name]
    assert outcome(kind, product, Wire(0, spoil)) == expected


# --- At the socket

SMALL = 20_000_000
"""Bytes that suffice for an answer of each product here but those that bring pages or files."""
LARGE = ["read", "read_many", "search", "ground", "batch.results", "batch.results in part", "batch.output", "bulk.download", "embed a PDF"]  # fmt: skip


@pytest.mark.parametrize(("kind", "product"), PRODUCTS)
def test_each_request_says_how_long_its_answer_may_be(kind, product):
    """Reckoned from what was asked; only pages, files, and PDFs of who knows how many pages may be long."""
    wire = Wire()
    ask(kind, product, wire)
    named = JINA if kind is Jina else ELASTICSEARCH
    if not any(product is named.get(name) for name in LARGE):
        assert all(bound is not None and bound < SMALL for bound in wire.bounds), wire.bounds


def head(right: Response, *more: str, status: str = "200 OK") -> bytes:
    """The head of an answer after which the connection ends."""
    own = [f"{name}: {value}" for name, value in right.headers.items() if name not in FRAMING]
    return "\r\n".join([f"HTTP/1.1 {status}", *own, "Connection: close", *more, "", ""]).encode()


FRAMING = {"content-length", "transfer-encoding", "connection", "content-encoding"}


def plain(right: Response, body: bytes, *more: str) -> bytes:
    """An answer with ``body``, of whose length it tells the truth."""
    return head(right, f"Content-Length: {len(body)}", *more, status=f"{right.status} As It Is") + body


def chunked(right: Response, chance: random.Random, *, mark: bytes = b"") -> bytes:
    """An answer in chunks of many sizes."""
    data, rest = b"", right.body
    while rest:
        size = min(
            len(rest), chance.choice([1, 7, 4096, 70_000]) if len(rest) < 300 else chance.randint(100, 70_000)
        )
        data += b"%x%b\r\n%b\r\n" % (size, mark, rest[:size])
        rest = rest[size:]
    start = head(right, "Transfer-Encoding: chunked", status=f"{right.status} As It Is")
    return start + data + b"0\r\n\r\n"


def cut(data: bytes, chance: random.Random) -> bytes:
    """The beginning of an answer, its head included."""
    start = data.index(b"\r\n\r\n") + 4
    return data[: chance.randint(start, max(start, len(data) - 1))]


BOMB = gzip.compress(b" " * SMALL + b"{}")
WHOLE: dict[str, Callable[[Response, random.Random], bytes]] = {
    "gzip": lambda right, _: plain(right, gzip.compress(right.body), "Content-Encoding: gzip"),
    "deflate": lambda right, _: plain(right, zlib.compress(right.body), "Content-Encoding: deflate"),
    "raw deflate": lambda right, _: plain(
        right, zlib.compress(right.body)[2:-4], "Content-Encoding: deflate"
    ),
    "chunks": chunked,
    "chunks with extensions": lambda right, chance: chunked(right, chance, mark=b";name=value"),
    "chunks with a trailer": lambda right, chance: chunked(right, chance)[:-2] + b"X-Sum: 1\r\n\r\n",
    "up to the end": lambda right, _: head(right, status=f"{right.status} As It Is") + right.body,
}
"""Ways to send an answer as it is."""
BROKEN: dict[str, Callable[[Response, random.Random], bytes]] = {
    "half of an answer": lambda right, chance: cut(plain(right, right.body), chance),
    "half of its chunks": lambda right, chance: cut(chunked(right, chance), chance),
    "half, up to the end": lambda right, chance: cut(head(right) + right.body, chance),
    "half of a gzip": lambda right, chance: plain(
        right, gzip.compress(right.body)[: -chance.randint(1, 12)], "Content-Encoding: gzip"
    ),
    "gzip twice": lambda right, _: plain(
        right, gzip.compress(gzip.compress(right.body)), "Content-Encoding: gzip, gzip"
    ),
    "a bomb": lambda right, _: plain(right, BOMB, "Content-Encoding: gzip"),
    "brotli": lambda right, _: plain(right, b"\x0b\x02\x80a\x03", "Content-Encoding: br"),
    "gzip that is none": lambda right, _: plain(right, right.body or b"{}", "Content-Encoding: gzip"),
    "chunks that lie": lambda right, chance: chunked(right, chance).replace(b"\r\n0\r\n", b"\r\n-5\r\n"),
    "two lengths": lambda right, _: head(right, "Content-Length: 1", "Content-Length: 2") + right.body,
    "less than there is": lambda right, _: head(right, "Content-Length: 1") + right.body,
    "more than there is": lambda right, _: head(right, "Content-Length: 999999999999") + right.body,
}
"""Ways to send something else, of which some cannot be told from an answer: then what is read is a result or an error."""


class Later:
    """The awaitable face of a client, by the names of the blocking one."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        face = getattr(self._client, f"a{name}", None)
        if callable(face):
            return lambda *args, **kwargs: Awaited(face(*args, **kwargs))
        part = getattr(self._client, name)
        return (lambda *args, **kwargs: Later(part(*args, **kwargs))) if callable(part) else Later(part)


class Awaited:
    """What will be there, of which attributes may be asked for already."""

    def __init__(self, coming: Any, *names: str) -> None:
        self._coming, self._names = coming, names

    def __getattr__(self, name: str) -> Awaited:
        return Awaited(self._coming, *self._names, name)

    def __await__(self) -> Any:
        found = yield from self._coming.__await__()
        return functools.reduce(getattr, self._names, found)


class Stage:
    """What a server over bare sockets answers next.

    Attributes:
        url: Its address.
        way: How the answer is sent that is the ``at``-th from now.
    """

    def __init__(self, raw_server: Any) -> None:
        self.way: Callable[[Response], bytes] | None = None
        self.at = self.count = 0
        self.url = raw_server(self._play)

    def _play(self, wire: Any, request: Request) -> None:
        asked = {name: value for name, value in request.headers.items() if name in {"authorization", "accept", "content-type"} or name.startswith("x-")}  # fmt: skip
        if not request.body:
            asked.pop("content-type", None)  # aiohttp's own
        right = right_answer(Request(request.method, HOST + request.url, asked, request.body))
        right = with_body(right, bytes(right.body).replace(HOST.encode(), self.url.encode()))
        self.count += 1
        way = self.way if self.count - 1 == self.at else None
        wire.send(way(right) if way else plain(right, right.body))
        wire.hang_up()

    def set(self, at: int = -1, way: Callable[[Response], bytes] | None = None) -> None:
        self.at, self.way, self.count = at, way, 0


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("kind", [Jina, Elastic], ids=lambda kind: kind.__name__)
def test_bodies_are_right_results_or_typed_errors_with_every_library(
    kind, face, any_library, raw_server, in_time
):
    """gzip, chunks, halves and lies at the socket, for each product, with an end: what came is right, or an error is."""
    stage, chance = Stage(raw_server), random.Random(f"{kind} {face} {any_library}")
    own: Any = {} if any_library != "own client" else {"http_client": httpx.Client(verify=False)} if face == "sync" else {"async_http_client": httpx.AsyncClient(verify=False)}  # fmt: skip
    options = {
        "limits": None,
        "retry": Retry(attempts=1),
        "concurrency": 1,
        "timeout": 5.0,
        "deadline": 10.0,
        **own,
    }
    ways = deque([*WHOLE.items(), *BROKEN.items()])
    ways.rotate(chance.randrange(len(ways)))

    def made(more: Mapping[str, Any]) -> Any:
        settings = {**options, **more}
        return (
            Jina("k", base_url=stage.url, host="jina", **settings)
            if kind is Jina
            else Elastic(stage.url, api_key="k", **settings)
        )

    async def once(product: Product, client: Any) -> str:
        try:
            found = await product.call(Later(client)) if face == "async" else product.call(client)
        except RagbridgeError as error:
            str(error), repr(error)
            return type(error).__name__
        sound(found)
        checked = product.check(found)
        assert checked is None or checked
        return "right"

    async def run() -> None:
        for name, product in (JINA if kind is Jina else ELASTICSEARCH).items():
            client, count = made(product.client), requests_of(kind, product)
            stage.set()
            assert await once(product, client) == "right", name
            for _ in range(8):
                ways.rotate(-1)
                word, way = ways[0]
                stage.set(chance.randrange(count), lambda right, way=way: way(right, chance))
                came = await once(product, client)
                assert came == "right" or word in BROKEN, f"{name}, {word}: {came}"
            await client.aclose()
            client.close()
        for client in own.values():
            await client.aclose() if face == "async" else client.close()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        kept()
        in_time(lambda: asyncio.run(run()), 60)
