"""Retrieval by Elasticsearch for LlamaIndex."""

from llama_index.retrievers.ragbridge.elastic import ElasticSemanticRetriever

__all__ = ["ElasticSemanticRetriever"]
