"""Embeddings by Jina AI, by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from llama_index.embeddings.ragbridge.base import JinaEmbedding
from llama_index.embeddings.ragbridge.elastic import ElasticEmbedding
from llama_index.embeddings.ragbridge.multi_modal import JinaMultiModalEmbedding

__all__ = ["ElasticEmbedding", "JinaEmbedding", "JinaMultiModalEmbedding"]
