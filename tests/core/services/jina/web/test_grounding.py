"""``Jina.ground``: what it sends and refuses, what it makes of an answer, and that it is deprecated."""

from __future__ import annotations

import json

import pytest

from ragbridge import ConfigurationError, Grounding, Jina, Reference, ResponseError, Retry, Usage
from ragbridge.flow import Response

DATA = {
    "factuality": 0.95,
    "result": True,
    "reason": "Because.",
    "references": [{"url": "https://a", "keyQuote": "It is so.", "isSupportive": True}],
    "usage": {"tokens": 7112},
}


def answer(**changes):
    return Response(200, {}, json.dumps({"code": 200, "status": 20000, "data": {**DATA, **changes}}).encode())


@pytest.fixture
def ground(scripted):
    """``ground(answer, **arguments)``: what the call makes of one answer, and its request."""

    def call(response, statement="It is so.", **arguments):
        transport = scripted(response)
        jina = Jina("k", limits=None, retry=Retry(attempts=1), transport=transport)
        with pytest.warns(DeprecationWarning, match="DeepSearch") as warned:
            found = jina.ground(statement, **arguments)
        assert warned[0].filename == __file__
        return found, transport.requests[0]

    return call


def test_a_verdict_with_its_references(ground):
    """And a warning that names the successor, at the caller's own line."""
    found, request = ground(answer(), sites=["https://a", "https://b"], no_cache=True)
    assert found == Grounding(
        0.95, True, "Because.", (Reference("https://a", "It is so.", True),), Usage(7112, 1)
    )
    assert (request.method, request.url) == ("POST", "https://g.jina.ai/")
    assert json.loads(request.body) == {"statement": "It is so."}
    assert (request.headers["x-site"], request.headers["x-no-cache"]) == ("https://a,https://b", "true")


def test_it_may_take_three_minutes(ground):
    """However impatient the client is with embeddings; and what is off is not sent."""
    _, request = ground(answer())
    assert request.timeout == 180
    assert not {"x-site", "x-no-cache"} & set(request.headers)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"statement": ""}, "statement"),
        ({"sites": "https://a"}, "sites is one str: pass a list"),
        ({"sites": [""]}, "sites"),
        ({"sites": ["a\nb"]}, r"sites\[0\]"),
        ({"no_cache": "false"}, "no_cache='false'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_sending(scripted, arguments, says):
    """The message names the argument; nothing is sent."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina("k", limits=None, transport=transport).ground(**{"statement": "s", **arguments})
    assert transport.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"factuality": None},
        {"factuality": 1.5},
        {"factuality": float("nan")},
        {"factuality": True},
        {"result": "true"},
        {"reason": None},
        {"references": {}},
        {"references": [{"url": "https://a"}]},
        {"references": [7]},
    ],
    ids=str,
)
def test_odd_answers_are_errors(ground, changes):
    """A verdict is whole or none."""
    with pytest.raises(ResponseError):
        ground(answer(**changes))


async def test_the_asynchronous_face_warns_too(scripted):
    """At the caller's own line, with the same result."""
    jina = Jina("k", limits=None, transport=scripted(answer()))
    with pytest.warns(DeprecationWarning, match="DeepSearch") as warned:
        found = await jina.aground("It is so.")
    assert warned[0].filename == __file__
    assert found.factuality == 0.95
