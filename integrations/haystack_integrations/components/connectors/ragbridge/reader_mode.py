"""``JinaReaderMode``: what a ``JinaReaderConnector`` does."""

from __future__ import annotations

from enum import Enum


class JinaReaderMode(Enum):
    """What a `JinaReaderConnector` does with its query."""

    READ = "read"
    """Read the page at an address."""

    SEARCH = "search"
    """Search the web and read what is found."""

    GROUND = "ground"
    """Tell whether a statement holds. Deprecated: the service no longer documents it."""

    def __str__(self) -> str:
        return self.value
