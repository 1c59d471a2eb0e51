"""Word and sentence boundaries: without ICU for ASCII, equal to ICU's for all."""

# ruff: noqa: RUF001

import sys
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError
from ragbridge.chunking import NoneChunker, RecursiveChunker, SentenceChunker, WordChunker
from ragbridge.chunking.boundaries import ascii_sentences as ascii_sentences_module
from ragbridge.chunking.boundaries import long
from ragbridge.chunking.boundaries.ascii_sentences import sentence_ends
from ragbridge.chunking.boundaries.choice import boundaries_for
from ragbridge.chunking.boundaries.marks import Marks, count_by_steps
from ragbridge.chunking.boundaries.words import Segments, Words
from ragbridge.chunking.texts import without_surrogates

ASCII_PARTS = [
    "a",
    "b",
    "A",
    "B",
    "1",
    "2",
    ".",
    "..",
    "!",
    "?",
    " ",
    "  ",
    "\n",
    "\r",
    "\r\n",
    "\t",
    "\v",
    "'",
    '"',
    ")",
    "(",
    ",",
    ":",
    ";",
    "-",
    "_",
    "__",
    "\0",
    "\x1c",
    "#",
]
ASCII_TEXT = st.one_of(
    st.text(alphabet=st.characters(max_codepoint=127), max_size=40),
    st.lists(st.sampled_from(ASCII_PARTS), max_size=40).map("".join),
)


def word_boundaries(text: str) -> list[int]:
    breakers = pytest.importorskip("icu4py.breakers")
    return [0, *(end for _, end in breakers.WordBreaker(text, "root").segments())]


def found(words: Words, length: int) -> list[int]:
    return sorted({0, *(words.before(place) for place in range(length + 2))} - {length + 1} | {length})


@given(ASCII_TEXT)
@settings(max_examples=150, deadline=None)
def test_ascii_boundaries_are_icus(text: str) -> None:
    """ASCII text is cut into words and sentences exactly as by ICU, without it."""
    breakers = pytest.importorskip("icu4py.breakers")
    ends = [end for _, end in breakers.SentenceBreaker(text, "root").segments()]
    assert sentence_ends(text).tolist() == ends
    words = Words(text)
    boundaries = word_boundaries(text)
    assert found(words, len(text)) == boundaries
    segments = [(start, end, text[start:end]) for start, end in pairwise(boundaries)]
    is_word = [any(map(str.isalnum, part)) or part.count("_") > 1 for _, _, part in segments]
    assert words.ends.tolist() == [end for (_, end, _), word in zip(segments, is_word, strict=True) if word]


@given(ASCII_TEXT)
@settings(max_examples=150, deadline=None)
def test_long_ascii_text_is_read_in_another_way_and_cut_alike(text: str) -> None:
    """By comparisons, as by the table of classes: ends of words, boundaries, and the marks that are counted."""
    codes = np.frombuffer(text.encode().ljust(long.padded_length(len(text)), b"\0"), dtype=np.uint8)
    assert_alike(long.LongSegments(text, codes), Segments(text))


