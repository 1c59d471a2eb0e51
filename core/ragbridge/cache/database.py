"""One SQLite file of answers: opened and checked, one connection a process, safe over forks and for threads."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ragbridge.cache.mounts import network_file_system
from ragbridge.errors import ConfigurationError

FORMAT = 1
"""Of the table below. A file of another format is refused."""
APPLICATION = 0x52_42_43_41
"""Stands in the header of each file of ours, so that nobody else's is written to ("RBCA")."""
BUSY = 10.0
"""Seconds that a transaction waits for other processes, and a thread for the others. Four writers of 128 vectors at a
time waited 0.7 at most."""
PRIVATE = 0o600
"""Vectors tell of their texts."""

_TABLE = """
create table answers (id integer primary key autoincrement, key blob not null unique, value blob not null)
"""
_FAULTY = {
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""What waiting does not mend."""


class Database:
    """A connection to the file at ``path`` in each process that uses it, one thread at a time.

    Args:
        path: The file; it is made where there is none.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        with _registry:
            _databases.add(self)

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """The connection of this process, for this thread alone.

        Raises:
            ConfigurationError: The file is no cache, or nothing can be kept in it.
            OSError: It cannot be used now: the disk is full, or another process keeps it locked.
        """
        if not self._lock.acquire(timeout=BUSY):
            raise TimeoutError(f"cache={self.path!r}: other threads have used it for {BUSY:g} s")
        try:
            connection = self._open()
            with connection:  # what was begun and fails is rolled back
                yield connection
        except sqlite3.Error as error:
            raise self._named(error) from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close this process's connection. The next use opens another one."""
        if self._lock.acquire(timeout=BUSY):
            try:
                self._close()
            finally:
                self._lock.release()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._inode != _inode(self.path):
            self._close()  # somebody deleted the file: what is written to it would be lost
        if self._connection is None:
            _prepare(self.path)
            connection = sqlite3.connect(
                self.path, isolation_level=None, timeout=BUSY, check_same_thread=False
            )
            try:
                self._check(connection)
            except BaseException:
                connection.close()
                raise
            self._inode = _inode(self.path)
            self._connection = connection
        return self._connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Begin a new file, or refuse what is no cache before anything is written to it."""
        with connection:
            connection.execute("begin")  # for one view of the file: another process may be making it
            new = self._is_new(connection)
        if new:
            _switch(connection, self.path)
            with connection:
                connection.execute("begin immediate")
                if self._is_new(connection):  # another process may have been first
                    connection.execute(_TABLE)
                    connection.execute(f"pragma application_id = {APPLICATION}")
                    connection.execute(f"pragma user_version = {FORMAT}")
        _switch(connection, self.path)
        connection.execute("pragma synchronous = normal")

    def _is_new(self, connection: sqlite3.Connection) -> bool:
        names = "pragma application_id", "pragma user_version", "select count(*) from sqlite_master"
        application, version, tables = (connection.execute(name).fetchone()[0] for name in names)
        if (application, version, tables) == (0, 0, 0):
            return True
        if application != APPLICATION:
            raise ConfigurationError(
                f"cache={self.path!r} is an SQLite database of something else: name another file"
            )
        if version != FORMAT:
            raise ConfigurationError(
                f"cache={self.path!r} has format {version}, and this version of ragbridge knows {FORMAT}: "
                "delete the file, or name another one"
            )
        return False

    def _named(self, error: sqlite3.Error) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if self._connection is None and code in _FAULTY:
            what = "is no cache" if code == sqlite3.SQLITE_NOTADB else "cannot be used"
            return ConfigurationError(
                f"cache={self.path!r} {what} ({error}): name another file, or delete this one if it is a cache; "
                "what it held is asked for again"
            )
        return OSError(f"cache={self.path!r}: {error}")


def _prepare(path: str) -> None:
    """Make the file if there is none, for its owner alone, whatever the umask says.

    Raises:
        ConfigurationError: There can be no cache at ``path``.
    """
    if kind := network_file_system(path):
        raise ConfigurationError(
            f"cache={path!r} is on a network file system ({kind}), where SQLite's write-ahead log would lose answers: "
            "name a file on a local disk, or use RedisCache for several machines"
        )
    try:
        with _creating:
            _create(path)
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise ConfigurationError(f"cache={path!r} is no regular file: name one")
    except OSError as error:
        raise _no_file(path, error.strerror) from None
    # Asked, not tried: closing a file that this process has open elsewhere would give up SQLite's locks on it.
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise _no_file(path, "Permission denied")


def _create(path: str) -> None:
    """Make an empty file, if there is none. Nobody in this process opens it before it is closed here."""
    with suppress(FileExistsError):
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE)
        try:
            Path(path).chmod(PRIVATE)
        finally:
            os.close(made)


def _no_file(path: str, why: str | None) -> ConfigurationError:
    return ConfigurationError(
        f"cache={path!r} cannot be opened for writing ({why}): name a file in a folder that exists and that you may "
        "write to"
    )


def _switch(connection: sqlite3.Connection, path: str) -> None:
    """Have readers and writers not wait for one another. SQLite answers which journal it really uses."""
    end = time.monotonic() + BUSY
    while True:
        try:
            (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
        except sqlite3.OperationalError as error:
            # Where several processes begin a new file, SQLite waits for none of them.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise ConfigurationError(
                f"cache={path!r}: the file system has no shared memory for SQLite's write-ahead log "
                f"(journal_mode={mode}): name a file on a local disk"
            )
        return


def _inode(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - for each call: a Path costs more than the question
    except OSError:
        return None
    return status.st_dev, status.st_ino


_registry = threading.Lock()
_creating = threading.Lock()
_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_held: list[Database] = []
_abandoned: list[sqlite3.Connection] = []
"""Connections that a child inherited: closing them would take locks away from the parent."""


def _before_fork() -> None:
    """Close all connections: SQLite's own notes of locks must not be inherited."""
    _registry.acquire()
    for database in list(_databases):
        if database._lock.acquire(timeout=BUSY):  # noqa: SLF001 - of this module
            database._close()  # noqa: SLF001
            _held.append(database)
    _creating.acquire()


def _after_fork_in_parent() -> None:
    _creating.release()
    while _held:
        _held.pop()._lock.release()  # noqa: SLF001 - of this module
    _registry.release()


def _after_fork_in_child() -> None:
    _held.clear()
    for database in list(_databases):
        database._lock = threading.Lock()  # noqa: SLF001 - of this module
        if database._connection is not None:  # noqa: SLF001 - a thread was busy with it for too long
            _abandoned.append(database._connection)  # noqa: SLF001
            database._connection = None  # noqa: SLF001
    _creating.release()
    _registry.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
