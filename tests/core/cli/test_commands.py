from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest

import ragbridge as package
from ragbridge.limiter.tiers import TIERS
from ragbridge.models import MODELS


def test_version_is_printed(ragbridge: Any) -> None:
    """--version prints the package's version and nothing else."""
    done = ragbridge("--version")
    assert (done.stdout, done.stderr, done.returncode) == (f"ragbridge {package.__version__}\n", "", 0)


def test_models_lists_every_model(in_process: Any) -> None:
    """The table and --json have one row for each model that requests are checked against; no key is asked for."""
    table = in_process("models")
    assert table.stderr == ""
    rows = json.loads(in_process("models", "--json").stdout)
    assert [row["name"] for row in rows] == list(MODELS)
    for row, model in zip(rows, MODELS.values(), strict=True):
        assert row["context"] == model.context
        assert row["products"] == sorted(model.products)
        assert any(line.split()[:1] == [model.name] for line in table.stdout.splitlines())


@pytest.mark.parametrize("command", ["models", "limits"])
@pytest.mark.parametrize("columns", [40, 80])
def test_tables_break_between_words_on_a_terminal(
    in_process: Any, monkeypatch: pytest.MonkeyPatch, command: str, columns: int
) -> None:
    """No word is cut; where the columns do not fit, the rows stand below one another."""
    wide = in_process(command).stdout
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    narrow = re.sub(r"\x1b\[[\d;]*m", "", in_process(command, columns=columns).stdout)
    assert "…" not in narrow
    assert all(len(line) <= columns for line in narrow.splitlines())
    assert {word.strip(",;") for word in wide.split()} - {word.strip(",;") for word in narrow.split()} <= {
        "─" * n for n in range(300)
    }


def test_one_model_is_shown_with_its_tasks_and_options(in_process: Any) -> None:
    """By its name, or its name on the hub; an unknown one is refused with what was meant."""
    shown = in_process("models", "jina-embeddings-v3").stdout
    row = MODELS["jina-embeddings-v3"]
    for text in (row.name, *row.products, *row.tasks, *row.options, *map(str, row.sizes), f"{row.context:,}"):
        assert text in shown
    assert json.loads(in_process("models", "jinaai/jina-embeddings-v3", "--json").stdout)["name"] == row.name
    done = in_process("models", "jina-embedings-v3")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "did you mean 'jina-embeddings-v3'" in done.stderr


def test_limits_lists_every_tier_with_date_and_source(in_process: Any) -> None:
    """Each published limit is shown with its service, and with when and where it was published."""
    done = in_process("limits")
    lines = done.stdout.splitlines()
    sources = dict(line.split(" ", 1) for line in lines if line.startswith("("))
    for tier in TIERS:
        name = [tier.service, tier.product, tier.name]
        (cells,) = [line.split() for line in lines if line.split()[:3] == name]
        assert cells[3] == f"{tier.limit.requests_per_minute:,.0f}"
        assert cells[-2] == tier.date
        assert sources[cells[-1]] == tier.source
    assert len(json.loads(in_process("limits", "--json").stdout)) == len(TIERS)


@pytest.mark.parametrize("name", ["typer", "rich"])
def test_a_missing_extra_is_one_line(ragbridge: Any, name: str) -> None:
    """Without typer or rich the command names the extra and exits with 2."""
    done = ragbridge("models", before=f"import sys; sys.modules[{name!r}] = None")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "ragbridge[cli]"' in done.stderr
    assert done.stdout == ""


def test_the_servers_extra_is_named_by_serve_alone(ragbridge: Any) -> None:
    """Without uvicorn `serve` says what to install; the other commands work."""
    without = "import sys; sys.modules['uvicorn'] = None"
    done = ragbridge("serve", before=without)
    assert done.returncode == 1
    assert 'pip install "ragbridge[server]"' in done.stderr
    assert ragbridge("models", before=without).returncode == 0


def test_a_reader_that_leaves_ends_it_quietly(environment: dict[str, str]) -> None:
    """`ragbridge models | head` ends without a word on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    for option in ([], ["--json"]):
        command = [sys.executable, "-c", "from ragbridge.cli import main; main()", "models", *option]
        done = subprocess.run(
            command,
            env=environment,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        assert done.returncode == 141
    os.close(writing)


def test_output_fits_any_encoding(ragbridge: Any) -> None:
    """Where the output's encoding lacks a character, another one is shown; nothing fails."""
    done = ragbridge("models", env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.isascii()
