"""Addresses of pages: which ones are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge.local.jina.addresses import compared

SAME = [
    ("https://example.com/a", "HTTPS://EXAMPLE.com:443/a"),
    ("https://example.com/a", "http://example.com:80/a"),
    ("https://example.com/a", "example.com/a"),
    ("https://example.com/a", " https://user:pw@example.com/a "),
    ("https://example.com/a", "https:example.com/a#part"),
    ("https://example.com/a", "https:\\\\example.com\\a"),
    ("https://example.com/a", "https://example.com/b/../x/./%2e%2E/a"),
    ("https://example.com/a", "https://www.example.com/a/"),
    ("https://example.com/a b", "https://example.com/a%20b"),
    ("https://example.com/\u00e9", "https://example.com/%c3%A9"),
    ("https://example.com/~a", "https://example.com/%7Ea"),
    ("https://example.com/a", "https://exa\nmple.com/\ta"),
    ("https://b\u00fccher.example/", "https://xn--bcher-kva.example"),
    ("https://example.com./a", "https://example.com/a"),
    ("http://[::1]/a", "http://[0:0:0:0:0:0:0:1]/a"),
    ("https://example.com/?a=\u00e9", "https://example.com?a=%C3%A9"),
    ("localhost:8000/a", "https://localhost:8000/a"),
]
OTHER = [
    ("https://example.com/a", "https://example.com/A"),
    ("https://example.com/a%2Fb", "https://example.com/a/b"),
    ("https://example.com/a", "https://example.com:8443/a"),
    ("https://example.com/a", "https://example.com:80/a"),
    ("https://example.com/a?x=1", "https://example.com/a?x=2"),
    ("https://example.com/a%3Fx", "https://example.com/a?x"),
    ("https://example.com/a", "https://sub.example.com/a"),
]


@pytest.mark.parametrize(("one", "two"), SAME)
def test_the_same_page(one, two):
    """However a browser would take it for one address, it is one page."""
    assert compared(one) == compared(two)
    assert compared(one)[0]


@pytest.mark.parametrize(("one", "two"), OTHER)
def test_other_pages(one, two):
    """What a server may answer in another way is another page."""
    assert compared(one) != compared(two)


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "file:///etc/passwd",
        "ftp://x/a",
        "javascript:x",
        "mailto:a@b",
        "http://[broken",
        "http://a b/",
        "https://",
        "http://[::g]/",
    ],
)
def test_addresses_that_are_none(url):
    """They name no host."""
    assert compared(url)[0] == ""


@given(st.text(max_size=60))
def test_any_text(text):
    """Any text is compared without an error, and what comes out names the same page again."""
    host, path = compared(text)
    if host:
        assert compared(f"https://{host}{path}") == (host, path)
