"""Corpora to embed, and a server that counts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ragbridge import Jina

COUNTING = Path(__file__).with_name("counting.py")


@pytest.fixture
def corpus_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes JSON Lines: ``count`` rows with a number and a text, or the rows that are given."""

    def write(rows: int | list[Any] = 10, name: str = "corpus.jsonl") -> Path:
        given = (
            [{"id": number, "text": f"{number} is a number"} for number in range(rows)]
            if isinstance(rows, int)
            else rows
        )
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in given))
        return path

    return write


@pytest.fixture
def scripted_client(scripted: Any) -> Callable[..., Jina]:
    """A client whose vectors carry the number that their text begins with, and its transport."""

    def make(*outcomes: Any, default: Any = None, **settings: Any) -> Any:
        transport = scripted(*outcomes, **({"default": default} if default else {}))
        return Jina("key", transport=transport, limits=None, **settings), transport

    return make


@pytest.fixture
def counting_server(tmp_path: Path) -> Iterator[Callable[[float], tuple[str, str]]]:
    """Starts a server in a process of its own; gives its address and the file where it writes what it bills."""
    processes = []

    def start(latency: float) -> tuple[str, str]:
        log = str(tmp_path / "bill")
        process = subprocess.Popen(
            [sys.executable, COUNTING, log, str(latency)], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip(), log

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
