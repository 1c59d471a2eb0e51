"""Methods that sort things into classes."""

from __future__ import annotations

from ragbridge.services.jina.faces.base import JinaFaces


class ClassifyingFaces(JinaFaces):
    """Classification, and the classifiers that it uses."""
