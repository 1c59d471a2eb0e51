"""What notebooks show of a result: a table that is safe, short, and read on light and dark pages; ``repr`` is a line."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ragbridge import (
    BatchResults,
    Classification,
    Classifications,
    DocumentEmbeddings,
    Embeddings,
    FailedItem,
    Failure,
    Grounding,
    Image,
    InvalidRequestError,
    Jina,
    MultiVectors,
    Page,
    Partial,
    RankedDocument,
    Ranking,
    Reference,
    SearchResults,
    Segment,
    Segments,
    SparseEmbeddings,
    Usage,
)
from ragbridge.corpus import Estimate, Report
from ragbridge.elastic import BulkFailure, BulkResult, EsqlColumn, EsqlResult, Hit, SearchHits
from ragbridge.values.tables import CHARACTERS, ROWS, brief, table

HOSTILE = (
    '<script>alert("1")</script><img src=x onerror=alert(2)>\' style="a" $x$ &amp;\x1b[31m\u202egnp\ud800'
    '</td></table><a href="javascript:alert(3)">'
)
ALLOWED = {"div", "table", "thead", "tbody", "tr", "th", "td"}
USAGE = Usage(tokens=75, requests=1)


def report(count, text):
    return Report(
        out=Path(text), files=(Path(text),) * count, inputs=count, rows=count, resumed=0, failed=0, cached=0, tokens=1,
        requests=1, refusals=0, seconds=0.5, ideal_seconds=0, cost=None, width=8, notes=(text,),
    )  # fmt: skip


def estimate(count, text):
    return Estimate(
        files=count, rows=count, texts=count, without=1, wrong=(text,), tokens=1, low=1, high=1, requests=1, seconds=0,
        cost=math.nan, notes=(text,),
    )  # fmt: skip


def failures(count, text):
    return tuple(Failure(index, InvalidRequestError(text, status=400)) for index in range(count))


VALUES = {
    "Ranking": lambda n, t: Ranking(tuple(RankedDocument(i, -math.inf, t) for i in range(n)), t, USAGE),
    "Embeddings": lambda n, t: Embeddings(np.full((n, 1024), np.nan, np.float32), t, USAGE, failed=failures(n, t)),
    "bits": lambda n, t: Embeddings(np.zeros((n, 128), np.uint8), t, USAGE, "ubinary"),
    "DocumentEmbeddings": lambda n, t: DocumentEmbeddings(
        (np.full((3, 8), np.nan, np.float32), np.empty((0, 8), np.float32))[: min(n, 2)] * max(n // 2, 1), t, USAGE
    ),
    "MultiVectors": lambda n, t: MultiVectors(
        (np.zeros((2, 8), np.float32),) * n, t, USAGE, ((t, t),) * n, failures(n, t)
    ),
    "SparseEmbeddings": lambda n, t: SparseEmbeddings(({t: math.nan},) * n, t, USAGE, failed=failures(n, t)),
    "BatchResults": lambda n, t: BatchResults(
        np.zeros((n, 8), np.float32), (t,) * n, {t: FailedItem(400, t)} if n else {}, t, USAGE
    ),
    "Segments": lambda n, t: Segments((Segment(0, len(t), t),) * n, n, t),
    "Classifications": lambda n, t: Classifications(
        (Classification(0, t, math.nan, {t: 1.0}, t),) * n, None, USAGE, failures(n, t)
    ),
    "SearchResults": lambda n, t: SearchResults((Page(t, title=t, content=t),) * n, USAGE),
    "Page": lambda n, t: Page(t, t, t * n, t, published=t, warning=t),
    "Grounding": lambda n, t: Grounding(math.nan, True, t, (Reference(t, t, True),) * n),
    "SearchHits": lambda n, t: SearchHits((Hit(t, math.nan, {t: t, "b": [t] * 9, "c": {t: {t: [t]}}}),) * n, n),
    "highlights": lambda n, t: SearchHits((Hit(t, None, {t: t}, highlight={t: (t, t)}),) * n, n),
    "EsqlResult": lambda n, t: EsqlResult((EsqlColumn(t, t),) * max(n, 1), ((t,) * max(n, 1),) * min(n, 100)),
    "BulkResult": lambda n, t: BulkResult((t,) * n, tuple(BulkFailure(i, t, 400, t, t) for i in range(n))),
    "Report": report,
    "Estimate": estimate,
}  # fmt: skip


class Reader(HTMLParser):
    """Reads a table, and refuses what a table has no need of."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.rows, self.caption = [], [], ""

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED
        assert {name for name, _ in attrs} <= {"class", "style", "dir", "colspan"}
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] == "div":
            self.caption += data
        else:
            self.rows[-1][-1] += data


def read(value):
    """The cells that a notebook shows of ``value``."""
    page = value._repr_html_()
    page.encode()
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    styles = " ".join(re.findall(r'style="([^"]*)"', page))
    assert "background" not in styles.replace("background: transparent", "")
    assert not re.search(r"url\(|color: (?!inherit)", styles.replace("currentColor", ""))
    return reader


@pytest.mark.parametrize("count", [0, 1, 10_000])
@pytest.mark.parametrize("name", VALUES)
def test_a_table_is_safe_and_short_whatever_it_holds(name, count):
    """Hostile texts are texts; of many rows the first are shown and the others counted; ``repr`` is a line."""
    value = VALUES[name](count, HOSTILE)
    page = value._repr_html_()
    assert len(page) < 100_000  # 20 columns of hostile texts
    found = read(value)
    assert len(found.rows) <= ROWS + 1 + 5
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert len(repr(value)) < 600 + 2 * len(repr(HOSTILE)) * (name in {"Page", "Grounding", "Estimate"})
    assert repr(value).count("\n") == 0


