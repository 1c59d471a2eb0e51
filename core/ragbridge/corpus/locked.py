"""A lock that ends with the process that holds it, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ragbridge.errors import ConfigurationError


@contextmanager
def locked(path: Path, what: Path) -> Iterator[None]:
    """Hold the lock file at ``path``. Nobody waits: who comes second is told.

    Args:
        path: The file; it stays where it is.
        what: What the lock is for, for the message.

    Raises:
        ConfigurationError: Another process holds it.
    """
    with path.open("a+") as file:
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip()
            by = f" (process {holder})" if holder.isdecimal() else ""
            raise ConfigurationError(
                f"another job writes to {what}{by}: wait for its end, or name another output"
            ) from None
        if not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno())):
            raise ConfigurationError(f"another job has just ended in {what}: run this one again")
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield


if sys.platform == "win32":

    def _lock(file: IO[str]) -> None:
        import msvcrt

        file.seek(1 << 30)  # a byte that nobody reads
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:

    def _lock(file: IO[str]) -> None:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
