"""The chunks of texts in many scripts, frozen from the plain loops over ICU: ``tests/data/make_chunks.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from make_chunks import FILE, LONG_SETTINGS, SETTINGS, text_of, vectors

from ragbridge.chunking import Chunker, NoneChunker, RecursiveChunker, SentenceChunker, WordChunker

FROZEN = json.loads(FILE.read_text(encoding="ascii"))
CHUNKERS: Mapping[str, type[Chunker]] = {
    "none": NoneChunker,
    "word": WordChunker,
    "sentence": SentenceChunker,
    "recursive": RecursiveChunker,
}


def chunker_of(name: str) -> Chunker:
    """The chunker for a setting, by its name; it takes smaller sizes than Elasticsearch's parser."""
    options: dict[str, Any] = {**SETTINGS, **LONG_SETTINGS}[name].copy()
    return CHUNKERS[options.pop("strategy")](**options)


@pytest.mark.parametrize(
    ("setting", "name", "offsets"),
    [pytest.param(*vector, id=f"{vector[0]}-{vector[1]}") for vector in FROZEN["chunks"]],
)
def test_chunks_are_those_that_were_frozen(setting: str, name: str, offsets: list[list[int]]) -> None:
    """Every text is cut where the loops cut it, and a chunk holds what stands between its offsets."""
    text = text_of(name)
    chunks = chunker_of(setting).chunk(text)
    assert [list(chunk.utf16) for chunk in chunks] == offsets
    units = text.encode("utf-16-le")
    assert [chunk.text for chunk in chunks] == [units[2 * a : 2 * b].decode("utf-16-le") for a, b in offsets]


def test_nothing_is_missing_in_what_was_frozen() -> None:
    """Every setting with every text that the script names is in the file, once."""
    assert [(setting, name) for setting, name, _ in FROZEN["chunks"]] == [*vectors()]


def test_what_was_frozen_is_what_the_loops_give() -> None:
    """The file is not older than its texts, its settings and ICU's boundaries."""
    pytest.importorskip("icu4py.breakers")
    from plain_chunks import plain_chunks

    for setting, name, offsets in FROZEN["chunks"]:
        found = plain_chunks(text_of(name), {**SETTINGS, **LONG_SETTINGS}[setting])
        assert [list(span) for span in found] == offsets, (setting, name)
