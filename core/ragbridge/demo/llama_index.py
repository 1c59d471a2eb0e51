"""The pipeline in LlamaIndex: ``VectorStoreIndex`` over its own ``SimpleVectorStore``."""

from __future__ import annotations

from collections.abc import Iterator

from llama_index.core import VectorStoreIndex
from llama_index.core.schema import BaseNode, TextNode

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.postprocessor.ragbridge import JinaRerank
from ragbridge import Jina
from ragbridge.demo.corpus import Corpus
from ragbridge.demo.pipelines import DIMENSIONS, RERANKED, RETRIEVED, Answer, Hit


def answers(corpus: Corpus, client: Jina, dimensions: int = DIMENSIONS) -> Iterator[Answer]:
    """Index the passages, then answer the queries one by one."""
    nodes: list[BaseNode] = [TextNode(id_=passage.id, text=passage.text) for passage in corpus.passages]
    index = VectorStoreIndex(nodes, embed_model=JinaEmbedding(client=client, dimensions=dimensions))
    retriever = index.as_retriever(similarity_top_k=RETRIEVED)
    reranker = JinaRerank(client=client, top_n=RERANKED)
    for query in corpus.queries:
        retrieved_nodes = retriever.retrieve(query.text)
        retrieved = tuple(row.node.node_id for row in retrieved_nodes)
        best = reranker.postprocess_nodes(retrieved_nodes, query_str=query.text)
        yield Answer(query, retrieved, tuple(Hit(row.node.node_id, row.score or 0.0) for row in best))
