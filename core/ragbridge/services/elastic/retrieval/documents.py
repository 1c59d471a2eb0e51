"""Documents as lines of JSON, with ids that make writing them idempotent."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.services.elastic.encoding import encode, instead
from ragbridge.services.elastic.retrieval.vectors import Draft, Takes, draft

LONGEST_ID = 512
"""Length limit of an id in bytes (``IndexRequest.MAX_DOCUMENT_ID_LENGTH_IN_BYTES``)."""


METADATA = "_id"
"""The field of an id, which Elasticsearch refuses inside a document (``MapperService``, metadata fields)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A document to be written.

    Attributes:
        index: Its index in the caller's documents.
        id: Its id.
        lines: The action and the document, a line each.
        action: The first of them.
        draft: The document without its vectors, as long as it is not known how these are to be written; else None.
    """

    index: int
    id: str
    lines: bytes
    action: bytes = b""
    draft: Draft | None = None

    def settled(self, takes: Takes) -> Row:
        """The same row, its vectors written as ``takes`` says."""
        return self if self.draft is None else _row(self.index, self.id, self.action, self.draft, takes)


def _row(index: int, identity: str, action: bytes, document: Draft, takes: Takes | None) -> Row:
    """A row; where nobody knows yet how vectors are to be written, as small as it can be."""
    body = document.written(takes or (lambda *_: True))
    waits = takes is None and bool(document.vectors)
    return Row(index, identity, b"%b\n%b\n" % (action, body), action, document if waits else None)


def rows(
    documents: Iterable[Mapping[str, Any]],
    *,
    op: str,
    ids: Sequence[str] | None,
    id_field: str | None,
    takes: Callable[[], Takes | None],
) -> Iterator[Row]:
    """``documents`` one by one, each with an id that is the same in every run. ``takes`` says how vectors are written.

    Raises:
        ConfigurationError: A document is not a JSON object, lacks its id, or has the id of another document.
    """
    seen: dict[str, int] = {}
    copies: dict[str, int] = {}
    index = -1
    for index, document in enumerate(documents):
        where = f"documents[{index}]"
        if not isinstance(document, Mapping):
            raise ConfigurationError(
                f"{where} is {type(document).__name__}, not an object (a dict){instead(document)}"
            )
        if id_field == METADATA and METADATA in document:
            body = draft({name: value for name, value in document.items() if name != METADATA}, name=where)
        else:
            body = draft(document, name=where)
        if ids is not None:
            if index >= len(ids):
                raise ConfigurationError(f"{where} has no id: ids= has {len(ids)}")
            identity = _checked(ids[index], f"ids[{index}]")
        elif id_field is not None:
            identity = _checked(document.get(id_field), f"{where}[{id_field!r}]")
        else:
            identity = _by_content(body, copies)
        if identity in seen:
            raise ConfigurationError(
                f"{where} has the id {identity!r}, which documents[{seen[identity]}] has already: one would replace the "
                "other, and which is not certain; give each its own"
            )
        seen[identity] = index
        action = encode({op: {"_id": identity}}, name=where)
        yield _row(index, identity, action, body, takes())
    if ids is not None and index + 1 != len(ids):
        raise ConfigurationError(f"ids= has {len(ids)} ids for {index + 1} documents: pass one each")


def batches(documents: Iterable[Row], *, size: int, size_bytes: int) -> Iterator[list[Row]]:
    """Batches of at most ``size`` documents and ``size_bytes`` bytes. A larger document is a batch of its own."""
    batch: list[Row] = []
    total = 0
    for row in documents:
        if batch and (len(batch) == size or total + len(row.lines) > size_bytes):
            yield batch
            batch, total = [], 0
        batch.append(row)
        total += len(row.lines)
    if batch:
        yield batch


def _checked(value: object, name: str) -> str:
    identity = value
    if not isinstance(value, (str, bool)):
        with suppress(TypeError):  # NumPy's integers are numbers as well
            identity = str(operator.index(value))  # type: ignore[arg-type]
    if not isinstance(identity, str) or not identity:
        raise ConfigurationError(f"{name} is {value!r}, no id: it must be a text or an int")
    if len(identity.encode("utf-8", "replace")) > LONGEST_ID:
        raise ConfigurationError(
            f"{name} is longer than {LONGEST_ID} bytes, which Elasticsearch takes for an id"
        )
    return identity


def _by_content(document: Draft, copies: dict[str, int]) -> str:
    """An id made of the content, the same in every run and for every version. Further copies of a document are numbered."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in document.content():
        hashed.update(part)
    digest = hashed.hexdigest()
    copies[digest] = copies.get(digest, 0) + 1
    return digest if copies[digest] == 1 else f"{digest}-{copies[digest]}"
