"""The way to the service: its address, its key, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ragbridge.client.meter import Meter
from ragbridge.client.retry import retry_after
from ragbridge.client.session import Channel, Read
from ragbridge.client.wire import kind_of, refusal_object
from ragbridge.errors import StatusError
from ragbridge.flow import Flow, Response
from ragbridge.limiter.tokens import NOTHING, Features
from ragbridge.values.embeddings import Usage

T = TypeVar("T")


class ToyChannel(Channel):
    """What all products of one ``Toy`` share."""

    def __init__(self, *, base: str, **policy: Any) -> None:
        self.base = base
        super().__init__(service="toy", base=base, scheme="Token", read_error=read_error, **policy)

    def post(
        self,
        path: str,
        body: bytes,
        product: str | Meter,
        read: Read[T],
        measure: Callable[[], Features] = lambda: NOTHING,
    ) -> Flow[tuple[T, Usage]]:
        """One request to ``path``."""
        return self.request("POST", self.base + path, product=product, read=read, body=body, measure=measure)


def read_error(response: Response, *, secrets: Iterable[str]) -> StatusError:
    """Refusals name no key, and are ``{"problem": "...", "position": 3}``; the position is the item's."""
    body = refusal_object(response.body.decode("utf-8", "replace"))
    return kind_of(response.status)(
        str(body.get("problem", "the service gave no reason")),
        status=response.status,
        retry_after=retry_after(response.headers),
        index=body.get("position"),
    )
