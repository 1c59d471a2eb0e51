"""The indexes of an engine by name, their aliases, and which of them an expression means."""

from __future__ import annotations

import base64
import itertools
import re
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Any

from ragbridge.ground.records import dataclass
from ragbridge.local.search.documents import Document
from ragbridge.local.search.errors import (
    SearchFailure,
    index_exists,
    invalid_argument,
    invalid_index_name,
    no_such_index,
    not_offered,
)
from ragbridge.local.search.mapping import Mapping

MOST_INDEXES = 100
"""Indexes in all: the engine's own bound."""
MOST_DOCUMENTS = 50_000
"""Documents of an index: the engine's own bound."""
MOST_GONE = 1000
"""Deleted documents of an index whose versions are remembered; a cluster remembers them for a minute."""
MOST_BYTES = 512 * 2**20
"""Bytes of an index's documents as JSON, and of their vectors: the engine's own bound."""


@dataclass(eq=False)
class Index:
    """One index. ``lock`` of its registry guards it; take ``documents.values()`` as a list under it, then search without it.

    Attributes:
        name: Its name.
        uuid: Its ``index_uuid``.
        settings: As declared, nested and without ``index``: ``{"default_pipeline": ..., "analysis": {...}}``.
        mapping: Its fields.
        aliases: Its aliases, and what was declared of each.
        documents: By id, in the order in which they were last written: Lucene's order, which breaks ties of scores.
        generation: Grows with each write and each change of the mapping. Whoever keeps statistics or a matrix of a field
            keeps it by this number.
        cache: For such statistics: of any key. It is emptied when ``generation`` grows.
        bytes: Bytes of all documents as JSON, and of their vectors.
        seq_no: Number of the next write.
        gone: Versions of documents that were deleted, from which new ones of the same id go on.
        created: Milliseconds since 1970.
    """

    name: str
    uuid: str
    mapping: Mapping
    settings: dict[str, Any] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    generation: int = 0
    cache: dict[Any, Any] = field(default_factory=dict)
    bytes: int = 0
    seq_no: int = 0
    gone: dict[str, int] = field(default_factory=dict)
    created: int = 0

    @property
    def hides_vectors(self) -> bool:
        """Whether vectors stay out of ``_source``, as they do by default since 9.2."""
        own = self.settings.get("mapping")
        shown = own.get("exclude_source_vectors", True) if isinstance(own, dict) else True
        return str(shown).lower() != "false"

    def changed(self) -> None:
        """A write or a change of the mapping has happened."""
        self.generation += 1
        self.cache = {}

    def put(self, document: Document) -> None:
        """Keep a document in the place of one with the same id, at the end.

        Raises:
            Failure: 400, the index is full.
        """
        present = self.documents.get(document.id)
        size = self.bytes + document.size - (present.size if present else 0)
        for count, most, unit in (
            (len(self.documents) + (present is None), MOST_DOCUMENTS, "documents"),
            (size, MOST_BYTES, "bytes of documents and vectors"),
        ):
            if count > most:
                raise invalid_argument(
                    f"index [{self.name}] is full: an index of the embedded engine of ragbridge, which is for development and "
                    f"tests, keeps at most {most:,} {unit}; use an Elasticsearch cluster for more"
                )
        self.documents.pop(document.id, None)
        self.gone.pop(document.id, None)
        self.documents[document.id] = document
        self.bytes = size
        self.seq_no += 1
        self.changed()

    def next_version(self, document_id: str, present: Document | None) -> int:
        """The version that a write of a document makes."""
        return (self.gone.get(document_id, 0) if present is None else present.version) + 1

    def take(self, document_id: str) -> Document | None:
        """Remove a document; None where there is none. The attempt has a number too."""
        document = self.documents.pop(document_id, None)
        self.seq_no += 1
        self.gone[document_id] = self.next_version(document_id, document)
        if len(self.gone) > MOST_GONE:
            self.gone.pop(next(iter(self.gone)))
        if document is not None:
            self.bytes -= document.size
            self.changed()
        return document


