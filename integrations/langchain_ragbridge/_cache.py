"""Cache namespaces that differ whenever vectors would, for ``CacheBackedEmbeddings``."""

from __future__ import annotations

import re
from collections.abc import Mapping


def namespace(parts: Mapping[str, object]) -> str:
    """The parts by name and value, in their order, of characters that ``LocalFileStore`` takes.

    Different parts give different names. Letters, digits, dots and hyphens stand for themselves; all else is written as
    its code points, ``acme/embed`` as ``acme_2f_embed``. A part that is None is left out.
    """
    words = (f"{name}-{_written(str(value))}/" for name, value in parts.items() if value is not None)
    return "".join(words)


def _written(value: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", lambda run: f"_{'-'.join(f'{ord(each):x}' for each in run[0])}_", value)
