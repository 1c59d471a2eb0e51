"""``/v1/segment`` of the embedded engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge.local import Engine, Quota
from ragbridge.local.jina.segment import spans

TEXT = "The first sentence. The second one!\n\nAnother paragraph."


@pytest.fixture
def segment(ask: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """``segment(content, **fields)``: the body of an answer, with chunks."""
    engine = Engine()

    def call(content: Any = TEXT, /, **fields: Any) -> dict[str, Any]:
        response = ask(engine, "/v1/segment", {"content": content, "return_chunks": True, **fields}).response
        return {"status": response.status, **json.loads(response.body)}

    return call


def test_an_answer_has_what_was_asked_for(segment):
    """Chunks and tokens come only if asked for; counting costs nothing and names the tokenizer that counted."""
    bare = segment(return_chunks=False)
    used = "cl100k_base (embedded: wordllama-l2-supercat-256)"
    assert bare == {"status": 200, "num_tokens": 13, "tokenizer": used, "usage": {"tokens": 0}}
    whole = segment(return_tokens=True, tokenizer="gpt2")
    assert {name: whole[name] for name in ("tokenizer", "num_chunks", "chunk_positions", "chunks")} == {
        "tokenizer": "gpt2 (embedded: wordllama-l2-supercat-256)",
        "num_chunks": 2,
        "chunk_positions": [[0, 37], [37, 55]],
        "chunks": ["The first sentence. The second one!\n\n", "Another paragraph."],
    }
    assert [["".join(text for text, _ in chunk)] for chunk in whole["tokens"]] == [
        [chunk] for chunk in whole["chunks"]
    ]


@pytest.mark.parametrize(
    ("text", "longest", "chunks"),
    [
        ("One. Two.\nThree.", 100, ["One. Two.\nThree."]),
        ("One.\n \nTwo.\n\n\nThree.", 100, ["One.\n \n", "Two.\n\n\n", "Three."]),
        ("One. Two. Three.", 10, ["One. Two. ", "Three."]),
        ("One\nTwo three", 10, ["One\n", "Two three"]),
        ('He said "No." Then he left.', 20, ['He said "No." ', "Then he left."]),
        ("一。二。三。", 5, ["一。二。", "三。"]),
        ("one two three four", 10, ["one two ", "three four"]),
        ("3.14159 is pi", 9, ["3.14159 ", "is pi"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("😀😀😀", 2, ["😀😀", "😀"]),
        (" \n\n ", 100, [" \n\n", " "]),
    ],
)
def test_the_rule(text, longest, chunks):
    """Blank lines always cut; long paragraphs are cut after a sentence or line, a space, or where they must be."""
    assert [text[start:end] for start, end in spans(text, longest)] == chunks


@given(
    text=st.text(alphabet=st.sampled_from('ab.! \n\t"。é😀\u2028'), min_size=1, max_size=80),
    longest=st.integers(1, 20),
)
@settings(max_examples=100, deadline=None)
def test_chunks_cover_the_text(text, longest):
    """They follow one another without a gap, none is empty and none too long."""
    found = list(spans(text, longest))
    assert "".join(text[start:end] for start, end in found) == text
    assert all(1 <= end - start <= longest for start, end in found)


def test_chunks_have_a_thousand_characters_at_most(segment):
    """Unless the request says otherwise."""
    lengths = [len(chunk) for chunk in segment("word " * 500)["chunks"]]
    assert lengths == [1000, 1000, 500]
    assert len(segment("word " * 500, max_chunk_length=5000)["chunks"]) == 1


def test_head_and_tail(segment):
    """They keep so many tokens of the text, with positions in all of it."""
    head, tail = segment(head=3), segment(tail=3)
    assert (head["num_tokens"], head["chunks"], head["chunk_positions"]) == (
        3,
        ["The first sentence"],
        [[0, 18]],
    )
    assert (tail["num_tokens"], tail["chunks"], tail["chunk_positions"]) == (
        3,
        ["Another paragraph."],
        [[37, 55]],
    )
    assert segment(tail=5)["chunks"][0] == "\n\n"
    assert segment(head=999) == segment(tail=999) == segment()


def test_a_character_of_several_tokens_is_not_cut(segment):
    """It comes whole, with as many of its ids as were asked for."""
    whole = segment("a 😀", return_tokens=True)
    assert whole["tokens"][0][-1][0] == "😀"
    ids = whole["tokens"][0][-1][1]
    assert len(ids) > 2
    cut = segment("a 😀", return_tokens=True, tail=2)
    assert (cut["num_tokens"], cut["tokens"]) == (2, [[["😀", ids[-2:]]]])


def test_half_a_surrogate_pair(segment):
    """JSON can hold it; it is a character like any other."""
    assert segment("a \ud800 b")["chunks"] == ["a \ud800 b"]


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"content": None}, "content", "missing"),
        ({"content": ""}, "content", "string_too_short"),
        ({"content": ["a"]}, "content", "string_type"),
        ({"tokenizer": "none"}, "tokenizer", "literal_error"),
        ({"max_chunk_length": 0}, "max_chunk_length", "greater_than_equal"),
        ({"max_chunk_length": "10"}, "max_chunk_length", "int_type"),
        ({"head": 0}, "head", "greater_than_equal"),
        ({"head": 1, "tail": 1}, "tail", "value_error"),
        ({"return_chunks": "true"}, "return_chunks", "bool_type"),
        ({"return_tokens": 1}, "return_tokens", "bool_type"),
    ],
)
def test_validation(ask, fields, field, kind):
    """A wrong field is answered with 422 that names it."""
    response = ask(Engine(), "/v1/segment", {"content": TEXT, **fields}).response
    assert response.status == 422
    assert [(error["field"], error["type"]) for error in json.loads(response.body)["errors"]] == [
        (field, kind)
    ]


def test_requests_count_and_tokens_do_not(ask):
    """A quota of tokens is untouched, one of requests is used."""
    engine = Engine(quota=Quota(requests_per_minute=2, tokens_per_minute=1), clock=lambda: 0.0)
    statuses = [ask(engine, "/v1/segment", {"content": TEXT}).response.status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_only_post(ask):
    """The hosted service counts tokens by GET as well; the engine does not."""
    assert ask(Engine(), "/v1/segment", method="GET").response.status == 405