class Indices:
    """All indexes of an engine, and their aliases.

    Attributes:
        lock: Guards everything in it, the indexes too. Embedding is done without it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._indexes: dict[str, Index] = {}

    def create(self, name: str) -> Index:
        """A new index without fields.

        Raises:
            Failure: 400, the name is taken or invalid, or there are too many.
        """
        _check_name(name)
        with self.lock:
            if name in self._indexes:
                raise index_exists(name, self._indexes[name].uuid)
            if any(name in index.aliases for index in self._indexes.values()):
                raise invalid_index_name(name, "already exists as alias")
            if len(self._indexes) >= MOST_INDEXES:
                raise invalid_argument(
                    f"[{name}] cannot be created: the embedded engine of ragbridge, which is for development and tests, keeps at "
                    f"most {MOST_INDEXES} indexes; delete one, or use an Elasticsearch cluster"
                )
            identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
            index = Index(name, identity, Mapping(), created=int(time.time() * 1000))
            self._indexes[name] = index
            return index

    def delete(self, index: Index) -> None:
        """Forget an index."""
        with self.lock:
            self._indexes.pop(index.name, None)

    def all(self) -> list[Index]:
        """All indexes, by name."""
        with self.lock:
            return [self._indexes[name] for name in sorted(self._indexes)]

    def get(self, name: str) -> Index | None:
        """The index of this name, or the only one with this alias; None where there is none.

        Raises:
            Failure: 400, the alias means several, none of which is the one to write to.
        """
        with self.lock:
            if name in self._indexes:
                return self._indexes[name]
            having = self.with_alias(name)
            writing = [index for index in having if index.aliases[name].get("is_write_index")]
            if len(having) > 1 and len(writing) != 1:
                raise invalid_argument(
                    f"no write index is defined for alias [{name}]. The write index may be explicitly disabled using "
                    "is_write_index=false or the alias points to multiple indices without one being designated as a write index"
                )
            return next(iter(writing or having), None)

    def find(self, name: str) -> Index:
        """The same, but there must be one.

        Raises:
            Failure: 404.
        """
        index = self.get(name)
        if index is None:
            raise no_such_index(name)
        return index

    def alias(self, index: Index, name: str, options: dict[str, Any]) -> None:
        """Give an index an alias.

        Raises:
            Failure: 400, it cannot have this name; 501, it has a filter or a routing.
        """
        _check_name(name, alias=True)
        for option in options:
            if option not in {"is_hidden", "is_write_index"}:
                raise not_offered(f"{option} of aliases")
        if name in self._indexes:
            raise SearchFailure(
                400,
                f"Invalid alias name [{name}]: an index or data stream exists with the same name as the alias",
                kind="invalid_alias_name_exception",
                details={"index_uuid": self._indexes[name].uuid, "index": name},
            )
        index.aliases = {**index.aliases, name: dict(options)}

    def with_alias(self, alias: str) -> list[Index]:
        """The indexes that have an alias, by name."""
        return [index for index in self.all() if alias in index.aliases]

    def resolve(
        self,
        expression: str,
        *,
        ignore_unavailable: bool = False,
        allow_no_indices: bool = True,
        aliases: bool = True,
    ) -> list[Index]:
        """The indexes that an expression means: ``a,b*,-bc``, an alias, ``_all``, ``*`` or "".

        Args:
            expression: The names, separated by commas.
            ignore_unavailable: Whether names without an index are left out.
            allow_no_indices: Whether a pattern may mean none.
            aliases: Whether names of aliases count.

        Returns:
            Each index once, in the order of the expression, those of one pattern by name.

        Raises:
            Failure: 404, a name has no index.
        """
        found: dict[str, Index] = {}
        with self.lock:
            for part in expression.split(",") if expression else ["_all"]:
                if part in {"_all", "*"}:
                    found.update((index.name, index) for index in self.all())
                elif part.startswith("-") and found:
                    found = {name: index for name, index in found.items() if not fnmatchcase(name, part[1:])}
                elif "*" in part:
                    matching = list(self._matching(part, aliases=aliases))
                    if not matching and not allow_no_indices:
                        raise no_such_index(part)
                    found.update((index.name, index) for index in matching)
                elif part in self._indexes:
                    found[part] = self._indexes[part]
                elif aliases and (having := self.with_alias(part)):
                    found.update((index.name, index) for index in having)
                elif not ignore_unavailable:
                    raise no_such_index(part)
            if not found and not allow_no_indices:
                raise no_such_index(expression)
        return list(found.values())

    def _matching(self, pattern: str, *, aliases: bool) -> Iterator[Index]:
        for index in self.all():
            names = itertools.chain([index.name], index.aliases if aliases else ())
            if any(fnmatchcase(name, pattern) for name in names):
                yield index


_FORBIDDEN = re.compile(r'[\\/*?"<>| ,#:]')


def _check_name(name: str, *, alias: bool = False) -> None:
    """``MetadataCreateIndexService.validateIndexOrAliasName``."""
    if name != name.lower() and not alias:
        raise invalid_index_name(name, "must be lowercase")
    if _FORBIDDEN.search(name):
        bad = '[ , ", *, \\, <, |, ,, >, /, ?]'
        raise invalid_index_name(name, f"must not contain the following characters {bad}")
    if name.startswith(("_", "-", "+")):
        raise invalid_index_name(name, "must not start with '_', '-', or '+'")
    if name in {".", ".."}:
        raise invalid_index_name(name, "must not be '.' or '..'")
    if len(name.encode()) > 255:
        raise invalid_index_name(name, f"index name is too long, ({len(name.encode())} > 255)")
