"""The chunkers beside a plain, slow implementation of Elasticsearch's loops over ICU's boundaries."""

# ruff: noqa: RUF001

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge.chunking import RecursiveChunker, SentenceChunker, WordChunker

breakers = pytest.importorskip("icu4py.breakers")

Spans = list[tuple[int, int]]
LETTERS_AND_DIGITS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl"}


def is_word(segment: str) -> bool:
    """What ICU's rule status says of the segments that the texts below have."""
    connectors = len(segment) > 1 and segment[-1] in "_\u202f"
    return connectors or any(unicodedata.category(character) in LETTERS_AND_DIGITS for character in segment)


@dataclass
class Plain:
    """Elasticsearch's algorithms on one text, in UTF-16 units, as its loops go."""

    text: str

    def __post_init__(self) -> None:
        self.units = self.text.encode("utf-16-le")
        self.length = len(self.units) // 2
        self.stops = [(0, False)]
        for start, end in breakers.WordBreaker(self.text, "root").segments():
            self.stops.append((end, is_word(self.part(start, end))))

    def part(self, start: int, end: int) -> str:
        return self.units[2 * start : 2 * end].decode("utf-16-le")

    def preceding(self, place: int) -> int:
        return max([index for index, (stop, _) in enumerate(self.stops) if stop < place], default=0)

    def count(self, start: int, end: int) -> int:
        return sum(word for stop, word in self.stops[self.preceding(start) :] if stop <= end)

    def skip(self, start: int, number: int) -> int:
        index, seen = self.preceding(start), 0
        while index < len(self.stops) and seen < number:
            seen += self.stops[index][1]
            index += 1
        return self.stops[min(index, len(self.stops) - 1)][0]

    def word(self, size: int, overlap: int) -> list[tuple[int, int, int]]:
        chunks = []
        words = since_mark = start = next_start = 0
        for stop, is_a_word in self.stops[1:]:
            if not is_a_word:
                continue
            words += 1
            since_mark += 1
            if words >= size:
                chunks.append((start, stop, words))
                words = overlap
                if overlap == 0:
                    next_start = stop
                start = next_start
            if since_mark == size - overlap:
                next_start = stop
                since_mark = 0
        if words > overlap or not chunks:
            chunks.append((start, self.length, words))
        return chunks

    def sentence(self, size: int, overlap: int) -> Spans:
        chunks: Spans = []
        chunk_start = chunk_end = sentence_start = chunk_words = previous_words = previous_start = 0
        for _, end in breakers.SentenceBreaker(self.text, "root").segments():
            words = self.count(sentence_start, end)
            if chunk_words + words > size:
                needed = words
                if chunk_words > 0:
                    chunks.append((chunk_start, chunk_end))
                    if overlap and previous_words + words > size:
                        skipped = max(0, previous_words - min(size // 2, 20))
                        chunk_start = self.skip(previous_start, skipped)
                        chunk_words = previous_words - skipped + words
                    elif overlap:
                        chunk_start, chunk_words = previous_start, previous_words + words
                    else:
                        chunk_start, chunk_words = chunk_end, words
                    needed = chunk_words
                if needed > size:
                    parts = Plain(self.part(chunk_start, end)).word(size, min(20, (size - 1) // 2))
                    chunks += [(chunk_start + first, chunk_start + last) for first, last, _ in parts[:-1]]
                    chunk_start += parts[-1][0]
                    chunk_words = parts[-1][2]
            else:
                chunk_words += words
            if overlap:
                previous_start, previous_words = sentence_start, words
            sentence_start = chunk_end = end
        if chunk_words > 0:
            chunks.append((chunk_start, self.length))
        return chunks or [(0, self.length)]

    def recursive(self, size: int, separators: list[str]) -> Spans:
        return self.split(0, self.length, size, separators)

    def split(self, start: int, end: int, size: int, separators: list[str]) -> Spans:
        if start == end or self.count(start, end) <= size:
            return [(start, end)]
        part = self.part(start, end)
        if not separators:
            return [(start + first, start + last) for first, last in Plain(part).sentence(size, 0)]
        cuts = [
            len(part[: match.start()].encode("utf-16-le")) // 2
            for match in re.finditer(separators[0], part, re.M)
        ]
        borders = [0, *cuts, end - start]
        pieces = [(start + first, start + last) for first, last in pairwise(borders) if first < last]
        merged: list[tuple[int, int, int]] = []
        for first, last in pieces:
            words = self.count(first, last)
            if merged and merged[-1][2] + words <= size:
                merged[-1] = (merged[-1][0], last, merged[-1][2] + words)
            else:
                merged.append((first, last, words))
        chunks: Spans = []
        for first, last, words in merged:
            chunks += [(first, last)] if words <= size else self.split(first, last, size, separators[1:])
        return chunks


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
    separators = chunker.settings["separators"]
    assert isinstance(separators, list)
    assert [chunk.utf16 for chunk in chunker.chunk(text)] == Plain(text).recursive(size, separators)
