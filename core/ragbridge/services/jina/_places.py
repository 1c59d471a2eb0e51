"""Naming items of a request that are not neighbours in the caller's list."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from ragbridge._errors import InvalidRequestError, StatusError
from ragbridge._wire import located

_ABOUT_ALL = {"INPUT_MODEL_NOT_FOUND", "INPUT_INVALID_LABELS", "INPUT_LABEL_LIMIT_EXCEEDED"}


def name_of(name: str, places: Sequence[int]) -> str:
    """What the caller knows the items at ``places`` of his list ``name`` by."""
    if len(places) == 1:
        return f"{name}[{places[0]}]"
    return f"{name}[{min(places)}:{max(places) + 1}]"


def located_at(error: InvalidRequestError, name: str, places: Sequence[int]) -> StatusError:
    """``error`` about a request of the items at ``places``, in the caller's own terms, with the index of his list.

    What is no matter of an item (an unknown model or classifier, labels) stays as it is.
    """
    if error.index is None and (error.status == 404 or error.code in _ABOUT_ALL):
        return error
    found = located(error, functools.partial(_among, name, places), 0, len(places))
    return found if found.index is None else found.replace(index=places[found.index])


def _among(name: str, places: Sequence[int], start: int, stop: int) -> str:
    return name_of(name, places[start:stop])
