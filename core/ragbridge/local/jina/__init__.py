"""Jina's products in the embedded engine, one module each. What one text needs is imported with the engine, the rest when asked."""

from typing import TYPE_CHECKING

from ragbridge.ground.late import submodules as _submodules

__all__ = ["batches", "bulk", "classifiers", "envelope", "multivectors", "reader", "search", "segment"]

if TYPE_CHECKING:
    from ragbridge.local.jina import (
        batches,
        bulk,
        classifiers,
        envelope,
        multivectors,
        reader,
        search,
        segment,
    )
else:
    __getattr__ = _submodules(__name__, __all__)
