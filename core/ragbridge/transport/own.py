"""A transport of the caller's own: what it leaves out is added, what it gives back is checked."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request, Response

if TYPE_CHECKING:
    from ragbridge.transport.base import Transport


class OwnTransport:
    """Answers by an object that has at least ``send`` or ``send_async``.

    Without ``send_async``, awaited calls run ``send`` in a thread. ``close`` and ``close_async`` may be missing.

    Args:
        given: The caller's object.

    Raises:
        ConfigurationError: It has neither of the two.
    """

    def __init__(self, given: Any) -> None:
        self._given = given
        self._send = _method(given, "send")
        self._send_async = _method(given, "send_async")
        if self._send is None and self._send_async is None:
            raise ConfigurationError(
                f"transport is {_kind(given)}, which has neither send nor send_async: pass a ragbridge.Transport, an "
                'Engine, or one of "auto", "httpx", "httpx2", "fast"; an HTTP client goes to http_client='
            )

    def send(self, request: Request) -> Response:
        """Answer ``request``, blocking.

        Raises:
            ConfigurationError: The object cannot, or gives no ``Response``.
        """
        if self._send is None:
            raise ConfigurationError(
                f"transport={_kind(self._given)} has no send, only send_async: use the awaitable methods"
            )
        return self._checked(self._send(request))

    async def send_async(self, request: Request) -> Response:
        """Answer ``request`` on the running event loop; in a thread where the object only blocks.

        Raises:
            ConfigurationError: It gives no ``Response``.
        """
        if self._send_async is None:
            from ragbridge.transport.threads import in_thread

            return await in_thread(functools.partial(self.send, request))
        return self._checked(await self._send_async(request))

    def close(self) -> None:
        """Close the object, where it can be closed."""
        if (close := _method(self._given, "close")) is not None:
            close()

    async def close_async(self) -> None:
        """Close the object for the running event loop, or wholly where it knows no difference."""
        if (close := _method(self._given, "close_async")) is not None:
            await close()
        else:
            self.close()

    def _checked(self, answer: Any) -> Response:
        if not isinstance(answer, Response):
            raise ConfigurationError(
                f"transport={_kind(self._given)} answered with {_kind(answer)}, not with a ragbridge.Response"
            )
        if all(map(str.islower, answer.headers)):
            return answer
        return replace(answer, headers={name.lower(): value for name, value in answer.headers.items()})


def adopted(given: Any) -> Transport:
    """``given`` as a whole transport."""
    return OwnTransport(given)


def _method(given: Any, name: str) -> Any:
    found = None if isinstance(given, type) else getattr(given, name, None)
    return found if callable(found) else None


def _kind(thing: Any) -> str:
    return thing.__name__ if isinstance(thing, type) else type(thing).__name__
