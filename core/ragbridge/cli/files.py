"""The files that commands read: those in folders, of which some are left out for a reason, and those that are named."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ragbridge.cli.streams import reason
from ragbridge.cli.terminal import printable
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

MARKDOWN = frozenset({".md", ".markdown"})
PYTHON = frozenset({".py", ".pyi"})
TEXT = frozenset({".txt", ".text", ".rst"})
SUFFIXES = TEXT | MARKDOWN | PYTHON
"""Suffixes of the files that are read in folders. A file that is named itself may have any."""

OUTSIDE = "links out of the folder, not followed"
NAMED = frozenset({OUTSIDE, "not UTF-8", "not readable", "not a regular file"})
"""Reasons for which files are named: somebody may miss them."""
SHOWN = 3
"""Names for each of these reasons."""

STANDARD_INPUT = Path("-")
MOST_BYTES = 64 * 2**20
"""Bytes of a file that is named itself."""

MAX_BYTES = 2 * 2**20
"""Longer files are left out: logs and data, not prose."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file's text; every line ends with a newline alone."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Files:
    """The files that were read, and those that were left out, by reason."""

    sources: tuple[Source, ...]
    left_out: dict[str, list[Path]]

    def notes(self) -> str:
        """How many files were left out for each reason, with the names of those that somebody may miss; "" for none."""
        return ", ".join(_note(why, paths) for why, paths in sorted(self.left_out.items()))


def read(paths: Iterable[Path]) -> Files:
    """Read files and folders, in the order of the paths; each file once.

    Symbolic links in a folder are followed within it only: what lies elsewhere was not asked for, and with a key it would be
    sent to a service. A path that is named itself may be a link to anywhere.
    """
    sources: list[Source] = []
    left_out: dict[str, list[Path]] = defaultdict(list)
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
            left_out[outcome].append(path)
    return Files(tuple(sources), dict(left_out))


def content(path: Path, *, option: str = "", most: int = MOST_BYTES) -> bytes:
    """The bytes of a file that is named itself, which may be a pipe, or ``-`` for standard input.

    Args:
        path: The file.
        option: The option that names it, for messages.
        most: Bytes that it may have.

    Raises:
        ConfigurationError: It cannot be read, or has more than ``most`` bytes: a device may have no end.
    """
    name = "standard input" if path == STANDARD_INPUT else f"{option} {path}".strip()
    try:
        if path == STANDARD_INPUT:
            found = sys.stdin.buffer.read(most + 1)
        else:
            with path.open("rb") as file:
                found = file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        said = reason(error) if isinstance(error, OSError) else error
        raise ConfigurationError(f"{name} cannot be read: {said}") from error
    if len(found) > most:
        raise ConfigurationError(f"{name} is larger than {most // 2**20} MiB")
    return found


def pages(path: Path) -> dict[str, str]:
    """The web that the embedded engine knows, of the option ``--pages``.

    Raises:
        ConfigurationError: The file cannot be read, or does not hold a JSON object.
    """
    try:
        found = json.loads(content(path, option="--pages"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(f"--pages {path}: {error}") from error
    if not isinstance(found, dict):
        raise ConfigurationError(f"--pages {path}: it must hold an object of address -> content")
    return found


def _files(paths: Iterable[Path], left_out: dict[str, list[Path]]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from _files_in(path, left_out)
        else:
            yield path


def _files_in(root: Path, left_out: dict[str, list[Path]]) -> Iterator[Path]:
    base = root.resolve()

    def unreadable(error: OSError) -> None:
        left_out["not readable"].append(Path(error.filename or root))

    for folder, folders, names in os.walk(root, onerror=unreadable):
        hidden = [name for name in folders + names if name.startswith(".")]
        if hidden:
            left_out["hidden"] += [Path(folder, name) for name in hidden]
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(set(folders + names) - set(hidden)):
            path = Path(folder, name)
            why = _why_not_followed(path, base) if path.is_symlink() else None
            if why is not None:
                left_out[why].append(path)
            elif name in names:
                if path.suffix.lower() in SUFFIXES:
                    yield path
                else:
                    left_out["of another kind"].append(path)


def _why_not_followed(link: Path, base: Path) -> str | None:
    """Why a link in the folder ``base`` is left out; None if it leads to what may be read there."""
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError):  # nothing is there, or links go in a circle
        return "not readable"
    if not real.is_relative_to(base):
        return OUTSIDE
    return "hidden" if any(part.startswith(".") for part in real.relative_to(base).parts) else None


def _read(path: Path) -> Source | str:
    """The text, or the reason to leave the file out."""
    try:
        if not path.is_file():  # opening a pipe would wait for its other end
            return "not a regular file"
        with path.open("rb") as file:
            found = file.read(MAX_BYTES + 1)
        if len(found) > MAX_BYTES:
            return f"larger than {MAX_BYTES // 2**20} MiB"
        if b"\0" in found:
            return "binary"
        text = found.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return "not UTF-8"
    except OSError:
        return "not readable"
    return Source(path, text) if text.strip() else "empty"


def _note(why: str, paths: list[Path]) -> str:
    note = f"{len(paths):,} {why}"
    if why not in NAMED:
        return note
    more = f", {len(paths) - SHOWN:,} more" if len(paths) > SHOWN else ""
    return f"{note} ({', '.join(printable(str(path)) for path in paths[:SHOWN])}{more})"