@given(
    st.text(
        alphabet=st.one_of(
            st.characters(max_codepoint=0x24F),
            st.characters(),
            st.sampled_from(" .’':,;_\u0387\uff0e\u066c١٢aé"),
        ),
        max_size=40,
    )
)
@settings(max_examples=200, deadline=None)
def test_long_text_is_read_by_stand_ins_and_cut_alike(text: str) -> None:
    """Every character has an ASCII one of its class, or the text is read as a short one is: surrogates included."""
    icu = pytest.importorskip("ragbridge.chunking.boundaries.icu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icu, "LONG", 0)
        found = icu.segments(text)
    assert_alike(found, icu.IcuSegments(without_surrogates(text)))


ALIKE = "‘’‚‛“”„‟«»‹›–—…•·©®°€£§\xa0éßÿàöÉÀÞÖ"


@given(
    st.lists(st.one_of(st.sampled_from([*ASCII_PARTS, *ALIKE]), st.sampled_from(ALIKE)), max_size=30).map(
        "".join
    )
)
@settings(max_examples=300, deadline=None)
def test_sentences_of_european_text_are_icus(text: str) -> None:
    """What is beside ASCII in it is read as an ASCII character of its class, and all ends where ICU ends it."""
    icu = pytest.importorskip("ragbridge.chunking.boundaries.icu")
    text = "plain ASCII. " * 10 + text
    ends = [end for _, end in icu.SentenceBreaker(text, "root").segments()]
    assert icu.sentence_ends(text).tolist() == ends


def test_every_character_that_is_read_as_another_has_its_class() -> None:
    """Each of them, in each place that a rule for sentences looks at."""
    icu = pytest.importorskip("ragbridge.chunking.boundaries.icu")
    frames = [
        "a. {}b c",
        "a.{} b C",
        "A{}. B",
        "{}. B c",
        "a.{}b",
        "a. {} b",
        "a!{} {}",
        "1.{}1 {}",
        "a.\n{}",
    ]
    for stand_in, characters in icu._ALIKE.items():
        for character in characters:
            for frame in frames:
                ends = [
                    [end for _, end in icu.SentenceBreaker(frame.replace("{}", each), "root").segments()]
                    for each in (stand_in, character)
                ]
                assert ends[0] == ends[1], (stand_in, character, frame)


def assert_alike(found: Segments, expected: Segments) -> None:
    ends = expected.ends()
    assert found.ends().tolist() == ends.tolist()
    assert found.breaks().tolist() == expected.breaks().tolist()
    for marks in (Marks(found.last()), Marks(expected.last())):
        assert len(marks) == len(ends)
        assert (marks.find(np.arange(len(ends), dtype=np.int32)) + 1).tolist() == ends.tolist()
        places = np.arange(ends[-1] + 1 if ends.size else 1, dtype=np.int32)
        assert marks.before(places).tolist() == ends.searchsorted(places, side="right").tolist()


def test_bits_are_counted_alike_by_every_numpy() -> None:
    """The sums that stand in for ``bitwise_count`` before NumPy 2."""
    words = np.array([0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF, 0xF0F0], dtype=np.uint64)
    assert count_by_steps(words).tolist() == [int(word).bit_count() for word in words.tolist()]


@given(ASCII_TEXT, st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_sentences_do_not_depend_on_blocks(text: str, block: int) -> None:
    """A sentence that reaches over the end of a block is found all the same, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ascii_sentences_module, "BLOCK", block)
        in_blocks = sentence_ends(text).tolist()
    assert in_blocks == sentence_ends(text).tolist()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_characters_are_cut_as_by_icu(text: str) -> None:
    """Asking ICU only about some stretches gives the boundaries that it gives for the whole."""
    boundaries = boundaries_for(text + "é", strict=True)
    words = Words(text + "é", boundaries.segmenter)
    units = np.cumsum([0] + [1 + (ord(character) > 0xFFFF) for character in text + "é"])
    assert units[found(words, len(text) + 1)].tolist() == word_boundaries(text + "é")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("can't stop 3.14 1,000", 4),
        ("b.com a:b m&s ice-box a@b.c", 8),
        ("_ __ ½ ① № 😀 🇩🇪 Ⅳ", 2),
        ("스웨덴은 아름답다", 2),
        ("你好。再见。", 2),
        ("カタカナ", 1),
        ("สวัสดีชาวโลก", 3),
        ("ג' צה״ל", 2),
        ("e\u0301te\u0301", 1),
    ],
)
def test_what_is_a_word(text: str, words: int) -> None:
    """Letters, digits, kana and ideographs make words; white space, punctuation and symbols do not."""
    pytest.importorskip("icu4py")
    assert len(Words(text, boundaries_for(text, strict=True).segmenter).ends) == words


def test_counting_goes_back_to_a_word_that_one_separator_divides() -> None:
    """The quirk of countWords: "First line" has two words, "Second line" after a newline three."""
    text = "First line\nSecond line"
    borders = np.array([0, 11, 22], dtype=np.int32)
    assert np.diff(Words(text).totals(borders)).tolist() == [2, 3]


@pytest.mark.parametrize(
    "chunker", [WordChunker(10, 1), SentenceChunker(20, 1), RecursiveChunker(10)], ids=repr
)
def test_without_icu_foreign_text_names_the_extra(
    chunker: WordChunker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without icu4py ASCII text works, other text is refused with the extra to install."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    assert chunker.chunk("plain text")[0].text == "plain text"
    with pytest.raises(ConfigurationError, match=r"ragbridge\[icu\]"):
        chunker.chunk("naïve")
    assert NoneChunker().chunk("naïve")[0].text == "naïve"


def test_without_icu_strict_false_approximates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The approximation is right for European text, and counts an ideograph as a word."""
    text = "L’été à Zürich. «Да», сказал он… Ναι! " * 3
    exact = [chunk.utf16 for chunk in SentenceChunker(10, 1).chunk(text)]
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    assert [chunk.utf16 for chunk in SentenceChunker(10, 1, strict=False).chunk(text)] == exact
    assert [chunk.text for chunk in WordChunker(2, 0, strict=False).chunk("你好。再见")] == ["你好", "。再见"]
    assert [chunk.text for chunk in RecursiveChunker(2, strict=False).chunk("ひらが\né")] == [
        "ひら",
        "が",
        "\né",
    ]


def test_with_icu_strict_changes_nothing() -> None:
    """`strict=False` is a fallback, not another way: where ICU is, ICU is asked."""
    pytest.importorskip("icu4py")
    text = "中国人民。"
    assert WordChunker(1, 0, strict=False).chunk(text) == WordChunker(1, 0).chunk(text)
    assert len(WordChunker(1, 0).chunk(text)) < sum(
        unicodedata.category(character) == "Lo" for character in text
    )
