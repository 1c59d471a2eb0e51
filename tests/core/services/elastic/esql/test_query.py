"""Texts of ES|QL and their parameters."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import ConfigurationError
from ragbridge.elastic import Esql, esql_from, esql_rerank
from ragbridge.services.elastic.esql.query import identifier, index_pattern, names_in


def test_parts_are_joined_with_their_parameters() -> None:
    """As commands are; a value that both have is sent once."""
    joined = Esql("FROM a | WHERE MATCH(t, ?q)", q="sea") | Esql("EVAL x = ?q, y = ?n", q="sea", n=3)
    assert joined.text == "FROM a | WHERE MATCH(t, ?q) | EVAL x = ?q, y = ?n"
    assert joined.params == {"q": "sea", "n": 3}
    assert str(joined) == joined.text
    assert pickle.loads(pickle.dumps(joined)) == joined


def test_one_name_has_one_value() -> None:
    """Two questions under one name are an error, not the last of them."""
    with pytest.raises(ConfigurationError, match="parameter 'q' has two values"):
        Esql("FROM a | WHERE b == ?q", q=1) | Esql("EVAL x = ?q", q=True)


@pytest.mark.parametrize(
    ("text", "params", "says"),
    [
        ("FROM a | WHERE b == ?q", {}, r"\?q stands in the query and has no value: pass q="),
        ("FROM a", {"q": 1}, r"parameter 'q' stands nowhere in the query: write \?q"),
        ('FROM a | WHERE b == "?q"', {"q": 1}, "'q' stands nowhere"),
        (" ", {}, r"ES\|QL is empty"),
        (3, {}, r"ES\|QL is int"),
    ],
)
def test_parameters_and_their_places_belong_together(text, params, says) -> None:
    """What is missing or too much is named."""
    with pytest.raises(ConfigurationError, match=says):
        Esql(text, **params)


def test_strings_names_and_comments_hold_no_parameters() -> None:
    """Only what Elasticsearch's parser takes for one."""
    text = 'FROM a // ?one\n| WHERE `?two` == "?three \\" ?four" /* ?five */ AND b == """?six""" | KEEP ??seven, ?eight'
    assert names_in(text) == {"seven", "eight"}


def test_only_parts_are_joined() -> None:
    """A text is no part: it would hide its parameters."""
    with pytest.raises(TypeError):
        Esql("FROM a") | "LIMIT 3"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("title", "title"),
        ("client.ip", "client.ip"),
        ("@timestamp", "@timestamp"),
        ("my field", "`my field`"),
        ("a`b", "`a``b`"),
        ("where", "`where`"),
        ("a | DROP b", "`a | DROP b`"),
    ],
)
def test_names_are_quoted_where_they_are_no_plain_ones(name, written) -> None:
    """So that no name can end where a command would begin."""
    assert identifier(name, "on") == written


@pytest.mark.parametrize("name", ['a" | DROP b', "a b", "a,b", "a|b", "", "a\nb"])
def test_indexes_are_names_or_patterns(name) -> None:
    """Anything else is refused."""
    with pytest.raises(ConfigurationError, match="index"):
        index_pattern(name, "index")
    with pytest.raises(ConfigurationError, match=r"indexes\[1\]"):
        esql_from("docs-*", name)


@given(st.text(max_size=30), st.text(max_size=10))
def test_no_word_of_a_user_is_ever_in_a_text(question, column) -> None:
    """Whatever is asked for, the text is the same but for the parameter's name; a column is one quoted name or refused."""
    try:
        found = esql_rerank(question, on=[column], inference_id=question)
    except ConfigurationError:
        return
    (asked, endpoint) = found.params
    assert found.params == {asked: question, endpoint: question}
    expected = f'RERANK ?{asked} ON {identifier(column, "on")} WITH {{"inference_id": ?{endpoint}}}'
    assert found.text == expected
    assert names_in(found.text) == {asked, endpoint}
