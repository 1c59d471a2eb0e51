"""Results of searching and of writing documents: frozen values."""

from __future__ import annotations

import functools
import itertools
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias, get_args

from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.ground.records import dataclass
from ragbridge.values.tables import counted, first, table

log = logging.getLogger("ragbridge")

MissingText: TypeAlias = Literal["skip", "empty"]
"""What becomes of a hit without text: it is left out, or has an empty text."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One search hit.

    Attributes:
        id: Its id.
        score: By the query's own measure, higher is better; None where hits were sorted by something else.
            After ``text_similarity_reranker`` it is not the reranker's own: ``original_score`` gives that.
        source: The document, or the parts of it that were asked for.
        index: Name of the index that holds it.
        highlight: By field, the chunks or passages that match; empty unless they were asked for.
    """

    id: str
    score: float | None
    source: Mapping[str, Any] = field(default_factory=dict, repr=False)
    index: str = ""
    highlight: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def text(self, field: str) -> str:
        """The text of a field of ``source``, as ``semantic_text`` reads it: strings, numbers and booleans, each on a line.

        Args:
            field: Its name; of a field in objects, or in lists of objects, with dots.

        Raises:
            ConfigurationError: There is none: the field was not indexed with this document (``copy_to`` fills fields
                that ``_source`` does not have), or holds no text.
        """
        parts = _texts(self.source, field)
        if not parts:
            raise ConfigurationError(
                f"the document {self.id!r} has no text in the field {field!r} of its _source: name the field that holds "
                "it (a field that copy_to fills is not there), or leave such documents out by a filter "
                f"{{'exists': {{'field': {field!r}}}}}"
            )
        return "\n".join(parts)

    def without(self, field: str) -> dict[str, Any]:
        """The document without a field: what there is beside its text.

        Args:
            field: Its name; of a field in objects, or in lists of objects, with dots.
        """
        return _without(self.source, field)


def _texts(source: Mapping[str, Any], field: str) -> list[str]:
    """Every value of a field, in the document's order. Without recursion, as deep as a server likes to nest."""
    texts: list[str] = []
    waiting: list[tuple[Any, str]] = [(source, field)]
    while waiting:
        value, path = waiting.pop()
        if isinstance(value, list):
            waiting += [(item, path) for item in reversed(value)]
        elif isinstance(value, Mapping) and path:
            inner = [(item, path[len(name) + 1 :]) for name, item in value.items() if _leads(name, path)]
            waiting += reversed(inner)
        elif isinstance(value, Mapping):
            waiting.append((value.get("text"), path))  # semantic_text as indexes made before 8.18 have it
        elif not path and isinstance(value, str):
            texts.append(value)
        elif not path and isinstance(value, (bool, int, float)):
            texts.append(json.dumps(value))
    return texts


def _leads(name: str, path: str) -> bool:
    """Whether ``path`` is that of the field ``name``, or of one in it. Names may hold dots themselves."""
    return path == name or path.startswith(f"{name}.")


