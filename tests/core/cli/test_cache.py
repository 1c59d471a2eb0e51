from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ragbridge import Jina
from ragbridge.cache import SqliteCache


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """A cache that holds three vectors."""
    path = tmp_path / "answers.db"
    with Jina(base_url="local", cache=path) as jina:
        jina.embed(["one", "two", "three"])
    SqliteCache(path).close()
    return path


def test_info_counts_what_a_cache_holds(in_process: Any, answers: Path) -> None:
    """The file's name, its answers and its bytes, for people and as JSON."""
    found = json.loads(in_process("cache", "info", answers, "--json").stdout)
    assert found == {"path": str(answers), "answers": 3, "bytes": found["bytes"]}
    assert found["bytes"] > 3 * 1024 * 4
    shown = in_process("cache", "info", answers)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == f"{answers}: 3 answers, {found['bytes']:,} bytes\n"


def test_clear_deletes_what_a_cache_holds(in_process: Any, answers: Path) -> None:
    """After --yes the file is there, and empty."""
    done = in_process("cache", "clear", answers, "--yes", "--json")
    assert json.loads(done.stdout)["deleted"] == 3
    assert SqliteCache(answers).info().answers == 0
    assert in_process("cache", "clear", answers, "--yes").stdout.startswith(f"{answers}: 0 answers deleted")


def test_clear_asks(ragbridge: Any, answers: Path) -> None:
    """Where nobody can be asked, --yes is named and nothing is deleted; where somebody says no, neither is."""
    done = ragbridge("cache", "clear", answers, before="import os; os.dup2(os.open(os.devnull, 0), 0)")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "--yes" in done.stderr
    terminal = "import os, pty; ours, theirs = pty.openpty(); os.write(ours, b'{}\\n'); os.dup2(theirs, 0)"
    assert ragbridge("cache", "clear", answers, before=terminal.format("n")).returncode == 1
    assert SqliteCache(answers).info().answers == 3
    asked = ragbridge("cache", "clear", answers, before=terminal.format("y"))
    assert (asked.returncode, "3 answers deleted" in asked.stdout) == (0, True)
    assert "Delete 3 answers" in asked.stderr


@pytest.mark.parametrize("command", [["info"], ["clear", "--yes"]])
@pytest.mark.parametrize("kind", ["nothing", "folder", "text", "database"])
def test_what_is_no_cache_is_one_line(in_process: Any, tmp_path: Path, command: list[str], kind: str) -> None:
    """A file of something else is named and stays as it is; one that is not there is not made."""
    path = tmp_path / "other"
    match kind:
        case "folder":
            path.mkdir()
        case "text":
            path.write_text("no cache " * 100)
        case "database":
            connection = sqlite3.connect(path)
            connection.execute("create table answers (id integer)")
            connection.close()
    before = path.read_bytes() if path.is_file() else None
    done = in_process("cache", command[0], path, *command[1:])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert (path.read_bytes() if path.is_file() else None) == before
    assert path.exists() == (kind != "nothing")
