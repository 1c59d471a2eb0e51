"""Haystack retrievers over ragbridge: ``ElasticSemanticRetriever``."""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the retrievers need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.retrievers.ragbridge.elastic_semantic_retriever import (
    ElasticSemanticRetriever,
)

__all__ = ["ElasticSemanticRetriever"]
