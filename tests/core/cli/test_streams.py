"""Every command with standard streams that are closed, full, or not read to their end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ragbridge.cache import SqliteCache
from ragbridge.cli.app import app
from ragbridge.local import Engine
from ragbridge.server import running

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="streams of POSIX"),
]

ENDPOINT = ["--service", "jinaai", "--model", "jina-embeddings-v3"]

COMMANDS: dict[str, list[str]] = {
    "": ["--version"],
    "demo": ["demo", "--help"],  # itself it takes too long
    "search": ["search", "{file}", "capital", "--local", "--json"],
    "embed": ["embed", "a text", "--local", "--dimensions", "32", "--json"],
    "rerank": ["rerank", "capital", "Lisbon", "Berlin", "--local"],
    "classify": ["classify", "Lisbon", "-l", "a city", "-l", "a river", "--local"],
    "read": ["read", "https://example.com/a", "--pages", "{pages}"],
    "chunk": ["chunk", "{file}"],
    "serve": ["serve", "--port", "0"],
    "models": ["models"],
    "limits": ["limits", "--json"],
    "doctor": ["doctor", "--base-url", "local"],
    "cache info": ["cache", "info", "{cache}"],
    "cache clear": ["cache", "clear", "{cache}", "--yes"],
    "elastic endpoints list": ["elastic", "endpoints", "list", "--url", "{url}"],
    "elastic endpoints show": ["elastic", "endpoints", "show", "there", "--url", "{url}"],
    "elastic endpoints create": [
        "elastic",
        "endpoints",
        "create",
        "{new}",
        "text_embedding",
        *ENDPOINT,
        "--url",
        "{url}",
    ],
    "elastic endpoints update": [
        "elastic",
        "endpoints",
        "update",
        "there",
        "--requests-per-minute",
        "9",
        "--url",
        "{url}",
    ],
    "elastic endpoints delete": ["elastic", "endpoints", "delete", "there", "--dry-run", "--url", "{url}"],
}
"""Arguments with which each command prints something. A new command needs a row."""

STATES = ["1 closed", "1 full", "1 left", "2 full", "02 closed", "012 closed"]


def names(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    inside = getattr(command.loaded() if hasattr(command, "loaded") else command, "commands", None)
    if not inside:
        yield " ".join(path)
    for name, one in (inside or {}).items():
        yield from names(one, (*path, name))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], tuple[int, str, str]]:
    """Exit code, output and errors of each command in each state; "" is the state in which nothing is odd."""
    folder = tmp_path_factory.mktemp("streams")
    (folder / "text.txt").write_text("Lisbon is the capital of Portugal.\n")
    (folder / "pages.json").write_text('{"https://example.com/a": "# A title"}')
    SqliteCache(folder / "answers.db").close()
    with running(Engine()) as url:
        asked = []
        for name, arguments in COMMANDS.items():
            for state in ["", *STATES]:
                if name == "serve" and "1" not in state:
                    continue  # it would serve
                words = {
                    "file": str(folder / "text.txt"),
                    "pages": str(folder / "pages.json"),
                    "url": url,
                    "cache": str(folder / "answers.db"),
                    "new": f"new-{len(asked)}",
                }
                asked.append(([each.format(**words) for each in arguments], state, name))
        first = ["elastic", "endpoints", "create", "there", "text_embedding", *ENDPOINT, "--url", url]
        others = [
            (["chunk", "-"], "0 closed"),
            (["embed", "--local"], "0 closed"),
            (["nonsense"], "2 closed"),
            (["search", "/nowhere"], "2 full"),
        ]
        batch = [(first, ""), *((words, state) for words, state, _ in asked), *others]
        (folder / "asked").write_text(json.dumps(batch))
        script = Path(__file__).with_name("every_command.py")
        environment = {"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": str(folder)}
        keys = {"JINA_API_KEY": "jina_0123456789", "ELASTIC_API_KEY": "elastic-0123456789"}
        subprocess.run(
            [sys.executable, script, folder / "asked", folder / "answers"],
            check=True,
            timeout=300,
            env={**environment, **keys},
        )
    answers = json.loads((folder / "answers").read_text())
    assert answers[0][0] == 0, answers[0]
    found = {
        (name, state): tuple(answer) for (_, state, name), answer in zip(asked, answers[1:], strict=False)
    }
    return found | {
        (" ".join(each[0]), each[1]): tuple(answer) for each, answer in zip(others, answers[-4:], strict=True)
    }


def test_every_command_is_tried() -> None:
    """The table above has all commands of the application."""
    assert set(COMMANDS) - {""} == set(names(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("state", "says"), [("1 closed", "it is closed"), ("1 full", "No space left on device")]
)
def test_results_that_cannot_be_written_are_one_line(
    outcomes: dict[tuple[str, str], Any], name: str, state: str, says: str
) -> None:
    """A closed or full standard output ends a command with one line that says so, and exit code 1."""
    code, out, err = outcomes[name, state]
    assert (code, out, err) == (1, "", f"ragbridge: standard output cannot be written: {says}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_leaves_is_no_error_to_talk_about(
    outcomes: dict[tuple[str, str], Any], name: str
) -> None:
    """Where nobody reads the pipe any more a command ends without a word, with the code of those that SIGPIPE ends."""
    code, out, err = outcomes[name, "1 left"]
    assert (code, out, err) == (141, "", "")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "serve"])
@pytest.mark.parametrize("state", ["2 full", "02 closed"])
def test_streams_that_a_command_does_not_need_may_be_missing(
    outcomes: dict[tuple[str, str], Any], name: str, state: str
) -> None:
    """Without standard input or error a command prints what it always prints."""
    code, out, err = outcomes[name, state]
    usual_code, usual, _ = outcomes[name, ""]
    assert (code, err) == (usual_code, "") == (0, "")
    assert len(out.splitlines()) == len(usual.splitlines()) > 0
    if "create" not in name and name != "doctor":  # which says how long an answer took
        assert out == usual


@pytest.mark.parametrize("name", COMMANDS)
def test_all_streams_may_be_missing(outcomes: dict[tuple[str, str], Any], name: str) -> None:
    """With no stream at all the exit code says that nothing could be printed."""
    assert outcomes[name, "012 closed"] == (1, "", "")


def test_input_that_is_closed_is_one_line(outcomes: dict[tuple[str, str], Any]) -> None:
    """Whoever wants to read from a closed standard input is told so."""
    expected = (1, "", "ragbridge: standard input cannot be read: it is closed\n")
    assert outcomes["chunk -", "0 closed"] == outcomes["embed --local", "0 closed"] == expected


@pytest.mark.parametrize(("name", "state"), [("nonsense", "2 closed"), ("search /nowhere", "2 full")])
def test_wrong_usage_keeps_its_exit_code(outcomes: dict[tuple[str, str], Any], name: str, state: str) -> None:
    """Where errors cannot be shown, the exit code still says which kind it was."""
    assert outcomes[name, state] == (2, "", "")


def test_a_closed_stream_takes_no_files_number(ragbridge: Callable[..., Any], tmp_path: Path) -> None:
    """A file that is opened later does not become standard output: nothing is written into it."""
    (tmp_path / "text.txt").write_text("Lisbon is the capital of Portugal.\n")
    done = ragbridge("chunk", tmp_path / "text.txt", before="import os; os.close(1); os.close(0)")
    assert done.returncode == 1
    assert (tmp_path / "text.txt").read_text() == "Lisbon is the capital of Portugal.\n"
    assert done.stderr == "ragbridge: standard output cannot be written: it is closed\n"
