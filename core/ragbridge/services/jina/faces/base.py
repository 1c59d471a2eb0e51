"""What every family of methods stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from ragbridge._service import Part

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

    from ragbridge._flow import Flow
    from ragbridge.services.jina._channel import JinaChannel

T = TypeVar("T")


class JinaFaces:
    """A family of methods of ``Jina``, which has what they need."""

    _channel: JinaChannel
    _batch_size: int

    if TYPE_CHECKING:

        def _stream(self, flows: Iterable[Flow[T]]) -> Generator[T, None, None]: ...

        def _stream_async(self, flows: Iterable[Flow[T]]) -> AsyncGenerator[T, None]: ...


class JinaPart(Part):
    """A group of methods, or a handle, that belongs to one ``Jina`` and asks by its channel."""

    @property
    def _channel(self) -> JinaChannel:
        return cast("JinaFaces", self._service)._channel  # noqa: SLF001 - a part of it
