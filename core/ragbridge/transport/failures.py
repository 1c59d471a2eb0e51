"""The errors for requests that got no answer, in the same words whatever the HTTP library."""

from __future__ import annotations

from ragbridge.errors import ConfigurationError, RequestError
from ragbridge.flow import Request

SHOWN = 300
"""Characters of an HTTP library's message that an error shows: some hold what the server sent, whole."""


def broken(request: Request, reason: object) -> RequestError:
    """The error for a request whose answer could not be read."""
    text = str(reason) or type(reason).__name__
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
    return RequestError(f"{request.method} {request.place}: {shown}")


def too_late(request: Request, seconds: float) -> RequestError:
    """The error for a request whose answer was still arriving at its deadline."""
    return RequestError(
        f"{request.method} {request.place}: no whole answer within {seconds:g} s; see deadline="
    )


def no_address(request: Request, error: Exception) -> ConfigurationError:
    """The error for a request to what is no address. Libraries quote it whole, so their messages stay with the cause."""
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
    error = RequestError(f"{request.method} {request.place}: {reason}")
    error.sent = False
    return error


def not_trusted(request: Request, reason: str) -> RequestError:
    """The error for a server whose certificate is not trusted. It is not retried."""
    error = no_connection(request, reason)
    error.retryable = False
    return error
