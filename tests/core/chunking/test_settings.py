"""Elasticsearch's rules for settings, and its messages."""

from typing import Any

import pytest

from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker, NoneChunker, RecursiveChunker, SentenceChunker, WordChunker
from ragbridge.rules.chunking import check_elser


@pytest.mark.parametrize(
    ("settings", "chunker"),
    [
        ({}, SentenceChunker(250, 1)),
        (None, WordChunker(250, 100)),
        ({"strategy": "none"}, NoneChunker()),
        ({"strategy": "SENTENCE", "max_chunk_size": 20}, SentenceChunker(20, 1)),
        ({"strategy": "sentence", "max_chunk_size": 300, "sentence_overlap": 0}, SentenceChunker(300, 0)),
        ({"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": None}, SentenceChunker(20, 1)),
        ({"strategy": "Word", "max_chunk_size": 10, "overlap": 5}, WordChunker(10, 5)),
        ({"strategy": "recursive", "max_chunk_size": 10}, RecursiveChunker(10)),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separator_group": " MarkDown "},
            RecursiveChunker(10, separator_group="markdown"),
        ),
        ({"strategy": "recursive", "max_chunk_size": 10, "separators": ["#"]}, RecursiveChunker(10, ["#"])),
    ],
)
def test_good_settings(settings: dict[str, Any] | None, chunker: Chunker) -> None:
    """What Elasticsearch takes gives the chunker it would use, and what it echoes gives the same chunker."""
    assert Chunker.from_settings(settings) == chunker
    assert Chunker.from_settings(chunker.settings) == chunker


def test_settings_are_echoed_in_full() -> None:
    """All keys are shown, the strategy in lower case, a group as its separators."""
    assert Chunker.from_settings({"strategy": "WORD", "max_chunk_size": 100, "overlap": 20}).settings == {
        "strategy": "word",
        "max_chunk_size": 100,
        "overlap": 20,
    }
    plaintext = Chunker.from_settings(
        {"strategy": "recursive", "max_chunk_size": 50, "separator_group": "plaintext"}
    )
    assert plaintext.settings == {
        "strategy": "recursive",
        "max_chunk_size": 50,
        "separators": [r"(?<!\n)\n\n(?!\n)", r"(?<!\n)\n(?!\n)"],
    }
    markdown = RecursiveChunker(50, separator_group="markdown").settings["separators"]
    assert isinstance(markdown, list)
    assert markdown[:2] == ["\n# ", "\n## "]
    assert markdown[6:] == [
        "\n^(?!\\s*$).*\\n-{1,}\\n".replace("\n^", r"\n^"),
        "\n^(?!\\s*$).*\\n={1,}\\n".replace("\n^", r"\n^"),
    ]


REQUIRED = "[chunking_settings] does not contain the required setting [{}]"
TYPE = "field [{}] is not of the expected type. The value [{}] cannot be converted to a [{}]"


