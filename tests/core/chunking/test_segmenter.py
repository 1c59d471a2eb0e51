"""``SegmenterChunker``: Jina's segmenter behind the interface of the chunkers."""

import asyncio
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError, InvalidRequestError, Jina
from ragbridge.chunking import Chunk, SegmenterChunker
from ragbridge.chunking.texts import BATCH

JINA = Jina(base_url="local")
TEXT = "One sentence. 😀 Another!\n\nA second paragraph."

ANY_TEXT = st.lists(
    st.sampled_from(["word", "Two", " ", "\n\n", ". ", "é", "你。", "😀", "\ud800", "\0"]), max_size=40
).map("".join)


@given(text=ANY_TEXT, length=st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_chunks_are_slices_and_both_faces_give_the_same(text: str, length: int) -> None:
    """Offsets reproduce the text, in code points and in UTF-16, surrogates and all; awaiting changes nothing."""
    chunker = SegmenterChunker(JINA, max_chunk_length=length)
    chunks = chunker.chunk(text)
    units = text.encode("utf-16-le", "surrogatepass")
    for chunk in chunks:
        start, end = chunk.utf16
        assert chunk.text == text[chunk.start : chunk.end]
        assert units[2 * start : 2 * end] == chunk.text.encode("utf-16-le", "surrogatepass")
    assert chunks == list(chunker.iter(text)) == asyncio.run(chunker.achunk(text))
    assert "".join(chunk.text for chunk in chunks) == text


def test_settings_of_the_chunker_reach_the_service() -> None:
    """The longest chunk and the tokenizer are sent with every request."""
    asked: list[dict[str, Any]] = []

    class Recorder:
        def segment(self, content: str, **fields: Any) -> Any:
            asked.append(fields)
            return JINA.segment(content, **fields)

    chunks = SegmenterChunker(Recorder(), max_chunk_length=15, tokenizer="gpt2").chunk(TEXT)
    assert asked == [{"max_chunk_length": 15, "tokenizer": "gpt2"}]
    assert [chunk.text for chunk in chunks][:2] == ["One sentence. ", "😀 Another!\n\n"]


def test_nothing_is_sent_before_the_first_chunk_is_asked_for() -> None:
    """``iter`` is lazy, as with every chunker."""
    client = Jina(base_url="local")
    chunks = SegmenterChunker(client).iter(TEXT)
    assert client.usage.requests == 0
    assert next(chunks).start == 0
    assert client.usage.requests == 1


async def test_empty_text_is_one_empty_chunk() -> None:
    """As with every chunker; nothing is sent for it."""
    client = Jina(base_url="local")
    chunker = SegmenterChunker(client)
    assert chunker.chunk("") == await chunker.achunk("") == [Chunk(0, 0, "")]
    assert client.usage.requests == 0


async def test_many_documents_are_segmented_at_once() -> None:
    """The chunks of each, in order, by both faces; nothing is sent before they are asked for, nor for empty ones."""
    client = Jina(base_url="local")
    chunker = SegmenterChunker(client, max_chunk_length=15)
    documents = [TEXT, "", "short", TEXT[::-1]]
    together = chunker.chunk_many(iter(documents))
    assert client.usage.requests == 0
    assert [*together] == [*map(SegmenterChunker(JINA, max_chunk_length=15).chunk, documents)]
    assert client.usage.requests == 3
    assert [chunks async for chunks in chunker.achunk_many(documents)] == [*chunker.chunk_many(documents)]


async def test_a_document_that_is_refused_is_named_by_its_place() -> None:
    """Among all documents, not among those that were sent together."""

    class Refusing:
        def segment_many(self, texts: list[str], **_: Any) -> Any:
            if "bad" in texts:
                index = texts.index("bad")
                raise InvalidRequestError(f"texts[{index}]: no", status=422, index=index)
            return JINA.segment_many(texts)

        async def asegment_many(self, texts: list[str], **fields: Any) -> Any:
            return self.segment_many(texts, **fields)

    chunker = SegmenterChunker(Refusing())
    documents = ["a" * BATCH, "good", "bad"]
    with pytest.raises(InvalidRequestError, match=r"documents\[2\]") as blocking:
        [*chunker.chunk_many(documents)]
    with pytest.raises(InvalidRequestError) as awaited:
        [chunks async for chunks in chunker.achunk_many(documents)]
    assert blocking.value.index == awaited.value.index == 2
    with pytest.raises(ConfigurationError, match=r"documents\[1\] is int"):
        [*chunker.chunk_many(["a", 7])]  # type: ignore[list-item]


def test_there_are_no_settings_for_elasticsearch() -> None:
    """It does not know this strategy: the error says so, and what to use there."""
    with pytest.raises(ConfigurationError, match=r'Elasticsearch does not know.*"none"'):
        _ = SegmenterChunker(JINA).settings


@pytest.mark.parametrize("length", [0, -1, True, 10.5, "10", None])
def test_a_wrong_length_is_refused(length: Any) -> None:
    """When the chunker is made."""
    with pytest.raises(ConfigurationError, match="max_chunk_length"):
        SegmenterChunker(JINA, max_chunk_length=length)


async def test_wrong_texts_and_tokenizers_are_refused() -> None:
    """By both faces, in the same words, before anything is sent."""
    for chunker, text in ((SegmenterChunker(JINA), 7), (SegmenterChunker(JINA, tokenizer="none"), "a")):
        with pytest.raises(ConfigurationError) as blocking:
            chunker.chunk(text)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError) as awaited:
            await chunker.achunk(text)  # type: ignore[arg-type]
        assert str(blocking.value) == str(awaited.value)


def test_a_chunker_can_be_pickled() -> None:
    """With its client, as that can be."""
    copy = pickle.loads(pickle.dumps(SegmenterChunker(JINA, max_chunk_length=20)))
    assert copy.chunk(TEXT) == SegmenterChunker(JINA, max_chunk_length=20).chunk(TEXT)
