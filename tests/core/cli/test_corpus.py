"""The demo's corpus, and how well the embedded engine retrieves and reranks it, without a framework."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.demo import corpus
from ragbridge.demo.corpus import Corpus, Docstring, Passage, Query
from ragbridge.demo.report import ndcg, recall

LONG = "It explains at length what happens. " * 8
RERANKED = 60
"""Reranking is slow: so many queries, evenly spaced."""
FINGERPRINT = "hashlib.sha256(repr(corpus.load()).encode()).hexdigest()"
WITH_EFFECTS = {"antigravity", "this", "idlelib", "tkinter", "turtle", "test", "lib2to3"}


@pytest.fixture(scope="module")
def installed() -> Corpus:
    """The corpus of this installation."""
    return corpus.load()


def test_the_corpus_is_large_enough_and_keeps_its_rules(installed: Corpus) -> None:
    """At least 1,200 passages of 200 to 1,200 characters, 200 queries, each with its answer among the passages."""
    texts = installed.texts
    assert len(installed.passages) == len(texts) >= 1_200
    assert len(installed.queries) >= 200
    assert all(200 <= len(text) <= 1_200 for text in texts.values())
    assert len(set(texts.values())) == len(texts)
    asked = [query.text for query in installed.queries]
    assert len(set(asked)) == len(asked)
    for query in installed.queries:
        assert query.text not in texts[query.answer]
        assert query.answer.rpartition(".")[2].casefold() not in query.text.casefold()
    assert {answer.partition(".")[0] == "numpy" for answer in texts} == {True, False}


def test_the_corpus_is_the_same_on_every_run_and_imports_nothing(installed: Corpus) -> None:
    """Another process with another hash seed finds the same, without importing what it reads."""
    code = (
        "import hashlib, sys\nfrom ragbridge.demo import corpus\nbefore = set(sys.modules)\n"
        f"print({FINGERPRINT})\nprint(*sorted(set(sys.modules) - before))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    fingerprint, imported = done.stdout.splitlines()
    assert fingerprint == hashlib.sha256(repr(installed).encode()).hexdigest()
    assert not WITH_EFFECTS & {name.partition(".")[0] for name in imported.split()}
    assert done.stderr == ""


def test_too_few_docstrings_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the standard library's sources are missing the demo says so instead of measuring less."""
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(ConfigurationError, match="1,200 passages and 200 queries"):
        corpus.load()


@pytest.mark.parametrize(
    ("summary", "kept"),
    [
        ("Return what was written last.", True),
        ("Read the Last-Line of a file.", False),  # names its own object, whatever the spelling
        ("Return the other thing.", False),  # also another object's, though that one has no passage
        ("It explains  AT length", False),  # stands in its passage
        ("...", False),  # asks nothing
    ],
)
def test_queries_that_give_the_answer_away_or_have_two_are_left_out(summary: str, kept: bool) -> None:
    """The passage stays, the query goes."""
    found = corpus.build(
        [
            Docstring("a.last_line", summary, LONG),
            Docstring("b.short", "Return the other thing.", "Too short."),
            Docstring("c.another", "Explain nothing in particular.", LONG + "Differently."),
        ],
        passages=10,
        queries=10,
    )
    assert [passage.id for passage in found.passages] == ["a.last_line", "c.another"]
    assert ("a.last_line" in {query.answer for query in found.queries}) is kept


def test_passages_are_cut_and_no_text_stands_twice() -> None:
    """1,200 characters at most; of two equal passages or names the first is kept; short ones are left out."""
    found = corpus.build(
        [
            Docstring("a", "Sum.", "x" * 5_000),
            Docstring("b", "Product.", "x" * 1_200),
            Docstring("a", "Quotient.", "y" * 300),
            Docstring("c", "Difference.", "z" * 199),
            Docstring("d", "Remainder.", "z" * 200),
        ],
        passages=10,
        queries=10,
    )
    assert [(passage.id, len(passage.text)) for passage in found.passages] == [("a", 1_200), ("d", 200)]


def test_fewer_passages_and_queries_are_spread_evenly() -> None:
    """A limit takes from the whole list, so that no library is left out."""
    docstrings = [Docstring(f"m.f{n:03}", f"Task {n} of many.", f"{n:03}" * 100) for n in range(100)]
    found = corpus.build(docstrings, passages=10, queries=5)
    assert [passage.id for passage in found.passages] == [f"m.f{n:03}" for n in range(0, 100, 10)]
    assert [query.answer for query in found.queries] == [f"m.f{n:03}" for n in range(0, 100, 20)]
    assert [query.answer for query in found.asking(2).queries] == ["m.f000", "m.f040"]


def test_metrics_are_those_of_one_relevant_passage() -> None:
    """nDCG@10 is 1 / log2(1 + rank), recall@10 whether it is there; beyond rank 10 both are 0."""
    ten = [str(number) for number in range(1, 11)]
    for rank in range(1, 11):
        assert ndcg([(ten, str(rank))]) == pytest.approx(1 / math.log2(1 + rank))
        assert recall([(ten, str(rank))]) == 1
    eleventh = [([*ten, "11"], "11")]
    assert ndcg(eleventh) == recall(eleventh) == 0
    assert recall([(ten, "3"), ([], "3")]) == 0.5


@pytest.fixture(scope="module")
def retrieved(installed: Corpus) -> dict[Query, list[Passage]]:
    """Query -> the 50 nearest passages.

    All queries are asked: the text is that of the Python and NumPy at hand, and a sample differs too much.
    """
    jina = Jina(base_url="local")
    passages = [passage.text for passage in installed.passages]
    vectors = jina.embed(passages, role="document", dimensions=128).vectors
    asked = jina.embed([query.text for query in installed.queries], role="query", dimensions=128).vectors
    return {
        query: [installed.passages[index] for index in np.argsort(-similar, kind="stable")[:50]]
        for query, similar in zip(installed.queries, asked @ vectors.T, strict=True)
    }


def test_retrieval(retrieved: dict[Query, list[Passage]]) -> None:
    """The right passage is among the first ten of more than a thousand for half of the queries."""
    assert recall([([passage.id for passage in top], query.answer) for query, top in retrieved.items()]) > 0.5


def test_reranking_helps(installed: Corpus, retrieved: dict[Query, list[Passage]]) -> None:
    """Reranking raises nDCG@10 by 0.05 or more."""
    jina = Jina(base_url="local")
    before, after = [], []
    for query in installed.asking(RERANKED).queries:
        top = retrieved[query]
        ranking = jina.rerank(query.text, [passage.text for passage in top])
        before.append(([passage.id for passage in top], query.answer))
        after.append(([top[row.index].id for row in ranking], query.answer))
    assert ndcg(after) >= ndcg(before) + 0.05
