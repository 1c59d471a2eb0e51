"""Methods that read the web."""

from __future__ import annotations

from ragbridge.services.jina.faces.base import JinaFaces


class WebFaces(JinaFaces):
    """Reader, search and grounding."""
