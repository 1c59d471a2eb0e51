"""Reranking by Jina AI, or by the embedded engine, for LlamaIndex."""

from llama_index.postprocessor.ragbridge.base import JinaRerank

__all__ = ["JinaRerank"]
