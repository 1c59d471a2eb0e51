"""Haystack embedders over ragbridge: ``JinaTextEmbedder`` for queries, ``JinaDocumentEmbedder`` for documents."""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the embedders need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.embedders.ragbridge.document_embedder import JinaDocumentEmbedder
from haystack_integrations.components.embedders.ragbridge.text_embedder import JinaTextEmbedder

__all__ = ["JinaDocumentEmbedder", "JinaTextEmbedder"]
