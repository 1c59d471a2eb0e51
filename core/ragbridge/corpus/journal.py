"""The answers of a job that are in no finished shard yet: what a killed job has paid for and its next run needs."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.cache.guarded import Guarded
from ragbridge.client.tally import Totals
from ragbridge.errors import RagbridgeError

if TYPE_CHECKING:
    from ragbridge.cache import Cache, SqliteCache
    from ragbridge.corpus.asked import Client


class Journal:
    """A cache whose failure ends the job: it would go on paying for what a crash then loses.

    Args:
        cache: Where answers are kept.
    """

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def get_many(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """What is kept under ``keys``.

        Raises:
            RagbridgeError: It cannot be read.
        """
        try:
            return self._cache.get_many(keys)
        except Exception as error:
            raise _failed("read", error) from error

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        """Keep ``items``.

        Raises:
            RagbridgeError: They cannot be kept.
        """
        try:
            self._cache.put_many(items)
        except Exception as error:
            raise _failed("written", error) from error

    def reached(self, position: int) -> None:
        """The stream has given ``position`` texts."""

    def safe(self, position: int) -> None:
        """The first ``position`` texts are in finished shards."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._cache!r})"


class Pruned(Journal):
    """A journal of the job's own, which forgets what is safe: it holds a shard and what is read ahead.

    The answer to the text at position n was put, or found, after the text at position n - ``ahead`` was given out: no
    window is begun earlier. So once everything before position n is safe, what was put until then - before the text at
    n - ``ahead`` was given - can be forgotten. What is found is put once more, so that this holds for it as well.

    Args:
        cache: The journal's file.
        ahead: Texts that are read ahead at most.
    """

    def __init__(self, cache: SqliteCache, ahead: int) -> None:
        super().__init__(cache)
        self._file = cache
        self._ahead = ahead
        self._marks: deque[tuple[int, int]] = deque()

    def get_many(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """What is kept under ``keys``, which from now on counts as put just now."""
        found = super().get_many(keys)
        self.put_many(found)
        return found

    def reached(self, position: int) -> None:
        """The stream has given ``position`` texts."""
        if not self._marks or position - self._marks[-1][0] >= self._ahead // 8:
            self._marks.append((position, self._file.mark()))

    def safe(self, position: int) -> None:
        """The first ``position`` texts are in finished shards."""
        mark = None
        while self._marks and self._marks[0][0] + self._ahead <= position:
            _, mark = self._marks.popleft()
        if mark is not None:
            self._file.drop_until(mark)


def _failed(what: str, error: Exception) -> RagbridgeError:
    if isinstance(error, RagbridgeError):
        return error
    return RagbridgeError(
        f"the journal cannot be {what}, so that what is paid for would not be safe ({error}): see to its disk, and run the "
        "same job again: it goes on where it was"
    )


def keeping(client: Client, journal: Journal) -> Client:
    """``client`` with the same connections and quota, whose answers go to ``journal`` and which counts for itself."""
    other: Any = object.__new__(type(client))
    vars(other).update(vars(client))
    other.cache, other.usage = Guarded(journal), Totals()
    other._channel = copy.copy(client._channel)  # noqa: SLF001 - of this package
    other._channel.cache, other._channel._totals = other.cache, other.usage  # noqa: SLF001
    return other  # type: ignore[no-any-return]
