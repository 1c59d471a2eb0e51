"""Cache namespaces that differ whenever vectors would, for ``CacheBackedEmbeddings``."""

from __future__ import annotations

import re
from collections.abc import Mapping


def namespace(parts: Mapping[str, object]) -> str:
    """The parts by name and value, in their order, of characters that ``LocalFileStore`` takes."""
    words = (f"{name}-{'default' if value is None else value}" for name, value in parts.items())
    return "".join(re.sub(r"[^A-Za-z0-9_.-]+", "-", word) + "/" for word in words)
