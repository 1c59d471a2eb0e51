"""What ``ElasticRerank`` promises to LangChain."""

from __future__ import annotations

import copy
import doctest
import json

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

import langchain_ragbridge.elastic_embeddings
import langchain_ragbridge.elastic_rerank
from langchain_ragbridge import ElasticEmbeddings, ElasticRerank
from ragbridge import ConfigurationError, Elastic
from ragbridge.flow import Request, Response
from ragbridge.transport.in_process import InProcessTransport

ENDPOINT = ".jina-reranker-v3"
QUERY = "who inspired people to protect the ocean?"
RIGHT = "Rachel Carson wrote about the ocean and inspired many people to protect it."


class AsyncOnly(InProcessTransport):
    """The embedded engine on one face, keeping what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, object]] = []

    def send(self, request: Request) -> Response:
        raise AssertionError

    async def send_async(self, request: Request) -> Response:
        self.bodies.append(json.loads(request.body))
        return await super().send_async(request)


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster of whoever runs the tests has no part in them."""
    for name in ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def documents() -> list[Document]:
    texts = [
        "Bread is baked from flour.",
        "The treaty was signed.",
        RIGHT,
        "A comet has a tail.",
        "Ships cross the sea.",
    ]
    return [
        Document(text, id=f"id-{place}", metadata={"place": place, "tags": ["old"]})
        for place, text in enumerate(texts)
    ]


def make(**settings) -> ElasticRerank:
    return ElasticRerank(**{"url": "local", "inference_id": ENDPOINT, **settings})


async def test_documents_keep_id_and_metadata_and_get_a_score(documents):
    """Documents come back best first with their id and metadata, and the score beside them, on both faces."""
    rerank = make(top_n=None)
    before = copy.deepcopy(documents)
    found = rerank.compress_documents(documents, QUERY)
    assert found == await rerank.acompress_documents(documents, QUERY)
    assert {each.id for each in found} == {each.id for each in documents}
    for each in found:
        original = documents[each.metadata["place"]]
        assert (each.id, each.page_content) == (original.id, original.page_content)
        assert each.metadata == {**original.metadata, "relevance_score": each.metadata["relevance_score"]}
        each.metadata["tags"].append("new")
    scores = [each.metadata["relevance_score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0].page_content == RIGHT
    assert documents == before, "what was passed in is left alone"


def test_three_documents_unless_asked_otherwise(documents):
    """``top_n`` is 3 by default, as in ``JinaRerank``; None means all, whatever the endpoint is set to."""
    counts = [
        len(make(**settings).compress_documents(documents, QUERY))
        for settings in ({}, {"top_n": None}, {"top_n": 1}, {"top_n": 99})
    ]
    assert counts == [3, 5, 1, 5]


async def test_nothing_in_nothing_out():
    """No documents give no documents, and nothing is sent."""
    client = Elastic("local")
    rerank = ElasticRerank(client=client, inference_id=ENDPOINT)
    assert rerank.compress_documents([], QUERY) == []
    assert await rerank.acompress_documents([], QUERY) == []
    assert rerank.rerank([], QUERY) == []
    assert client.usage.requests == 0


async def test_asynchronous_call_is_no_synchronous_one_in_a_thread(documents):
    """``acompress_documents`` and an awaited chain wait on the event loop; documents are not asked back."""
    transport = AsyncOnly()
    rerank = ElasticRerank(client=Elastic("local", transport=transport), inference_id=ENDPOINT)
    (first, *_) = await rerank.acompress_documents(documents, QUERY)
    chained = await rerank.as_runnable().ainvoke({"documents": documents, "query": QUERY})
    assert first.page_content == chained[0].page_content == RIGHT
    assert [body.keys() for body in transport.bodies] == [{"query", "input", "top_n"}] * 2


async def test_compression_retriever_reranks_what_the_store_found(documents):
    """In ``ContextualCompressionRetriever`` over a vector store, all by Elasticsearch's endpoints."""
    store = InMemoryVectorStore(ElasticEmbeddings(url="local", inference_id=".jina-embeddings-v3"))
    store.add_documents(documents)
    retriever = ContextualCompressionRetriever(
        base_retriever=store.as_retriever(search_kwargs={"k": 5}), base_compressor=make(top_n=2)
    )
    found = retriever.invoke(QUERY)
    assert [each.id for each in found] == [each.id for each in await retriever.ainvoke(QUERY)]
    assert found[0].id == "id-2"
    assert len(found) == 2


async def test_chain_step(documents):
    """``as_runnable`` takes documents and query in a chain and gives the best documents, on both faces."""
    chain = {
        "documents": RunnableLambda(lambda _: documents),
        "query": RunnablePassthrough(),
    } | make(top_n=2).as_runnable()
    found = chain.invoke(QUERY)
    assert [each.id for each in found] == [each.id for each in await chain.ainvoke(QUERY)]
    assert found[0].id == "id-2"


def test_chain_step_says_what_it_takes():
    """Input of another shape is refused with the shape that is right, by the name of the class."""
    with pytest.raises(ConfigurationError, match='ElasticRerank .*"documents": retriever'):
        make().as_runnable().invoke({"docs": []})


def test_rows_instead_of_documents(documents):
    """``rerank`` gives indices and scores for texts, objects and documents alike, by any endpoint."""
    rerank = make(top_n=2)
    mixed = [documents[0].page_content, {"text": documents[1].page_content}, *documents[2:]]
    rows = rerank.rerank(mixed, QUERY)
    assert rows[0]["index"] == 2
    assert [row.keys() for row in rows] == [{"index", "relevance_score"}] * 2
    assert len(rerank.rerank(mixed, QUERY, top_n=None)) == 5
    assert rerank.rerank(mixed, QUERY, inference_id=".elastic-rerank-v1", top_n=1)[0]["index"] == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"top_n": 0}, "top_n"),
        ({"inference_id": ""}, "inference_id"),
        ({"inference_timeout": -1}, "timeout"),
        ({"max_doc_length": 64}, "max_doc_length"),
    ],
)
def test_what_no_endpoint_has_is_refused_at_once(settings, name):
    """A setting that is wrong or that would be ignored is refused when the object is made."""
    with pytest.raises(ConfigurationError, match=name):
        make(**settings)


@pytest.mark.parametrize(
    "module", [langchain_ragbridge.elastic_embeddings, langchain_ragbridge.elastic_rerank]
)
def test_examples_in_docstrings_run(module):
    """The examples in the docstrings do what they show."""
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed
