"""Sparse embeddings by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from llama_index.sparse_embeddings.ragbridge.elastic import ElasticSparseEmbedding

__all__ = ["ElasticSparseEmbedding"]
