"""How requests and answers look, whatever the service: addresses, JSON, and whose item an error is about."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ragbridge.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RateLimitError,
    ResponseError,
    ServiceError,
    StatusError,
)
from ragbridge.flow import Response
from ragbridge.ground.addresses import is_host, shown


def _encoder() -> Callable[[Mapping[str, Any]], bytes]:
    """Objects to JSON: by orjson where it is installed (extra ``speed``)."""
    try:
        import orjson
    except ImportError:
        return lambda payload: json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return orjson.dumps


_dumps = _encoder()

_loads: Callable[[bytes | bytearray], Any] = json.loads
with suppress(ImportError):  # extra speed
    from orjson import loads as _loads


def loads(text: bytes | bytearray) -> Any:
    """The value in ``text``: by orjson where it is installed, and by ``json`` what that refuses, such as NaN.

    orjson reads whole numbers of more than 64 bits as floats, which no count and no index has.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested more deeply than ``json`` reads.
    """
    try:
        return _loads(text)
    except ValueError:
        pass
    return json.loads(text)


def check_address(
    url: str,
    name: str,
    *,
    schemes: Sequence[str] = ("https", "http"),
    hint: str = "",
    credentials: str = "pass the key as api_key=",
) -> str:
    """``url`` without a slash at its end.

    Args:
        url: What the user gave.
        name: The setting.
        schemes: What it may start with.
        hint: What else it may be.
        credentials: How to pass what it must not hold.

    Raises:
        ConfigurationError: It has no scheme, a host or a port that is none, or holds a user name, a query or a fragment.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"{name} is {type(url).__name__}, not str")
    place = f"{name}={shown(url)!r}"
    if "@" in url:
        raise ConfigurationError(f"{place} must not hold a user name or a password; {credentials}")
    if not url.strip().isprintable():
        raise ConfigurationError(f"{place} is no address: it holds characters that addresses cannot have")
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:  # its text quotes what may be a password
        raise ConfigurationError(f"{place} is no address: its host or its port is none") from None
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigurationError(f"{place} must start with https:// or http://{hint}")
    if not is_host(parts.hostname):
        raise ConfigurationError(f"{place} is no address: its host is no name that can be looked up")
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{place} must end with its path: leave out ? and #")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def encode(payload: Mapping[str, Any], *, texts: Sequence[str], name: Callable[[int], str]) -> bytes:
    """``payload`` as JSON.

    Args:
        payload: What to send.
        texts: Every text in it that is the caller's.
        name: What the caller knows each of them by.

    Raises:
        ConfigurationError: A text cannot be written as UTF-8.
    """
    try:
        return _dumps(payload)
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
        for index, text in enumerate(texts):
            try:
                text.encode()
            except UnicodeEncodeError as fault:
                raise ConfigurationError(
                    f"{name(index)} holds half of a surrogate pair at character {fault.start}, which is no text; "
                    "clean it with text.encode('utf-8', 'replace').decode()"
                ) from None
        raise ConfigurationError(f"the request cannot be written as JSON: {error}") from None


def check_final(response: Response, *, setting: str) -> None:
    """See that a success is no redirect: those are followed nowhere, since the key would go along.

    Raises:
        ResponseError: It is one.
    """
    if response.status >= 300:
        raise final(
            f"HTTP {response.status}: the service redirects to {host_of(response.headers.get('location', ''))}; set {setting}= to where it is now"
        )


def read_json(response: Response, *, setting: str) -> Any:
    """The JSON in a successful answer.

    Args:
        response: What came.
        setting: The one that says where the service is, for answers that point elsewhere.

    Raises:
        ResponseError: The body is something else.
    """
    check_final(response, setting=setting)
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    # Out here, for json's error holds the whole body, and would go on doing so within this one.
    raise broken(response, f"the body is not JSON ({reason})")


def broken(response: Response, reason: str) -> ResponseError:
    """The error for a success whose body cannot be read: it was damaged on its way, and another one may be fine."""
    error = ResponseError(f"HTTP {response.status}: {reason}")
    error.damaged = True
    return error


def read_object(response: Response, *, setting: str) -> dict[str, Any]:
    """The JSON object in a successful answer; see ``read_json``.

    Raises:
        ResponseError: The body is something else.
    """
    return as_object(read_json(response, setting=setting), response)


def read_numbers(response: Response, *, setting: str) -> dict[str, Any]:
    """``read_object`` for answers that hold names and numbers; see ``loads``."""
    if response.status < 300:
        try:
            return as_object(loads(response.body), response)
        except (ValueError, RecursionError):
            pass
    return read_object(response, setting=setting)  # out here: a parser's error holds the whole body


def as_object(body: object, response: Response) -> dict[str, Any]:
    """``body``, the value of a success, where it is an object.

    Raises:
        ResponseError: It is something else.
    """
    if not isinstance(body, dict):
        raise ResponseError(f"HTTP {response.status}: the body is not a JSON object")
    return body


_MOST = 1e15
"""No count is larger: a larger figure would be believed by limiters, and break arithmetic."""


def count_of(value: object) -> int | None:
    """A number of tokens or items, which some services write as a float; None where it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _MOST:
        return None
    return int(value)


def final(message: str) -> ResponseError:
    """A ``ResponseError`` that another attempt would meet again."""
    error = ResponseError(message)
    error.retryable = False
    return error


def host_of(url: str) -> str:
    """Where ``url`` leads, without what may be secret in it."""
    try:
        host = urlsplit(shown(url)).netloc
    except ValueError:  # no address
        host = ""
    return host or "another path"


_KINDS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    402: QuotaExhaustedError,
    403: AuthenticationError,
    408: ServiceError,
    425: ServiceError,
    429: RateLimitError,
}


def kind_of(status: int) -> type[StatusError]:
    """What an answer of 400 or more is by its status alone. Services that say more know better."""
    return _KINDS.get(status, ServiceError if status >= 500 else InvalidRequestError)


SHOWN = 2000
"""Characters of a refusal's body that an error holds."""


def refusal_object(text: str) -> dict[str, Any]:
    """The JSON object in a refusal's body; an empty one where it holds something else."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def one_line(text: str) -> str:
    """A body that is no JSON, such as a gateway's HTML page, as one short line."""
    return " ".join(re.sub(r"<[^>]*>", " ", text[:SHOWN]).split())[:200]
