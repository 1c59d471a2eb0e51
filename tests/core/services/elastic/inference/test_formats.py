"""Vectors are asked for as CBOR as long as that works. Whatever comes is read: it is paid for."""

from __future__ import annotations

import asyncio
import json
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any

import cbor2
import numpy as np
import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    ResponseError,
    Retry,
    ServiceError,
)
from ragbridge.elastic import Elastic
from ragbridge.testing import Request, Response, ScriptedTransport

CBOR, JSON = "application/cbor", "application/json"
PRODUCT = {"x-elastic-product": "Elasticsearch"}
ROW = [0.1, 0.5, -1.0]


def packed(rows: list[list[float]], name: str = "text_embedding") -> bytes:
    """As Jackson writes it."""
    numbers = (b"".join(struct.pack(">Bf", 0xFA, number) for number in row) for row in rows)
    each = b"".join(b"\xbf\x69embedding\x9f" + row + b"\xff\xff" for row in numbers)
    return b"\xbf" + cbor2.dumps(name) + b"\x9f" + each + b"\xff\xff"


def plain(rows: list[list[float]]) -> bytes:
    """The same in JSON."""
    return json.dumps({"text_embedding": [{"embedding": row} for row in rows]}).encode()


def cbor(body: bytes | None = None, status: int = 200, kind: str = CBOR) -> Response:
    """An answer in CBOR."""
    return Response(status, {**PRODUCT, "content-type": kind}, packed([ROW]) if body is None else body)


def as_json(body: bytes | None = None, status: int = 200, kind: str = JSON) -> Response:
    """An answer in JSON."""
    return Response(status, {**PRODUCT, "content-type": kind}, plain([ROW]) if body is None else body)


def both(request: Request) -> Response:
    """Elasticsearch: the form that was asked for."""
    count = len(json.loads(request.body)["input"])
    asks = request.headers["accept"]
    return Response(
        200, {**PRODUCT, "content-type": asks}, (packed if asks == CBOR else plain)([ROW] * count)
    )


def connect(*answers: Any, **settings: Any) -> tuple[Elastic, ScriptedTransport]:
    """A client of what gives ``answers`` one by one, and then does as Elasticsearch."""
    transport = ScriptedTransport(*answers, default=both)
    settings = {"retry": Retry(attempts=2, initial=0.0), **settings}
    return Elastic("http://es", transport=transport, limits=None, concurrency=1, **settings), transport


def asked(transport: ScriptedTransport) -> list[str]:
    """Which form each request asked for."""
    return [request.headers["accept"].removeprefix("application/") for request in transport.requests]


def embed(elastic: Elastic, times: int = 1) -> Any:
    """So many calls; the last one's vectors, which are right."""
    for _ in range(times):
        found = elastic.embed(["a"], inference_id="e").vectors
        assert np.array_equal(found, np.array([ROW], np.float32))
    return found


def test_cbor_is_asked_for_while_it_comes() -> None:
    """And gives the same vectors to the bit."""
    elastic, transport = connect()
    found = embed(elastic, 3)
    assert asked(transport) == ["cbor"] * 3
    elastic, transport = connect(answer_format="json")
    assert embed(elastic).tobytes() == found.tobytes()
    assert asked(transport) == ["json"]


@pytest.mark.parametrize(
    "first",
    [
        as_json(),
        as_json(kind=CBOR),
        cbor(kind=JSON),
        cbor(kind="text/html"),
        Response(200, PRODUCT, plain([ROW])),
    ],
    ids=[
        "JSON",
        "JSON that says CBOR",
        "CBOR that says JSON",
        "CBOR that says HTML",
        "JSON that says nothing",
    ],
)
def test_an_answer_in_another_form_is_read_and_json_is_asked_for_from_then_on(first: Response) -> None:
    """A server that ignores Accept, a gateway that rewrites types: nothing that is paid for is asked for again."""
    elastic, transport = connect(first)
    embed(elastic, 3)
    assert asked(transport) == ["cbor", "json", "json"]


def test_what_elasticsearch_calls_its_own_cbor_is_cbor() -> None:
    """As a client that speaks of versions gets it."""
    elastic, transport = connect(cbor(kind="application/vnd.elasticsearch+cbor;compatible-with=9"))
    embed(elastic, 2)
    assert asked(transport) == ["cbor", "cbor"]


@pytest.mark.parametrize("body", [packed([ROW])[:-1], packed([ROW])[:20], b"\xbf", packed([[0.5, float("inf"), 1.0]])], ids=["cut", "half", "a byte", "infinite"])  # fmt: skip
def test_after_a_damaged_answer_json_is_asked_for(body: bytes) -> None:
    """As after damaged JSON there is another attempt; it asks for what cannot be damaged in this way."""
    elastic, transport = connect(cbor(body))
    embed(elastic, 2)
    assert asked(transport) == ["cbor", "json", "json"]
    assert elastic.usage.retries == 1


