"""The LangChain splitter: Elasticsearch's chunks with offsets that are true."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

from langchain_ragbridge import RagbridgeTextSplitter
from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker, SentenceChunker

REPETITIVE = "The sea is wide. The sea is deep. " * 40
"""Whoever looks for a chunk in it may find another."""
MIXED = "🐝 Größe zählt. 海は広い。 Да, и глубоко! " * 30
SETTINGS: list[dict[str, Any]] = [
    {},
    {"strategy": "none"},
    {"strategy": "word", "max_chunk_size": 20, "overlap": 7},
    {"strategy": "sentence", "max_chunk_size": 40},
    {"strategy": "sentence", "max_chunk_size": 40, "sentence_overlap": 0},
    {"strategy": "recursive", "max_chunk_size": 30},
    {"strategy": "recursive", "max_chunk_size": 30, "separator_group": "markdown"},
    {"strategy": "recursive", "max_chunk_size": 30, "separators": ["\n\n", "(?<=\\.) "]},
]
SMALL = {"strategy": "word", "max_chunk_size": 10, "overlap": 3}


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("text", [REPETITIVE, MIXED], ids=["repetitive", "mixed"])
def test_chunks_are_the_core_s(settings: dict[str, Any], text: str) -> None:
    """Flat settings mean what Elasticsearch's mapping means, as strings and as documents."""
    splitter = RagbridgeTextSplitter(**settings)
    expected = Chunker.from_settings(settings).chunk(text)
    assert splitter.split_text(text) == [chunk.text for chunk in expected]
    assert splitter.create_documents([text]) == [
        Document(chunk.text, metadata={"start_index": chunk.start}) for chunk in expected
    ]


async def test_offsets_are_true_on_every_way_in() -> None:
    """``start_index`` is where the chunk starts, where chunks overlap and repeat, whichever method made it."""
    splitter = RagbridgeTextSplitter(**SMALL)
    texts = [REPETITIVE, MIXED, "short"]
    documents = [Document(text, metadata={"source": place}) for place, text in enumerate(texts)]
    made = splitter.create_documents(texts, [document.metadata for document in documents])
    assert [text[:9] for text in (made[0].page_content, made[-1].page_content)] == ["The sea i", "short"]
    for chunk in made:
        start = chunk.metadata["start_index"]
        text = texts[chunk.metadata["source"]]
        assert text[start : start + len(chunk.page_content)] == chunk.page_content
    for source in range(len(texts)):
        starts = [chunk.metadata["start_index"] for chunk in made if chunk.metadata["source"] == source]
        assert starts == sorted(set(starts))
    assert splitter.split_documents(iter(documents)) == made
    assert splitter.transform_documents(documents) == made
    assert await splitter.atransform_documents(documents) == made


def test_offsets_can_be_left_out() -> None:
    """Without ``add_start_index`` the metadata is the document's own and nothing else."""
    splitter = RagbridgeTextSplitter(**SMALL, add_start_index=False)
    chunks = splitter.split_documents([Document(REPETITIVE, metadata={"source": "sea"})])
    assert [chunk.metadata for chunk in chunks] == [{"source": "sea"}] * len(chunks)


def test_metadata_is_copied_deeply_and_inputs_stay_as_they_are() -> None:
    """A chunk's metadata belongs to it alone, as with LangChain's own splitters."""
    documents = [Document(REPETITIVE, metadata={"tags": ["sea"], "start_index": 7}, id="1")]
    before = copy.deepcopy(documents)
    first, second, *_ = RagbridgeTextSplitter(**SMALL).split_documents(documents)
    first.metadata["tags"].append("mine")
    assert second.metadata["tags"] == ["sea"]
    assert documents == before
    theirs = RecursiveCharacterTextSplitter(chunk_size=50, chunk_overlap=0).split_documents(documents)
    assert {first.id, second.id} == {document.id for document in theirs}  # none: they are other documents


def test_empty_texts_have_no_chunks() -> None:
    """Nothing to embed comes of an empty text, as with LangChain's own splitters; its neighbours are unharmed."""
    splitter = RagbridgeTextSplitter()
    assert splitter.split_text("") == RecursiveCharacterTextSplitter().split_text("") == []
    assert splitter.create_documents([]) == splitter.split_documents([]) == []
    chunks = splitter.create_documents(["", "a", ""], [{"n": 0}, {"n": 1}, {"n": 2}])
    assert chunks == [Document("a", metadata={"n": 1, "start_index": 0})]


@pytest.mark.parametrize("metadatas", [[{}], [{}, {}, {}]])
def test_metadatas_that_are_not_one_each_are_refused(metadatas: list[dict[str, Any]]) -> None:
    """Where texts and metadatas do not match, nobody guesses which belong together."""
    with pytest.raises(ConfigurationError, match=f"{len(metadatas)} metadatas for 2 texts"):
        RagbridgeTextSplitter().create_documents(["a", "b"], metadatas)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strategy": "pages"}, "chunkingStrategy pages"),
        ({"max_chunk_size": 30}, "without ChunkingStrategy"),
        ({"strategy": "word", "max_chunk_size": 20}, r"required setting \[overlap\]"),
        ({"strategy": "word", "max_chunk_size": 20, "overlap": 11}, r"less than or equal to \[10.0\]"),
        ({"strategy": "none", "overlap": 1}, "can not have"),
        ({"chunker": SentenceChunker(5, 0), "overlap": 1, "strict": False}, "give overlap, strict to it"),
    ],
)
def test_wrong_settings_are_refused_at_once(settings: dict[str, Any], words: str) -> None:
    """What Elasticsearch refuses is refused when the splitter is made, in its words."""
    with pytest.raises(ConfigurationError, match=words):
        RagbridgeTextSplitter(**settings)


def test_ready_chunker_is_used() -> None:
    """A chunker that Elasticsearch's rules would not allow for an endpoint can be passed in."""
    splitter = RagbridgeTextSplitter(chunker=SentenceChunker(4, 0))
    assert splitter.split_text("The sea is wide. The sea is deep.") == [
        "The sea is wide. ",
        "The sea is deep.",
    ]


def test_text_beyond_ascii_without_icu_is_refused_or_approximated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, exact chunks are refused by an error that names it; ``strict=False`` does what it can."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    with pytest.raises(ConfigurationError, match=r"ragbridge\[icu\]"):
        RagbridgeTextSplitter(**SMALL).split_text(MIXED)
    chunks = RagbridgeTextSplitter(**SMALL, strict=False).create_documents([MIXED])
    assert len(chunks) > 1
    for chunk in chunks:
        assert MIXED.startswith(chunk.page_content, chunk.metadata["start_index"])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda splitter: pickle.loads(pickle.dumps(splitter))])
def test_copies_and_pickles_split_alike(duplicate: Any) -> None:
    """A splitter can be sent to another process with its settings."""
    splitter = RagbridgeTextSplitter(**SMALL)
    assert duplicate(splitter).create_documents([REPETITIVE]) == splitter.create_documents([REPETITIVE])


@pytest.mark.parametrize("missing", ["langchain_core", "langchain_text_splitters"])
def test_missing_framework_names_the_extra(missing: str) -> None:
    """Without LangChain's packages, the error says what to install."""
    code = f"""
import sys
sys.modules[{missing!r}] = None
try:
    from langchain_ragbridge import RagbridgeTextSplitter
except ImportError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "ragbridge[langchain]"' in found.stdout
