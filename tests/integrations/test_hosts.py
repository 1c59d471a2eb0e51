"""The same query through LangChain, LlamaIndex and Haystack, at two hosts: the same vectors and the same ranking."""

from __future__ import annotations

import numpy as np
import pytest
from fake_hosts import HOSTS, MODEL, RANKER, served
from haystack import Document as HaystackDocument
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from langchain_ragbridge import JinaEmbeddings
from langchain_ragbridge import JinaRerank as LangChainRerank
from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank
from ragbridge import Jina
from ragbridge.models import MODELS
from ragbridge.testing import vector_of

TEXTS = ["nothing here", "the blue sea", "the sea"]
QUERY = "the sea"


@pytest.fixture(scope="module", params=["vllm", "tei"])
def place(request):
    """A server, and what each adapter is told of it."""
    with served(HOSTS[request.param]) as server:
        yield {"base_url": server.url, "host": request.param}, server


def vectors(place, **prefixes):
    """By framework, the query's vector and those of the texts."""
    query = {name: value for name, value in prefixes.items() if name == "query_prefix"}
    document = {name: value for name, value in prefixes.items() if name == "document_prefix"}
    langchain = JinaEmbeddings(model=MODEL, **place, **prefixes)
    llama = JinaEmbedding(model=MODEL, **place, **prefixes)
    asking, writing = (
        JinaTextEmbedder(MODEL, **place, **query),
        JinaDocumentEmbedder(MODEL, **place, **document),
    )
    written = writing.run([HaystackDocument(content=text) for text in TEXTS])["documents"]
    return {
        "langchain": [langchain.embed_query(QUERY), *langchain.embed_documents(TEXTS)],
        "llama-index": [llama.get_query_embedding(QUERY), *llama.get_text_embedding_batch(TEXTS)],
        "haystack": [asking.run(QUERY)["embedding"], *(document.embedding for document in written)],
    }


@pytest.mark.parametrize("prefixes", [{}, {"query_prefix": "Q ", "document_prefix": "D "}])
def test_one_query_has_the_same_vectors_in_all_frameworks(place, prefixes):
    """Those of the prefix and the text, and those that the core gives; a query's is not a document's."""
    settings, _ = place
    prompts = MODELS[MODEL].prompts
    ahead = prefixes.get("query_prefix", prompts["retrieval.query"])
    behind = prefixes.get("document_prefix", prompts["retrieval.passage"])
    right = np.float32([vector_of(ahead + QUERY, 1024), *(vector_of(behind + text, 1024) for text in TEXTS)])
    with Jina(**settings, **prefixes) as jina:
        own = [
            *jina.embed([QUERY], model=MODEL, role="query").vectors,
            *jina.embed(TEXTS, model=MODEL, role="document").vectors,
        ]
    assert np.array_equal(own, right)
    for framework, found in vectors(settings, **prefixes).items():
        assert np.array_equal(np.float32(found), right), framework
    assert not np.array_equal(right[0], right[3])


def test_one_query_ranks_alike_in_all_frameworks(place):
    """Whatever the host's answer looks like."""
    settings, _ = place
    langchain = LangChainRerank(model=RANKER, top_n=2, **settings)
    llama = JinaRerank(model=RANKER, top_n=2, **settings)
    haystack = JinaRanker(RANKER, top_k=2, **settings)
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
    found = {
        "langchain": [
            document.page_content
            for document in langchain.compress_documents([Document(text) for text in TEXTS], QUERY)
        ],
        "llama-index": [
            node.node.text for node in llama.postprocess_nodes(nodes, query_bundle=QueryBundle(QUERY))
        ],
        "haystack": [
            document.content
            for document in haystack.run(QUERY, [HaystackDocument(content=text) for text in TEXTS])[
                "documents"
            ]
        ],
    }
    with Jina(**settings) as jina:
        right = [TEXTS[row.index] for row in jina.rerank(QUERY, TEXTS, model=RANKER, top_n=2)]
    assert found == dict.fromkeys(found, right)
