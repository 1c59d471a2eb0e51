"""Labels as metadata of nodes, by Jina AI's classification, for LlamaIndex."""

from llama_index.extractors.ragbridge.base import JinaClassificationExtractor

__all__ = ["JinaClassificationExtractor"]
