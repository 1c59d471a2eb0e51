"""``SqliteCache``: answers in one file, for all processes of one machine. Needs nothing but Python."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    import sqlite3

    from ragbridge.cache.database import Database

AT_ONCE = 500
"""Keys in one statement. SQLite's oldest bound on its variables is 999."""
LEAST_BYTES = 1 << 20
SLACK = 0.05
"""Share of ``max_bytes`` that is freed beyond what must be, so that not every put has to delete."""
ROW_BYTES = 100
"""What a row takes beside its value: its key twice, its number, a share of half-empty pages."""


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What is in a cache's file.

    Attributes:
        path: The file.
        answers: How many answers it holds.
        bytes: What the file takes on disk, its write-ahead log included.
        max_bytes: The bound that this object keeps it to, or None.
    """

    path: Path
    answers: int
    bytes: int
    max_bytes: int | None


class SqliteCache:
    """A file that any number of threads and processes of one machine share.

    The file belongs to its owner alone (mode 0600): it holds no texts, but vectors tell of their texts. What was put is
    safe from then on, even if the process is killed; a power cut may lose the last seconds. It must not be on a network
    file system: use ``RedisCache`` for several machines.

    Args:
        path: The file, which is made where there is none. Its folder must exist. ``~`` is the home folder.
        max_bytes: How large the file may grow, 1 MiB or more: then the oldest answers are dropped. None for no bound.

    Raises:
        ConfigurationError: The file is no cache, is one of another version, or cannot be opened for writing.
    """

    def __init__(self, path: str | os.PathLike[str], *, max_bytes: int | None = None) -> None:
        self._begin(os.fspath(path), max_bytes)
        # A file that is only locked, or a disk that is full, is no reason not to begin.
        with suppress(OSError), self._database.connected():
            pass

    def _begin(self, path: str, max_bytes: int | None) -> None:
        if not isinstance(path, str) or not path or "\0" in path or path == ":memory:":
            raise ConfigurationError(f"cache={path!r} is no path of a file; a dict keeps answers in memory")
        if max_bytes is not None:
            wanted = f"an int of at least {LEAST_BYTES}, or None"
            max_bytes = check_whole("max_bytes", max_bytes, wanted, least=LEAST_BYTES)
        from ragbridge.cache.database import Database  # SQLite is loaded by those who use it

        self._given, self._max_bytes = path, max_bytes
        self._database: Database = Database(os.path.realpath(os.path.expanduser(path)))  # noqa: PTH111
        weakref.finalize(self, self._database.close)  # at exit as well

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._database.path)

    @property
    def setting(self) -> str | None:
        """What ``cache=`` says for it; None where no text does."""
        return self._database.path if self._max_bytes is None else None

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is kept under ``keys``.

        Raises:
            ConfigurationError: The file is no cache any more.
            OSError: It cannot be read now.
        """
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), AT_ONCE):
            part = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            statement = f"select key, value from answers where key in ({marks})"  # noqa: S608 - question marks
            with self._database.connected() as connection:
                found.update(connection.execute(statement, part))
        return found

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``, all of them or none. A key that is there already gets the new value.

        Raises:
            ConfigurationError: The file is no cache any more.
            OSError: It cannot be written now: the disk is full, or another process keeps it locked.
        """
        if not items:
            return
        with self._database.connected() as connection:
            connection.execute("begin immediate")
            connection.executemany("insert or replace into answers (key, value) values (?, ?)", items.items())
            if self._max_bytes is not None:
                _evict(connection, self._max_bytes)

    def mark(self) -> int:
        """A number that is no smaller than that of any answer kept so far, and smaller than those of later ones."""
        with self._database.connected() as connection:
            return _newest(connection)

    def drop_until(self, mark: int) -> None:
        """Forget what was kept until ``mark()`` said ``mark``; what was put again since then stays."""
        with self._database.connected() as connection:
            connection.execute("begin immediate")
            connection.execute("delete from answers where id <= ?", (mark,))

    def clear(self) -> None:
        """Forget everything, and give the space back."""
        import sqlite3

        with self._database.connected() as connection:
            connection.execute("delete from answers")
            with suppress(sqlite3.OperationalError):  # another process reads: the space is used again instead
                connection.execute("vacuum")
                connection.execute("pragma wal_checkpoint(truncate)").fetchall()

    def info(self) -> CacheInfo:
        """How much is kept, and what it takes."""
        with self._database.connected() as connection:
            (answers,) = connection.execute("select count(*) from answers").fetchone()
        size = 0
        for name in (self._database.path, f"{self._database.path}-wal"):
            with suppress(OSError):
                size += Path(name).stat().st_size
        return CacheInfo(self.path, answers, size, self._max_bytes)

    def close(self) -> None:
        """Close the file in this process. A later use opens it again."""
        self._database.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return self._revive, (self._database.path, self._max_bytes)

    @classmethod
    def _revive(cls, path: str, max_bytes: int | None) -> SqliteCache:
        """A cache out of a pickle: its first use opens the file, since an error in here would be lost in a worker."""
        cache = cls.__new__(cls)
        cache._begin(path, max_bytes)  # noqa: SLF001 - an alternative constructor
        return cache

    def __copy__(self) -> SqliteCache:
        return self

    def __deepcopy__(self, memo: object) -> SqliteCache:
        return self

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SqliteCache):
            return NotImplemented
        return (self.path, self._max_bytes) == (other.path, other._max_bytes)

    def __hash__(self) -> int:
        return hash((self._database.path, self._max_bytes))

    def __repr__(self) -> str:
        bound = "" if self._max_bytes is None else f", max_bytes={self._max_bytes}"
        return f"{type(self).__name__}({self._given!r}{bound})"


def _newest(connection: sqlite3.Connection) -> int:
    row = connection.execute("select seq from sqlite_sequence where name = 'answers'").fetchone()
    return row[0] if row else 0


def _evict(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Drop the oldest answers until the pages in use are fewer than ``max_bytes``."""
    while (excess := _used(connection) - max_bytes) > 0:
        last, freed, wanted = 0, 0, excess + SLACK * max_bytes
        rows = connection.execute("select id, length(value) from answers order by id")
        for last, size in rows:  # noqa: B007 - its last value is asked for
            freed += size + ROW_BYTES
            if freed >= wanted:
                break
        rows.close()
        if not last:
            return
        connection.execute("delete from answers where id <= ?", (last,))


def _used(connection: sqlite3.Connection) -> int:
    """Bytes of the pages that hold something."""
    counts = [
        connection.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count")
    ]
    return int(counts[0] * (counts[1] - counts[2]))


publish("ragbridge", [CacheInfo, SqliteCache])
