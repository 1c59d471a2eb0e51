"""The files that a job reads: named, found in folders or by patterns, or spooled from standard input."""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

STANDARD_INPUT = "-"

FORMATS = {
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
}
"""What is read, by the end of a file's name."""

_PART = 1 << 20
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        path: Where it is.
        name: What messages and the manifest call it: the path, below the folder where one folder is all that is read.
        format: ``"jsonl"``, ``"csv"``, ``"parquet"`` or ``"text"``.
        identity: What tells it from another file, or from itself after a change.
    """

    path: Path
    name: str
    format: str
    identity: tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a job, in order, and how many were left out for each reason."""

    files: tuple[Source, ...]
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def texts(self) -> bool:
        """Whether each file is one text, rather than rows."""
        return self.files[0].format == "text"


def find_sources(inputs: Sequence[str], *, spool: Path, out: Path) -> Sources:
    """The files that ``inputs`` name, each once.

    Args:
        inputs: Files, folders, patterns with ``*``; ``-`` for JSON Lines on standard input.
        spool: Where standard input is copied to.
        out: Where the job writes: left out in folders, so that no run reads what another one wrote.

    Raises:
        ConfigurationError: There is no such file, its kind is not known, or texts and rows are mixed.
    """
    if not inputs:
        raise ConfigurationError("inputs: name at least one file, folder or pattern")
    files: list[Source] = []
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    alone = len(inputs) == 1
    for given in inputs:
        for source in _find(given, alone, spool, os.path.realpath(out), left_out):
            if (real := os.path.realpath(source.path)) not in seen:
                seen.add(real)
                files.append(source)
    if not files:
        raise ConfigurationError(f"inputs: nothing to read in {', '.join(inputs)} ({', '.join(FORMATS)})")
    of_rows = next((file for file in files if file.format != "text"), None)
    of_text = next((file for file in files if file.format == "text"), None)
    if of_rows and of_text:
        raise ConfigurationError(
            f"inputs: {of_rows.name} has rows and {of_text.name} is one text: name one kind, such as folder/*"
            f"{of_rows.path.suffix}"
        )
    return Sources(tuple(files), left_out)


def _find(given: str, alone: bool, spool: Path, out: str, left_out: Counter[str]) -> Iterator[Source]:
    if given == STANDARD_INPUT:
        yield _spooled(spool)
    elif Path(given).is_dir():
        for path in _walk(given, out, left_out):
            yield _source(path, Path(path).relative_to(given).as_posix() if alone else path)
    elif Path(given).exists() or not glob.has_magic(given):
        yield _source(given, given)
    else:
        found = [path for path in sorted(glob.glob(given, recursive=True)) if not Path(path).is_dir()]  # noqa: PTH207 - patterns may be absolute
        if not found:
            raise ConfigurationError(f"inputs: no file matches {given}")
        for path in found:
            if not _within(path, out):
                yield _source(path, path)


def _walk(folder: str, out: str, left_out: Counter[str]) -> Iterator[str]:
    for where, folders, names in os.walk(folder):
        hidden = [name for name in folders + names if name.startswith(".")]
        if hidden:
            left_out["hidden"] += len(hidden)
        folders[:] = sorted(
            name for name in folders if name not in hidden and not _within(Path(where, name), out)
        )
        for name in sorted(set(names) - set(hidden)):
            if _format(name) is None:
                left_out["of another kind"] += 1
            elif not _within(Path(where, name), out):
                yield str(Path(where, name))


def _within(path: str | os.PathLike[str], out: str) -> bool:
    real = os.path.realpath(path)
    return real == out or real.startswith(out + os.sep)


def _format(name: str) -> str | None:
    lower = name.lower()
    return next((kind for end, kind in FORMATS.items() if lower.endswith(end)), None)


def _source(path: str, name: str) -> Source:
    kind = _format(path)
    if kind is None:
        raise ConfigurationError(
            f"inputs: {path} is of no kind that is read ({', '.join(FORMATS)}); - reads JSON Lines on standard input"
        )
    try:
        status = Path(path).stat()
    except OSError as error:
        raise ConfigurationError(f"inputs: {path} cannot be read: {error.strerror}") from None
    return Source(Path(path), name, kind, (status.st_size, status.st_mtime_ns))


def _spooled(spool: Path) -> Source:
    """Standard input, copied to a file: it is read twice, and the same rows are the same job when they are piped again."""
    digest, size = hashlib.blake2b(digest_size=20), 0
    with os.fdopen(os.open(spool, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
        while part := sys.stdin.buffer.read(_PART):
            digest.update(part)
            size += len(part)
            file.write(part)
    return Source(spool, "standard input", "jsonl", (size, digest.hexdigest()))


def paths_of(inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """``inputs`` as a list of texts: one path is a list of one."""
    if isinstance(inputs, (str, os.PathLike)):
        inputs = [inputs]
    return [os.fspath(path) for path in inputs]
