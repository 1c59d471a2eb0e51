"""Reader, search and grounding."""

from typing import TYPE_CHECKING

from ragbridge.ground.late import submodules as _submodules

__all__ = ["grounding", "options", "reader", "requests", "search"]

if TYPE_CHECKING:
    from ragbridge.services.jina.web import grounding, options, reader, requests, search
else:
    __getattr__ = _submodules(__name__, __all__)
