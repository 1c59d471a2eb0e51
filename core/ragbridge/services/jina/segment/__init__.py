"""Segmentation: texts split into chunks by the service."""

from typing import TYPE_CHECKING

from ragbridge.ground.late import submodules as _submodules

__all__ = ["requests"]

if TYPE_CHECKING:
    from ragbridge.services.jina.segment import requests
else:
    __getattr__ = _submodules(__name__, __all__)
