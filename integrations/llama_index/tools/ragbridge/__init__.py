"""Tools for agents, by Jina AI's search and reader, for LlamaIndex."""

from llama_index.tools.ragbridge.base import JinaToolSpec

__all__ = ["JinaToolSpec"]
