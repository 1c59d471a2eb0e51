"""What a merge leaves behind is in no file."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARKS = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)
FOLDERS = ("core", "docs", "examples", "integrations", "notebooks", "tests")


def test_no_file_holds_a_mark_of_a_merge():
    """Neither code nor pages, of which no tool would say so."""
    files = [
        path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in {".md", ".py"}
    ]
    files += [
        path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".txt"} or path.name == "Makefile"
    ]
    assert len(files) > 300
    assert [path.name for path in files if MARKS.search(path.read_text(encoding="utf-8"))] == []
