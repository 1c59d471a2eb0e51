"""``chunk_many``: the chunks of many documents, cut together as if each were alone."""

# ruff: noqa: RUF001

import sys
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError
from ragbridge.chunking import (
    Chunk,
    Chunker,
    NoneChunker,
    RecursiveChunker,
    SentenceChunker,
    WordChunker,
    chunk_each,
    word,
)
from ragbridge.chunking import texts as texts_module
from ragbridge.chunking.boundaries import long
from ragbridge.chunking.boundaries import words as words_module
from ragbridge.chunking.texts import BATCH

CHUNKERS: list[Chunker] = [
    NoneChunker(),
    WordChunker(1, 0),
    WordChunker(5, 2),
    SentenceChunker(1, 1),
    SentenceChunker(4, 0),
    SentenceChunker(6, 1),
    RecursiveChunker(1),
    RecursiveChunker(4),
    RecursiveChunker(2, separator_group="markdown"),
    RecursiveChunker(3, ["\r\n", "a", "\n", r"(?<!\n)\n\n(?!\n)", "\n😀"]),
    RecursiveChunker(2, ["[.!?]", " "]),
]
ASCII = [
    *("word", "Two", "a", "I", "can't", "3.14", "U.S", "e.g.", "x_y", "_", "__", "b.com", "a:b", "-", "="),
    *(" ", " ", "  ", "\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\v", "\f", "\0"),
    *(".", ". ", ".  ", "! ", "?", "...", '." ', ".) ", "; ", ", ", "'", "(", "\n# ", "\n## ", "\n---\n"),
]
ABROAD = [
    *("été", "\u0301", "\u200d", "\u00ad", "’", "“Ja”", "–", "\x85", "\u2028", "\u2029", "\xa0", "\u3000"),
    *("你好。", "カタカナ", "ひら", "々", "한국어를 ", "สวัสดีชาวโลก", "ລາວ", "ភាសា", "မြန်မာ", "ა"),
    *("שלום", "צה״ל", "ג'", "مرحبا؟ ", "हिन्दी। ", "😀", "👩‍👧", "🇩", "½", "१२३", "\ud800", "\udfff"),
]


def documents_of(*tokens: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(tokens), max_size=25).map("".join)


DOCUMENTS = st.lists(
    st.one_of(documents_of(*ASCII), documents_of(*ASCII, *ABROAD), documents_of(*ABROAD), st.just("")),
    max_size=8,
)


