"""What holds for every chunker, and odd texts."""

# ruff: noqa: RUF001

import pickle
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ragbridge.chunking
from ragbridge import ConfigurationError
from ragbridge.chunking import Chunk, Chunker, NoneChunker, RecursiveChunker, SentenceChunker, WordChunker
from ragbridge.chunking.boundaries.words import BLOCK

CHUNKERS: list[Chunker] = [
    NoneChunker(),
    WordChunker(10, 0),
    WordChunker(10, 5),
    SentenceChunker(20, 0),
    SentenceChunker(20, 1),
    RecursiveChunker(10),
    RecursiveChunker(10, separator_group="markdown"),
    RecursiveChunker(10, ["\n+", "#"]),
]
every_chunker = pytest.mark.parametrize("chunker", CHUNKERS, ids=repr)

ANY_TEXT = st.one_of(
    st.text(alphabet=st.characters(), max_size=80),
    st.lists(
        st.sampled_from(["word", "Two", " ", "\n", "\n\n", ". ", "é", "你", "ก", "😀", "\ud800", "\0"]),
        max_size=80,
    ).map("".join),
)


@every_chunker
@given(text=ANY_TEXT)
@settings(max_examples=30, deadline=None)
def test_a_chunk_is_a_slice_of_its_document(chunker: Chunker, text: str) -> None:
    """Offsets reproduce the text, UTF-16 offsets its UTF-16 form, surrogates and all; chunks are in order."""
    units = text.encode("utf-16-le", "surrogatepass")
    chunks = chunker.chunk(text)
    for chunk in chunks:
        start, end = chunk.utf16
        assert chunk.text == text[chunk.start : chunk.end]
        assert units[2 * start : 2 * end] == chunk.text.encode("utf-16-le", "surrogatepass")
    assert all(before.start <= after.start for before, after in pairwise(chunks))
    assert chunks[0].start == 0


@pytest.mark.parametrize(
    "chunker", [chunker for chunker in CHUNKERS if not isinstance(chunker, WordChunker)], ids=repr
)
@given(text=ANY_TEXT.filter(lambda text: any(character.isalpha() for character in text)))
@settings(max_examples=30, deadline=None)
def test_nothing_between_words_is_lost(chunker: Chunker, text: str) -> None:
    """But for the word strategy, each chunk begins where the one before ends, or earlier."""
    chunks = chunker.chunk(text)
    assert all(after.start <= before.end for before, after in pairwise(chunks))


@given(text=ANY_TEXT, size=st.integers(1, 12), data=st.data())
@settings(max_examples=100, deadline=None)
def test_word_chunks_are_bounded(text: str, size: int, data: st.DataObject) -> None:
    """No chunk of the word strategy has more words than allowed, and only the last has fewer."""
    chunks = WordChunker(size, data.draw(st.integers(0, size // 2))).chunk(text)
    counts = [len(WordChunker(1, 0).chunk(chunk.text)) for chunk in chunks]
    assert max(counts) <= size
    assert set(counts[:-1]) <= {size}


@every_chunker
@pytest.mark.parametrize("text", ["", " ", "\n\n \t", "...", "\0", "\ud800", "\udfff\ud800"])
def test_text_without_words_is_one_chunk(chunker: Chunker, text: str) -> None:
    """Empty, blank and wordless text comes back whole."""
    assert chunker.chunk(text) == [Chunk(0, len(text), text)]


@every_chunker
@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "x " * 200_000,
        "!" * 300_000,
        "\n" * 300_000,
        ".)" * 200_000,
        " " * 300_000,
        "a\n\n\n" * 50_000,
        "_" * 300_000,
        "é" * 300_000,
    ],
    ids=[
        "a word",
        "words",
        "marks",
        "newlines",
        "closers",
        "spaces",
        "paragraphs",
        "underscores",
        "a foreign word",
    ],
)
def test_long_monotonous_text_takes_linear_time(chunker: Chunker, text: str) -> None:
    """Whatever repeats, a long text comes back at once, and its chunks are its slices."""
    chunks = chunker.chunk(text)
    assert chunks[0].start == 0
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in islice(chunks, 100))


@pytest.mark.parametrize(
    "chunker", [WordChunker(250, 100), SentenceChunker(250, 1), RecursiveChunker(250)], ids=repr
)
def test_blocks_change_nothing(chunker: Chunker) -> None:
    """A text longer than the blocks it is read in has the chunks of its parts, moved."""
    paragraph = "The harbour was quiet before dawn. Nets hung on the wall; gulls walked the pier.\r\n\r\n"
    foreign = "Dağ’ın ardı – 山の向こう.  "
    text = (paragraph * 20 + foreign) * (4 * BLOCK // (20 * len(paragraph)))
    ends = [chunk.end for chunk in chunker.chunk(text)]
    first = [chunk.end for chunk in chunker.chunk(text[:BLOCK])]
    assert ends[: len(first) - 1] == first[:-1]
    assert ends[-1] == len(text)


def test_chunks_are_cut_as_they_are_asked_for() -> None:
    """`iter` gives the first chunks without the rest."""
    chunks = SentenceChunker(20, 0).iter("One two three four five six seven eight nine ten. " * 1000)
    assert [chunk.start for chunk in islice(chunks, 2)] == [0, 100]


def test_the_worked_examples() -> None:
    """Elasticsearch's quirks: a cut sentence overlaps, lines count a word too many, a full last chunk loses a dot."""
    text = "Aa bb cc dd ee ff. Gg hh ii jj kk ll mm. Nn " + "oo " * 12 + "pp."
    assert [chunk.utf16 for chunk in SentenceChunker(20, 1).chunk(text)] == [(0, 41), (18, 79), (52, 83)]
    lines = "one two three\n" * 12
    assert [chunk.text.count("\n") for chunk in SentenceChunker(20, 0).chunk(lines)] == [5, 5, 2]
    assert [chunk.text for chunk in WordChunker(3, 0).chunk("one two three. ")] == ["one two three"]


def test_offsets_count_characters_and_utf16_counts_units() -> None:
    """An emoji is one place in Python and two in Elasticsearch."""
    first, second = RecursiveChunker(1, ["\n"]).chunk("😀 one\n😀 two")
    assert (first.start, first.end, first.utf16) == (0, 5, (0, 6))
    assert (second.start, second.end, second.utf16) == (5, 11, (6, 13))


def test_chunkers_and_chunks_are_values() -> None:
    """They can be compared, hashed, pickled; no field can be set."""
    for chunker in CHUNKERS:
        copy = pickle.loads(pickle.dumps(chunker))
        assert copy == chunker
        assert hash(copy) == hash(chunker)
        assert copy.chunk("One two.\nThree") == chunker.chunk("One two.\nThree")
    chunk = Chunk(1, 3, "ab")
    with pytest.raises(AttributeError):
        chunk.start = 2  # type: ignore[misc]
    assert not hasattr(chunk, "__dict__")


def test_text_must_be_text() -> None:
    """Bytes are refused with a message."""
    with pytest.raises(ConfigurationError, match="text must be a str, not bytes"):
        NoneChunker().chunk(b"abc")  # type: ignore[arg-type]


def test_public_names_are_complete_and_sorted() -> None:
    """`__all__` is what the package's page promises."""
    names = ["Chunk", "Chunker", "NoneChunker", "RecursiveChunker", "SegmenterChunker", "SentenceChunker"]
    assert ragbridge.chunking.__all__ == [*names, "WordChunker", "chunk_each"]