def test_a_damaged_answer_is_the_same_error_in_both_forms() -> None:
    """Same class, same rule of retries."""
    errors = []
    for body, form in ((packed([ROW])[:-1], "cbor"), (plain([ROW])[:-1], "json")):
        elastic, transport = connect(*[cbor(body)] * 2, answer_format=form)
        with pytest.raises(ResponseError) as caught:
            elastic.embed(["a"], inference_id="e")
        errors.append(
            (type(caught.value), caught.value.damaged, caught.value.retryable, len(transport.requests))
        )
    assert errors[0] == errors[1] == (ResponseError, True, True, 2)


def test_json_after_damaged_cbor_is_as_good_without_retries() -> None:
    """The next call's request is already another one."""
    elastic, transport = connect(cbor(b"\xbf"), retry=Retry(attempts=1))
    with pytest.raises(ResponseError, match="not CBOR"):
        elastic.embed(["a"], inference_id="e")
    embed(elastic)
    assert asked(transport) == ["cbor", "json"]


UNACCEPTABLE = {
    "406": as_json(b'{"error": {"type": "x", "reason": "no"}, "status": 406}', 406),
    "a gateway's 406": Response(406, {}, b"<html>Not Acceptable</html>"),
    "415": as_json(b"{}", 415),
    "Elasticsearch's 400": as_json(
        b'{"error": {"type": "media_type_header_exception", "reason": "Invalid"}, "status": 400}', 400
    ),
}


@pytest.mark.parametrize("what", UNACCEPTABLE)
def test_where_cbor_is_refused_json_is_asked_for_at_once(what: str) -> None:
    """It is no failure: nothing was billed, and no attempt is used up."""
    elastic, transport = connect(UNACCEPTABLE[what], retry=Retry(attempts=1))
    embed(elastic, 2)
    assert asked(transport) == ["cbor", "json", "json"]


def test_a_refusal_of_the_texts_is_no_refusal_of_the_form() -> None:
    """CBOR is asked for on."""
    refused = as_json(b'{"error": {"type": "x", "reason": "too long"}, "status": 400}', 400)
    elastic, transport = connect(refused)
    with pytest.raises(InvalidRequestError, match="too long"):
        elastic.embed(["a"], inference_id="e")
    embed(elastic)
    assert asked(transport) == ["cbor", "cbor"]


def test_cbor_that_is_settled_is_asked_for_whatever_comes() -> None:
    """JSON that comes is read; a refusal of the form is an error."""
    elastic, transport = connect(as_json(), UNACCEPTABLE["406"], answer_format="cbor")
    embed(elastic)
    with pytest.raises(InvalidRequestError):
        elastic.embed(["a"], inference_id="e")
    embed(elastic)
    assert asked(transport) == ["cbor"] * 3


def test_json_that_is_settled_reads_cbor_that_comes() -> None:
    """From a gateway that knows better."""
    elastic, transport = connect(cbor(), answer_format="json")
    embed(elastic, 2)
    assert asked(transport) == ["json", "json"]


REFUSALS = [
    (401, {"error": {"type": "security_exception", "reason": "missing credentials"}, "status": 401}, AuthenticationError),
    (404, {"error": {"type": "resource_not_found_exception", "reason": "Inference endpoint not found [e]"}, "status": 404}, InvalidRequestError),
    (400, {"error": {"type": "status_exception", "reason": "Received a server error status code for request from inference entity id [e] status [503]"}, "status": 400}, ServiceError),
    (503, {"error": "no", "status": 503}, ServiceError),
    (500, {"ok": False, "message": "täglich"}, ServiceError),
    (405, {"error": "Incorrect HTTP method", "status": 405}, InvalidRequestError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)
@pytest.mark.parametrize("indefinite", [True, False])
def test_a_refusal_in_cbor_is_the_same_error(status: int, body: Any, kind: type, indefinite: bool) -> None:
    """Class, message, code and what is kept of the body."""
    shown = []
    for answer in (cbor(cbor2.dumps(body, indefinite_containers=indefinite), status), as_json(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), status)):  # fmt: skip
        elastic, _ = connect(answer, retry=Retry(attempts=1), answer_format="cbor")
        with pytest.raises(kind) as caught:
            elastic.embed(["a"], inference_id="e")
        error: Any = caught.value
        shown.append((type(error), str(error), error.code, error.body))
    assert shown[0] == shown[1]


