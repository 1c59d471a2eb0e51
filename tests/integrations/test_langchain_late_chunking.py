"""Late chunking in LangChain: chunks of one document, and of no other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from langchain_classic.embeddings import CacheBackedEmbeddings
from langchain_core.documents import Document
from langchain_core.stores import InMemoryByteStore
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import CharacterTextSplitter

from langchain_ragbridge import JinaEmbeddings, RagbridgeTextSplitter
from ragbridge import ConfigurationError, Jina
from ragbridge.chunking import SentenceChunker
from ragbridge.local import Faults

V3 = "jina-embeddings-v3"
BATCH_SIZES = [1, 2, 3, 128]
SOURCES = {
    "berlin": ["Berlin is the capital of Germany.", "It has many lakes.", "The river is the Spree."],
    "bees": ["Bees live in hives.", "They make honey.", "A queen lays the eggs.", "Drones do not sting."],
    "iron": ["Iron rusts."],
}
SENTENCES = RagbridgeTextSplitter(chunker=SentenceChunker(6, 0))


def late(**settings: Any) -> JinaEmbeddings:
    """Embeddings by the embedded engine with late chunking."""
    return JinaEmbeddings(**{"base_url": "local", "model": V3, "late_chunking": True} | settings)


def chunks(sources: dict[str, list[str]] = SOURCES, key: str = "source") -> list[Document]:
    """The chunks of all sources, taken in turns, so that none stand together."""
    rounds = max(map(len, sources.values()))
    return [
        Document(texts[number], metadata={key: name})
        for number in range(rounds)
        for name, texts in sources.items()
        if number < len(texts)
    ]


def wholes() -> list[Document]:
    """The sources as documents that are still to be split. None of them tells its source."""
    return [Document(" ".join(texts), metadata={"lines": len(texts)}) for texts in SOURCES.values()]


def by_text(documents: list[Document], vectors: list[list[float]]) -> dict[str, list[float]]:
    """The vector of each chunk."""
    pairs = zip(documents, vectors, strict=True)
    return {document.page_content.strip(): vector for document, vector in pairs}


def embedded(sources: dict[str, list[str]], **settings: Any) -> dict[str, list[float]]:
    """The vector of each chunk, embedded as chunks."""
    given = chunks(sources)
    return by_text(given, late(**settings).embed_chunked_documents(given))


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_chunks_of_one_document_influence_one_another(batch_size: int) -> None:
    """A chunk's vector depends on the other chunks of its document, whatever the size of batches."""
    together = embedded(SOURCES, batch_size=batch_size)
    alone = embedded(SOURCES, batch_size=batch_size, late_chunking=False)
    changed = embedded({**SOURCES, "bees": [*SOURCES["bees"][:3], "Wasps sting."]}, batch_size=batch_size)
    for text in SOURCES["bees"][:3]:
        assert together[text] != pytest.approx(alone[text], abs=1e-3)
        assert together[text] != pytest.approx(changed[text], abs=1e-3)
    assert together["Iron rusts."] == pytest.approx(alone["Iron rusts."], abs=1e-6)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_documents_do_not_influence_one_another(batch_size: int) -> None:
    """Each document's vectors are those that it has alone, to the bit, whatever stands between its chunks."""
    together = embedded(SOURCES, batch_size=batch_size)
    for name, texts in SOURCES.items():
        assert {text: together[text] for text in texts} == embedded({name: texts})


async def test_requests_hold_one_document_each(serve: Callable[..., Any]) -> None:
    """On the wire a request is one document, with everything that is set, and rows that come shuffled find theirs."""
    wire = serve(faults=Faults(rate=1.0, kinds=("shuffle",)))
    settings = {"dimensions": 64, "normalized": False, "truncate": True}
    embeddings = late(base_url=wire.url, limits=None, batch_size=2, **settings)
    given = chunks()
    first = embeddings.embed_chunked_documents(given)
    bodies, wire.bodies = wire.bodies, []
    assert await embeddings.aembed_chunked_documents(given) == first
    await embeddings.aclose()
    assert first == late(**settings).embed_chunked_documents(given)
    expected = settings | {"model": V3, "late_chunking": True, "task": "retrieval.passage"}
    for some in (bodies, wire.bodies):
        assert sorted(body["input"] for body in some) == sorted(SOURCES.values())
        assert all(body.items() >= expected.items() for body in some)


async def test_source_key_can_be_set() -> None:
    """Another key of the metadata may tell the source, and its values need not be strings."""
    given = chunks(key="file")
    for chunk in given:
        chunk.metadata["file"] = ("file", chunk.metadata["file"])
    before = copy.deepcopy(given)
    vectors = late().embed_chunked_documents(given, source_key="file")
    assert by_text(given, vectors) == embedded(SOURCES)
    assert await late().aembed_chunked_documents(given, "file") == vectors
    assert given == before


@pytest.mark.parametrize("source", [{}, {"source": None}, {"source": ["a", "list"]}])
async def test_chunk_without_a_source_is_named(source: dict[str, Any], wire: Any) -> None:
    """A chunk that does not tell its source is an error that says which one, before anything is sent."""
    given = [*chunks(), Document("whose?", metadata=source, id="stray")]
    embeddings = late(base_url=wire.url)
    words = r"documents\[8\] \(id stray\) .* metadata\['source'\]: set source_key="
    with pytest.raises(ConfigurationError, match=words):
        embeddings.embed_chunked_documents(given)
    with pytest.raises(ConfigurationError, match=words):
        await embeddings.aembed_chunked_documents(given)
    assert wire.bodies == []


