"""The errors for requests that got no answer, in the same words whatever the HTTP library."""

from __future__ import annotations

from typing import TypeVar

from ragbridge.errors import ConfigurationError, RagbridgeError, RequestError
from ragbridge.flow import Request
from ragbridge.ground.addresses import in_text

E = TypeVar("E", bound=RagbridgeError)

SHOWN = 300
"""Characters of an HTTP library's message that an error shows: some hold what the server sent, whole."""


def broken(request: Request, reason: object) -> RequestError:
    """The error for a request whose answer could not be read."""
    text = in_text(str(reason)) or type(reason).__name__
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return RequestError(f"{request.method} {request.place}: {shown}")


def too_late(request: Request, seconds: float) -> RequestError:
    """The error for a request whose answer was still arriving at its deadline."""
    return RequestError(
        f"{request.method} {request.place}: no whole answer within {seconds:g} s; see deadline="
    )


def no_address(request: Request, error: Exception) -> ConfigurationError:
    """The error for a request to what is no address. Libraries quote it whole, so their messages are not repeated."""
    return ConfigurationError(
        f"{request.method} {request.place}: the address cannot be used ({type(error).__name__}); check the address"
    )


def no_answer(request: Request, kind: str) -> RequestError:
    """The error for a request that was not answered in time."""
    seconds = f"{request.timeout:g} s" if request.timeout else "the client's timeout"
    error = RequestError(
        f"{request.method} {request.place}: no answer within {seconds} ({kind}); see timeout="
    )
    error.sent = kind != "connect"
    return error


def no_connection(request: Request, reason: object) -> RequestError:
    """The error for a request that was not sent."""
    error = RequestError(f"{request.method} {request.place}: {in_text(str(reason))}")
    error.sent = False
    return error


def not_trusted(request: Request, reason: str) -> RequestError:
    """The error for a server whose certificate is not trusted. It is not retried."""
    error = no_connection(request, reason)
    error.retryable = False
    return error


def caused(failure: E, error: BaseException) -> E:
    """``failure``, whose cause is what the operating system or OpenSSL said, if they did.

    The errors of HTTP libraries are no causes: they hold the request, with its headers and the query of its address, and
    so do the frames of their tracebacks.
    """
    failure.__cause__ = _root(error)
    return failure


def _root(error: BaseException | None) -> OSError | None:
    """The innermost error of the standard library behind ``error``, made anew: without traceback and context."""
    found: BaseException | None = None
    for _ in range(_DEPTH):
        if error is None:
            break
        if isinstance(error, OSError) and type(error).__module__ in {"builtins", "ssl", "socket"}:
            found = error
        error = error.__cause__ or error.__context__ or _reason(error)
    if not isinstance(found, OSError):
        return None
    import socket
    import ssl  # both make hundreds of constants, and ``import ragbridge`` needs neither

    kind = type(found) if isinstance(found, (ssl.SSLError, socket.gaierror)) else OSError
    return kind(*(in_text(part) if isinstance(part, str) else part for part in found.args[:2]))


_DEPTH = 20


def _reason(error: BaseException) -> BaseException | None:
    """What an error was made of that is no cause of it."""
    held = [getattr(error, name, None) for name in ("reason", "os_error", "certificate_error")]
    return next((part for part in (*held, *error.args) if isinstance(part, BaseException)), None)
