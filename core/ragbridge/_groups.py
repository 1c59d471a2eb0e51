"""Which items belong together: chunks, as frameworks hold them, by their document."""

from __future__ import annotations

from collections.abc import Hashable, Iterable


def group_by(keys: Iterable[Hashable]) -> list[list[int]]:
    """For each key the places where it stands; keys and places in the order in which they come.

    >>> group_by(["a", "b", "a"])
    [[0, 2], [1]]
    """
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return list(places.values())
