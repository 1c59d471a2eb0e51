"""Text files for ``ragbridge search``: the selection, and why the others are left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MARKDOWN = frozenset({".md", ".markdown"})
PYTHON = frozenset({".py", ".pyi"})
TEXT = frozenset({".txt", ".text", ".rst"})
SUFFIXES = TEXT | MARKDOWN | PYTHON
"""Suffixes of the files that are read in folders. A file that is named itself may have any."""

MAX_BYTES = 2 * 2**20
"""Longer files are left out: logs and data, not prose."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file's text; every line ends with a newline alone."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Files:
    """The files that were read, and how many were left out for each reason."""

    sources: tuple[Source, ...]
    left_out: Counter[str]


def read(paths: Iterable[Path]) -> Files:
    """Read files and folders, in the order of the paths; each file once."""
    sources: list[Source] = []
    left_out: Counter[str] = Counter()
    seen: set[Path] = set()
    for path in _files(paths, left_out):
        real = path.resolve()
        if real in seen:
            continue
        seen.add(real)
        outcome = _read(path)
        if isinstance(outcome, Source):
            sources.append(outcome)
        else:
            left_out[outcome] += 1
    return Files(tuple(sources), left_out)


def _files(paths: Iterable[Path], left_out: Counter[str]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            hidden = [name for name in folders + names if name.startswith(".")]
            if hidden:
                left_out["hidden"] += len(hidden)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(set(names) - set(hidden)):
                if Path(name).suffix.lower() in SUFFIXES:
                    yield Path(folder, name)
                else:
                    left_out["of another kind"] += 1


def _read(path: Path) -> Source | str:
    """The text, or the reason to leave the file out."""
    try:
        if not path.is_file():
            return "not a regular file"
        if path.stat().st_size > MAX_BYTES:
            return f"larger than {MAX_BYTES // 2**20} MiB"
        content = path.read_bytes()
        if b"\0" in content:
            return "binary"
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return "not UTF-8"
    except OSError:
        return "not readable"
    return Source(path, text) if text.strip() else "empty"
