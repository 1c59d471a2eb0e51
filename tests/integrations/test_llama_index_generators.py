"""LlamaIndex reads what it is given more than once: a generator is made a list first, and nothing is paid and lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from llama_index.core.schema import Document, NodeWithScore, TextNode

from llama_index.embeddings.ragbridge import ElasticEmbedding, JinaEmbedding, JinaMultiModalEmbedding
from llama_index.extractors.ragbridge import JinaClassificationExtractor
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from llama_index.postprocessor.ragbridge import ElasticRerank, JinaRerank
from llama_index.sparse_embeddings.ragbridge import ElasticSparseEmbedding
from ragbridge import ConfigurationError

TEXTS = ("the sea", "bread")


def nodes() -> Iterator[TextNode]:
    return (TextNode(text=text) for text in TEXTS)


def scored() -> Iterator[NodeWithScore]:
    return (NodeWithScore(node=node, score=0.5) for node in nodes())


def texts() -> Iterator[str]:
    return iter(TEXTS)


EMBEDDERS = {
    "jina": lambda: JinaEmbedding(base_url="local"),
    "late": lambda: JinaEmbedding(base_url="local", model="jina-embeddings-v3", late_chunking=True),
    "multi-modal": lambda: JinaMultiModalEmbedding(base_url="local", model_name="jina-clip-v2"),
    "elastic": lambda: ElasticEmbedding(inference_id=".multilingual-e5-small-elasticsearch", url="local"),
}
RERANKERS = {
    "jina": lambda: JinaRerank(base_url="local"),
    "elastic": lambda: ElasticRerank(inference_id=".jina-reranker-v3", url="local"),
}


@pytest.mark.parametrize("make", RERANKERS.values(), ids=RERANKERS)
def test_rerankers_rank_the_nodes_of_a_generator(make):
    """An event of the framework's went through it, and no node came back."""
    ranker = make()
    assert len(ranker.postprocess_nodes(scored(), query_str="sea")) == 2
    assert len(asyncio.run(ranker.apostprocess_nodes(scored(), query_str="sea"))) == 2


@pytest.mark.parametrize("make", EMBEDDERS.values(), ids=EMBEDDERS)
def test_embedders_give_the_nodes_of_a_generator_their_vectors(make):
    """They were embedded, and lost."""
    embedder = make()
    for found in (embedder(nodes()), asyncio.run(embedder.acall(nodes()))):
        assert [node.text for node in found] == [*TEXTS]
        assert all(node.embedding for node in found)


EMBEDDERS_OF_TEXTS = {
    **{name: make for name, make in EMBEDDERS.items() if name != "late"},
    "sparse": lambda: ElasticSparseEmbedding(inference_id=".elser-2-elastic", url="local"),
}


@pytest.mark.parametrize("make", EMBEDDERS_OF_TEXTS.values(), ids=EMBEDDERS_OF_TEXTS)
def test_embedders_take_generators_of_texts(make):
    """A single text in their place is refused."""
    embedder = make()
    assert len(embedder.get_text_embedding_batch(texts())) == 2
    assert len(asyncio.run(embedder.aget_text_embedding_batch(texts()))) == 2
    with pytest.raises(ConfigurationError, match="texts is one str: pass a list"):
        embedder.get_text_embedding_batch("one text")


def test_extractors_take_generators():
    """Each node has its label."""
    extractor = JinaClassificationExtractor(base_url="local", labels=["sea", "bread"])
    assert len(extractor.extract(nodes())) == 2
    assert len(asyncio.run(extractor.aextract(nodes()))) == 2
    assert len(extractor.process_nodes(nodes())) == 2
    assert len(asyncio.run(extractor.aprocess_nodes(nodes()))) == 2


def test_the_node_parser_takes_generators():
    """The framework went through them for ids, and no chunk came back."""
    parser = RagbridgeNodeParser(strategy="word", max_chunk_size=10, overlap=1)
    assert len(parser.get_nodes_from_documents(Document(text=text) for text in TEXTS)) == 2
    assert len(asyncio.run(parser.aget_nodes_from_documents(Document(text=text) for text in TEXTS))) == 2
