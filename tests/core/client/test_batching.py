import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge.client.batching import Batch, pack
from ragbridge.limiter.tokens import NOTHING, TokenEstimator

texts = st.lists(st.one_of(st.text(max_size=20), st.integers(1, 400).map("ab ".__mul__)), max_size=60)
bounds = st.one_of(st.none(), st.floats(1, 2000))


def counting(**figures):
    """An estimator by a tokenizer of words, which notes what it was asked."""
    asked = []

    def count(text):
        asked.append(text)
        return len(text.split())

    return TokenEstimator(count_tokens=count), asked


@settings(max_examples=100)
@given(texts, st.integers(1, 20), bounds, bounds)
def test_order_is_kept_and_bounds_hold(given_texts, items, tokens, budget):
    """Batches cover the texts without gap or overlap; none is above a bound but a single text that is so by itself."""
    estimator = TokenEstimator()
    batches = list(pack(given_texts, items=items, estimator=estimator, tokens=tokens, budget=budget))
    assert [index for batch in batches for index in range(batch.start, batch.stop)] == list(
        range(len(given_texts))
    )
    for batch in batches:
        size = batch.stop - batch.start
        estimate = estimator.estimate(estimator.measure_all(given_texts[batch.start : batch.stop]))[0]
        assert 1 <= size <= items
        for bound in (tokens, budget):
            assert bound is None or size == 1 or estimate <= bound * (1 + 1e-9)


@pytest.mark.parametrize(("budget", "size"), [(42.0, 3), (41.9, 2), (14.0, 1), (0.5, 1), (1000.0, 10)])
def test_a_batch_is_cut_at_its_bound(budget, size):
    """Texts of 14 tokens each: a bound is met exactly, and never passed by a part of a text."""
    estimator, _ = counting()
    batches = pack(["a b c d e f g h i j"] * 10, items=10, estimator=estimator, budget=budget)
    assert next(batches).stop == size


@settings(max_examples=100)
@given(texts, st.integers(1, 20), st.floats(1, 2000))
def test_batches_are_as_full_as_they_may_be(given_texts, items, budget):
    """The first text of a batch would not have fitted into the one before."""
    estimator = TokenEstimator()
    batches = list(pack(given_texts, items=items, estimator=estimator, budget=budget))
    for batch, following in itertools.pairwise(batches):
        more = estimator.estimate(estimator.measure_all(given_texts[batch.start : following.start + 1]))[0]
        assert batch.stop - batch.start == items or more > budget * (1 - 1e-9)


def test_features_are_those_of_the_batch():
    """What a batch carries is what the estimator measures of its texts, so that the report can be learnt from."""
    estimator = TokenEstimator()
    given_texts = [f"text number {index}, of some length" for index in range(20)]
    for batch in pack(given_texts, items=6, estimator=estimator, budget=60.0):
        assert batch.features == estimator.measure_all(given_texts[batch.start : batch.stop])


def test_nothing_is_measured_where_tokens_play_no_part():
    """Without a limit on tokens, or surely below it, no text is looked at: estimating costs nothing then."""
    estimator, asked = counting()
    given_texts = ["word " * 80] * 10
    assert list(pack(given_texts, items=4, estimator=estimator)) == [Batch(0, 4), Batch(4, 8), Batch(8, 10)]
    assert len(list(pack(given_texts, items=4, estimator=estimator, tokens=1_700))) == 3
    assert not asked
    assert next(pack(given_texts, items=4, estimator=estimator, tokens=300)) == Batch(
        0, 3, (240.0, 0, 0, 0, 0, 3.0)
    )
    assert Batch(0, 1).features == NOTHING


def test_an_overlong_text_is_its_own_request():
    """A text above the bound is sent alone, between its neighbours."""
    estimator, _ = counting()
    batches = list(pack(["a b", "c d", "e " * 500, "f", "g"], items=10, estimator=estimator, budget=50.0))
    assert [(batch.start, batch.stop) for batch in batches] == [(0, 2), (2, 3), (3, 5)]


def test_later_batches_profit_from_what_was_learnt():
    """Texts are cut as batches are taken: once the model proves cheaper than feared, more of them share a request."""
    estimator = TokenEstimator()
    given_texts = ["Some plain English text, about two dozen words of it, as documents have them. " * 5] * 100
    batches = pack(given_texts, items=100, estimator=estimator, budget=1000.0)
    first = next(batches)
    estimator.learn(first.features, 0.5 * estimator.estimate(first.features)[0])
    second = next(batches)
    assert second.stop - second.start > 1.6 * (first.stop - first.start)
