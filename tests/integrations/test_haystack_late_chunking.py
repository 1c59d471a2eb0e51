"""Late chunking in Haystack's document embedder: chunks of one source, and of no other."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from typing import Any

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline
from haystack.components.retrievers import SentenceWindowRetriever
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.document_stores.in_memory import InMemoryDocumentStore

from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.preprocessors.ragbridge import RagbridgeDocumentSplitter
from ragbridge import ConfigurationError, Jina

V3 = "jina-embeddings-v3"
BATCH_SIZES = [1, 2, 3, 5, 128]
SOURCES = {
    "berlin": ["Berlin is the capital of Germany.", "It has many lakes.", "The river is the Spree."],
    "bees": ["Bees live in hives.", "They make honey.", "A queen lays the eggs.", "Drones do not sting."],
    "iron": ["Iron rusts."],
}


def chunks(sources: dict[str, list[str]] = SOURCES, field: str = "source_id") -> list[Document]:
    """The chunks of all sources, taken in turns, so that none stand together."""
    rounds = max(map(len, sources.values()))
    return [
        Document(content=texts[number], meta={field: name, "number": number})
        for number in range(rounds)
        for name, texts in sources.items()
        if number < len(texts)
    ]


def vectors(documents: list[Document], **settings: Any) -> dict[str, list[float]]:
    """The vector of each chunk, by its content, as late chunking makes it."""
    embedder = JinaDocumentEmbedder(V3, base_url="local", **{"late_chunking": True, **settings})
    found = embedder.run(documents)["documents"]
    assert [document.id for document in found] == [document.id for document in documents]
    return {document.content: document.embedding for document in found}


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_chunks_of_one_source_influence_one_another(batch_size: int) -> None:
    """A chunk's vector depends on the other chunks of its source, whatever the size of batches."""
    late = vectors(chunks(), batch_size=batch_size)
    alone = vectors(chunks(), batch_size=batch_size, late_chunking=False)
    changed = vectors(
        chunks({**SOURCES, "bees": [*SOURCES["bees"][:3], "Wasps sting."]}), batch_size=batch_size
    )
    for text in SOURCES["bees"][:3]:
        assert late[text] != pytest.approx(alone[text], abs=1e-3)
        assert late[text] != pytest.approx(changed[text], abs=1e-3)
    assert late["Iron rusts."] == pytest.approx(alone["Iron rusts."], abs=1e-6)


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_sources_do_not_influence_one_another(batch_size: int) -> None:
    """Each source's vectors are those that it has alone, to the bit, whatever stands between its chunks."""
    together = vectors(chunks(), batch_size=batch_size)
    for name, texts in SOURCES.items():
        alone = vectors(chunks({name: texts}))
        assert {text: together[text] for text in texts} == alone


async def test_requests_hold_one_source_each(serve: Callable[..., Any]) -> None:
    """On the wire a request is one source, in its own order, with everything that is set, by both faces."""
    wire = serve()
    embedder = JinaDocumentEmbedder(
        V3,
        base_url=wire.url,
        batch_size=2,
        late_chunking=True,
        prefix="<",
        suffix=">",
        meta_fields_to_embed=["number"],
        embedding_separator=": ",
        dimensions=64,
        normalized=False,
        truncate=True,
    )
    embedder.run(chunks())
    first, wire.bodies = wire.bodies, []
    await embedder.run_async(chunks())
    await embedder.close_async()
    sent = [[f"<{number}: {text}>" for number, text in enumerate(texts)] for texts in SOURCES.values()]
    settings = {"model": V3, "late_chunking": True, "task": "retrieval.passage"}
    settings |= {"dimensions": 64, "normalized": False, "truncate": True}
    for bodies in (first, wire.bodies):
        assert sorted(body["input"] for body in bodies) == sorted(sent)
        assert all(body.items() >= settings.items() for body in bodies)


async def test_sync_and_async_agree() -> None:
    """``run`` and ``run_async`` give the same copies and the same bill, and leave the input alone."""
    given = chunks()
    before = copy.deepcopy(given)
    client = Jina(base_url="local")
    embedder = JinaDocumentEmbedder(V3, client=client, late_chunking=True)
    result = embedder.run(given)
    assert result["meta"]["model"].startswith(V3)
    assert result["meta"]["usage"] == {"total_tokens": client.usage.tokens}
    assert await embedder.run_async(given) == result
    assert given == before