def test_a_refusal_in_cbor_shows_no_key_even_in_pieces() -> None:
    """A text in pieces is put together before keys are looked for; what cannot be read is not shown."""
    key = b"sesame-0123456789"
    pieces = b"\x7f" + b"".join(bytes([0x60 + 4]) + key[start : start + 4] for start in (0, 4, 8, 12)) + b"\x61" + key[16:] + b"\xff"  # fmt: skip
    whole = b"\xbf\x65error" + pieces + b"\x66status\x19\x01\x91\xff"
    for body in (whole, whole[:-1]):
        elastic, _ = connect(cbor(body, 401), api_key=key.decode())
        with pytest.raises(AuthenticationError) as caught:
            elastic.embed(["a"], inference_id="e")
        assert "0123" not in f"{caught.value} {caught.value!r} {caught.value.body}"
        assert "esam" not in caught.value.body


def test_without_the_library_json_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silently; who settles CBOR is told what to install."""
    monkeypatch.setattr("ragbridge.services.elastic.formats.installed", lambda: False)
    elastic, transport = connect()
    embed(elastic)
    assert asked(transport) == ["json"]
    with pytest.raises(
        ConfigurationError, match=r"answer_format='cbor' needs cbor2: pip install \"ragbridge\[speed\]\""
    ):
        connect(answer_format="cbor")


def test_cbor_that_comes_unasked_is_an_error_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says what to install."""
    monkeypatch.setitem(sys.modules, "cbor2", None)
    by_lengths = cbor2.dumps({"text_embedding": [{"embedding": ROW}]})
    elastic, _ = connect(cbor(by_lengths), answer_format="json", retry=Retry(attempts=1))
    with pytest.raises(ResponseError, match=r"ragbridge\[speed\]"):
        elastic.embed(["a"], inference_id="e")


@pytest.mark.parametrize("wanted", ["CBOR", "yaml", None, True, ["cbor"]])
def test_another_form_is_refused_by_its_name(wanted: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match="answer_format=.*'auto'"):
        connect(answer_format=wanted)


def test_the_setting_travels_and_what_was_learnt_does_not() -> None:
    """Another process may stand before another gateway."""
    for form in ("auto", "json", "cbor"):
        elastic = pickle.loads(pickle.dumps(Elastic("http://es", answer_format=form)))
        assert elastic._settings["answer_format"] == form
        assert elastic._channel.formats.accept == (JSON if form == "json" else CBOR)


def test_tokens_and_rankings_stay_json() -> None:
    """They gain nothing by it; where CBOR comes all the same, it is read."""
    sparse = {"sparse_embedding": [{"is_truncated": False, "embedding": {"sea": 0.5}}]}
    ranking = {"rerank": [{"index": 0, "relevance_score": 0.25}]}
    for answers in (
        [json.dumps(sparse).encode(), json.dumps(ranking).encode()],
        [cbor2.dumps(sparse), cbor2.dumps(ranking)],
    ):
        elastic, transport = connect(*[Response(200, PRODUCT, body) for body in answers])
        assert elastic.sparse_embed(["a"], inference_id="e").vectors == ({"sea": 0.5},)
        assert elastic.rerank("q", ["a"], inference_id="r").results[0].score == 0.25
        assert asked(transport) == ["json", "json"]


@pytest.mark.parametrize("first", [cbor(), as_json(), cbor(b"\xbf")], ids=["CBOR", "JSON", "damaged"])
def test_the_cache_and_streams_are_the_same_for_both_forms(first: Response) -> None:
    """What one form brought is found by whoever would ask for the other."""
    cache: dict[str, bytes] = {}
    describe = as_json(json.dumps({"endpoints": [{"inference_id": "e", "task_type": "text_embedding", "service": "jinaai", "service_settings": {}}]}).encode())  # fmt: skip
    elastic, _ = connect(describe, first, cache=cache)
    found = embed(elastic)
    again, transport = connect(describe, cache=cache, answer_format="json")
    (pair,) = again.embed_stream(["a"], inference_id="e")
    assert pair[1].tobytes() == found.tobytes()
    assert len(transport.requests) == 1


def test_both_faces_do_the_same() -> None:
    """Over several requests of one call, of which the first to come back decides."""
    for face in ("sync", "async"):
        elastic, transport = connect(as_json(plain([ROW, ROW])), batch_size=2)
        texts = ["a", "b", "c", "d", "e"]
        if face == "sync":
            found = elastic.embed(texts, inference_id="e")
        else:
            found = asyncio.run(elastic.aembed(texts, inference_id="e"))
        assert np.array_equal(found.vectors, np.array([ROW] * 5, np.float32))
        assert asked(transport) == ["cbor", "json", "json"]


def test_the_embedding_task_is_packed_too(answer: Callable[..., Response]) -> None:
    """Its list has another name."""
    elastic, transport = connect(cbor(packed([ROW], "embeddings")))
    found = elastic.embed(["a"], inference_id="e", task_type="embedding").vectors
    assert np.array_equal(found, np.array([ROW], np.float32))
    assert asked(transport) == ["cbor"]
