"""Sparse embeddings by Jina AI and by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from llama_index.sparse_embeddings.ragbridge.elastic import ElasticSparseEmbedding
from llama_index.sparse_embeddings.ragbridge.jina import JinaSparseEmbedding

__all__ = ["ElasticSparseEmbedding", "JinaSparseEmbedding"]
