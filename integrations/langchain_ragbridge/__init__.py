"""Jina AI's embeddings and rerankers for LangChain.

Each class is imported when it is asked for: reranking brings LangChain's runnables, embeddings do without.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_ragbridge.embeddings import JinaEmbeddings
    from langchain_ragbridge.rerank import JinaRerank

__all__ = ["JinaEmbeddings", "JinaRerank"]

_MODULES = {
    "JinaEmbeddings": "langchain_ragbridge.embeddings",
    "JinaRerank": "langchain_ragbridge.rerank",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
