"""Reranking by Jina AI, by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from llama_index.postprocessor.ragbridge.base import JinaRerank
from llama_index.postprocessor.ragbridge.elastic import ElasticRerank

__all__ = ["ElasticRerank", "JinaRerank"]
