"""``Jina.segment``: what it sends and refuses, and that every chunk stands where it says."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError, InvalidRequestError, Jina, RateLimit, ResponseError, Retry, Segment
from ragbridge.flow import Response
from ragbridge.local import Engine, Faults

TEXT = "One sentence. 😀 Another!\n\nA second paragraph."
CHUNKS = ["One sentence. ", "😀 Another!\n\n", "A second paragraph."]
SPANS = [(0, 14), (14, 26), (26, 45)]


def answer(chunks=CHUNKS, positions=SPANS, **fields):
    body = {"num_tokens": 9, "tokenizer": "gpt2", "usage": {"tokens": 0}, "num_chunks": len(chunks or ())}
    return Response(
        200, {}, json.dumps({**body, "chunks": chunks, "chunk_positions": positions, **fields}).encode()
    )


@pytest.fixture
def segment(scripted):
    """``segment(answer, content, **arguments)``: what the call makes of one answer."""

    def call(response, content=TEXT, **arguments):
        transport = scripted(response)
        jina = Jina(base_url="http://x", limits=None, retry=Retry(attempts=1), transport=transport)
        return jina.segment(content, **arguments)

    return call


def spans(found):
    return [(chunk.start, chunk.end) for chunk in found]


def test_the_request_holds_what_was_asked(scripted):
    """Chunks are always asked for, other defaults are left to the service; booleans are booleans."""
    transport = scripted(answer(), answer(tokens=[[], [], []]))
    jina = Jina(base_url="http://x", limits=None, transport=transport)
    jina.segment(TEXT)
    jina.segment(TEXT, tokenizer="gpt2", max_chunk_length=20, head=9, return_tokens=True)
    first, second = (json.loads(request.body) for request in transport.requests)
    assert transport.requests[0].url == "http://x/v1/segment"
    assert first == {"content": TEXT, "tokenizer": "cl100k_base", "return_chunks": True}
    assert second == {
        "content": TEXT,
        "tokenizer": "gpt2",
        "max_chunk_length": 20,
        "head": 9,
        "return_chunks": True,
        "return_tokens": True,
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"content": ["a list"]}, "content is list"),
        ({"content": "half \ud800 a pair"}, "content.*character 5"),
        ({"tokenizer": "jina-embeddings-v3"}, "tokenizer='jina-embeddings-v3' must be one of cl100k_base"),
        ({"head": 1, "tail": 1}, "head=1 and tail=1"),
        ({"head": 0}, "head=0"),
        ({"tail": -1}, "tail=-1"),
        ({"max_chunk_length": 0}, "max_chunk_length=0"),
        ({"max_chunk_length": True}, "max_chunk_length=True"),
        ({"max_chunk_length": 10.0}, "max_chunk_length=10.0"),
        ({"return_tokens": "true"}, "return_tokens='true'"),
    ],
)
def test_wrong_arguments_are_refused_before_sending(scripted, arguments, says):
    """The message names the argument; nothing is sent."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina(base_url="http://x", limits=None, transport=transport).segment(**{"content": TEXT, **arguments})
    assert transport.requests == []


def test_an_empty_text_sends_nothing(scripted):
    """It has no segments and no tokens."""
    transport = scripted()
    found = Jina(base_url="http://x", limits=None, transport=transport).segment("")
    assert (len(found), found.num_tokens, found.usage.requests) == (0, 0, 0)
    assert transport.requests == []


def test_what_an_answer_says(segment):
    """Chunks in order, the count, the tokenizer as the service gave it, one request and no tokens billed."""
    found = segment(answer())
    assert list(found) == [Segment(*span, text) for span, text in zip(SPANS, CHUNKS, strict=True)]
    assert (found.num_tokens, found.tokenizer) == (9, "gpt2")
    assert (found.usage.tokens, found.usage.requests) == (0, 1)


@pytest.mark.parametrize(
    "positions",
    [
        pytest.param([[0, 14], [14, 27], [27, 46]], id="UTF-16"),
        pytest.param([[0, 14], [14, 29], [29, 48]], id="bytes"),
        pytest.param([[0, 14], [14, 26], [26, 46]], id="one too far"),
        pytest.param([[0, 14], [14, 26], [26]], id="half a position"),
        pytest.param([[-45, -31], [14, 26], [26, 45]], id="negative"),
        pytest.param([[0, 14], [14, float("nan")], [26, 45]], id="not a number"),
        pytest.param([None, None, None], id="none of them"),
        pytest.param([[False, 14], [14, 26], [26, 45]], id="a boolean"),
        pytest.param(None, id="no list"),
    ],
)
def test_positions_in_other_units_are_corrected(segment, positions):
    """Where a position does not hold in code points, all chunks are looked for in the text."""
    found = spans(segment(answer(positions=positions)))
    assert found == SPANS
    assert {type(place) for span in found for place in span} == {int}


def test_chunks_in_another_order_are_put_in_order(segment):
    """Positions that hold decide, not the order of the answer; tokens stay with their chunk."""
    tokens = [[[text, [number]]] for number, text in enumerate(CHUNKS)]
    found = segment(answer(CHUNKS[::-1], SPANS[::-1], tokens=tokens[::-1]), return_tokens=True)
    assert spans(found) == SPANS
    assert [chunk.tokens for chunk in found] == [((text, (number,)),) for number, text in enumerate(CHUNKS)]


