"""Haystack connectors over ragbridge: ``JinaReaderConnector``, with ``JinaReaderMode`` for what it does."""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the connectors need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.connectors.ragbridge.reader import JinaReaderConnector
from haystack_integrations.components.connectors.ragbridge.reader_mode import JinaReaderMode

__all__ = ["JinaReaderConnector", "JinaReaderMode"]
