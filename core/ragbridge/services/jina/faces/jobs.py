"""Methods for what takes longer than a request, and about the account."""

from __future__ import annotations

from ragbridge.services.jina.faces.base import JinaFaces


class JobFaces(JinaFaces):
    """Batch and bulk jobs, models and balance."""
