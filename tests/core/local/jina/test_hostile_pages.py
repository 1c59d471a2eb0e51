"""Pages that are made to be dear: deep, long and broken ones are read in time linear in their length."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from ragbridge.local.jina.dom import MAX_DEPTH, MAX_ELEMENTS, parse
from ragbridge.local.jina.html import read_page

URL = "https://example.com/"
HOSTILE: dict[str, Callable[[int], str]] = {
    "div": lambda n: "<div>" * n + "end",
    "list": lambda n: "<ul><li>" * n + "end",
    "long list": lambda n: "<ol>" + "<li>end" * n,
    "quotes": lambda n: "<blockquote>" * 250 + "a<br>" * n + "end",
    "lists of lines": lambda n: "<ul><li>" * 120 + "a<br>" * n + "end",
    "tables": lambda n: "<table><tr><td>" * n + "end",
    "one long row": lambda n: "<table><tr>" + "<td>x" * n + "<tr><td>end" * n,
    "headings": lambda n: "<h1>" * 250 + "word " * n + "end",
    "end tags": lambda n: "<div>" * 200 + "</p></b>" * n + "end",
    "comments": lambda n: "<p>end" + "<!--" * n,
    "sections": lambda n: "<p>" + "<![CDATA[" * n + "end",
    "declarations": lambda n: "<p>" + "<!" * n + "end",
    "instructions": lambda n: "<p>" + "<?" * n + "end",
    "quotation marks": lambda n: "<p>" + "<a href='" * n + "end",
    "spaces": lambda n: "<pre>" + " " * n + "end",
    "brackets": lambda n: "x" + "[" * n + "end",
    "links": lambda n: "x" + "![a](b " * n + "end",
}


def steps(html: str) -> int:
    """Lines of Python that reading a page takes: a count that no other load of the machine changes."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read_page(URL, html)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_work_grows_with_the_page(make):
    """Twice as long a page takes about twice as much work, and nothing of its text is lost."""
    small, large = steps(make(400)), steps(make(800))
    assert large < 2.5 * small
    page = read_page(URL, make(8_000))
    assert "end" in page.markdown.text
    assert "end" in page.text
    assert len(page.markdown.text) < 40 * len(make(8_000))


@pytest.mark.parametrize(
    "make", [HOSTILE["comments"], HOSTILE["sections"], HOSTILE["declarations"], HOSTILE["quotation marks"]]
)
def test_what_does_not_end_is_not_searched_for_its_end_again_and_again(make):
    """A megabyte of beginnings is read; Python's parser alone takes minutes for some (CVE-2025-6069)."""
    assert "end" in read_page(URL, make(100_000)).text


def test_deep_and_large_pages_come_as_text():
    """As the reader does beyond 256 levels or 80,000 elements: the text is kept, the marks are not."""
    fine = read_page(URL, "<div>" * (MAX_DEPTH - 2) + "<b>x</b>")
    deep = read_page(URL, "<div>" * MAX_DEPTH + "<b>x</b>")
    assert (fine.markdown.text, deep.markdown.text) == ("**x**", "x")
    assert not parse("<br>" * MAX_ELEMENTS).degraded
    assert parse("<br>" * (MAX_ELEMENTS + 1)).degraded


@pytest.mark.parametrize(
    ("html", "markdown"),
    [
        ("<p>a<p>b", "a\n\nb"),
        ("<ul><li>a<li>b</ul>c", "* a\n* b\n\nc"),
        ("<table><tr><td>a<td>b<tr><td>c</table>d", "| a | b |\n| --- | --- |\n| c |\n\nd"),
        ("<table><tr><td>a<table><tr><td>b</table></table>", "| a b |\n| --- |"),
        ("<table></table>x", "x"),
        ("<table><caption>C</caption><tbody><tr><th>a</tbody></table>", "C\n\n| a |\n| --- |"),
        ("<a href=x>a<a href=y>b</a>", "[a](https://example.com/x)[b](https://example.com/y)"),
        ("<b>a</i>b</b>", "**ab**"),
        ("<p>a <!-- b > --> c", "a c"),
        ("<p>a <!-- b", "a"),
        ("<p>a < b & c", "a < b & c"),
        ("<p>a <![CDATA[b]]> c", "a c"),
        ("<ol start=x><li>a</ol><ol start=7><li>b", "1. a\n\n7. b"),
        ("<h3><h1>a</h1></h3>", "### a"),
        ("<pre><b>a</b>\n  b</pre>", "```\na\n  b\n```"),
    ],
)
def test_what_browsers_make_of_it(html, markdown):
    """Missing end tags, nested tables and odd marks are read about as browsers read them."""
    assert read_page(URL, html).markdown.text == markdown