def _without(source: Mapping[str, Any], field: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in source.items():
        if name == field:
            continue
        inner = field[len(name) + 1 :] if _leads(name, field) else ""
        if inner and isinstance(value, list):
            value = [_without(item, inner) if isinstance(item, Mapping) else item for item in value]  # noqa: PLW2901
        elif inner and isinstance(value, Mapping):
            value = _without(value, inner)  # noqa: PLW2901
        kept[name] = value
    return kept


@dataclass(frozen=True, slots=True)
class SearchHits:
    """What a search found, best first.

    Attributes:
        hits: The hits that were asked for.
        total: Documents that match; None where they were not counted. With a retriever of several stages, those that
            its first stage let through.
        exact: Whether ``total`` is that number, or at least that many.
        took: Milliseconds that Elasticsearch took.
        partial: Whether hits may be missing, because shards failed or the search's own time was up.
        raw: The answer as it came, for what has no field here (aggregations, suggestions, profile).
    """

    hits: tuple[Hit, ...]
    total: int | None = None
    exact: bool = True
    took: int = 0
    partial: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __repr__(self) -> str:
        best = first((hit.id, hit.score) for hit in self.hits)
        return f"SearchHits(hits={len(self)}, best={best}, total={self.total}, took={self.took}, partial={self.partial})"

    def _repr_html_(self) -> str:
        of = "" if self.total is None else f" of {'' if self.exact else 'at least '}{self.total:,}"
        partial = ", hits may be missing" if self.partial else ""
        return table(
            f"{counted(len(self), 'hit')}{of}, {self.took:,} ms{partial}",
            ["rank", "id", "score", "source"],
            ([rank, hit.id, hit.score, _shown(hit)] for rank, hit in enumerate(self.hits, 1)),
            total=len(self),
            unit="hits",
        )

    def with_text(self, field: str, *, missing: MissingText = "skip") -> list[tuple[Hit, str]]:
        """Each hit with the text of a field, see ``Hit.text``. For adapters.

        Args:
            field: Its name; of a field in objects, or in lists of objects, with dots.
            missing: ``"skip"`` to leave out hits that have no text there, ``"empty"`` to give them an empty text. A
                warning in the log says so once for each field and index.

        Raises:
            ConfigurationError: ``missing`` is something else.
        """
        if missing not in get_args(MissingText):
            raise ConfigurationError(f"missing_text={missing!r} must be 'skip' or 'empty'")
        found: list[tuple[Hit, str]] = []
        for hit in self.hits:
            parts = _texts(hit.source, field)
            if not parts:
                _warn_once(field, hit.index, missing)
                if missing == "skip":
                    continue
            found.append((hit, "\n".join(parts)))
        return found


def _shown(hit: Hit) -> object:
    """What matched, where that was asked for; else the document, and of one that is a text alone the text."""
    if hit.highlight:
        return " ... ".join(itertools.chain.from_iterable(hit.highlight.values()))
    values = list(itertools.islice(hit.source.values(), 2))
    return values[0] if len(values) == 1 else hit.source


@functools.lru_cache(maxsize=256)
def _warn_once(field: str, index: str, missing: MissingText) -> None:
    log.warning(
        "a hit of the index %r has no text in the field %r of its _source: %s; name the field that holds the text (one "
        "that copy_to fills is not there)",
        index,
        field,
        "left out" if missing == "skip" else "its text is empty",
    )


@dataclass(frozen=True, slots=True)
class BulkFailure:
    """A document that Elasticsearch refused.

    Attributes:
        index: Its position in the caller's documents.
        id: The id that it would have.
        status: HTTP status of this document: 400 for one that does not fit the mapping, 409 for an id that exists, 429
            and 503 after all attempts.
        type: Elasticsearch's error type, such as ``document_parsing_exception`` or ``inference_exception``.
        reason: What Elasticsearch said, causes included.
    """

    index: int
    id: str
    status: int
    type: str
    reason: str

    def __str__(self) -> str:
        return f"documents[{self.index}] (id {self.id!r}): {self.status} {self.type}: {self.reason}"


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Outcome of writing documents.

    Attributes:
        ids: Their ids, in the caller's order, those of refused documents included.
        errors: The documents that were not taken, in the caller's order. All others are written.
    """

    ids: tuple[str, ...] = field(default=(), repr=False)
    errors: tuple[BulkFailure, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def succeeded(self) -> int:
        """Number of documents that were written."""
        return len(self.ids) - len(self.errors)

    def __repr__(self) -> str:
        return f"BulkResult(documents={len(self)}, errors={first(error.index for error in self.errors)})"

    def _repr_html_(self) -> str:
        return table(
            f"{self.succeeded:,} of {counted(len(self), 'document')} written",
            ["document", "id", "status", "type", "reason"] if self.errors else [],
            ([row.index, row.id, row.status, row.type, row.reason] for row in self.errors),
            total=len(self.errors),
            unit="errors",
        )

    def raise_for_errors(self) -> None:
        """Raise if a document was refused.

        Raises:
            BulkError: With this result as its ``result``.
        """
        if self.errors:
            raise BulkError(self)


class BulkError(RagbridgeError):
    """Some documents were not taken; all others are written.

    Attributes:
        result: The outcome for each document.
    """

    def __init__(self, result: BulkResult) -> None:
        super().__init__(result)
        self.result = result

    @property
    def errors(self) -> tuple[BulkFailure, ...]:
        """The documents that were not taken."""
        return self.result.errors

    def __str__(self) -> str:
        failed = self.result.errors
        more = f" (and {len(failed) - 3} more, see .errors)" if len(failed) > 3 else ""
        shown = "; ".join(map(str, failed[:3]))
        return f"{len(failed)} of {len(self.result)} documents were not taken: {shown}{more}"