@pytest.mark.parametrize(
    ("settings", "messages"),
    [
        ({"max_chunk_size": 100}, ["Can't generate Chunker without ChunkingStrategy provided"]),
        ({"strategy": "words"}, ["words", "none, word, sentence, recursive"]),
        ({"strategy": "none", "overlap": 1}, ["settings can not have the following: [overlap]"]),
        ({"strategy": "word", "overlap": 5}, [REQUIRED.format("max_chunk_size")]),
        ({"strategy": "word", "max_chunk_size": 100}, [REQUIRED.format("overlap")]),
        (
            {"strategy": "word", "max_chunk_size": 9, "overlap": 1},
            [
                "[chunking_settings] Invalid value [9.0]. [max_chunk_size] must be greater than or equal to [10.0]"
            ],
        ),
        (
            {"strategy": "word", "max_chunk_size": 100, "overlap": 51},
            ["[chunking_settings] Invalid value [51.0]. [overlap] must be less than or equal to [50.0]"],
        ),
        (
            {"strategy": "word", "max_chunk_size": 100, "overlap": 0},
            ["[chunking_settings] Invalid value [0]. [overlap] must be a positive integer"],
        ),
        (
            {"strategy": "word", "max_chunk_size": 100, "overlap": 5, "sentence_overlap": 1, "x": 2},
            ["Word based chunking settings can not have the following settings: [sentence_overlap, x]"],
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 19},
            ["Invalid value [19.0]. [max_chunk_size] must be greater than or equal to [20.0]"],
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 2},
            ["sentence_overlap[2] must be either 0 or 1"],
        ),
        (
            {"strategy": "sentence", "max_chunk_size": "250"},
            [TYPE.format("max_chunk_size", "250", "Integer")],
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 250.0},
            [TYPE.format("max_chunk_size", "250.0", "Integer")],
        ),
        (
            {"strategy": "sentence", "max_chunk_size": True},
            [TYPE.format("max_chunk_size", "true", "Integer")],
        ),
        (
            {"strategy": "sentence", "max_chunk_size": 2**31},
            [TYPE.format("max_chunk_size", 2**31, "Integer")],
        ),
        (
            {"strategy": "sentence", "overlap": 1, "sentence_overlap": 5},
            [
                "Sentence based chunking settings can not have the following settings: [overlap]",
                REQUIRED.format("max_chunk_size"),
                "sentence_overlap[5] must be either 0 or 1",
            ],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 50, "overlap": 1},
            ["Recursive chunking settings can not have the following settings: [overlap]"],
        ),
        (
            {
                "strategy": "recursive",
                "max_chunk_size": 10,
                "separator_group": "plaintext",
                "separators": ["#"],
            },
            ["Recursive chunking settings can not have both separators and separator_set"],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separators": []},
            ["Recursive chunking settings can not have an empty list of separators"],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separators": ["a"] * 51},
            ["separators list size [51] must not exceed [50]"],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separators": "#"},
            [TYPE.format("separators", "#", "List")],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separators": ["#", 5]},
            [TYPE.format("separators", 5, "String")],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separator_group": "x"},
            [
                "[chunking_settings] Invalid value [x] received. [separator_group] must be one of [markdown, plaintext]"
            ],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separator_group": ""},
            ["Invalid value empty string. [separator_group] must be a non-empty string"],
        ),
        (
            {"strategy": "recursive", "max_chunk_size": 10, "separator_group": 5},
            [TYPE.format("separator_group", 5, "String")],
        ),
    ],
)
def test_bad_settings(settings: dict[str, Any], messages: list[str]) -> None:
    """What Elasticsearch refuses is refused, with its message; all that is wrong is said at once."""
    given = dict(settings)
    with pytest.raises(ConfigurationError) as caught:
        Chunker.from_settings(settings)
    assert all(message in str(caught.value) for message in messages)
    assert settings == given


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: WordChunker(0, 0), r"max_chunk_size \[0\]"),
        (lambda: WordChunker(10, -1), r"overlap \[-1\]"),
        (lambda: WordChunker(10, 6), r"overlap \[6\] must be < chunk size / 2 \[10 / 2 = 5\]"),
        (
            lambda: WordChunker("250", 1),  # type: ignore[arg-type]
            "field .max_chunk_size. is not of the expected type",
        ),
        (lambda: SentenceChunker(0, 1), r"max_chunk_size \[0\]"),
        (lambda: SentenceChunker(20, 2), r"sentence_overlap\[2\] must be either 0 or 1"),
        (lambda: RecursiveChunker(10, ["a"], "plaintext"), "can not have both"),
        (lambda: RecursiveChunker(10, []), "can not have an empty list"),
        (lambda: RecursiveChunker(10, "abc"), "field .separators. is not of the expected type"),
        (
            lambda: RecursiveChunker(10, [5]),  # type: ignore[list-item]
            "field .separators. is not of the expected type",
        ),
        (lambda: RecursiveChunker(10, separator_group="html"), "must be one of .markdown, plaintext."),
    ],
)
def test_the_classes_refuse_what_no_chunker_takes(build: Any, message: str) -> None:
    """The classes take more than the settings, but nothing that has no meaning."""
    with pytest.raises(ConfigurationError, match=message):
        build()


def test_large_chunks_are_warned_about() -> None:
    """Above 300 words there is a warning, for Elasticsearch before 9.2 refuses it."""
    with pytest.warns(UserWarning, match=r"\[301\] is above 300"):
        Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 301})


def test_elser_refuses_large_chunks() -> None:
    """ELSER endpoints keep the bound of 300."""
    check_elser(SentenceChunker(300, 1).settings)
    check_elser(NoneChunker().settings)
    with pytest.raises(
        ConfigurationError, match="ELSER based models do not support chunk sizes larger than 300"
    ):
        check_elser(SentenceChunker(301, 1).settings)
