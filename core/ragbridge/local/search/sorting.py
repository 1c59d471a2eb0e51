"""``sort``: the order of hits by the values of fields."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.search.errors import not_offered, on_shards, parsing
from ragbridge.local.search.queries.base import Run, not_created
from ragbridge.local.search.queries.dates import milliseconds
from ragbridge.local.search.queries.values import NUMERIC
from ragbridge.local.search.reading import Body, number, token
from ragbridge.local.search.types import FLOATING

if TYPE_CHECKING:
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View

Hit: TypeAlias = "tuple[tuple[int, int], float]"
"""A document (index, row) and its score."""

SCORE: Final = "_score"
_OWN: Final = (SCORE, "_doc", "_shard_doc")
_MODES: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "avg": statistics.fmean,
    "median": statistics.median,
}
_HIGHEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sort:
    """One criterion.

    Attributes:
        field: A field, ``_score``, or ``_doc`` for the order of the index.
        descending: The highest first.
        missing: Where documents without a value stand (``_last``, ``_first``), or the value that they count as.
        mode: Which of several values counts; None for the lowest, or the highest if descending.
        unmapped: Whether an index may lack the field.
    """

    field: str
    descending: bool = False
    missing: Any = "_last"
    mode: str | None = None
    unmapped: bool = False

    def value(self, run: Run, hit: Hit) -> Any:
        """The value of a hit; None where it has none."""
        (number, row), score = hit
        if self.field == SCORE:
            return score
        if self.field in _OWN:
            return row
        values = run.views[number].documents[row].values.get(self.field)
        if not values:
            return None if self.missing in {"_last", "_first"} else self.missing
        return _MODES[self.mode or ("max" if self.descending else "min")](values)

    def shown(self, run: Run, hit: Hit) -> Any:
        """The value as it stands in ``sort`` of a hit."""
        value = self.value(run, hit)
        if isinstance(value, bool):
            return int(value)
        if value is not None or self.field in _OWN:
            return value
        field = run.views[hit[0][0]].fields.get(self.field)
        first = self.descending != (self.missing == "_first")
        if field is None or field.type == "keyword":
            return None
        if field.type in FLOATING:
            return "-Infinity" if first else "Infinity"
        return -_HIGHEST - 1 if first else _HIGHEST


def check(view: View, sorts: Sequence[Sort]) -> None:
    """Refuse criteria that an index does not have.

    Raises:
        Failure: 400.
    """
    for sort in sorts:
        if sort.field in _OWN:
            continue
        field = view.fields.get(sort.field)
        if field is None or field.type in {"object", "nested"}:
            if sort.unmapped:
                continue
            raise on_shards(
                view.name,
                view.index.uuid,
                not_created(f"No mapping found for [{sort.field}] in order to sort on"),
            )
        if field.type == "semantic_text":
            reason = "[semantic_text] fields do not support sorting, scripting or aggregating"
        elif field.type == "text" and not field.parameters.get("fielddata"):
            reason = (
                f"Fielddata is disabled on [{sort.field}] in [{view.name}]. Text fields are not optimised for operations that "
                "require per-document field data like aggregations and sorting, so these operations are disabled by default. "
                f"Please use a keyword field instead. Alternatively, set fielddata=true on [{sort.field}] in order to load "
                "field data by uninverting the inverted index. Note that this can use significant memory."
            )
        elif field.type not in {*NUMERIC, "text", "keyword", "boolean", "date"}:
            reason = f"can't sort on field [{sort.field}] of type [{field.type}]"
        elif sort.mode in {"sum", "avg", "median"} and field.type in {"keyword", "text"}:
            reason = (
                f"[sort_mode] [{sort.mode}] is not supported for field [{sort.field}] of type [{field.type}]"
            )
        else:
            continue
        raise on_shards(view.name, view.index.uuid, bad_argument(reason))


def sorted_hits(run: Run, hits: Sequence[Hit], sorts: Sequence[Sort]) -> list[Hit]:
    """Hits in the order of the criteria; those that are equal stay in the order of the indexes.

    Raises:
        Failure: 400, an index lacks a field, or it cannot be sorted by.
    """
    for view in run.views:
        check(view, sorts)
    ordered = sorted(hits, key=lambda hit: hit[0])
    for sort in reversed(sorts):
        having: list[tuple[Any, Hit]] = []
        lacking: list[Hit] = []
        for hit in ordered:
            value = sort.value(run, hit)
            if value is None:
                lacking.append(hit)
            else:
                having.append((value, hit))
        kinds = {isinstance(value, str) for value, _ in having}
        if len(kinds) > 1:
            raise bad_argument(
                f"Can't sort on field [{sort.field}]; the field has incompatible sort types across indexes"
            )
        having.sort(key=lambda one: one[0], reverse=sort.descending)
        found = [hit for _, hit in having]
        ordered = [*lacking, *found] if sort.missing == "_first" else [*found, *lacking]
    return ordered


def after(run: Run, hits: Sequence[Hit], sorts: Sequence[Sort], given: Sequence[Any]) -> list[Hit]:
    """The hits, in order, that come after one with these values (``search_after``)."""
    return [hit for hit in hits if _follows(run, hit, sorts, given)]


def _follows(run: Run, hit: Hit, sorts: Sequence[Sort], given: Sequence[Any]) -> bool:
    for sort, wanted in zip(sorts, given, strict=True):
        field = run.views[hit[0][0]].fields.get(sort.field)
        value, bound = sort.value(run, hit), _bound(field, wanted)
        if value == bound:
            continue
        if value is None or bound is None:
            return bool((value is None) == (sort.missing != "_first"))
        if isinstance(value, str) != isinstance(bound, str):
            raise bad_argument(f"Failed to parse search_after value for field [{sort.field}].")
        return bool(value < bound) if sort.descending else bool(value > bound)
    return False


def _bound(field: Field | None, wanted: Any) -> Any:
    """A value of ``search_after`` as those of the field are; None for what stands for no value."""
    if wanted is None or wanted in (_HIGHEST, -_HIGHEST - 1, "Infinity", "-Infinity"):
        return None
    if field is not None and field.type == "date":
        return milliseconds(field, wanted)
    if isinstance(wanted, str) and (field is None or field.type in NUMERIC):
        return number("search_after", "search_after", wanted)
    return wanted


def read_after(given: Any, sorts: Sequence[Sort]) -> list[Any]:
    """``search_after`` of a body.

    Raises:
        Failure: 400, it is no list of values, or not one for each criterion.
    """
    if not isinstance(given, list) or not given or any(isinstance(one, list | Mapping) for one in given):
        raise parsing("[search_after] must be a list of values")
    if not sorts:
        raise bad_argument("Sort must contain at least one field.")
    if len(given) != len(sorts):
        raise bad_argument(f"search_after has {len(given)} value(s) but sort has {len(sorts)}.")
    return given


def read_sort(given: Any) -> list[Sort]:
    """The criteria of ``sort``: names, or objects.

    Raises:
        Failure: 400; 501 for those that the engine has not.
    """
    sorts: list[Sort] = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, str):
            sorts.append(_sort(one, "desc" if one == SCORE else "asc"))
        elif isinstance(one, Mapping):
            sorts += [_sort(field, options) for field, options in one.items()]
        else:
            raise bad_argument(
                f"malformed sort format, within the sort array, an object, or an actual string are allowed, found [{token(one)}]"
            )
    return sorts


def _sort(field: str, options: Any) -> Sort:
    if field in {"_script", "_geo_distance"}:
        raise not_offered(f"sort by {field}")
    if isinstance(options, str):
        options = {"order": options}
    body = Body("sort", options, refusal="[field_sort] unknown field [{key}]")
    order = body.text("order", "desc" if field == SCORE else "asc").lower()
    if order not in {"asc", "desc"}:
        raise bad_argument(f"Unknown SortOrder [{order[:40]}]")
    missing, mode = body.any("missing", default="_last"), body.some_text("mode")
    if isinstance(missing, list | Mapping):
        raise parsing("[field_sort] missing must be a value")
    if mode is not None and mode not in _MODES:
        raise bad_argument(f"Unknown SortMode [{mode[:40]}]")
    if missing not in ("_last", "_first"):
        raise not_offered("sort with a value for missing")
    unmapped = body.any("unmapped_type") is not None
    body.elsewhere("nested", "numeric_type", "format")
    body.end()
    return Sort(field, descending=order == "desc", missing=missing, mode=mode, unmapped=unmapped)
