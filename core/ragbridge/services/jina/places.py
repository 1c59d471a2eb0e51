"""Naming items of a request that are not neighbours in the caller's list."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TypeVar

from ragbridge.client.arguments import located
from ragbridge.errors import (
    AuthenticationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RequestError,
    ResponseError,
    StatusError,
)
from ragbridge.flow import Flow

T = TypeVar("T")

_ABOUT_ALL = {"INPUT_MODEL_NOT_FOUND", "INPUT_INVALID_LABELS", "INPUT_LABEL_LIMIT_EXCEEDED"}


def name_of(name: str, places: Sequence[int]) -> str:
    """What the caller knows the items at ``places`` of his list ``name`` by."""
    if len(places) == 1:
        return f"{name}[{places[0]}]"
    return f"{name}[{min(places)}:{max(places) + 1}]"


def is_about_all(error: InvalidRequestError) -> bool:
    """Whether ``error`` is no matter of an item: an unknown model or classifier, labels."""
    return error.index is None and (error.status == 404 or error.code in _ABOUT_ALL)


def located_at(error: InvalidRequestError, name: str, places: Sequence[int]) -> StatusError:
    """``error`` about a request of the items at ``places``, in the caller's own terms, with the index of his list.

    What is no matter of an item stays as it is.
    """
    if is_about_all(error):
        return error
    found = located(error, functools.partial(_among, name, places), 0, len(places))
    return found if found.index is None else found.replace(index=places[found.index])


def one_of(flow: Flow[T], name: str, index: int) -> Flow[T]:
    """``flow``, which sends the item ``name`` of the caller's list alone: its errors say so, unless they are the account's."""
    try:
        return (yield from flow)
    except (AuthenticationError, QuotaExhaustedError):
        raise
    except StatusError as error:
        raise error.replace(message=f"{name}: {error.message}", index=index) from None
    except (RequestError, ResponseError) as error:
        raise type(error)(f"{name}: {error}") from None


def _among(name: str, places: Sequence[int], start: int, stop: int) -> str:
    return name_of(name, places[start:stop])
