"""Search (``/s/``) and grounding (``/g/``) over the pages that the engine knows.

Pages are ranked by the embedded model's relevance. Grounding is a stand-in: a statement's factuality is the relevance of the
most similar passage. A passage that contradicts the statement in similar words therefore supports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.jina.envelope import Pages, answered, envelope, fields_of, wants_json
from ragbridge.local.jina.options import READER, SEARCH, read_settings
from ragbridge.local.jina.reader import formatted
from ragbridge.local.jina.segment import spans
from ragbridge.local.refusals import Refusal
from ragbridge.models import SEARCH_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ragbridge.local.fields import Fields
    from ragbridge.local.jina.html import Page

OPTIONS = (*(option for option in READER if option.field != "page"), *SEARCH)
"""The options of search: its own, and those of the reader for each page found."""
RESULTS = 10
"""Default of ``num`` (jina-ai/reader, ``searcher.ts``, f289e5d)."""
MOST_RESULTS = 20
SNIPPET = 160
"""Length of the description of a page without one of its own, in characters."""
QUOTE = 300
"""Maximum length of a quoted passage, in characters."""
REFERENCES = 3
SUPPORTIVE = 0.5
"""Minimum relevance at which a passage supports a statement, and a statement counts as true."""


class Search:
    """Reads the requests of search and grounding."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def search(self, call: Call) -> Work:
        """Ranks the pages for a query, best first.

        Raises:
            Refusal: 400 for an invalid option, 422 if there are no results.
        """
        fields = fields_of(call).beside(_typed(call.arguments))
        query = call.parameters.get("query") or fields.get("q")
        if not isinstance(query, str) or not query.strip():
            fields.report("q", "Input should be a text", "string_type", query)
        asked = fields.integer("num", "count", low=0, high=MOST_RESULTS)
        count = asked or RESULTS
        start = ((fields.integer("page", low=1) or 1) - 1) * count
        site = call.headers.get("x-site") or fields.get("site") or ""
        if not isinstance(site, str):
            fields.report("site", "Input should be a valid string", "string_type", site)
        fields.check()
        settings = read_settings(call, fields, OPTIONS)
        pages = [page for page in self._pages.of_sites(site) if _fits(page, call, fields)]
        if start >= len(pages):
            raise Refusal(422, f"No search results available for query {str(query)[:200]}")

        embedder = call.embedder()
        ids = [embedder.ids(f"{page.title}\n{page.description}\n{page.text}") for page in pages]
        relevance = embedder.relevance(embedder.ids(str(query)), ids)
        best = np.argsort(-relevance, kind="stable")[start : start + count]
        results = []
        for place in best:
            page = pages[place]
            data = formatted(page, settings, embedder)
            data["description"] = page.description or page.text[:SNIPPET]
            if settings.bare or asked == 0:
                data = {
                    **{name: data[name] for name in ("title", "url", "description")},
                    "usage": {"tokens": 0},
                }
            results.append(data)
        tokens = max(SEARCH_TOKENS, sum(data["usage"]["tokens"] for data in results))

        def compute() -> list[Row]:
            return [Row(index, relevance[place : place + 1]) for index, place in enumerate(best)]

        def write(rows: Sequence[Row]) -> bytes:
            # Results have no scores, so faults that change numbers do not show in them.
            return envelope([results[row.index] for row in rows if row.index < len(results)], tokens)

        if wants_json(call):
            return Work(tokens, write, compute)
        headers = {"x-usage-tokens": str(tokens)}
        return answered(
            call,
            results,
            lambda: "\n\n".join(map(_as_text, range(len(results)), results)) + "\n",
            tokens,
            headers,
        )

    def ground(self, call: Call) -> Work:
        """Checks a statement against the pages.

        Raises:
            Refusal: 400 for an invalid option, 422 if there are no pages.
        """
        fields = fields_of(call)
        statement = call.parameters.get("statement") or fields.get("statement")
        if not isinstance(statement, str) or not statement.strip():
            fields.report("statement", "Input should be a text", "string_type", statement)
        fields.check()
        passages = [
            (page, page.text[start:end].strip())
            for page in self._pages.of_sites(call.headers.get("x-site", ""))
            for start, end in spans(page.text, QUOTE)
            if page.text[start:end].strip()
        ]
        if not passages:
            raise Refusal(422, "No search results available for the statement")

        embedder = call.embedder()
        asked = embedder.ids(str(statement))
        ids = [embedder.ids(text) for _, text in passages]
        relevance = embedder.relevance(asked, ids)
        tokens = len(asked) + sum(len(each) for each in ids)
        best = np.argsort(-relevance, kind="stable")[:REFERENCES]
        factuality = round(float(min(max(relevance[best[0]], 0.0), 1.0)), 4)

        def compute() -> list[Row]:
            return [Row(int(place), relevance[place : place + 1]) for place in best]

        def write(rows: Sequence[Row]) -> bytes:
            data = {
                "factuality": factuality,
                "result": factuality >= SUPPORTIVE,
                "reason": f"The most similar passage has a relevance of {factuality} (embedded stand-in)",
                "references": [
                    _reference(*passages[row.index], float(row.numbers[0]))
                    for row in rows
                    if row.index < len(passages) and len(row.numbers)
                ],
                "usage": {"tokens": tokens},
            }
            return envelope(data, tokens)

        return Work(tokens, write, compute)


def _fits(page: Page, call: Call, fields: Fields) -> bool:
    """Whether a page has one of the words, and one of the endings, that the operators name."""
    endings = [*_words("filetype", call, fields), *_words("ext", call, fields)]
    title = _words("intitle", call, fields)
    path = urlsplit(page.url).path.lower()
    return (not endings or any(path.endswith(f".{ending}") for ending in endings)) and (
        not title or any(word in page.title.lower() for word in title)
    )


def _words(operator: str, call: Call, fields: Fields) -> list[str]:
    """An operator's words, from its header or its field (``GoogleSearchExplicitOperatorsDto``)."""
    given = call.headers.get(f"x-{operator}") or fields.get(operator)
    if isinstance(given, str):
        given = given.split(", ")
    words = given if isinstance(given, list) else []
    return [word.lower() for word in words if isinstance(word, str) and word]


_LABELS = {"title": "Title", "url": "URL Source", "description": "Description"}


def _as_text(number: int, data: dict[str, Any]) -> str:
    """A result as an answer in plain text (``searchResultProto`` in the reader's ``searcher.ts``)."""
    lines = [f"[{number + 1}] {label}: {data[name]}" for name, label in _LABELS.items() if data.get(name)]
    content = data.get("content") or data.get("text")
    return "\n".join([*lines, *([f"\n{content}"] if content else [])])


def _typed(arguments: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of an address, with numbers where a field is one."""
    return {
        name: int(text)
        if name in {"num", "count", "page"} and text.isascii() and text.isdigit() and len(text) < 16
        else text
        for name, text in arguments.items()
    }


def _reference(page: Page, quote: str, relevance: float) -> dict[str, Any]:
    return {"url": page.url, "keyQuote": quote, "isSupportive": relevance >= SUPPORTIVE}