def test_task_of_one_s_own(wire: Any) -> None:
    """A task that is set replaces the one for passages."""
    embedder = JinaDocumentEmbedder(V3, base_url=wire.url, late_chunking=True, task="separation")
    embedder.run(chunks({"a": ["one", "two"]}))
    assert [body["task"] for body in wire.bodies] == ["separation"]
    embedder.close()


def test_source_id_field() -> None:
    """Sources may be told by any meta field, and by anything that can be compared."""
    by_default = vectors(chunks())
    assert vectors(chunks(field="file"), source_id_field="file") == by_default
    numbered = [
        Document(content=document.content, meta={"source_id": [*SOURCES].index(document.meta["source_id"])})
        for document in chunks()
    ]
    assert vectors(numbered) == by_default


@pytest.mark.parametrize("meta", [{}, {"source_id": None}, {"source_id": ["a"]}], ids=str)
async def test_missing_source_is_an_error(meta: dict[str, Any], wire: Any) -> None:
    """A document that does not tell its source is named, with the setting, and nothing is sent."""
    orphan = Document(content="Whose?", meta=meta)
    embedder = JinaDocumentEmbedder(V3, base_url=wire.url, late_chunking=True)
    message = rf"documents\[2\] \(id {orphan.id}\).*meta\['source_id'\].*source_id_field="
    with pytest.raises(ConfigurationError, match=message):
        embedder.run([*chunks()[:2], orphan])
    with pytest.raises(ConfigurationError, match=message):
        await embedder.run_async([*chunks()[:2], orphan])
    assert wire.bodies == []


async def test_empty_input_sends_nothing(wire: Any) -> None:
    """Nothing to embed costs nothing and is answered in full."""
    embedder = JinaDocumentEmbedder(V3, base_url=wire.url, late_chunking=True)
    empty = {"documents": [], "meta": {"model": V3, "usage": {"total_tokens": 0}}}
    assert embedder.run([]) == await embedder.run_async([]) == empty
    assert wire.bodies == []


def test_model_without_late_chunking_is_refused() -> None:
    """The error names the models that have it."""
    with pytest.raises(ConfigurationError, match=r"late_chunking=True.*jina-embeddings-v3"):
        JinaDocumentEmbedder(base_url="local", late_chunking=True).run(chunks())


def test_queries_have_no_late_chunking() -> None:
    """A query is no document: the text embedder does not know the setting."""
    with pytest.raises(TypeError, match="late_chunking"):
        JinaTextEmbedder(V3, base_url="local", late_chunking=True)  # type: ignore[call-arg]


def test_progress_bar_counts_chunks(capsys: pytest.CaptureFixture[str]) -> None:
    """The bar ends at the number of chunks, not of sources."""
    vectors(chunks(), progress_bar=True)
    assert "8/8" in capsys.readouterr().err


async def test_split_embed_search() -> None:
    """From documents to windows, written to YAML and read again: a chunk is found by what only its document says."""
    store = InMemoryDocumentStore()  # one that is read again holds the same documents
    indexing = Pipeline()
    indexing.add_component("splitter", RagbridgeDocumentSplitter("sentence", 20, sentence_overlap=0))
    indexing.add_component("embedder", JinaDocumentEmbedder(V3, base_url="local", late_chunking=True))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("splitter", "embedder")
    indexing.connect("embedder.documents", "writer.documents")
    about = (
        "{0} is a town by the sea, and this page is all about {0} and its people and their boats. "
        "There are nineteen thousand inhabitants, most of whom have lived there for all of their lives so far."
    )
    texts = [about.format(town) for town in ("Whitby", "Barcelona", "Tokyo", "Chicago")]
    Pipeline.loads(indexing.dumps()).run({"documents": [Document(content=text) for text in texts]})
    assert store.count_documents() == 8

    searching = Pipeline()
    searching.add_component("embedder", JinaTextEmbedder(V3, base_url="local"))
    retriever = InMemoryEmbeddingRetriever(
        store, top_k=1, filters={"field": "meta.split_id", "operator": "==", "value": 1}
    )
    searching.add_component("retriever", retriever)
    searching.add_component("window", SentenceWindowRetriever(store, window_size=1))
    searching.connect("embedder.embedding", "retriever.query_embedding")
    searching.connect("retriever.documents", "window.retrieved_documents")
    searching = Pipeline.loads(searching.dumps())
    for town, text in zip(("Whitby", "Barcelona", "Tokyo", "Chicago"), texts, strict=True):
        query = {"text": f"inhabitants of {town}"}
        assert searching.run({"embedder": query})["window"]["context_windows"] == [text]
        found = await searching.run_async({"embedder": query})
        assert found["window"]["context_windows"] == [text]
