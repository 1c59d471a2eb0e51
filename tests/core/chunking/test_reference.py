"""The chunkers beside a plain, slow implementation of Elasticsearch's loops over ICU's boundaries."""

# ruff: noqa: RUF001

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge.chunking import RecursiveChunker, SentenceChunker, WordChunker

pytest.importorskip("icu4py.breakers")
from plain_chunks import GROUPS, Plain

TOKENS = [
    *(
        "word",
        "Another",
        "a",
        "I",
        "can't",
        "3.14",
        "1,000",
        "U.S",
        "e.g.",
        "x_y",
        "_",
        "__",
        "b.com",
        "a:b",
        "1:2",
        "ice-box",
    ),
    *(" ", " ", " ", "  ", "   ", "\t", "\n", "\n", "\n\n", "\r\n", "\r", "\n\n\n", "\v", "\f", "\0", "\x7f"),
    *(
        ".",
        ". ",
        ".  ",
        "! ",
        "? ",
        "...",
        '." ',
        ".) ",
        "?!",
        "; ",
        ", ",
        ": ",
        " - ",
        "'",
        '"',
        "(",
        ")",
        "#",
        "\n# ",
        "\n## ",
        "*",
    ),
]
ABROAD = [
    *(
        "été",
        "naïve",
        "Ελλάδα. ",
        "Война и мир. ",
        "’",
        "“Ja”",
        "–",
        "…",
        "\u0085",
        "\u2028",
        "\u2029",
        "\xa0",
        "\u3000",
        "\u202f",
    ),
    *(
        "你好。",
        "再见",
        "中国人民",
        "東京都に住む。",
        "カタカナ",
        "ひらがな",
        "한국어를 ",
        "배웁니다. ",
        "สวัสดีชาวโลก",
        "ภาษาไทย",
        "ລາວ",
        "ភាសាខ្មែរ",
        "မြန်မာ",
    ),
    *(
        "שלום",
        "צה״ל",
        "ג'",
        "مرحبا؟ ",
        "हिन्दी। ",
        "தமிழ்",
        "😀",
        "👩‍👧",
        "🇩🇪",
        "½",
        "①",
        "№",
        "e\u0301",
        "co\u00adop",
        "𝐀𝐁",
        "१२३",
        "Ⅳ",
        "Straße",
    ),
]


def texts(tokens: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(tokens), max_size=60).map("".join)


ANY_TEXT = st.one_of(texts(TOKENS), texts(TOKENS + ABROAD), texts(ABROAD))
SIZES = st.integers(1, 25)


@given(ANY_TEXT, SIZES, st.data())
@settings(max_examples=100, deadline=None)
def test_word_chunks_are_those_of_the_plain_loop(text: str, size: int, data: st.DataObject) -> None:
    """The closed form of the word strategy gives what Elasticsearch's loop gives, in every script."""
    overlap = data.draw(st.integers(0, size // 2))
    chunks = WordChunker(size, overlap).chunk(text)
    assert [chunk.utf16 for chunk in chunks] == [span[:2] for span in Plain(text).word(size, overlap)]


@given(ANY_TEXT, SIZES, st.integers(0, 1))
@settings(max_examples=200, deadline=None)
def test_sentence_chunks_are_those_of_the_plain_loop(text: str, size: int, overlap: int) -> None:
    """The sentence strategy gives what Elasticsearch's loop gives, in every script."""
    chunks = SentenceChunker(size, overlap).chunk(text)
    assert [chunk.utf16 for chunk in chunks] == Plain(text).sentence(size, overlap)


SEPARATORS = st.lists(
    st.sampled_from(["\n\n", "\n", "\n# ", "\n## ", "#", r"\n+", "[.!?]", " ", "你", "😀", ""]),
    min_size=1,
    max_size=4,
)


@given(ANY_TEXT, SIZES, SEPARATORS)
@settings(max_examples=100, deadline=None)
def test_recursive_chunks_are_those_of_the_plain_loop(text: str, size: int, separators: list[str]) -> None:
    """The recursive strategy gives what Elasticsearch's recursion gives, in every script."""
    chunks = RecursiveChunker(size, separators).chunk(text)
    assert [chunk.utf16 for chunk in chunks] == Plain(text).recursive(size, separators)


LINES = [
    "a heading",
    "-",
    "---",
    "=",
    "====",
    "- item",
    "",
    "",
    " ",
    "# one",
    "## two",
    "### three",
    "some more words here.",
]
MARKDOWN = st.lists(st.sampled_from(LINES), max_size=30).map("\n".join)


@given(MARKDOWN, st.integers(1, 12), st.sampled_from(["plaintext", "markdown"]))
@settings(max_examples=100, deadline=None)
def test_groups_cut_where_their_expressions_match(text: str, size: int, group: str) -> None:
    """The built-in groups, which run without expressions, cut where the expressions match."""
    chunker = RecursiveChunker(size, separator_group=group)
    assert chunker.settings["separators"] == GROUPS[group]
    assert [chunk.utf16 for chunk in chunker.chunk(text)] == Plain(text).recursive(size, GROUPS[group])
