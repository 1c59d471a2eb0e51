"""What services repeat of a key is removed, and nothing else."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge.client.secret import traces_of, without

SENTENCE = "Unknown service [k] in the request of elasticsearch"
KEYS = ["jina_0123/456+789", 'pass"word&<x>', "pässwörd-long", "hunter2-hunter2"]


@pytest.mark.parametrize("key", ["k", "e", "in"])
def test_a_very_short_key_does_not_blank_its_letters_out(key: str) -> None:
    """Such a key protects nothing, and messages without a letter say nothing."""
    assert without(traces_of([key]), SENTENCE) == SENTENCE


def test_a_short_key_is_removed_as_a_whole_word_only() -> None:
    """It may be a part of any word."""
    assert without(traces_of(["elastic"]), "user:elastic@h, elasticsearch") == "user:[key]@h, elasticsearch"
    assert without(traces_of(["the-id"]), "of the-id, not of the-ideas") == "of [key], not of the-ideas"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda key: json.dumps(key)[1:-1],
        lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
        html.escape,
        lambda key: quote(key, safe=""),
        lambda key: quote(key, safe="").lower() if quote(key).islower() else quote(key),
        lambda key: base64.b64encode(key.encode()).decode(),
        lambda key: base64.urlsafe_b64encode(key.encode()).decode().rstrip("="),
    ],
    ids=["plain", "json", "json-slashes", "html", "quoted", "quoted-lower", "base64", "base64-url"],
)
def test_a_key_is_found_in_every_form_and_within_words(key: str, form: object) -> None:
    """As it is, escaped, encoded."""
    text = form(key)  # type: ignore[operator]
    assert without(traces_of([key]), f"x{text}y") == "x[key]y"


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=8), st.text(), st.text())
def test_no_key_of_eight_characters_or_more_is_left(key: str, before: str, after: str) -> None:
    """Whatever stands around it."""
    assert key in "[key]" or key not in without(traces_of([key]), before + key + after).replace("[key]", "")


def test_two_secrets_side_by_side_are_both_removed() -> None:
    """The longer one first."""
    assert without(traces_of(["the-id", "the-secret"]), "the-idthe-secret") == "[key][key]"
