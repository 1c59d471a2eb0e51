"""``_source`` of hits: which parts of a document are shown, and with them its embeddings if they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.search.documents import inference_fields, plain, without_vectors
from ragbridge.local.search.errors import parsing
from ragbridge.local.search.queries.constants import matches
from ragbridge.local.search.reading import OBJECT, Body, flag, names, token

if TYPE_CHECKING:
    from ragbridge.local.search.documents import Document
    from ragbridge.local.search.view import View


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """Which parts of ``_source`` are shown.

    Attributes:
        shown: Whether any are.
        includes: Paths, with ``*`` for any characters; none for all.
        excludes: Paths that are left out of these.
        vectors: Whether fields of vectors are shown; None for what the index says.
    """

    shown: bool = True
    includes: Sequence[str] = ()
    excludes: Sequence[str] = ()
    vectors: bool | None = None

    def of(self, view: View, document: Document, *, embeddings: bool = False) -> dict[str, Any] | None:
        """``_source`` of a document; None where it is not shown.

        Args:
            view: The index.
            document: The document.
            embeddings: Whether ``_inference_fields`` is shown too.
        """
        if not self.shown:
            return None
        source = (
            document.source if self._vectors(view) else without_vectors(document.source, view.index.mapping)
        )
        if self.includes or self.excludes:
            source = filtered(source, self.includes, self.excludes)
        shown: dict[str, Any] = plain(source)
        if (embeddings or self.vectors) and (inferred := inference_fields(document, view.index.mapping)):
            shown["_inference_fields"] = inferred
        return shown

    def _vectors(self, view: View) -> bool:
        if self.vectors is not None:
            return self.vectors
        settings = view.index.settings.get("mapping")
        excluded = settings.get("exclude_source_vectors", True) if isinstance(settings, Mapping) else True
        return excluded in (False, "false")


def filtered(source: Mapping[str, Any], includes: Sequence[str], excludes: Sequence[str]) -> dict[str, Any]:
    """The parts of a source that patterns of paths choose; a path stands for everything below it."""
    return _filtered(source, includes, excludes, "", all_in=not includes)


def _filtered(
    source: Mapping[str, Any], includes: Sequence[str], excludes: Sequence[str], above: str, *, all_in: bool
) -> dict[str, Any]:
    left: dict[str, Any] = {}
    for name, value in source.items():
        path = f"{above}{name}"
        if any(matches(pattern, path) for pattern in excludes):
            continue
        inside = all_in or any(matches(pattern, path) for pattern in includes)
        if isinstance(value, Mapping):
            inner = _filtered(value, includes, excludes, f"{path}.", all_in=inside)
            if inner or (inside and not value):
                left[name] = inner
        elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
            rows = [
                _filtered(one, includes, excludes, f"{path}.", all_in=inside)
                if isinstance(one, Mapping)
                else one
                for one in value
                if inside or isinstance(one, Mapping)
            ]
            rows = [row for row in rows if row != {} or inside]
            if rows or inside:
                left[name] = rows
        elif inside:
            left[name] = value
    return left


def read_source(given: Any) -> SourceFilter:
    """``_source`` of a body.

    Raises:
        Failure: 400.
    """
    match given:
        case None | True:
            return SourceFilter()
        case False:
            return SourceFilter(shown=False)
        case str() | list():
            return SourceFilter(includes=_paths(given))
        case Mapping():
            body = Body("_source", given, refusal=OBJECT)
            includes, excludes = body.any("includes", "include"), body.any("excludes", "exclude")
            vectors = body.any("exclude_vectors")
            body.end()
            return SourceFilter(
                includes=_paths(includes),
                excludes=_paths(excludes),
                vectors=None if vectors is None else not flag("_source", "exclude_vectors", vectors),
            )
    raise parsing(
        f"Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] but found [{token(given)}]"
    )


def _paths(given: Any) -> list[str]:
    if given is None:
        return []
    if isinstance(given, str):
        return [given]
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise parsing("Unknown key for a START_ARRAY in [_source].")
    return given


def with_parameters(own: SourceFilter, parameters: Mapping[str, str]) -> SourceFilter:
    """What the parameters of a request say of ``_source``, if they do, in the place of what its body says."""
    given = {
        name: parameters[name]
        for name in ("_source", "_source_includes", "_source_excludes")
        if name in parameters
    }
    vectors = own.vectors
    if "_source_exclude_vectors" in parameters:
        vectors = not flag(
            "_source", "_source_exclude_vectors", parameters["_source_exclude_vectors"] or "true"
        )
    if not given:
        return SourceFilter(own.shown, own.includes, own.excludes, vectors)
    whole = given.get("_source")
    if whole in {"true", "false"}:
        shown, paths = whole == "true", None
    else:
        shown, paths = True, whole
    return SourceFilter(
        shown,
        names(paths or given.get("_source_includes") or ""),
        names(given.get("_source_excludes") or ""),
        vectors,
    )
