"""Pages of help, and what is said about wrong usage."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from ragbridge.cli import app as application
from ragbridge.cli.commands import SUMMARIES
from ragbridge.models import MODELS


def paths(command: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, those of commands as well."""
    yield above
    inside = getattr(command.loaded() if hasattr(command, "loaded") else command, "commands", {})
    for name, one in inside.items():
        yield from paths(one, (*above, name))


COMMANDS = list(paths(typer.main.get_command(application.app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_fits_any_terminal_and_breaks_between_words(in_process: Any, path: tuple[str, ...]) -> None:
    """At 40 and at 80 columns no line is longer, but for a name, and the words are those of a wide terminal."""
    pages = {}
    for columns in (40, 80, 120):
        done = in_process(*path, "--help", columns=columns)
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        assert all(len(line) < columns or line.startswith(("  -", "Usage: ")) for line in lines)
        assert all(len(line) < max(columns, 45) for line in lines)
        assert "\x1b" not in done.stdout
        assert "<bool>" not in done.stdout
        pages[columns] = done.stdout.split()
    assert pages[40] == pages[80] == pages[120]
    assert pages[80][:2] == ["Usage:", "ragbridge"]


def test_each_command_is_one_line_of_the_first_page(in_process: Any) -> None:
    """All of them, on a terminal of 80 columns."""
    lines = in_process("--help", columns=80).stdout.splitlines()
    width = max(map(len, SUMMARIES))
    assert [
        line for line in (f"  {n:<{width}}  {says}" for n, says in SUMMARIES.items()) if line not in lines
    ] == []


def test_help_loads_nothing_heavy() -> None:
    """Neither rich nor any command, nor what only commands need: it is looked at first, and must be there at once."""
    heavy = "{'rich', 'numpy', 'httpx', 'httpx2', 'starlette', 'asyncio', 'model2vec'}"
    code = f"""import sys
from ragbridge.cli import main
assert 'typer' not in sys.modules
sys.argv = ['ragbridge', '--help']
try:
    main()
except SystemExit:
    names = {{name.partition('.')[0] for name in sys.modules}}
    loaded = {{name for name in names if name in {heavy}}} | {{'ragbridge.cli.search'}} & set(sys.modules)
    sys.stderr.write(repr((sorted(loaded), 'rich.console' in sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr in {
        "([], False)",
        "(['rich'], False)",
    }  # rich itself, a few lines, says that the extra is there


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serach", "x"], "No such command 'serach'. Did you mean 'search'? See ragbridge --help"),
        (["nonsense"], "No such command 'nonsense'. See ragbridge --help"),
        (["--versoin"], "No such option: --versoin. Did you mean '--version'? See ragbridge --help"),
        (["models", "--jsn"], "No such option: --jsn. Did you mean '--json'? See ragbridge models --help"),
        (["elastic", "endpoint"], "Did you mean 'endpoints'? See ragbridge elastic --help"),
        (["elastic", "endpoints", "shwo"], "Did you mean 'show'? See ragbridge elastic endpoints --help"),
        (["chunk"], "Missing argument 'FILE'. See ragbridge chunk --help"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line_with_what_was_meant(
    in_process: Any, arguments: list[str], says: str
) -> None:
    """Exit code 2, one line on standard error, the nearest name, and where to look."""
    done = in_process(*arguments, columns=40)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("ragbridge: ")
    assert done.stderr.endswith(f"{says}\n")


@pytest.mark.parametrize("path", [(), ("cache",), ("elastic",), ("elastic", "endpoints")], ids=" ".join)
def test_a_command_of_commands_without_one_shows_them(in_process: Any, path: tuple[str, ...]) -> None:
    """On standard error, with exit code 2: a script that forgot one must not go on."""
    done = in_process(*path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == in_process(*path, "--help").stdout


@pytest.mark.parametrize(
    ("environment", "bold"),
    [
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_headings_are_bold_only_where_colours_are_wanted(
    in_process: Any, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], bold: bool
) -> None:
    """Bold is seen on light and dark screens. NO_COLOR, a dumb terminal, files and pipes get plain text."""
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[1mOptions" in in_process("--help").stdout) is bold
    assert re.sub(r"\x1b\[\d+m", "", in_process("--help").stdout).startswith("Usage: ragbridge [OPTIONS]")


@pytest.fixture
def completed(in_process: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What bash offers for the last of some words."""

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_RAGBRIDGE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(["ragbridge", *words]))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return str(in_process().stdout).split()

    return complete


def test_shells_complete_commands_and_options(completed: Callable[..., list[str]]) -> None:
    """Also those of commands that are not loaded, and of commands of commands."""
    assert completed("mo") == ["models"]
    assert completed("elastic", "endpoints", "sh") == ["show"]
    assert completed("search", "--loc") == ["--local"]
    assert completed("chunk", "--strategy", "sen") == ["sentence"]


@pytest.mark.parametrize(
    ("words", "product"),
    [
        (("embed", "--model", "jina-"), "embed"),
        (("rerank", "q", "--model", "jina-"), "rerank"),
        (("classify", "--model", "jina-"), "classify"),
        (("models", "jina-"), ""),
    ],
    ids=str,
)
def test_shells_complete_names_of_models(
    completed: Callable[..., list[str]], words: tuple[str, ...], product: str
) -> None:
    """Of those that can do what is asked of them."""
    able = [row.name for row in MODELS.values() if not product or product in row.products]
    assert completed(*words) == [name for name in able if name.startswith("jina-")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_each_shell(
    in_process: Any, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """A script that asks this program."""
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    done = in_process("--show-completion", shell)
    assert done.returncode == 0
    assert "_RAGBRIDGE_COMPLETE" in done.stdout
