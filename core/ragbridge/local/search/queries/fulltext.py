"""Queries for text: ``match`` and ``match_phrase`` on one field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.analysis import Term, analyzer, text_of
from ragbridge.local.search.bm25 import idf
from ragbridge.local.search.errors import not_offered, parsing
from ragbridge.local.search.queries import fuzzy, values
from ragbridge.local.search.queries.base import Matches, Query, Run, common, total
from ragbridge.local.search.queries.minimum import minimum
from ragbridge.local.search.queries.semantic import Semantic
from ragbridge.local.search.queries.terms import exactly
from ragbridge.local.search.reading import Body, only, token

if TYPE_CHECKING:
    from ragbridge.local.search.bm25 import Scores, TextIndex
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View


@dataclass(frozen=True, slots=True)
class Text:
    """How the text of a query is turned into terms, and how many of these have to match.

    Attributes:
        operator: ``or`` or ``and``.
        minimum: ``minimum_should_match``.
        fuzziness: None for exact terms.
        prefix: Letters at the beginning that have to be the same.
        expansions: How many terms an inexact one stands for at most.
        transpositions: Whether two letters that change places are one edit.
        analyzer: Another analyzer than the field's.
        lenient: Whether a text that does not fit a field's type matches nothing instead of failing.
        all_of_nothing: Whether a text without a term matches everything.
        phrase: Whether terms have to follow each other.
    """

    operator: str = "or"
    minimum: Any = None
    fuzziness: Any = None
    prefix: int = 0
    expansions: int = fuzzy.MOST_EXPANSIONS
    transpositions: bool = True
    analyzer: str | None = None
    lenient: bool = False
    all_of_nothing: bool = False
    phrase: bool = False


@dataclass(kw_only=True)
class Match(Query):
    """Documents whose field has terms of a text. On ``semantic_text`` fields it is a semantic query."""

    field: str
    text: Any
    how: Text

    def prepare(self, run: Run) -> None:
        """Embed the text for the indexes whose field is ``semantic_text``."""
        for view in run.views:
            known = view.fields.get(self.field)
            if known is not None and known.type == "semantic_text":
                self.semantic.embed(run, known)

    def among_neighbours(self, view: View) -> bool:
        """In indexes whose field is ``semantic_text``."""
        return self.semantic.among_neighbours(view)

    @property
    def semantic(self) -> Semantic:
        """The query that it is on a ``semantic_text`` field."""
        return Semantic(field=self.field, text=text_of(self.text))

    def _match(self, view: View, run: Run) -> Matches:
        known = view.fields.get(self.field)
        if self.field in {"_id", "_index"}:
            return exactly(view, self.field, self.text)
        if known is None or known.type in {"object", "nested"}:
            return Matches.none(view)
        if known.type == "semantic_text":
            return self.semantic.match(view, run)
        if known.type in values.LEXICAL:
            return of_text(view, known, text_of(self.text), self.how)
        try:
            if known.type not in values.COMPARED:
                raise values.unsupported(known, "match")
            return exactly(view, self.field, self.text)
        except Failure:
            if self.how.lenient:
                return Matches.none(view)
            raise


def analyzed(view: View, field: Field, text: str, how: Text) -> list[Term]:
    """The terms of a query text."""
    analyze = analyzer(how.analyzer) if how.analyzer else view.analyzer(field, search=True)
    return analyze(text)


def of_text(view: View, field: Field, text: str, how: Text) -> Matches:
    """The documents whose field has terms of a text, as many as are asked for."""
    terms = analyzed(view, field, text, how)
    if not terms:
        everything = np.full(len(view), how.all_of_nothing)
        return Matches.constant(everything)
    index = view.text(field.path)
    if how.phrase and len(terms) > 1:
        return _phrase(view, index, terms)
    clauses = [_clause(index, term.text, how, len(view)) for term in terms]
    if how.operator == "and":
        needed = len(clauses)
    elif how.minimum is None:
        needed = 1
    else:
        needed = max(1, minimum(how.minimum, len(clauses)))
    scores = total(clauses)
    met = np.sum([clause > 0 for clause in clauses], axis=0) >= needed
    return Matches(met, np.where(met, scores, 0.0))


def _clause(index: TextIndex, term: str, how: Text, count: int) -> Scores:
    if how.fuzziness is None or not (most := fuzzy.edits(how.fuzziness, term)):
        return index.score(term)
    expanded = fuzzy.expansions(
        term,
        index.vocabulary,
        most,
        prefix=how.prefix,
        transpositions=how.transpositions,
        limit=how.expansions,
    )
    if not expanded:
        return np.zeros(count)
    # The terms count as equally rare (``TopTermsBlendedFreqScoringRewrite``).
    rare = idf(index.documents, max(index.having(one) for one, _ in expanded))
    return total([index.score(one, weight=rare) * weight for one, weight in expanded])


def _phrase(view: View, index: TextIndex, terms: list[Term]) -> Matches:
    """Documents in which terms follow each other; the phrase is as rare as its terms together."""
    rows: set[int] | None = None
    for term in {one.text for one in terms}:
        postings = index.postings(term)
        have = set() if postings is None else set(postings.rows.tolist())
        rows = have if rows is None else rows & have
    counts = {
        row: count for row in sorted(rows or ()) if (count := len(occurrences(index.terms[row] or [], terms)))
    }
    mask = np.zeros(len(view), dtype=np.bool_)
    scores = np.zeros(len(view))
    if counts:
        where = np.array(list(counts), dtype=np.intp)
        weight = sum(idf(index.documents, index.having(one.text)) for one in terms)
        mask[where] = True
        scores[where] = index.of_counts(where, np.array(list(counts.values()), dtype=np.float64), weight)
    return Matches(mask, scores)


def occurrences(document: list[Term], phrase: list[Term]) -> list[list[Term]]:
    """Where a phrase stands in a document."""
    places: dict[tuple[str, int], Term] = {(term.text, term.position): term for term in document}
    first = phrase[0]
    found: list[list[Term]] = []
    for term in document:
        if term.text != first.text:
            continue
        run = [places.get((one.text, term.position + one.position - first.position)) for one in phrase]
        if all(one is not None for one in run):
            found.append([one for one in run if one is not None])
    return found


def read_how(body: Body, *, phrase: bool = False) -> Text:
    """How a text is matched, from the options that ``match`` and ``multi_match`` share.

    Raises:
        Failure: 400, an option cannot be read; 501 where the engine has not got it.
    """
    operator = body.text("operator", "or").lower()
    if operator not in {"or", "and"}:
        raise parsing(f"operator needs to be either [and] or [or], but not [{operator[:40]}]")
    fuzziness = body.any("fuzziness")
    fuzzy.check(fuzziness)
    nothing = body.text("zero_terms_query", "none").lower()
    if nothing not in {"none", "all"}:
        raise parsing(f"unsupported zero_terms_query value [{nothing[:40]}]")
    needed = body.any("minimum_should_match")
    if needed is not None:
        minimum(needed, 1)
    if body.whole("slop", 0, least=0):
        raise not_offered(f"slop of {body.name}")
    body.flag("auto_generate_synonyms_phrase_query", True)  # there are no synonyms
    body.elsewhere("fuzzy_rewrite", "cutoff_frequency")
    name = body.some_text("analyzer")
    if name is not None:
        analyzer(name)
    return Text(
        operator=operator,
        minimum=needed,
        fuzziness=fuzziness,
        prefix=body.whole("prefix_length", 0, least=0),
        expansions=body.whole("max_expansions", fuzzy.MOST_EXPANSIONS, least=1),
        transpositions=body.flag("fuzzy_transpositions", True),
        analyzer=name,
        lenient=body.flag("lenient", False),
        all_of_nothing=nothing == "all",
        phrase=phrase,
    )


def _read(name: str, value: Any, *, phrase: bool) -> Query:
    field, options = only(name, value)
    if isinstance(options, list) or options is None:
        raise parsing(f"[{name}] unknown token [{token(options)}] after [query]")
    body = Body(name, options if isinstance(options, Mapping) else {"query": options})
    text = body.any("query")
    if text is None:
        raise parsing("No text specified for text query")
    if isinstance(text, list | Mapping):
        raise parsing(f"[{name}] unknown token [{token(text)}] after [query]")
    options_read = read_how(body, phrase=phrase)
    query = Match(field=field, text=text, how=options_read, **common(body))
    body.end()
    return query


def read_match(value: Any) -> Query:
    """``match``."""
    return _read("match", value, phrase=False)


def read_match_phrase(value: Any) -> Query:
    """``match_phrase``."""
    return _read("match_phrase", value, phrase=True)


def read_fuzzy(value: Any) -> Query:
    """``fuzzy``: one term that may differ by few letters."""
    field, options = only("fuzzy", value)
    body = Body("fuzzy", options if isinstance(options, Mapping) else {"value": options})
    sought = body.any("value")
    if sought is None or isinstance(sought, list | Mapping):
        raise parsing("No value specified for fuzzy query")
    body.elsewhere("rewrite")
    fuzziness = body.any("fuzziness", default="AUTO")
    fuzzy.check(fuzziness)
    how = Text(
        fuzziness=fuzziness,
        prefix=body.whole("prefix_length", 0, least=0),
        expansions=body.whole("max_expansions", fuzzy.MOST_EXPANSIONS, least=1),
        transpositions=body.flag("transpositions", True),
        analyzer="keyword",
    )
    query = Match(field=field, text=sought, how=how, **common(body))
    body.end()
    return query
