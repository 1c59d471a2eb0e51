"""From the address that a user pastes to the one that paths are put behind: each is a column of the table of hosts."""

from __future__ import annotations

from urllib.parse import urlsplit

ENDPOINTS = (
    "/v2/rerank",
    "/v2/embed",
    "/embeddings",
    "/embed",
    "/multi-vector",
    "/rerank",
    "/classify",
    "/train",
    "/segment",
    "/info",
)
"""Ends of whole endpoints, which users paste in place of a base address."""


def without_endpoint(address: str) -> str:
    """``address`` without the end of a whole endpoint."""
    found = next((end for end in ENDPOINTS if address.endswith(end)), "")
    return address.removesuffix(found)


def versioned(address: str) -> str:
    """Ends in ``/v1``, whether or not the user wrote it."""
    return address.removesuffix("/v1") + "/v1"


def versioned_if_bare(address: str) -> str:
    """What the user wrote, such as ``/v1/openai`` or ``/api/v1``; ``/v1`` where there is no path."""
    return address if urlsplit(address).path else f"{address}/v1"


def unversioned(address: str) -> str:
    """Without ``/v1`` at its end."""
    return address.removesuffix("/v1")


def as_given(address: str) -> str:
    """What the user wrote."""
    return address


def invoked(address: str) -> str:
    """Ends in ``/invocations``, as endpoints of SageMaker are called."""
    return address.removesuffix("/invocations") + "/invocations"
