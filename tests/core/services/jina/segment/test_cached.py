"""Texts that were segmented before cost no request."""

from __future__ import annotations

import asyncio
import json

import pytest

from ragbridge import Jina, Retry, StatusError
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport, VirtualClock

TEXTS = [
    "One sentence. 😀 Another!\n\nA second paragraph.",
    "",
    "Three. Four.",
    "One sentence. 😀 Another!\n\nA second paragraph.",
]


def client(cache, *outcomes):
    transport = ScriptedTransport(*outcomes, default=Engine())
    options = {
        "limits": None,
        "clock": VirtualClock(),
        "retry": Retry(attempts=1),
        "cache": cache,
        "concurrency": 1,
    }
    return Jina("k", base_url="http://x", transport=transport, **options), transport


def contents(transport):
    return [json.loads(request.body)["content"] for request in transport.requests]


CALLS = {
    "segment": lambda jina: [jina.segment(TEXTS[0])],
    "asegment": lambda jina: [asyncio.run(jina.asegment(TEXTS[0]))],
    "tokens": lambda jina: [jina.segment(TEXTS[0], return_tokens=True)],
    "tail": lambda jina: [jina.segment(TEXTS[0], tail=3, tokenizer="gpt2", max_chunk_length=9)],
    "segment_many": lambda jina: jina.segment_many(TEXTS),
    "asegment_many": lambda jina: asyncio.run(jina.asegment_many(TEXTS)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_second_run_sends_nothing(call, tmp_path):
    """And gives the same pieces; ``usage`` says what was known."""
    first = CALLS[call](client(tmp_path / "x.db")[0])
    jina, transport = client(tmp_path / "x.db")
    second = CALLS[call](jina)
    assert transport.requests == []
    for before, after in zip(first, second, strict=True):
        assert (after.chunks, after.num_tokens, after.tokenizer) == (
            before.chunks,
            before.num_tokens,
            before.tokenizer,
        )
        assert (after.usage.requests, after.usage.cached) == (0, 1 if after.chunks else 0)


def test_equal_texts_are_sent_once():
    """With and without a cache; each has its pieces, and its share of the cost."""
    for cache in (None, {}):
        jina, transport = client(cache)
        found = jina.segment_many(TEXTS)
        assert contents(transport) == [TEXTS[0], TEXTS[2]]
        assert found[3].chunks == found[0].chunks
        assert [each.usage.requests for each in found] == [1, 0, 1, 0]


def test_what_was_answered_is_kept_when_another_text_fails():
    """And the error still names the text."""
    cache = {}
    jina, _ = client(cache, Engine(), 400)
    with pytest.raises(StatusError, match=r"texts\[2\]"):
        jina.segment_many(TEXTS)
    jina, transport = client(cache)
    jina.segment_many(TEXTS)
    assert contents(transport) == [TEXTS[2]]


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"7", b"null", b"[]", b'[3,"gpt2",[[0,99,[]]]]', b'[3,"gpt2",[[5,2,[]]]]', b'[3,"gpt2",[[0,1]]]',
     b'["3","gpt2",[]]', b'[3,null,[]]', b'[3,"gpt2",[[0,1,[["a"]]]]]', b'[3,"gpt2",[["0",1,[]]]]'],
)  # fmt: skip
def test_what_a_cache_spoilt_is_asked_again(value):
    """Nothing of it reaches the caller."""
    cache = {}
    first = client(cache)[0].segment(TEXTS[0])
    (name,) = cache
    cache[name] = value
    jina, transport = client(cache)
    assert jina.segment(TEXTS[0]).chunks == first.chunks
    assert len(transport.requests) == 1
