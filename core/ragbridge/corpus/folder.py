"""Where a job writes: shards that are renamed into place, and beside them what the next run must know.

::

    OUT/part-00000.parquet ...        finished shards
    OUT/.ragbridge/lock               held while a job runs
                   manifest.json      which job it is
                   shards.jsonl       a line for each finished shard
                   journal.db         answers that are in none yet
                   shard.tmp          the shard that is being written

With one file as output, ``.NAME.ragbridge`` beside it is the folder of the job.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ragbridge.corpus import manifest
from ragbridge.corpus.locked import locked
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

SUFFIXES = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""Formats of one file as output."""
STATE = ".ragbridge"
_PART = re.compile(r"part-\d{5,}\.(?:parquet|jsonl)")
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Shard:
    """What is known of a finished shard.

    Attributes:
        name: Its file.
        bytes: Its size.
        inputs: Rows of the input that are in it.
        rows: Rows that it has; more than ``inputs`` where these are chunks.
        failed: Rows without a vector.
        width: Numbers in a vector; None where no row has one.
        numbers: Their type.
    """

    name: str
    bytes: int
    inputs: int
    rows: int
    failed: int
    width: int | None
    numbers: str | None


class Folder:
    """The output of one job.

    Args:
        out: A folder, or a file that ends with ``.parquet`` or ``.jsonl``.
        format: The format of shards in a folder; None for Parquet.

    Attributes:
        out: The folder or the file.
        single: Whether it is one file.
        state: Where everything else is kept.
        format: ``"parquet"`` or ``"jsonl"``.
        shards: Those that are finished.

    Raises:
        ConfigurationError: ``out`` or ``format`` is not what it should be.
    """

    def __init__(self, out: str | os.PathLike[str], format: str | None = None) -> None:  # noqa: A002 - the option's name
        self.out = Path(os.path.abspath(os.path.expanduser(out)))  # noqa: PTH100, PTH111 - links stay as they are
        kind = SUFFIXES.get(self.out.suffix.lower())
        self.single = kind is not None and not self.out.is_dir()
        if format not in {None, "parquet", "jsonl"}:
            raise ConfigurationError(f"format={format!r} must be 'parquet' or 'jsonl'")
        if self.single and format not in {None, kind}:
            raise ConfigurationError(f"format={format!r} and out={os.fspath(out)!r} contradict each other")
        if not self.single and self.out.exists() and not self.out.is_dir():
            raise ConfigurationError(
                f"out={os.fspath(out)!r} is a file: name a folder, or a file that ends with {' or '.join(SUFFIXES)}"
            )
        self.format = (kind if self.single else format) or "parquet"
        self.state = self.out.with_name(f".{self.out.name}{STATE}") if self.single else self.out / STATE
        self.shards: list[Shard] = []

    @property
    def journal(self) -> Path:
        """The file of answers that are in no shard yet."""
        return self.state / "journal.db"

    @property
    def temporary(self) -> Path:
        """The shard that is being written."""
        return self.state / "shard.tmp"

    @property
    def spool(self) -> Path:
        """A copy of standard input."""
        return self.state / "input.jsonl"

    @property
    def _manifest(self) -> Path:
        return self.state / "manifest.json"

    @property
    def _log(self) -> Path:
        return self.state / "shards.jsonl"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this job alone.

        Raises:
            ConfigurationError: Another process writes to it, or it cannot be made.
        """
        try:
            self.state.mkdir(_PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"out={str(self.out)!r} cannot be made: {error.strerror}") from None
        with locked(self.state / "lock", self.out):
            try:
                yield
            finally:
                if not self._manifest.exists():
                    self._discard()

    def read(self) -> dict[str, Any] | None:
        """The manifest of the job that is here; None where there is none yet.

        Raises:
            ConfigurationError: It is not readable, or is one of another version.
        """
        return manifest.read(self._manifest, self.out)

    def clear(self) -> None:
        """Begin anew: forget the job that was here, with its shards.

        Raises:
            ConfigurationError: There are shards of no job.
        """
        if self.read() is not None:
            for path in self._parts():
                path.unlink()
        for path in (self._manifest, self._log, self.temporary):
            path.unlink(missing_ok=True)
        self.forget_answers()

    def begin(self, job: dict[str, Any]) -> None:
        """Write the manifest of a new job.

        Raises:
            ConfigurationError: There are shards already that belong to no job.
        """
        found = self._parts()
        if found:
            raise ConfigurationError(
                f"{found[0]} is there already, and nothing says which job wrote it: move it, or name another output"
            )
        self.forget_answers()
        self._log.unlink(missing_ok=True)
        self.note(job)

    def note(self, job: dict[str, Any]) -> None:
        """Write the manifest anew."""
        manifest.write(self._manifest, job)

    def resume(self) -> None:
        """Find the finished shards.

        Raises:
            ConfigurationError: One of them is missing, or is not what was written.
        """
        shards = [Shard(**row) for row in _lines(self._log)]
        for number, shard in enumerate(shards):
            path = self._target(number)
            size = path.stat().st_size if path.exists() else None
            if size == shard.bytes:
                self.shards.append(shard)
            elif number < len(shards) - 1 or size is not None:
                what = "is missing" if size is None else "has changed"
                raise ConfigurationError(
                    f"{path} {what}, which this job had finished: put it back, or begin anew with restart=True (--restart)"
                )
        # Without a torn line, or that of a shard that was not renamed.
        manifest.replace(self._log, b"".join(json.dumps(asdict(one)).encode() + b"\n" for one in self.shards))

    def finish(self, shard: dict[str, Any]) -> Shard:
        """Put the temporary file into its place. From then on its rows are safe.

        Args:
            shard: What ``Shard`` has, without name and size.
        """
        number = len(self.shards)
        target = self._target(number)
        manifest.sync(self.temporary)
        done = Shard(target.name, self.temporary.stat().st_size, **shard)
        _append(self._log, asdict(done))
        self.temporary.replace(target)
        manifest.sync(target.parent)
        self.shards.append(done)
        return done

    def forget_answers(self) -> None:
        """Delete the journal."""
        for end in ("", "-wal", "-shm"):
            Path(f"{self.journal}{end}").unlink(missing_ok=True)

    def _discard(self) -> None:
        """Leave no trace of a job that never began."""
        shutil.rmtree(self.state, ignore_errors=True)
        if not self.single:
            with suppress(OSError):
                self.out.rmdir()

    def paths(self) -> tuple[Path, ...]:
        """The finished shards."""
        return tuple(self._target(number) for number in range(len(self.shards)))

    def _target(self, number: int) -> Path:
        return self.out if self.single else self.out / f"part-{number:05}.{self.format}"

    def _parts(self) -> list[Path]:
        if self.single:
            return [self.out] if self.out.exists() else []
        return sorted(path for path in self.out.iterdir() if _PART.fullmatch(path.name))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a log: the last one may be torn."""
    if path.exists():
        for line in path.read_bytes().split(b"\n")[:-1]:
            with suppress(ValueError):
                yield json.loads(line)


def _append(path: Path, line: dict[str, Any]) -> None:
    """Add a line to a log."""
    with path.open("ab") as file:
        file.write(json.dumps(line).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
