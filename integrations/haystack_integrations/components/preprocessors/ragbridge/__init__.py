"""Haystack preprocessors over ragbridge: ``RagbridgeDocumentSplitter``."""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the preprocessors need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.preprocessors.ragbridge.document_splitter import (
    RagbridgeDocumentSplitter,
)

__all__ = ["RagbridgeDocumentSplitter"]
