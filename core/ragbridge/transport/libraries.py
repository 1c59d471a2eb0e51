"""The libraries of httpx's interface: httpx itself, and httpx2, which succeeds it. No other module imports them."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ragbridge.errors import ConfigurationError

PREFERRED = ("httpx2", "httpx")
"""The one that is maintained comes first. httpx is always installed, httpx2 where something asks for it."""


def library(name: str | None = None) -> Any:
    """The module to make clients with.

    Args:
        name: Which one; None for httpx2 where it is installed, else httpx.

    Raises:
        ConfigurationError: It is not installed.
    """
    reason: ImportError | None = None
    for each in (name,) if name else PREFERRED:
        try:
            return importlib.import_module(each)
        except ImportError as error:
            reason = error
    raise ConfigurationError(f'transport="{name}" needs the package {name} ({reason}): pip install {name}')


def library_of(client: object) -> object:
    """The package whose errors ``client`` raises: httpx, httpx2, or another of their interface."""
    roots = (sys.modules.get(kind.__module__.partition(".")[0]) for kind in type(client).__mro__)
    return next((root for root in roots if hasattr(root, "RequestError")), None)


def check_client(client: object, name: str, *, awaited: bool) -> None:
    """See that a client of the caller's own has httpx's interface and the right face.

    Raises:
        ConfigurationError: It has not.
    """
    kind = f"{type(client).__module__.partition('.')[0]}.{type(client).__name__}"
    if isinstance(client, type) or not callable(getattr(client, "stream", None)):
        shown = client.__name__ if isinstance(client, type) else kind
        wanted = "AsyncClient" if awaited else "Client"
        raise ConfigurationError(
            f"{name} is {shown}, not a client with the interface of httpx: pass an httpx.{wanted} or httpx2.{wanted}; what "
            "sends by another library is a transport of your own (transport=)"
        )
    if hasattr(client, "aclose") != awaited:
        other = "http_client" if awaited else "async_http_client"
        raise ConfigurationError(
            f"{name} is {kind}, whose methods are {'not ' if awaited else ''}awaited: pass it as {other}="
        )
