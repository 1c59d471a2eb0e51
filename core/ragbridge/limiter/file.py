"""``FileQuotas``: one quota for the processes of one machine, without a server."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.public import publish
from ragbridge.limiter.ledger import Answer, Known, Ledger, Operation
from ragbridge.limiter.remote.desk import UnreachableError
from ragbridge.limiter.remote.limiter import RemoteLimiter
from ragbridge.limiter.shared import SharedQuotas

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.limiter.limits import RateLimit

BUSY = 5.0  # seconds to wait for another process that writes
_TABLE = "create table if not exists quotas (name text primary key, state text not null)"


class FileQuotas(SharedQuotas):
    """Quotas in a file, for the processes of one machine: the workers of a web server, of a data loader.

    The file is on a local disk. It holds no key and no text, and may be deleted when no process runs.

    Args:
        path: The file, which is made where there is none.
        lease: Seconds after which what a process that died had under way counts as used.
        outage: Seconds without access to the file after which requests fail with a ``RequestError``.

    Raises:
        ConfigurationError: The folder of the file does not exist, or a figure is no number of seconds.
    """

    def __init__(self, path: str | os.PathLike[str], *, lease: float = 15.0, outage: float = 60.0) -> None:
        super().__init__(lease, outage)
        self._path = Path(path).absolute()
        if not self._path.parent.is_dir():
            raise ConfigurationError(f"FileQuotas: there is no folder {str(self._path.parent)!r}")

    @property
    def setting(self) -> str:
        """What ``quotas=`` says for it."""
        return str(self._path)

    def _make(self, name: str, limit: RateLimit) -> RemoteLimiter:
        return RemoteLimiter(
            limit, _File(self._path, name, limit, self._lease), lease=self._lease, outage=self._outage
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _file_quotas, (str(self._path), self._lease, self._outage)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"


def _file_quotas(path: str, lease: float, outage: float) -> FileQuotas:
    return FileQuotas(path, lease=lease, outage=outage)


class _File:
    """A ledger in a row of an SQLite file. All processes of a machine have one monotonic clock."""

    looks = (0.01, 0.1)

    def __init__(self, path: Path, name: str, limit: RateLimit, lease: float) -> None:
        self._path = path
        self._name = name
        self._ledger = Ledger(limit, lease=lease)

    def __repr__(self) -> str:
        return repr(str(self._path))

    def exchange(self, client: str, known: Known, operations: list[Operation]) -> Answer:
        """Have the ledger perform ``operations``, in one transaction."""
        try:
            with _forks, closing(self._connect()) as database:
                database.execute("begin immediate")
                row = database.execute("select state from quotas where name = ?", (self._name,)).fetchone()
                ledger = Ledger(self._ledger.limit, self._ledger.pacing, self._ledger.lease)
                if row is not None:
                    ledger.load(row[0])
                answer = ledger.perform(time.monotonic(), client, known, operations)
                database.execute("insert or replace into quotas values (?, ?)", (self._name, ledger.dump()))
                database.execute("commit")
                return answer
        except (sqlite3.OperationalError, OSError) as error:
            raise UnreachableError(f"{self._path}: {error}") from None
        except (sqlite3.DatabaseError, ValueError) as error:
            raise ConfigurationError(
                f"quotas={str(self._path)!r} is no file of quotas ({error}): delete it, or name another one"
            ) from None

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        database = sqlite3.connect(self._path, timeout=BUSY, isolation_level=None)
        try:
            database.execute("pragma synchronous=off")  # a state is worth a window: a power cut may take it
            database.execute(_TABLE)
        except BaseException:
            database.close()
            raise
        return database

    def listen(self, client: str, call: Callable[[], object]) -> None:
        """A file calls nobody: the first in line looks."""


_forks = threading.Lock()
"""Held while the file is open: SQLite's notes of locks must not be inherited by a forked process."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forks.acquire, after_in_parent=_forks.release, after_in_child=_forks.release)


publish("ragbridge", [FileQuotas])
