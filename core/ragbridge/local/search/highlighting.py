"""``highlight``: the chunks of ``semantic_text`` fields that fit a query best, and the words of a query in texts."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import bad_argument
from ragbridge.local.search.analysis import Term as Word
from ragbridge.local.search.analysis import text_of
from ragbridge.local.search.errors import not_offered
from ragbridge.local.search.passages import Marked, passages
from ragbridge.local.search.queries.base import Query, Run
from ragbridge.local.search.queries.constants import MatchAll, matches
from ragbridge.local.search.queries.fulltext import Match, analyzed, occurrences
from ragbridge.local.search.queries.parse import parse
from ragbridge.local.search.queries.semantic import SPARSE, Semantic, embedded, search_endpoint
from ragbridge.local.search.queries.sparse import SparseVector
from ragbridge.local.search.queries.terms import Pattern, Term, Terms
from ragbridge.local.search.queries.vectors import Knn
from ragbridge.local.search.reading import OBJECT, Body
from ragbridge.local.search.similarity import Tokens, Vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.search.documents import Chunk, Document
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View

FRAGMENTS = 5
FRAGMENT_SIZE = 100
TYPES = ("unified", "plain", "fvh", "semantic")


@dataclass(frozen=True, slots=True)
class Highlight:
    """How one field is highlighted.

    Attributes:
        field: A path, with ``*`` for any characters.
        kind: ``semantic`` or one of those for words; None for what fits the field's type.
        fragments: How many fragments at most; 0 for the whole text.
        size: Characters of a fragment.
        by_score: Whether the best fragment comes first.
        before: What stands before a word.
        after: What stands after it.
        any_field: Whether words count that the query asks for in other fields.
        without_match: Characters that are shown where there is no word of the query.
        escaped: Whether the text is written as HTML.
        query: Another query than that of the search.
    """

    field: str
    kind: str | None = None
    fragments: int = FRAGMENTS
    size: int = FRAGMENT_SIZE
    by_score: bool = False
    before: str = "<em>"
    after: str = "</em>"
    any_field: bool = False
    without_match: int = 0
    escaped: bool = False
    query: Query | None = None


def highlighted(
    run: Run, view: View, document: Document, asked: Sequence[Highlight], queries: Sequence[Query]
) -> dict[str, list[str]]:
    """The fragments of a document by field; fields without any are absent."""
    found: dict[str, list[str]] = {}
    for one in asked:
        sought = [one.query] if one.query is not None else list(queries)
        for path, field in view.fields.items():
            if path != one.field and not ("*" in one.field and matches(one.field, path)):
                continue
            semantic = field.type == "semantic_text"
            if semantic != (one.kind == "semantic" or (semantic and one.kind is None)):
                continue
            fragments = (
                _chunks(run, view.chunks(document, field.path), field, one, sought)
                if semantic
                else _words(view, document, field, one, sought)
            )
            if fragments:
                found[path] = fragments
    return found


def _all(queries: Sequence[Query]) -> Iterator[Query]:
    for query in queries:
        yield from query.walk()


def _chunks(
    run: Run, chunks: Sequence[Chunk], field: Field, how: Highlight, queries: Sequence[Query]
) -> list[str]:
    """The best chunks, each scored by the semantic queries on this field (``SemanticTextHighlighter``)."""
    if not chunks:
        return []
    scores: NDArray[np.float64] | None = None
    for query in _all(queries):
        sought = _sought(run, field, query)
        if isinstance(query, MatchAll):
            own: NDArray[np.float64] | None = np.ones(len(chunks))
        else:
            own = None if sought is None else _scores(field, chunks, sought)
        if own is not None:
            scores = own if scores is None else scores + own
    if scores is None:
        return []
    best = [int(place) for place in np.argsort(-scores, kind="stable") if scores[place] > 0][
        : max(1, how.fragments)
    ]
    return [chunks[place].text for place in (best if how.by_score else sorted(best))]


def _sought(run: Run, field: Field, query: Query) -> Any:
    """What a query looks for in a ``semantic_text`` field: a vector, tokens, or None where it is about something else."""
    if isinstance(query, Match):
        query = query.semantic
    if not isinstance(query, Semantic | Knn | SparseVector) or query.field != field.path:
        return None
    if not field.parameters.get("model_settings"):
        return None
    if query.text is not None:
        endpoint = query.endpoint if isinstance(query, Knn | SparseVector) else None
        return embedded(field, run.embed(endpoint or search_endpoint(field), query.text))
    if isinstance(query, Knn):
        return np.array(query.vector, dtype=np.float32)
    return query.tokens if isinstance(query, SparseVector) else None


def _scores(field: Field, chunks: Sequence[Chunk], sought: Any) -> NDArray[np.float64] | None:
    settings = field.parameters["model_settings"]
    if isinstance(sought, Mapping):
        if settings["task_type"] != SPARSE:
            return None
        return Tokens([chunk.tokens for chunk in chunks]).scores(sought)[1]
    if settings["task_type"] == SPARSE or any(
        chunk.vector is None or len(chunk.vector) != len(sought) for chunk in chunks
    ):
        return None
    element = settings.get("element_type", "float")
    similarity = settings.get("similarity") or ("l2_norm" if element == "bit" else "cosine")
    matrix = np.array([chunk.vector for chunk in chunks], dtype=np.float32)
    vectors = Vectors(matrix, similarity=similarity, element=element)
    return vectors.scores(vectors.raw(sought))


def _words(
    view: View, document: Document, field: Field, how: Highlight, queries: Sequence[Query]
) -> list[str]:
    if field.type not in {"text", "keyword"}:
        return []
    analyze = view.analyzer(field)
    texts = [text_of(value) for value in document.values.get(field.path, ())]
    finders = [finder for query in _all(queries) for finder in _finders(view, field, how, query)]
    marked: list[Marked] = []
    for text in texts:
        words = analyze(text)
        spans = {(word.start, word.end) for finder in finders for word in finder(words)}
        marked.append(Marked(text, sorted(spans)))
    found = passages(marked, fragments=how.fragments, size=how.size, by_score=how.by_score)
    if not found and how.without_match and texts:
        found = passages(
            [Marked(texts[0], [])], fragments=1, size=how.without_match, by_score=False, anyway=True
        )
    escape: Callable[[str], str] = html.escape if how.escaped else str
    return [one.written(how.before, how.after, escape) for one in found]


def _finders(
    view: View, field: Field, how: Highlight, query: Query
) -> Iterator[Callable[[list[Word]], list[Word]]]:
    """Functions that find the words of a query among those of a text."""
    if not isinstance(query, Match | Term | Terms | Pattern):
        return
    if query.field != field.path and not how.any_field:
        return
    if isinstance(query, Match):
        terms = analyzed(view, field, text_of(query.text), query.how)
        if query.how.phrase and len(terms) > 1:
            yield lambda words: [word for run in occurrences(words, terms) for word in run]
            return
        texts = {term.text for term in terms}
        yield lambda words: [word for word in words if word.text in texts]
    elif isinstance(query, Pattern):
        sought = query.value.lower() if query.case_insensitive else query.value
        if query.kind == "prefix":
            yield lambda words: [word for word in words if word.text.startswith(sought)]
        else:
            yield lambda words: [word for word in words if matches(sought, word.text, one="?")]
    else:
        given = query.values if isinstance(query, Terms) else [query.value]
        exact = {text_of(value) for value in given}
        yield lambda words: [word for word in words if word.text in exact]


def read_highlight(given: Any) -> list[Highlight]:
    """``highlight`` of a body.

    Raises:
        Failure: 400; 501 for options that the engine has not.
    """
    body = Body("highlight", given, refusal=OBJECT)
    fields = body.any("fields")
    general = _options(body, Highlight(""))
    body.end()
    if fields is None:
        return []
    found: list[Highlight] = []
    for one in fields if isinstance(fields, list) else [fields]:
        if not isinstance(one, Mapping):
            raise bad_argument("[highlight] [fields] must be an object, or a list of objects")
        for path, options in one.items():
            own = Body("highlight_field", options or {}, refusal=OBJECT)
            read = _options(own, general)
            own.end()
            found.append(replace(read, field=path))
    return found


def _options(body: Body, general: Highlight) -> Highlight:
    kind = body.some_text("type") or general.kind
    if kind is not None and kind not in TYPES:
        raise bad_argument(f"unknown highlighter type [{kind[:40]}]")
    order, query, encoder = body.some_text("order"), body.any("highlight_query"), body.some_text("encoder")
    before, after = body.several("pre_tags"), body.several("post_tags")
    if not all(isinstance(tag, str) for tag in [*before, *after]):
        raise bad_argument("[pre_tags] and [post_tags] must be texts")
    if body.some_text("tags_schema") is not None:
        raise not_offered("tags_schema of highlight")
    for option in (
        "boundary_scanner",
        "boundary_chars",
        "boundary_max_scan",
        "boundary_scanner_locale",
        "fragmenter",
    ):
        if body.any(option) is not None:
            raise not_offered(f"{option} of highlight")
    for option in ("force_source", "phrase_limit", "max_analyzed_offset", "highlight_filter"):
        body.any(option)  # bounds and sources of a cluster, which change nothing here
    body.elsewhere("matched_fields", "fragment_offset", "options")
    required = body.any("require_field_match")
    return Highlight(
        field="",
        kind=kind,
        fragments=body.whole("number_of_fragments", general.fragments),
        size=body.whole("fragment_size", general.size, least=0),
        by_score=general.by_score if order is None else order == "score",
        before=before[0] if before else general.before,
        after=after[0] if after else general.after,
        any_field=general.any_field if required is None else required in (False, "false"),
        without_match=body.whole("no_match_size", general.without_match, least=0),
        escaped=general.escaped if encoder is None else encoder == "html",
        query=general.query if query is None else parse(query),
    )
