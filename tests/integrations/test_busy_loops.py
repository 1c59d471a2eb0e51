"""Frameworks that call a blocking method on an event loop that runs: whatever its tasks hold, every call ends."""

from __future__ import annotations

import asyncio
import faulthandler
import itertools
import queue
import sys
import threading

import pytest
from haystack import Document as HaystackDocument
from haystack.utils import Secret
from langchain_core.documents import Document as LangChainDocument
from llama_index.core import Document, StorageContext, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import HierarchicalNodeParser, SentenceSplitter, get_leaf_nodes
from llama_index.core.retrievers import AutoMergingRetriever
from llama_index.core.schema import NodeWithScore, TextNode

from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from langchain_ragbridge import JinaEmbeddings, JinaRerank
from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank as LlamaIndexRerank
from ragbridge import RateLimit

KEYS = (f"key-{number}" for number in itertools.count())
TEXTS = ["fishermen know the sea", "bakers know bread", "nobody knows money"]
LIMITS = {
    "free": "free",
    "paid": "paid",
    "premium": "premium",
    "one at once": RateLimit(None, None, 1),
    "none": None,
}


def in_time(main, seconds=30):
    """Run ``main()`` on an event loop in a thread; a hang is a failure that shows where all threads stand."""
    outcomes = queue.SimpleQueue()

    def work():
        try:
            outcomes.put((True, asyncio.run(main())))
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            outcomes.put((False, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        done, outcome = outcomes.get(timeout=seconds)
    except queue.Empty:
        faulthandler.dump_traceback(file=sys.__stderr__, all_threads=True)
        pytest.fail(f"still running after {seconds} s")
    if not done:
        raise outcome
    return outcome


def langchain_embeddings(**settings):
    made = JinaEmbeddings(api_key=next(KEYS), **settings)
    return (lambda: made.aembed_documents(TEXTS)), (lambda: made.embed_query("a sea")), made.client


def langchain_rerank(**settings):
    made = JinaRerank(api_key=next(KEYS), **settings)
    documents = [LangChainDocument(text) for text in TEXTS]
    return (
        (lambda: made.acompress_documents(documents, "a sea")),
        (lambda: made.compress_documents(documents, "a sea")),
        made.client,
    )


def llama_index_embedding(**settings):
    made = JinaEmbedding(api_key=next(KEYS), **settings)
    return (
        (lambda: made.aget_text_embedding_batch(TEXTS)),
        (lambda: made.get_query_embedding("a sea")),
        made.client,
    )


def llama_index_rerank(**settings):
    made = LlamaIndexRerank(api_key=next(KEYS), **settings)
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
    return (
        (lambda: made.apostprocess_nodes(nodes, query_str="a sea")),
        (lambda: made.postprocess_nodes(nodes, query_str="a sea")),
        made.client,
    )


def haystack_embedders(**settings):
    key = Secret.from_token(next(KEYS))
    many, one = JinaDocumentEmbedder(api_key=key, **settings), JinaTextEmbedder(api_key=key, **settings)
    documents = [HaystackDocument(content=text) for text in TEXTS]
    return (lambda: many.run_async(documents)), (lambda: one.run("a sea")), many


def haystack_ranker(**settings):
    made = JinaRanker(api_key=Secret.from_token(next(KEYS)), **settings)
    documents = [HaystackDocument(content=text) for text in TEXTS]
    return (
        (lambda: made.run_async(query="a sea", documents=documents)),
        (lambda: made.run(query="a sea", documents=documents)),
        made,
    )


ADAPTERS = [
    langchain_embeddings,
    langchain_rerank,
    llama_index_embedding,
    llama_index_rerank,
    haystack_embedders,
    haystack_ranker,
]


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.__name__)
def test_a_blocking_method_goes_on_beside_tasks_of_its_own_loop(wire, monkeypatch, adapter, limits):
    """Cold, when nothing is known of the model, and again, when the quota's places are held."""
    monkeypatch.setattr("ragbridge.limiter.tokens._estimators", {})
    wire.hold = 0.02
    awaited, blocking, _ = adapter(base_url=wire.url, limits=limits)

    async def main():
        for _ in range(2):
            tasks = [asyncio.ensure_future(awaited()) for _ in range(3)]
            while not wire.bodies:  # noqa: ASYNC110 - the server is another thread
                await asyncio.sleep(0.001)
            assert blocking()
            assert all(await asyncio.gather(*tasks))

    in_time(main)


def test_an_index_is_filled_while_a_retriever_blocks_the_loop(wire, monkeypatch):
    """LlamaIndex's ``AutoMergingRetriever.aretrieve`` is its blocking method, beside ``IngestionPipeline.arun``."""
    monkeypatch.setattr("ragbridge.limiter.tokens._estimators", {})
    wire.hold = 0.02
    model = JinaEmbedding(
        api_key=next(KEYS), base_url=wire.url, limits=RateLimit(None, None, 1), embed_batch_size=4
    )
    documents = [Document(text=" ".join(f"{text} {n}." for n in range(60))) for text in TEXTS]

    async def main():
        parser = HierarchicalNodeParser.from_defaults(chunk_sizes=[256, 64])
        nodes = parser.get_nodes_from_documents(documents)
        storage = StorageContext.from_defaults()
        storage.docstore.add_documents(nodes)
        index = VectorStoreIndex(get_leaf_nodes(nodes), storage_context=storage, embed_model=model)
        retriever = AutoMergingRetriever(index.as_retriever(similarity_top_k=2), storage)
        pipeline = IngestionPipeline(
            transformations=[SentenceSplitter(chunk_size=64, chunk_overlap=0), model]
        )
        for _ in range(3):
            filled, found = await asyncio.gather(
                pipeline.arun(documents=documents), retriever.aretrieve("a sea")
            )
            assert all(node.embedding for node in filled)
            assert found

    in_time(main)