def test_repeated_chunks_are_found_one_after_the_other(segment):
    """Each search begins where the chunk before ends, and from the other side with ``tail``."""
    repeated = answer(["ab ", "ab "], [[7, 7], [7, 7]])
    assert spans(segment(repeated, "ab ab ab ab ")) == [(0, 3), (3, 6)]
    assert spans(segment(repeated, "ab ab ab ab ", tail=4)) == [(6, 9), (9, 12)]


@pytest.mark.parametrize(
    "fields",
    [
        {"chunks": None},
        {"chunks": []},
        {"chunks": ["One sentence. ", 7]},
        {"chunks": CHUNKS[:2]},
        {"chunks": [*CHUNKS[:2], "Something else."]},
        {"chunks": [CHUNKS[1], CHUNKS[0], CHUNKS[2]]},
        {"num_chunks": 4},
        {"num_chunks": "3"},
        {"num_chunks": []},
        {"positions": SPANS[:2]},
        {"num_tokens": None},
        {"num_tokens": -1},
        {"num_tokens": True},
    ],
    ids=str,
)
def test_answers_that_do_not_hold_what_was_promised(segment, fields):
    """A chunk that stands nowhere, a wrong number of chunks or no count is an error, and the text is not in it."""
    with pytest.raises(ResponseError) as caught:
        segment(answer(**fields))
    assert "sentence" not in str(caught.value)


@pytest.mark.parametrize(
    "tokens",
    [None, [[], []], [[], [], None], [[], [], [["a"]]], [[], [], [["a", 1]]], [[], [], [["a", ["1"]]]], [[], [], [[1, [1]]]]],
    ids=str,
)  # fmt: skip
def test_tokens_of_another_shape(segment, tokens):
    """Tokens that were asked for come as texts with ids, for each chunk."""
    with pytest.raises(ResponseError):
        segment(answer(tokens=tokens), return_tokens=True)


def test_blank_text_may_have_no_chunk(segment):
    """An answer without chunks is right where there is nothing to cut."""
    assert len(segment(answer([], []), " \n ")) == 0


def test_a_refusal_is_told(segment):
    """What the service refuses is an error of its own kind, with the service's reason."""
    refusal = Response(413, {}, b'{"detail": "content too long"}')
    with pytest.raises(InvalidRequestError, match="content too long"):
        segment(refusal)


def test_no_tokens_are_booked(scripted, clock):
    """Segmenting is free: a text far beyond the token quota neither waits nor is refused."""
    jina = Jina(
        base_url="http://x",
        limits=RateLimit(requests_per_minute=100, tokens_per_minute=10),
        transport=scripted(*[answer()] * 3),
        clock=clock,
    )
    for _ in range(3):
        jina.segment(TEXT)
    assert (jina.usage.waits, jina.usage.tokens) == (0, 0)


async def test_requests_need_not_wait_for_a_first_report():
    """Under a token quota, too, requests run side by side: there is no bill to learn from."""

    class Together:
        """Answers once two requests are there."""

        def __init__(self):
            self.both = asyncio.Barrier(2)

        async def send_async(self, request):
            await asyncio.wait_for(self.both.wait(), timeout=10)
            return answer()

    limit = RateLimit(requests_per_minute=100, tokens_per_minute=1000, concurrency=None)
    jina = Jina(base_url="http://together", limits=limit, retry=Retry(attempts=1), transport=Together())
    first, second = await asyncio.gather(jina.asegment(TEXT), jina.asegment(TEXT))
    assert spans(first) == spans(second) == SPANS


ANY_TEXT = st.lists(
    st.sampled_from(["word", "Two", " ", "\n", "\n\n", ". ", "é", "你", "。", "😀", "\0", '." ']), max_size=60
).map("".join)  # fmt: skip


@given(content=ANY_TEXT, length=st.integers(1, 30), cut=st.sampled_from([{}, {"head": 5}, {"tail": 5}]))
@settings(max_examples=40, deadline=None)
def test_both_faces_over_the_embedded_engine(content, length, cut):
    """They give the same; every chunk is a slice of the text, in order; nothing is lost but beyond head and tail."""
    jina = Jina(base_url="local")
    found = jina.segment(content, max_chunk_length=length, return_tokens=True, **cut)
    again = asyncio.run(jina.asegment(content, max_chunk_length=length, return_tokens=True, **cut))
    assert found == again
    place = found.chunks[0].start if len(found) else 0
    for chunk in found:
        assert chunk.start == place
        assert chunk.text == content[chunk.start : chunk.end]
        assert "".join(text for text, _ in chunk.tokens) == chunk.text
        place = chunk.end
    assert "head" in cut or place == len(content)
    assert found.num_tokens == sum(len(ids) for chunk in found for _, ids in chunk.tokens)


KINDS = ["shuffle", "missing", "duplicate", "offset", "nan", "width", "badjson", "error200", "status503"]


@pytest.mark.parametrize("kind", KINDS)
def test_faults_do_not_reach_the_caller(kind, clock):
    """Whatever an answer suffers, it is put right or asked for again. With this seed no two answers in a row suffer it."""
    right = Jina(base_url="local").segment(TEXT, max_chunk_length=20, return_tokens=True)
    engine = Engine(faults=Faults(rate=0.3, kinds=[kind]), seed=14)
    jina = Jina(
        base_url="local",
        transport=engine,
        retry=Retry(attempts=30),
        clock=clock,
    )
    for _ in range(5):
        assert jina.segment(TEXT, max_chunk_length=20, return_tokens=True).chunks == right.chunks
