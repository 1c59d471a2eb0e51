"""Asynchronous jobs: submitted in one request, run by the service, fetched later."""

from typing import TYPE_CHECKING

from ragbridge.ground.late import submodules as _submodules

__all__ = ["batch", "bulk", "inputs"]

if TYPE_CHECKING:
    from ragbridge.services.jina.jobs import batch, bulk, inputs
else:
    __getattr__ = _submodules(__name__, __all__)
