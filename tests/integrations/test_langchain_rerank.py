"""What ``JinaRerank`` promises to LangChain."""

from __future__ import annotations

import copy
import doctest

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore

import langchain_ragbridge.embeddings
import langchain_ragbridge.rerank
from langchain_ragbridge import JinaEmbeddings, JinaRerank
from ragbridge import ConfigurationError, Jina
from ragbridge.flow import Request, Response
from ragbridge.transport.in_process import InProcessTransport

QUERY = "who inspired people to protect the ocean?"
RIGHT = "Rachel Carson wrote about the ocean and inspired many people to protect it."


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


async def test_documents_keep_id_and_metadata_and_get_a_score(documents):
    """Documents come back best first with their id and metadata, and the score beside them, on both faces."""
    rerank = JinaRerank(base_url="local", top_n=None)
    found = rerank.compress_documents(documents, QUERY)
    assert found == await rerank.acompress_documents(documents, QUERY)
    assert {each.id for each in found} == {each.id for each in documents}
    for each in found:
        original = documents[each.metadata["place"]]
        assert (each.id, each.page_content) == (original.id, original.page_content)
        assert each.metadata == {**original.metadata, "relevance_score": each.metadata["relevance_score"]}
    scores = [each.metadata["relevance_score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert found[0].page_content == RIGHT


def test_input_is_left_alone(documents):
    """What was passed in is not changed, neither by reranking nor by changing what came out, however deep."""
    before = copy.deepcopy(documents)
    for each in JinaRerank(base_url="local").compress_documents(documents, QUERY):
        each.metadata["tags"].append("new")
    assert documents == before


def test_document_classes_survive():
    """A document of a class of one's own keeps its class and fields."""

    class Page(Document):
        number: int

    (found,) = JinaRerank(base_url="local").compress_documents([Page(page_content="a", number=7)], "a")
    assert isinstance(found, Page)
    assert found.number == 7


def test_three_documents_unless_asked_otherwise(documents):
    """``top_n`` is 3 by default, as in the class that LangChain's users know; None means all."""
    counts = [
        len(JinaRerank(base_url="local", **settings).compress_documents(documents, QUERY))
        for settings in ({}, {"top_n": None}, {"top_n": 1}, {"top_n": 99})
    ]
    assert counts == [3, 5, 1, 5]


async def test_nothing_in_nothing_out():
    """No documents give no documents, and nothing is sent."""
    client = Jina(base_url="local")
    rerank = JinaRerank(client=client)
    assert rerank.compress_documents([], QUERY) == []
    assert await rerank.acompress_documents([], QUERY) == []
    assert rerank.rerank([], QUERY) == []
    assert client.usage.requests == 0


async def test_asynchronous_call_is_no_synchronous_one_in_a_thread(documents):
    """``acompress_documents`` and an awaited chain wait on the event loop."""

    class AsyncOnly(InProcessTransport):
        def send(self, request: Request) -> Response:
            raise AssertionError

    rerank = JinaRerank(client=Jina(base_url="local", transport=AsyncOnly()))
    (first, *_) = await rerank.acompress_documents(documents, QUERY)
    chained = await rerank.as_runnable().ainvoke({"documents": documents, "query": QUERY})
    assert first.page_content == chained[0].page_content == RIGHT


async def test_compression_retriever_reranks_what_the_store_found(documents):
    """In ``ContextualCompressionRetriever`` over a vector store, the reranked documents come out."""
    store = InMemoryVectorStore(JinaEmbeddings(base_url="local"))
    store.add_documents(documents)
    retriever = ContextualCompressionRetriever(
        base_retriever=store.as_retriever(search_kwargs={"k": 5}),
        base_compressor=JinaRerank(base_url="local", top_n=2),
    )
    found = retriever.invoke(QUERY)
    assert [each.id for each in found] == [each.id for each in await retriever.ainvoke(QUERY)]
    assert found[0].id == "id-2"
    assert len(found) == 2
    assert "relevance_score" in found[0].metadata


async def test_chain_step(documents):
    """``as_runnable`` takes documents and query in a chain and gives the best documents, on both faces."""
    chain = {
        "documents": RunnableLambda(lambda _: documents),
        "query": RunnablePassthrough(),
    } | JinaRerank(base_url="local", top_n=2).as_runnable()
    found = chain.invoke(QUERY)
    assert [each.id for each in found] == [each.id for each in await chain.ainvoke(QUERY)]
    assert found[0].id == "id-2"


@pytest.mark.parametrize("wrong", [{"docs": [], "query": "a"}, {"documents": []}, "a query", None])
def test_chain_step_says_what_it_takes(wrong):
    """Input of another shape is refused with the shape that is right."""
    with pytest.raises(ConfigurationError, match='"documents": retriever'):
        JinaRerank(base_url="local").as_runnable().invoke(wrong)


def test_rows_instead_of_documents(documents):
    """``rerank`` gives indices and scores for texts, objects and documents alike, with a ``top_n`` of its own."""
    rerank = JinaRerank(base_url="local", top_n=2)
    mixed = [documents[0].page_content, {"text": documents[1].page_content}, *documents[2:]]
    rows = rerank.rerank(mixed, QUERY)
    assert rows[0]["index"] == 2
    assert [row.keys() for row in rows] == [{"index", "relevance_score"}] * 2
    assert len(rerank.rerank(mixed, QUERY, top_n=None)) == 5
    assert rerank.rerank(mixed, QUERY, model="jina-reranker-m0", top_n=1) == rows[:1]


@pytest.mark.parametrize(
    "settings",
    [
        {"top_n": 0},
        {"max_doc_length": 0},
        {"model": "jina-reranker-m0", "max_doc_length": 64},
        {"model": "jina-embeddings-v3"},
        {"max_chunks_per_doc": 3},
    ],
)
def test_what_the_model_does_not_have_is_refused_at_once(settings):
    """A setting that is wrong, that the model lacks or that would be ignored is refused when the object is made."""
    with pytest.raises(ConfigurationError, match="|".join(settings)):
        JinaRerank(base_url="local", **settings)


@pytest.mark.parametrize("module", [langchain_ragbridge.embeddings, langchain_ragbridge.rerank])
def test_examples_in_docstrings_run(module):
    """The examples in the docstrings do what they show."""
    outcome = doctest.testmod(module)
    assert outcome.attempted
    assert not outcome.failed
