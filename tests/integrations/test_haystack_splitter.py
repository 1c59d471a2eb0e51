"""The Haystack splitter: Elasticsearch's chunks under the contract of Haystack's own ``DocumentSplitter``."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import sys
from typing import Any

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.retrievers import SentenceWindowRetriever
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore

from haystack_integrations.components.preprocessors.ragbridge import RagbridgeDocumentSplitter
from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker

SENTENCES = [
    f"Sentence {n} says that village {n * 7 % 40} takes care of the sea, as ever." for n in range(30)
]
TEXT = " ".join(SENTENCES[:15]) + "\n\n" + "\n".join(SENTENCES[15:])
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
ONE_SENTENCE_EACH = {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0}


def pages_of(splitter: Any, *documents: Document) -> list[int]:
    """The page of each chunk."""
    return [chunk.meta["page_number"] for chunk in splitter.run([*documents])["documents"]]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("text", [TEXT, "🐝 Größe zählt. " * 40], ids=["ascii", "beyond"])
def test_chunks_are_the_core_s(settings: dict[str, Any], text: str) -> None:
    """Flat settings mean what Elasticsearch's mapping means, and each chunk stands where its meta says."""
    document = Document(content=text)
    chunks = RagbridgeDocumentSplitter(**settings).run([document])["documents"]
    expected = Chunker.from_settings(settings).chunk(text)
    assert [chunk.content for chunk in chunks] == [chunk.text for chunk in expected]
    assert [chunk.meta["split_idx_start"] for chunk in chunks] == [chunk.start for chunk in expected]
    assert [chunk.meta["split_id"] for chunk in chunks] == [*range(len(expected))]
    assert {chunk.meta["source_id"] for chunk in chunks} == {document.id}
    assert len({chunk.id for chunk in chunks}) == len(chunks)


def test_meta_is_that_of_haystack_s_splitter() -> None:
    """Chunks have the meta fields that Haystack's own splitter gives them, and deep copies of the document's."""
    document = Document(content=TEXT, meta={"file": "a.txt", "tags": ["sea"], "split_id": 9})
    before = copy.deepcopy(document)
    chunks = RagbridgeDocumentSplitter("word", 20, overlap=5).run([document])["documents"]
    theirs = DocumentSplitter(split_length=20).run([document])["documents"]
    assert all(set(chunk.meta) == set(theirs[0].meta) for chunk in chunks)
    chunks[0].meta["tags"].append("mine")
    assert chunks[1].meta["tags"] == ["sea"]
    assert document == before


def test_documents_keep_their_order_and_are_cut_alone() -> None:
    """Chunks come document by document; ids are the same each time."""
    splitter = RagbridgeDocumentSplitter(**ONE_SENTENCE_EACH)
    documents = [Document(content=" ".join(SENTENCES[n : n + 3]), meta={"n": n}) for n in range(4)]
    chunks = splitter.run(documents)["documents"]
    assert [(chunk.meta["n"], chunk.meta["split_id"]) for chunk in chunks] == [
        (n, k) for n in range(4) for k in range(3)
    ]
    assert splitter.run(documents)["documents"] == chunks


def test_page_numbers_are_those_of_haystack_s_splitter() -> None:
    """Cut at form feeds, chunks have the page numbers that Haystack's own splitter finds."""
    text = "\f".join(SENTENCES[:6])
    splitter = RagbridgeDocumentSplitter("recursive", 14, separators=["\f"])
    document = Document(content=text)
    assert pages_of(splitter, document) == [1, 2, 3, 4, 5, 6]
    assert pages_of(DocumentSplitter(split_by="page", split_length=1), document) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        ("{0}\f{1}\n{2}", [1, 2, 2]),
        ("{0} \f{1}\f\f{2}", [1, 2, 4]),
        ("\f{0}\n \f {1}\n\n\f\n{2}", [2, 3, 4]),
        ("\f\f", [1]),
        (" ", [1]),
    ],
)
def test_page_is_that_of_the_first_visible_character(text: str, pages: list[int]) -> None:
    """Form feeds are counted wherever they are, and those that a chunk begins with are behind it."""
    splitter = RagbridgeDocumentSplitter("recursive", 14, separators=["\\s*\f\\s*", "\n"])
    assert pages_of(splitter, Document(content=text.format(*SENTENCES))) == pages


def test_page_number_of_the_document_is_kept() -> None:
    """A document that is a page, or begins at one, keeps counting from there; a page that is no number does not count."""
    splitter = RagbridgeDocumentSplitter("recursive", 14, separators=["\f"])
    text = "\f".join(SENTENCES[:3])
    assert pages_of(splitter, Document(content=text, meta={"page_number": 7})) == [7, 8, 9]
    assert pages_of(splitter, Document(content="\f" + text, meta={"page_number": 7})) == [7, 8, 9]
    assert pages_of(splitter, Document(content=text, meta={"page_number": "iv"})) == [1, 2, 3]
    pages = DocumentSplitter(split_by="page", split_length=1).run([Document(content=text)])["documents"]
    assert pages_of(RagbridgeDocumentSplitter(**ONE_SENTENCE_EACH), *pages) == [1, 2, 3]


async def test_sync_and_async_agree() -> None:
    """``run_async`` gives what ``run`` gives, alone and in a pipeline, and raises what it raises."""
    splitter = RagbridgeDocumentSplitter("word", 20, overlap=5)
    documents = [Document(content=TEXT), Document(content="short")]
    expected = splitter.run(documents)
    assert await splitter.run_async(documents) == expected
    pipeline = Pipeline()
    pipeline.add_component("splitter", splitter)
    assert (await pipeline.run_async({"documents": documents}))["splitter"] == expected
    with pytest.raises(TypeError, match="list of Documents"):
        await splitter.run_async(documents[0])  # type: ignore[arg-type]


def test_wrong_inputs_are_refused() -> None:
    """What is no list of documents is a TypeError, and a document without text a ValueError that names it."""
    splitter = RagbridgeDocumentSplitter()
    wrong: Any
    for wrong in ("text", Document(content="text"), ["text"], [Document(content="a"), "text"], None):
        with pytest.raises(TypeError, match="RagbridgeDocumentSplitter expects a list of Documents"):
            splitter.run(wrong)
    table = Document(meta={"table": 1})
    with pytest.raises(ValueError, match=table.id):
        splitter.run([Document(content="text"), table])


def test_empty_documents_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """A document without content is skipped with a warning that names it; blank text is text."""
    empty = Document(content="")
    with caplog.at_level(logging.WARNING, "ragbridge"):
        chunks = RagbridgeDocumentSplitter().run([empty, Document(content=" "), Document(content="text")])
    assert [chunk.content for chunk in chunks["documents"]] == [" ", "text"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert empty.id in caplog.text
    assert RagbridgeDocumentSplitter().run([]) == {"documents": []}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "sentences", "max_chunk_size": 40}, "Invalid chunkingStrategy sentences"),
        ({"strategy": "word", "max_chunk_size": 40}, r"does not contain the required setting \[overlap\]"),
        ({"strategy": "sentence", "max_chunk_size": 40, "overlap": 1}, r"can not have .*\[overlap\]"),
        ({"strategy": "recursive", "max_chunk_size": 40, "separators": "ab"}, r"converted to a \[List\]"),
        ({"max_chunk_size": 40}, "without ChunkingStrategy"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """Settings that Elasticsearch would refuse do not make a component, and it says why in its words."""
    with pytest.raises(ConfigurationError, match=message) as caught:
        RagbridgeDocumentSplitter(**settings)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("settings", [*SETTINGS, {"strict": False}], ids=str)
def test_settings_survive_yaml_and_pickle(settings: dict[str, Any]) -> None:
    """A splitter that was written and read again has the same settings and cuts the same chunks."""
    made = RagbridgeDocumentSplitter(**settings)
    written = made.to_dict()
    given = written["init_parameters"]
    assert {
        name: value for name, value in given.items() if value is not None and value is not True
    } == settings
    before = copy.deepcopy(written)
    pipeline = Pipeline()
    pipeline.add_component("it", made)
    for again in (
        Pipeline.loads(pipeline.dumps()).get_component("it"),
        pickle.loads(pickle.dumps(made)),
        RagbridgeDocumentSplitter.from_dict(written),
    ):
        assert again.to_dict() == before == written
        assert again.run([Document(content=TEXT)]) == made.run([Document(content=TEXT)])


def test_strict_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    """A splitter that may approximate still may after it was written and read; one that may not names the extra."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
    document = Document(content="Größe zählt. Ça va. " * 20)
    strict, lenient = (
        RagbridgeDocumentSplitter.from_dict(RagbridgeDocumentSplitter(strict=strict).to_dict())
        for strict in (True, False)
    )
    with pytest.raises(ConfigurationError, match=r"ragbridge\[icu\]"):
        strict.run([document])
    assert lenient.run([document])["documents"]


def test_name() -> None:
    """Serialised pipelines hold this name for ever."""
    name = (
        "haystack_integrations.components.preprocessors.ragbridge.document_splitter.RagbridgeDocumentSplitter"
    )
    assert RagbridgeDocumentSplitter().to_dict()["type"] == name


@pytest.mark.parametrize("settings", [SETTINGS[2], SETTINGS[3], SETTINGS[5]], ids=str)
def test_windows_around_a_chunk(settings: dict[str, Any]) -> None:
    """Haystack's SentenceWindowRetriever finds a chunk's neighbours and puts the text together as it was."""
    store = InMemoryDocumentStore()
    indexing = Pipeline()
    indexing.add_component("splitter", RagbridgeDocumentSplitter(**settings))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("splitter.documents", "writer.documents")
    indexing.run({"documents": [Document(content=TEXT), Document(content=TEXT.replace("sea", "lake"))]})
    searching = Pipeline()
    searching.add_component("retriever", InMemoryBM25Retriever(store, top_k=1))
    searching.add_component("window", SentenceWindowRetriever(store, window_size=1))
    searching.connect("retriever.documents", "window.retrieved_documents")
    found = searching.run({"query": "village 17 sea"}, include_outputs_from={"retriever"})
    (chunk,) = found["retriever"]["documents"]
    (window,) = found["window"]["context_windows"]
    assert chunk.content in window
    assert window in TEXT
    assert len(window) > len(chunk.content)
