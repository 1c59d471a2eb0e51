"""Pages of the web as documents, by Jina AI's reader, for LlamaIndex."""

from llama_index.readers.ragbridge.base import JinaReader

__all__ = ["JinaReader"]
