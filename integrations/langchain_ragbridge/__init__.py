"""Jina AI and Elasticsearch's inference endpoints for LangChain, and Elasticsearch's chunks and semantic search.

Each class is imported when it is asked for: reranking brings LangChain's runnables, splitting its text
splitters, embeddings do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbridge.adapters import late_names as _late_names

if TYPE_CHECKING:
    from langchain_ragbridge.classifier import JinaClassifier
    from langchain_ragbridge.elastic_embeddings import ElasticEmbeddings
    from langchain_ragbridge.elastic_rerank import ElasticRerank
    from langchain_ragbridge.elastic_retriever import ElasticSemanticRetriever
    from langchain_ragbridge.elastic_sparse_embeddings import ElasticSparseEmbeddings
    from langchain_ragbridge.embeddings import JinaEmbeddings
    from langchain_ragbridge.loader import JinaReaderLoader
    from langchain_ragbridge.rerank import JinaRerank
    from langchain_ragbridge.retriever import JinaSearchRetriever
    from langchain_ragbridge.segmenter import JinaSegmenterSplitter
    from langchain_ragbridge.sparse_embeddings import JinaSparseEmbeddings
    from langchain_ragbridge.splitter import RagbridgeTextSplitter
    from langchain_ragbridge.tool import JinaSearch
else:
    __getattr__, __dir__ = _late_names(
        __name__,
        {
            "ElasticEmbeddings": "langchain_ragbridge.elastic_embeddings",
            "ElasticRerank": "langchain_ragbridge.elastic_rerank",
            "ElasticSemanticRetriever": "langchain_ragbridge.elastic_retriever",
            "ElasticSparseEmbeddings": "langchain_ragbridge.elastic_sparse_embeddings",
            "JinaClassifier": "langchain_ragbridge.classifier",
            "JinaEmbeddings": "langchain_ragbridge.embeddings",
            "JinaReaderLoader": "langchain_ragbridge.loader",
            "JinaRerank": "langchain_ragbridge.rerank",
            "JinaSearch": "langchain_ragbridge.tool",
            "JinaSearchRetriever": "langchain_ragbridge.retriever",
            "JinaSegmenterSplitter": "langchain_ragbridge.segmenter",
            "JinaSparseEmbeddings": "langchain_ragbridge.sparse_embeddings",
            "RagbridgeTextSplitter": "langchain_ragbridge.splitter",
        },
    )

__all__ = [
    "ElasticEmbeddings",
    "ElasticRerank",
    "ElasticSemanticRetriever",
    "ElasticSparseEmbeddings",
    "JinaClassifier",
    "JinaEmbeddings",
    "JinaReaderLoader",
    "JinaRerank",
    "JinaSearch",
    "JinaSearchRetriever",
    "JinaSegmenterSplitter",
    "JinaSparseEmbeddings",
    "RagbridgeTextSplitter",
]
