"""Haystack classifiers over ragbridge: ``JinaDocumentClassifier``."""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the classifiers need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.classifiers.ragbridge.document_classifier import JinaDocumentClassifier

__all__ = ["JinaDocumentClassifier"]
