"""Tokens as numbers, for stores that know no others."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, strategies

import ragbridge
from ragbridge import SparseEmbeddings, SparseVector, token_index

SAME = ("t15385", "t210367")
"""Two tokens with one number, found by trying."""


@pytest.mark.parametrize(
    ("token", "index"),
    [("port", 1668181848), ("##ing", 2882830932), ("sea", 1045259935), ("ä", 1877982945), ("", 634351890)],
)
def test_numbers_never_change(token, index):
    """Stored vectors depend on them."""
    assert token_index(token) == index


@given(strategies.text(strategies.characters(codec=None)))
def test_every_token_has_a_number_that_stores_take(token):
    """32 bits without a sign, but for the last number, whatever the token: half a surrogate pair, too."""
    assert 0 <= token_index(token) < 2**32 - 1


def test_vectors_have_numbers_for_tokens_in_ascending_order():
    """Weights stay with their tokens; texts stay in order; a text without tokens has none."""
    found = SparseEmbeddings(({"port": 2.0, "sea": 0.5}, {}, {"##ing": 1.0}), "elser")
    assert found.indices() == ({1045259935: 0.5, 1668181848: 2.0}, {}, {2882830932: 1.0})
    assert list(found.indices()[0]) == sorted(found.indices()[0])
    assert found.vectors[0] == {"port": 2.0, "sea": 0.5}


@pytest.mark.parametrize("weights", [(0.5, 2.0), (2.0, 0.5), (-2.0, -3.0)])
def test_of_two_tokens_with_one_number_the_larger_weight_counts(weights):
    """Whichever comes first, and below zero as well."""
    first, second = SAME
    assert token_index(first) == token_index(second)
    vector = dict(zip(SAME, weights, strict=True))
    assert SparseEmbeddings((vector,), "elser").indices() == ({token_index(first): max(weights)},)


def test_the_function_is_public():
    """Whoever reads stored numbers can tell which token was meant."""
    assert "token_index" in ragbridge.__all__
    assert pickle.loads(pickle.dumps(token_index)) is token_index


def test_stores_may_want_numbers_and_weights_apart():
    """As one vector each, or as two columns; both say what ``indices`` says."""
    found = SparseEmbeddings(({"port": 2.0, "sea": 0.5}, {}), "elser")
    assert found.to_vectors() == (SparseVector([1045259935, 1668181848], [0.5, 2.0]), SparseVector([], []))
    assert found.to_columns() == ([[1045259935, 1668181848], []], [[0.5, 2.0], []])
    assert SparseEmbeddings((), "elser").to_columns() == ([], [])
