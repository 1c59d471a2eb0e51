"""Reranking."""

from typing import TYPE_CHECKING

from ragbridge.ground.late import submodules as _submodules

__all__ = ["options", "requests"]

if TYPE_CHECKING:
    from ragbridge.services.jina.rerank import options, requests
else:
    __getattr__ = _submodules(__name__, __all__)
