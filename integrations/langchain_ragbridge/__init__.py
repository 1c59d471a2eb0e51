"""Jina AI's embeddings and rerankers for LangChain, and Elasticsearch's chunks.

Each class is imported when it is asked for: reranking brings LangChain's runnables, splitting its text
splitters, embeddings do without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_ragbridge.embeddings import JinaEmbeddings
    from langchain_ragbridge.rerank import JinaRerank
    from langchain_ragbridge.splitter import RagbridgeTextSplitter

__all__ = ["JinaEmbeddings", "JinaRerank", "RagbridgeTextSplitter"]

_MODULES = {
    "JinaEmbeddings": "langchain_ragbridge.embeddings",
    "JinaRerank": "langchain_ragbridge.rerank",
    "RagbridgeTextSplitter": "langchain_ragbridge.splitter",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
