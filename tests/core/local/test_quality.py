"""The embedded engine retrieves and reranks real text: the demo's, without a framework."""

from __future__ import annotations

import numpy as np
import pytest

from ragbridge import Jina
from ragbridge.demo import corpus
from ragbridge.demo.report import ndcg, recall

RERANKED = 60
"""Reranking is slow: so many queries, evenly spaced."""


@pytest.fixture(scope="module")
def text():
    return corpus.load()


@pytest.fixture(scope="module")
def retrieved(text):
    """Query -> the 50 nearest passages.

    All queries are asked: the text is that of the Python and NumPy at hand, and a sample differs too much.
    """
    jina = Jina(base_url="local")
    passages = [passage.text for passage in text.passages]
    vectors = jina.embed(passages, role="document", dimensions=128).vectors
    asked = jina.embed([query.text for query in text.queries], role="query", dimensions=128).vectors
    return {
        query: [text.passages[index] for index in np.argsort(-similar, kind="stable")[:50]]
        for query, similar in zip(text.queries, asked @ vectors.T, strict=True)
    }


def test_retrieval(retrieved):
    """The right passage is among the first ten of more than a thousand for half of the queries."""
    assert recall([([passage.id for passage in top], query.answer) for query, top in retrieved.items()]) > 0.5


def test_reranking_helps(text, retrieved):
    """Reranking raises nDCG@10 by 0.05 or more."""
    jina = Jina(base_url="local")
    before, after = [], []
    for query in text.asking(RERANKED).queries:
        top = retrieved[query]
        ranking = jina.rerank(query.text, [passage.text for passage in top])
        before.append(([passage.id for passage in top], query.answer))
        after.append(([top[row.index].id for row in ranking], query.answer))
    assert ndcg(after) >= ndcg(before) + 0.05
