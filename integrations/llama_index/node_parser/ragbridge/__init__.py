"""Nodes cut where Elasticsearch would cut them, for LlamaIndex."""

from llama_index.node_parser.ragbridge.base import RagbridgeNodeParser

__all__ = ["RagbridgeNodeParser"]