async def test_methods_that_take_strings_name_those_that_do_not() -> None:
    """With late chunking, strings are refused, none of them included; a store that would embed them says the same."""
    embeddings = late()
    store = InMemoryVectorStore(embeddings)
    for texts in ([], ["a"]):
        with pytest.raises(ConfigurationError, match=r"embed_chunked_documents.* split_and_embed"):
            embeddings.embed_documents(texts)
        with pytest.raises(ConfigurationError, match=r"aembed_chunked_documents.* asplit_and_embed"):
            await embeddings.aembed_documents(texts)
    with pytest.raises(ConfigurationError, match=r"embed_chunked_documents"):
        store.add_documents([Document("a")])


def test_cached_vectors_are_not_mistaken_for_late_ones() -> None:
    """What a cache holds of the same settings without late chunking is not served with it."""
    store = InMemoryByteStore()

    def cached(embeddings: JinaEmbeddings) -> CacheBackedEmbeddings:
        name = embeddings.cache_namespace
        return CacheBackedEmbeddings.from_bytes_store(embeddings, store, namespace=name, key_encoder="sha256")

    cached(late(late_chunking=False)).embed_documents(["a"])
    with pytest.raises(ConfigurationError, match="late_chunking=True"):
        cached(late()).embed_documents(["a"])


async def test_queries_are_embedded_as_ever(wire: Any) -> None:
    """A query has no chunks: its request is the same with and without late chunking."""
    for setting in (True, False):
        embeddings = late(base_url=wire.url, late_chunking=setting)
        embeddings.embed_query("who makes honey?")
        await embeddings.aembed_query("who makes honey?")
        embeddings.close()
        await embeddings.aclose()
    assert wire.bodies == [wire.bodies[0]] * 4
    assert wire.bodies[0]["task"] == "retrieval.query"
    assert "late_chunking" not in wire.bodies[0]


async def test_nothing_in_nothing_out(wire: Any) -> None:
    """Without documents, or where they have no chunks, there are no vectors and no requests."""
    embeddings = late(base_url=wire.url)
    assert embeddings.embed_chunked_documents([]) == []
    assert await embeddings.aembed_chunked_documents([]) == []
    for documents in ([], [Document("")]):
        assert embeddings.split_and_embed(documents, SENTENCES) == ([], [])
        assert await embeddings.asplit_and_embed(documents, SENTENCES) == ([], [])
    assert wire.bodies == []


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
async def test_split_and_embed_keeps_documents_apart(batch_size: int) -> None:
    """Each document is split and embedded by itself, whatever its metadata says, by both faces."""
    given = [wholes()[0], Document(""), *wholes()[1:]]
    before = copy.deepcopy(given)
    embeddings = late(batch_size=batch_size)
    found, vectors = embeddings.split_and_embed(iter(given), SENTENCES)
    assert found == SENTENCES.split_documents(given)
    expected = [SENTENCES.split_documents([whole]) for whole in wholes()]
    alone = [
        late(client=Jina(base_url="local"), base_url=Jina.BASE_URL).split_and_embed([whole], SENTENCES)[1]
        for whole in wholes()
    ]
    assert [len(each) for each in alone] == [len(each) for each in expected] == [3, 4, 1]
    assert vectors == [vector for each in alone for vector in each]
    assert await embeddings.asplit_and_embed(given, SENTENCES) == (found, vectors)
    assert given == before


def test_split_and_embed_takes_langchain_s_splitters() -> None:
    """The framework's own splitters serve as well; without late chunking, vectors are those of the texts."""
    splitter = CharacterTextSplitter(separator=". ", chunk_size=30, chunk_overlap=0)
    embeddings = late(late_chunking=False, batch_size=2)
    found, vectors = embeddings.split_and_embed(wholes(), splitter)
    assert found == splitter.split_documents(wholes())
    assert vectors == embeddings.embed_documents([chunk.page_content for chunk in found])
    assert embeddings.embed_chunked_documents(found, "lines") == vectors


def test_vectors_serve_a_store_that_has_no_way_in_for_them() -> None:
    """LangChain's in-memory store, filled with the vectors, finds a late chunk by a name that its neighbour has."""
    scores = {}
    for setting in (True, False):
        embeddings = late(late_chunking=setting)
        found, vectors = embeddings.split_and_embed(wholes(), SENTENCES)
        store = InMemoryVectorStore(embeddings)
        for place, (chunk, vector) in enumerate(zip(found, vectors, strict=True)):
            row = {"id": str(place), "text": chunk.page_content, "metadata": chunk.metadata}
            store.store[str(place)] = row | {"vector": vector}
        best = store.similarity_search_with_score("the lakes of Berlin", k=3)
        assert [chunk.metadata for chunk, _ in best][:2] == [
            {"lines": 3, "start_index": 0},
            {"lines": 3, "start_index": 34},
        ]
        scores[setting] = {chunk.page_content.strip(): score for chunk, score in best}
    assert scores[True]["It has many lakes."] > scores[False]["It has many lakes."] + 0.1


def test_model_without_late_chunking_is_refused_at_once() -> None:
    """A model that cannot do it is refused when the object is made, and the error says which can."""
    with pytest.raises(ConfigurationError, match=r"late_chunking=True.*jina-embeddings-v3"):
        late(model="jina-embeddings-v5-text-small")
