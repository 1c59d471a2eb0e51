"""The part of a client that observers see: who watches its calls, and what they are told of each."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from ragbridge.client.watch import Watch, current
from ragbridge.observers import Operation
from ragbridge.observers.registry import all_of, check_observers, is_first_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ragbridge.observers import Observer

log = logging.getLogger("ragbridge")


class Observed:
    """What a client tells of itself.

    Args:
        observers: Those of this client alone, who are told of every call.

    Raises:
        ConfigurationError: ``observers`` is no list of observers.
    """

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = check_observers(observers, "observers=")
        if is_first_client():
            _instrument_by_environment()
        self._framework: str | None = None
        self._server: tuple[str | None, int | None] = (None, None)

    def _watch(
        self, name: str, about: Callable[[], Operation] | None, *, streamed: bool = False
    ) -> Watch | None:
        """What observers are told of the call ``name`` by; None where nobody observes it."""
        observers = all_of(self._observers)
        if not observers and current() is None:
            return None
        address, port = self._server
        operation = replace(
            Operation() if about is None else about(),
            name=name,
            provider=self._provider,
            server_address=address,
            server_port=port,
            streamed=streamed,
            framework=self._framework,
        )
        # What is about no items sends nothing: adapters check their settings so.
        return Watch(observers if operation.items != 0 else (), operation)

    @property
    def _provider(self) -> str:
        """Whose models answer."""
        return type(self).__name__.lower()

    def _within(self, framework: str, observers: Sequence[Observer]) -> Self:
        """The same client, as an adapter for ``framework`` uses it: its calls say so, also to observers of the framework's."""
        same = object.__new__(type(self))
        observers = (*self._observers, *observers)
        same.__dict__.update(self.__dict__, _framework=framework, _observers=observers)
        return same


def _instrument_by_environment() -> None:
    """Observe every client by OpenTelemetry where ``RAGBRIDGE_OTEL`` says so. Whatever is wrong is a warning: no job ends by it."""
    wanted = os.environ.get("RAGBRIDGE_OTEL", "").strip().lower()
    if wanted in {"", "0", "false", "no", "off"}:
        return
    if wanted not in {"1", "true", "yes", "on"}:
        log.warning("RAGBRIDGE_OTEL must be 1 or 0: nothing is traced")
        return
    try:
        from ragbridge.otel import instrument
    except ImportError as error:
        log.warning("RAGBRIDGE_OTEL is set, and nothing is traced: %s", error)
    else:
        instrument()


def server_of(base: str) -> tuple[str | None, int | None]:
    """Host and port of an address, as observers are told them."""
    address = urlsplit(base)
    if address.scheme == "local":
        return "local", None
    with suppress(ValueError):
        return address.hostname, address.port or {"https": 443, "http": 80}.get(address.scheme)
    return address.hostname, None
