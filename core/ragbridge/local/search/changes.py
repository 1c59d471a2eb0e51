"""Partial updates: a document with the changes of an update's ``doc``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ragbridge.local.search.documents import Source


def changed(source: Source, part: Source) -> Source | None:
    """The document with ``part`` merged into it: objects member by member, everything else replaced. None: no change.

    ``source`` itself does not change.
    """
    after = dict(source)
    different = False
    for name, value in part.items():
        before = after.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            inner = changed(before, value)
            if inner is not None:
                after[name] = inner
                different = True
        elif name not in after or not _same(before, value):
            after[name] = value
            different = True
    return after if different else None


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, np.ndarray):
        return isinstance(after, list) and np.array_equal(before, np.array(after, dtype=before.dtype))
    if isinstance(before, bool) != isinstance(after, bool):
        return False
    return bool(before == after)
