"""The embedded engine retrieves and reranks real text: the demo's, without a framework."""

from __future__ import annotations

import numpy as np
import pytest

from ragbridge import Jina
from ragbridge.demo import corpus
from ragbridge.demo.report import ndcg, recall

QUERIES = 60


@pytest.fixture(scope="module")
def rankings():
    """What is found for each query, before and after reranking the first 50."""
    text = corpus.load().asking(QUERIES)
    passages = [passage.text for passage in text.passages]
    jina = Jina(base_url="local")
    vectors = jina.embed(passages, role="document", dimensions=128).vectors
    asked = jina.embed([query.text for query in text.queries], role="query", dimensions=128).vectors
    before, after = [], []
    for query, similar in zip(text.queries, asked @ vectors.T, strict=True):
        top = np.argsort(-similar, kind="stable")[:50]
        ranking = jina.rerank(query.text, [passages[index] for index in top])
        before.append(([text.passages[index].id for index in top], query.answer))
        after.append(([text.passages[top[row.index]].id for row in ranking], query.answer))
    return before, after


def test_retrieval(rankings):
    """The right passage is among the first ten of more than a thousand for half of the queries."""
    before, _ = rankings
    assert recall(before) > 0.5


def test_reranking_helps(rankings):
    """Reranking raises nDCG@10 by 0.05 or more."""
    before, after = rankings
    assert ndcg(after) >= ndcg(before) + 0.05
