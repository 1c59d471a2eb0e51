"""The command line as users run it: a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ragbridge.cli import app

Run = Callable[..., subprocess.CompletedProcess[str]]

KEYS = ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN", "RAGBRIDGE_SERVE_KEY")
COLOURS = ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without keys, with an empty home."""
    kept = {name: value for name, value in os.environ.items() if name not in KEYS + COLOURS}
    return {**kept, "HOME": str(tmp_path), "COLUMNS": "200"}


@pytest.fixture
def ragbridge(environment: dict[str, str]) -> Run:
    """Runs ``ragbridge ARGUMENTS`` and returns what it printed; ``env`` is added to its environment."""

    def run(
        *arguments: object, env: dict[str, str] | None = None, before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        code = f"{before}\nfrom ragbridge.cli import main; main()"
        command = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(
            command,
            env={**environment, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The same without a process of its own: ten times as fast, for what does not depend on one.

    ``typed`` is what standard input holds.
    """

    def run(
        *arguments: object, columns: int = 200, typed: str | bytes | None = None
    ) -> subprocess.CompletedProcess[str]:
        if typed is not None:
            data = typed.encode() if isinstance(typed, str) else typed
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        monkeypatch.setattr(sys, "argv", ["ragbridge", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as ended:
            app.run()
        found = capsys.readouterr()
        return subprocess.CompletedProcess(sys.argv, int(ended.value.code or 0), found.out, found.err)

    return run


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder with text, Markdown and Python, and with what a search leaves out."""
    root = tmp_path / "library"
    (root / "notes").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git" / "config.txt").write_text("the capital of Portugal is Lisbon")
    (root / "cities.txt").write_text(
        "Berlin is the capital of Germany.\n\nLisbon is the capital of Portugal.\n"
    )
    (root / "notes" / "cooking.md").write_text(
        f"# Bread\n\n{'Knead the dough again. ' * 30}\n\n# Soup\n\nBoil the onions slowly.\n"
    )
    (root / "waits.py").write_text(
        '"""Waiting."""\n\n\ndef pause(seconds):\n    """Sleep for some seconds."""\n'
    )
    (root / "image.txt").write_bytes(b"\x89PNG\0\0")
    (root / "latin.txt").write_bytes("caf\xe9 au lait".encode("latin-1"))
    (root / "long.md").write_text("word " * 500_000)
    (root / "data.json").write_text('{"capital": "Lisbon"}')
    return root