@given(documents=DOCUMENTS, batch=st.sampled_from([1, 30, BATCH]))
@settings(max_examples=20)
def test_each_document_is_cut_as_if_it_were_alone(documents: list[str], batch: int) -> None:
    """To the character, in UTF-16 too, whatever stands at their ends, and whichever are read together."""
    pytest.importorskip("icu4py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_module, "BATCH", batch)
        for chunker in CHUNKERS:
            together, alone = [*chunker.chunk_many(documents)], [*map(chunker.chunk, documents)]
            assert together == alone
            assert [[chunk.utf16 for chunk in each] for each in together] == [
                [chunk.utf16 for chunk in each] for each in alone
            ]


FEW = documents_of(*ASCII, "’", "é", "–", "½", "½", "\u0387", "\xa0")
"""Texts beyond ASCII for which ICU need not be asked."""


@given(documents=st.one_of(DOCUMENTS, st.lists(FEW, min_size=2, max_size=8)), size=st.integers(1, 7))
@settings(max_examples=50)
def test_much_text_is_cut_as_if_each_document_were_alone(documents: list[str], size: int) -> None:
    """In the way, too, that is faster for many documents: here it is taken for any number of them."""
    icu = pytest.importorskip("ragbridge.chunking.boundaries.icu")
    chunkers = [WordChunker(size, size // 2), WordChunker(size, 0), SentenceChunker(size, 1)]
    alone = [[*map(chunker.chunk, documents)] for chunker in chunkers]
    with pytest.MonkeyPatch.context() as patch:
        for module in (icu, long, word):
            patch.setattr(module, "LONG", 0)
        together = [[*chunker.chunk_many(documents)] for chunker in chunkers]
    assert together == alone
    assert utf16(together) == utf16(alone)


def utf16(chunks: list[list[list[Chunk]]]) -> list[tuple[int, int]]:
    return [chunk.utf16 for by_chunker in chunks for by_document in by_chunker for chunk in by_document]


EDGES = [
    ("ends in a word", "begins with one"),
    ("3", ".14"),
    ("carriage return\r", "\nline feed"),
    ("carriage return\r", ""),
    ("U.", "S"),
    ("He said etc.", "and went on."),
    ("One.  ", "  Two."),
    ("e", "\u0301te\u0301"),
    ("👩\u200d", "👧"),
    ("🇩", "🇪"),
    ("สวัสดี", "ชาวโลก"),
    ("カタ", "カナ"),
    ("\ud83d", "\ude00"),
    ("a\n", "\nb"),
    ("# a\n", "# b"),
    ("heading\n", "---\n"),
    ("_", "_"),
]


@pytest.mark.parametrize(("first", "second"), EDGES)
def test_no_rule_looks_across_two_documents(first: str, second: str) -> None:
    """What would be one word, one sentence, one line end or one separator is two where documents meet."""
    pytest.importorskip("icu4py")
    documents = [first, second, first]
    for chunker in CHUNKERS:
        assert [*chunker.chunk_many(documents)] == [*map(chunker.chunk, documents)]


@pytest.mark.parametrize("chunker", CHUNKERS, ids=repr)
def test_huge_and_tiny_documents_are_mixed(chunker: Chunker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document of several batches and blocks among empty and short ones is cut as it is alone."""
    monkeypatch.setattr(texts_module, "BATCH", 500)
    monkeypatch.setattr(words_module, "BLOCK", 300)
    long = "The harbour was quiet. Nets hung on the wall; gulls walked the pier.\n\n" * 30
    documents = ["", "One. Two.", long, "", "a\r", "\n# b", "x" * 20]
    together = [*chunker.chunk_many(documents)]
    monkeypatch.undo()
    assert together == [*map(chunker.chunk, documents)]


def test_a_generator_is_read_by_batches() -> None:
    """Not more than a batch ahead of the chunks that were asked for; nothing before the first is."""
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield "One sentence. " * 100

    chunks = SentenceChunker(20, 0).chunk_many(endless())
    assert read == 0
    for _ in range(1000):
        assert next(chunks)[0].start == 0
    assert read * 1400 <= 1000 * 1400 + 2 * BATCH


def test_memory_is_bounded() -> None:
    """Chunks and all that is needed to find them take at most five times the text."""
    documents = ["The harbour was quiet before dawn. Nets hung on the wall. " * 80 for _ in range(120)]
    size = sum(map(sys.getsizeof, documents))
    for chunker in (SentenceChunker(250, 1), WordChunker(250, 100), RecursiveChunker(250)):
        [*chunker.chunk_many(documents)]
        tracemalloc.start()
        kept = [*chunker.chunk_many(documents)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(kept) == 120
        assert peak < 5 * size


def test_no_documents_have_no_chunks() -> None:
    """An empty list is no error."""
    assert [[*chunker.chunk_many([])] for chunker in CHUNKERS] == [[] for _ in CHUNKERS]


class Table:
    """What iterates over its columns, as a DataFrame does."""

    columns = ("text",)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ("one text", "documents is one str: pass a list of strings"),
        ({"a", "b"}, "documents is a set, whose order is not yours"),
        (Table(), "documents is a Table, a table, and iterates over its columns"),
        ({"a": "b"}, "documents is one dict"),
        (7, "documents is int"),
        (None, "documents is NoneType"),
    ],
)
def test_what_is_no_list_of_texts_is_refused_at_once(documents: Any, message: str) -> None:
    """In the words that every list of the package is refused with, before anything is asked for."""
    with pytest.raises(ConfigurationError, match=message):
        NoneChunker().chunk_many(documents)


@pytest.mark.parametrize("item", [b"bytes", None, 7, ["nested"]])
def test_an_item_that_is_no_text_is_named(item: Any) -> None:
    """By its index, in later batches too; what was read in batches before it has its chunks."""
    chunks = WordChunker(10, 0).chunk_many(["x" * BATCH, "y" * BATCH, item])
    assert next(chunks)[0].end == BATCH
    with pytest.raises(ConfigurationError, match=rf"documents\[2\] is {type(item).__name__}, not str"):
        list(chunks)


def test_without_icu_the_document_that_needs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those before it have their chunks."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    chunks = SentenceChunker(20, 1).chunk_many(["plain", "text", "naïve", "more"])
    assert [next(chunks)[0].text, next(chunks)[0].text] == ["plain", "text"]
    with pytest.raises(ConfigurationError, match=r"documents\[2\]: the text is not ASCII.*ragbridge\[icu\]"):
        next(chunks)


def test_an_expression_that_takes_too_long_names_its_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of its batch are cut all the same."""
    pytest.importorskip("regex")
    from ragbridge.chunking.separators import Budget

    monkeypatch.setattr(Budget, "for_text", lambda *_: Budget(0.05))
    chunks = RecursiveChunker(1, [r"(a+)+$"]).chunk_many(["b b", "b b b", "c " + "a" * 5000 + "!"])
    assert [len(next(chunks)), len(next(chunks))] == [2, 3]
    with pytest.raises(ConfigurationError, match=r"documents\[2\]: Chunk separator regex"):
        next(chunks)


def test_without_icu_approximations_are_those_of_each_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """``strict=False`` is the same fallback, document by document."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    documents = ["L’été. «Да», сказал он… ", "ひらが\né", "", "plain. Text", "\u0301a", "。你好\r", "\nb"]
    for chunker in (
        WordChunker(2, 1, strict=False),
        SentenceChunker(2, 1, strict=False),
        RecursiveChunker(1, strict=False),
    ):
        assert [*chunker.chunk_many(documents)] == [*map(chunker.chunk, documents)]


def test_each_document_may_have_its_own_chunker():
    """Chunks are those of its chunker alone, in the order of the documents; an error is that of its own document."""
    texts = ["one two three four", "five six", "seven eight nine", ""]
    chunkers = [WordChunker(2, 0), WordChunker(1, 0), WordChunker(2, 0), SentenceChunker(20, 0)]
    assert list(chunk_each(chunkers, texts)) == [
        chunker.chunk(text) for chunker, text in zip(chunkers, texts, strict=True)
    ]
    found = chunk_each(chunkers[:2], ["one", 2])
    assert next(found) == chunkers[0].chunk("one")
    with pytest.raises(ConfigurationError, match="text must be a str, not int"):
        next(found)
    with pytest.raises(ValueError, match="shorter|longer"):
        next(chunk_each(chunkers, ["one"]))
