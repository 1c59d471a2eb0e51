"""Answers in the form that is asked for, of every route of Elasticsearch's side, errors included."""

from __future__ import annotations

import json
import struct
from typing import Any

import cbor2
import numpy as np
import pytest

from ragbridge.elastic import Elastic
from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.local.elastic.packed import as_cbor
from ragbridge.server import running

CBOR, JSON = "application/cbor", "application/json"
OWN = "application/vnd.elasticsearch+{};compatible-with=9"
E5 = "/_inference/.multilingual-e5-small-elasticsearch"
ELSER = "/_inference/.elser-2-elasticsearch"
RERANK = "/_inference/.rerank-v1-elasticsearch"
ENGINE = Engine()


def ask(
    path: str = "/", body: Any = None, *, engine: Engine = ENGINE, method: str = "", **headers: str
) -> Any:
    """The engine's answer."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    method = method or ("GET" if body is None else "POST")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return engine.handle(Request(method, f"http://localhost:9200{path}", named, content)).response


ASKED = {
    "nothing": ({}, "", JSON),
    "anything": ({"accept": "*/*"}, "", JSON),
    "JSON": ({"accept": JSON}, "", JSON),
    "CBOR": ({"accept": CBOR}, "", CBOR),
    "its own CBOR": ({"accept": OWN.format("cbor")}, "", OWN.format("cbor")),
    "its own JSON": ({"accept": OWN.format("json")}, "", OWN.format("json")),
    "by the address": ({}, "?format=cbor", CBOR),
    "by the address before the header": ({"accept": JSON}, "?format=cbor", CBOR),
    "JSON by the address": ({"accept": CBOR}, "?format=json", JSON),
    "a form it has not": ({"accept": "application/smile"}, "", JSON),
    "what it sends": ({"content_type": CBOR}, "", CBOR),
    "other than what it sends": ({"content_type": CBOR, "accept": JSON}, "", JSON),
}


@pytest.mark.parametrize("what", ASKED)
def test_an_answer_has_the_form_that_was_asked_for(what: str) -> None:
    """The address before ``Accept``, that before the form of the request's own body."""
    headers, query, kind = ASKED[what]
    answer = ask("/" + query, **headers)
    assert answer.headers["content-type"] == kind
    read = cbor2.loads if "cbor" in kind else json.loads
    assert read(answer.body) == json.loads(ask().body)


REQUESTS: dict[str, tuple[str, Any]] = {
    "the cluster": ("/", None),
    "endpoints": ("/_inference", None),
    "dense": (E5, {"input": ["sea", "money"]}),
    "sparse": (ELSER, {"input": ["sea sea", ""]}),
    "rerank": (RERANK, {"query": "sea", "input": ["boat", "sea", "äöü"]}),
    "a route that is none": ("/_inference/a/b/c/d/e", {}),
    "an endpoint that is none": ("/_inference/none", {"input": "a"}),
    "a wrong body": (E5, b"{"),
    "a parameter that is none": ("/_inference?x=1", None),
    "a part of it": (E5 + "?filter_path=text_embedding.none", {"input": ["sea"]}),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_both_forms_say_the_same(what: str) -> None:
    """Refusals too; vectors to the bit of the floats that they are."""
    path, body = REQUESTS[what]
    plain, packed = ask(path, body), ask(path, body, accept=CBOR)
    assert plain.status == packed.status
    assert packed.headers["content-type"] == CBOR
    assert packed.headers["x-elastic-product"] == "Elasticsearch"
    wanted, found = json.loads(plain.body), cbor2.loads(packed.body)
    if what == "dense":
        for ours, theirs in zip(wanted["text_embedding"], found["text_embedding"], strict=True):
            assert np.array_equal(np.float32(ours["embedding"]), np.float32(theirs["embedding"]))
    else:
        assert found == wanted


def test_vectors_are_written_as_jackson_writes_them() -> None:
    """Indefinite objects and lists, each number a mark and four bytes, big-endian."""
    rows = [[0.5, -1.0], [0.1, 3.0]]
    numbers = [b"".join(b"\xfa" + struct.pack(">f", number) for number in row) for row in rows]
    each = b"".join(b"\xbf\x69embedding\x9f" + row + b"\xff\xff" for row in numbers)
    for name in ("text_embedding", "embeddings"):
        body = {name: [{"embedding": row} for row in rows]}
        assert as_cbor(body) == b"\xbf" + cbor2.dumps(name) + b"\x9f" + each + b"\xff\xff"


def test_other_numbers_lose_nothing() -> None:
    """Floats of four bytes where that is the same number, else of eight; whole numbers stay whole."""
    body = {"a": 0.5, "b": 0.1, "c": 1e300, "d": [1, True, None, {"e": -0.25}], "f": 2**40}
    written = as_cbor(body)
    assert cbor2.loads(written) == body
    assert written.startswith(b"\xbf\x61a\xfa")
    assert b"\x61b\xfb" in written


def test_a_body_may_be_cbor() -> None:
    """And is refused as JSON is."""
    asked = {"input": ["sea"]}
    answer = ask(E5, cbor2.dumps(asked), content_type=CBOR, accept=JSON)
    assert answer.body == ask(E5, asked).body
    broken = ask(E5, cbor2.dumps(asked)[:-1], content_type=CBOR)
    assert broken.status == 400
    assert cbor2.loads(broken.body)["error"]["type"] == "x_content_parse_exception"


def test_who_is_refused_before_the_route_reads_it_in_the_same_form() -> None:
    """A missing key."""
    engine = Engine(api_keys=["k"])
    answer = ask("/_inference", engine=engine, accept=CBOR)
    assert (answer.status, answer.headers["content-type"]) == (401, CBOR)
    assert cbor2.loads(answer.body)["error"]["type"] == "security_exception"
    assert json.loads(ask("/_inference", engine=engine).body)["status"] == 401


def test_without_the_library_answers_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """And say so."""
    monkeypatch.setattr("ragbridge.local.elastic.http.installed", lambda: False)
    answer = ask("/?format=cbor", accept=CBOR)
    assert answer.headers["content-type"] == JSON
    assert json.loads(answer.body)["version"]["number"] == "9.5.0"
    assert ask(accept=OWN.format("cbor")).headers["content-type"] == OWN.format("json")


def test_the_client_gets_the_same_vectors_over_the_network_in_either_form() -> None:
    """And goes on asking for CBOR, since that is what comes."""
    with running(ENGINE) as url:
        found = []
        for form in ("auto", "json"):
            with Elastic(url, answer_format=form) as elastic:  # type: ignore[arg-type]
                found.append(elastic.embed(["sea", "money"], inference_id=E5.rpartition("/")[2]).vectors)
                assert elastic._channel.formats.accept == (CBOR if form == "auto" else JSON)
    assert found[0].tobytes() == found[1].tobytes()
