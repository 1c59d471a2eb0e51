"""Embeddings by Jina AI, or by the embedded engine, for LlamaIndex."""

from llama_index.embeddings.ragbridge.base import JinaEmbedding

__all__ = ["JinaEmbedding"]
