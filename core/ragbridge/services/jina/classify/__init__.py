"""Classification, by labels and by trained classifiers."""

from typing import TYPE_CHECKING

from ragbridge.ground.late import submodules as _submodules

__all__ = ["classifiers", "options", "requests"]

if TYPE_CHECKING:
    from ragbridge.services.jina.classify import classifiers, options, requests
else:
    __getattr__ = _submodules(__name__, __all__)
