"""Elasticsearch's own chunks: the sample of test vectors beside the repository (the ring ``shared``)."""

import math
from typing import Any

import numpy as np
import pytest
from beside import read

from ragbridge import ConfigurationError
from ragbridge.chunking import Chunk, Chunker, RecursiveChunker, SentenceChunker, WordChunker
from ragbridge.chunking.boundaries.choice import boundaries_for
from ragbridge.chunking.boundaries.words import Words

Vector = dict[str, Any]

ALL: list[Vector] = read("vectors/elastic-chunks.json") or []
CLASSES = {"word": WordChunker, "sentence": SentenceChunker, "recursive": RecursiveChunker}

pytestmark = pytest.mark.shared


def of(*strategies: str) -> pytest.MarkDecorator:
    vectors = [vector for vector in ALL if vector["strategy"] in strategies]
    return pytest.mark.parametrize("vector", vectors, ids=[vector["id"] for vector in vectors])


def chunk(settings: Vector, text: str) -> list[Chunk]:
    options = {key: value for key, value in settings.items() if key != "strategy"}
    chunker: Chunker = CLASSES[settings["strategy"]](**options)
    return chunker.chunk(text)


@of("word", "sentence", "recursive")
def test_chunks(vector: Vector) -> None:
    """The chunks are Elasticsearch's, in everything that is known of them."""
    chunks = chunk({**vector["settings"], "strategy": vector["strategy"]}, vector["text"])
    texts = [item.text for item in chunks]
    assert [vector["text"][item.start : item.end] for item in chunks] == texts
    if "expected_offsets" in vector:
        assert [list(item.utf16) for item in chunks] == vector["expected_offsets"]
    if "expected_chunks" in vector:
        assert texts == vector["expected_chunks"]
    if "expected_count" in vector:
        assert len(chunks) == vector["expected_count"]
    assert len(chunks) >= vector.get("expected_min_count", 1)
    assert vector.get("expected_first_contains", "") in texts[0]
    assert vector.get("expected_last_contains", "") in texts[-1]
    for text, start in zip(texts, vector.get("expected_startswith", []), strict=False):
        assert text.lstrip().startswith(start)
    each = vector.get("expected_each", {})
    for text in texts:
        assert text.strip()[-1:] == each.get("stripped_last_char", text.strip()[-1:])
        assert text[:1].isupper() or not each.get("first_char_uppercase")


@of("count_words", "count_words_by_sentence")
def test_counts(vector: Vector) -> None:
    """Words are counted as Elasticsearch does."""
    text = vector["text"]
    boundaries = boundaries_for(text, strict=True)
    by_sentence = vector["strategy"] == "count_words_by_sentence"
    ends = boundaries.sentence_ends(text) if by_sentence else np.array([len(text)])
    borders = np.array([0, *ends], dtype=np.int32)
    assert np.diff(Words(text, boundaries.segmenter).totals(borders)).tolist() == vector["expected_counts"]


@of("skip_words")
def test_skips(vector: Vector) -> None:
    """Skipping words ends where Elasticsearch's does."""
    text, previous = vector["text"], 0
    words = Words(text)
    for call in vector["settings"]["calls"]:
        start = previous + 1 if call["start"] == "prev+1" else call["start"]
        previous = words.skip(start, call["num"])
        assert text[previous:].startswith(call.get("rest_startswith", ""))
        assert previous > call.get("pos_gt", -1)


@of("validate")
def test_validation(vector: Vector) -> None:
    """Settings are taken and refused as by Elasticsearch's parser."""
    if vector["expected_valid"]:
        chunker = Chunker.from_settings(vector["settings"])
        assert chunker.settings == vector.get("expected_settings", chunker.settings)
    else:
        with pytest.raises(ConfigurationError):
            Chunker.from_settings(vector["settings"])


@of("rerank_settings", "rerank_chunks")
def test_rerank(vector: Vector) -> None:
    """Documents are chunked for Elastic Rerank by what the query leaves of its window."""
    settings = vector["settings"]
    chunker = SentenceChunker.for_rerank(settings.get("query", "word " * settings.get("query_word_count", 0)))
    assert chunker.settings == vector.get("expected_settings", chunker.settings)
    if "expected_count" in vector:
        chunks = chunker.chunk(vector["text"])[: settings["max_chunks_per_doc"]]
        assert len(chunks) == vector["expected_count"]


@of("batching")
def test_batches(vector: Vector) -> None:
    """The chunks of all inputs, in order, fill Elasticsearch's batches."""
    settings = vector["settings"]
    chunks = [chunk(settings["chunking"], text) for text in settings["inputs"]]
    total, size = sum(map(len, chunks)), settings["batch_size"]
    sizes = [min(size, total - batch * size) for batch in range(math.ceil(total / size))]
    assert sizes == vector["expected_batches"]
    for index, starts in vector.get("expected_chunk_startswith", {}).items():
        texts = [item.text for item in chunks[int(index)]]
        assert all(text.startswith(start) for text, start in zip(texts, starts, strict=True))