@pytest.mark.parametrize("name", VALUES)
def test_a_long_text_is_cut(name):
    """A text of a megabyte does not become a megabyte of HTML."""
    assert len(VALUES[name](1, "word " * 200_000)._repr_html_()) < 20_000


@pytest.mark.parametrize("name", VALUES)
def test_the_summary_is_one_thing_of_each(name):
    """No ``1 documents``."""
    assert not re.search(
        r"\b1 \w+s\b(?<!ms)(?! of)", VALUES[name](1, "text")._repr_html_().split("<table")[0]
    )


def test_what_is_left_out_is_counted():
    """The first rows, then how many more there are."""
    found = read(VALUES["Ranking"](1_000, "a text"))
    assert found.rows[-1] == ["... 990 more documents"]
    assert found.rows[1] == ["1", "0", "-inf", "a text"]
    assert found.caption == "1,000 documents, best first, a text, 75 tokens in 1 request"


def test_no_more_rows_are_made_than_are_shown():
    """A table of a million rows costs no more than one of ten."""

    def rows():
        for number in range(ROWS):
            yield [number]
        pytest.fail("a row was made that is not shown")

    assert "999,990 more" in table("a summary", ["n"], rows(), total=1_000_000)


def test_failures_are_named():
    """The first of the items without a result, and how many more there are."""
    found = read(VALUES["Classifications"](5, "a text"))
    assert next(row for row in found.rows if "InvalidRequestError" in row[0])[0].startswith("[0] ")
    assert found.rows[-1] == ["... 2 more failed"]


def test_a_search_shows_what_matched():
    """The passages that were highlighted; else the only field, or all of them, with long lists counted."""
    hits = (
        Hit("a", 1.0, {"content": "the whole text"}, highlight={"content": ("one passage", "another")}),
        Hit("b", 0.5, {"content": "the whole text"}),
        Hit(
            "c",
            0.25,
            {"title": "Sea", "vector": [0.125] * 1024, "meta": {"deep": {"deeper": {"deepest": 1}}}},
        ),
    )
    shown = [row[-1] for row in read(SearchHits(hits, total=3)).rows[1:]]
    assert shown[:2] == ["one passage ... another", "the whole text"]
    assert shown[2] == (
        "{title: Sea, vector: [0.125, 0.125, 0.125, 0.125, 0.125, 0.125, ... 1,018 more], meta: {deep: {...}}}"
    )


def test_documents_of_a_ranking_are_shown_by_their_texts():
    """Of objects the field ``text``; of pictures what they are, never their bytes or folder."""
    documents = (
        "a text",
        {"text": "of an object", "id": 7},
        {"image": "x", "id": 7},
        Image(b"12345"),
        Image("/a/b.png"),
    )
    ranking = Ranking(
        tuple(RankedDocument(i, 0.5, one) for i, one in enumerate(documents)), "m", score_kind="cosine"
    )
    rows = read(ranking).rows
    assert rows[0] == ["rank", "index", "cosine", "document"]
    assert [row[3] for row in rows[1:]] == [
        "a text", "of an object", "{image: x, id: 7}", "Image(<5 bytes>)", "Image(<file b.png>)"
    ]  # fmt: skip


def test_an_address_is_shown_without_what_may_be_secret():
    """Queries hold signatures."""
    page = Page("https://user:hunter2@host.example/p?token=s3cret", "T", "text")
    for value in (page, SearchResults((page,)), Grounding(1.0, True, "", (Reference(page.url, "q", True),))):
        assert not re.search("hunter2|s3cret", value._repr_html_() + repr(value))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "True"),
        (10**4000, "a long number"),
        (-(10**4000), "a long number"),
        (0.123456, "0.1235"),
        (math.nan, "nan"),
        (b"abc", "3 bytes"),
        ({}, "{}"),
        ({"a": [[[1]]]}, "{a: [[...]]}"),
        ("x" * 1_000, "x" * (CHARACTERS - 3) + "..."),
    ],
)
def test_a_value_is_said_in_a_line(value, shown):
    """Whatever JSON can hold, and more."""
    assert brief(value) == shown


def test_results_of_a_client_show_themselves():
    """Those of the embedded engine, as a user gets them."""
    jina = Jina(base_url="local")
    texts = ["the sea", "bread"]
    assert read(jina.rerank("the sea", texts, return_documents=True)).rows[1][3] == "the sea"
    assert read(jina.embed(texts)).rows[1][1].count(",") == 6
    assert read(jina.embed_documents([texts])).rows[1][1] == "2"
    assert read(jina.embed_multivector(texts, role="document")).rows[1][2] == "128"
    assert read(jina.classify(texts, labels=["food", "water"])).rows[1][1] in {"food", "water"}
    assert read(jina.segment("A text. Another one.")).rows[1][3].startswith("A text.")


def test_what_was_done_before_an_error_is_said_in_a_line():
    """Ten thousand indices are counted."""
    assert repr(Partial(tuple(range(10_000)), "")) == "Partial(items=10000)"


def test_a_ranked_document_does_not_repeat_its_text():
    """A list of them can be looked at."""
    assert len(repr(RankedDocument(1, 0.5, "word " * 10_000))) < 150
