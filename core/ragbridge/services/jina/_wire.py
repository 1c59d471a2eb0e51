"""How a request to Jina looks: addresses, headers, bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ragbridge._errors import ConfigurationError, ResponseError
from ragbridge._flow import Response


def _encoder() -> Callable[[Mapping[str, Any]], bytes]:
    """Objects to JSON: by orjson where it is installed (extra ``speed``)."""
    try:
        import orjson
    except ImportError:
        return lambda payload: json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return orjson.dumps


_dumps = _encoder()

KNOWN_PATHS = ("/embeddings", "/multi-vector", "/rerank", "/classify", "/train", "/segment")


def normalize_base(url: str) -> str:
    """The address up to and including ``/v1``, from what users paste: with or without it, or a whole endpoint.

    Raises:
        ConfigurationError: The address has no scheme, no host, or holds a user name.
    """
    address = check_address(url, "base_url", schemes=("https", "http", "local"), hint=", or be 'local'")
    for known in KNOWN_PATHS:
        address = address.removesuffix(known)
    return address.removesuffix("/v1") + "/v1"


def check_address(url: str, name: str, *, schemes: Sequence[str] = ("https", "http"), hint: str = "") -> str:
    """``url`` without a slash at its end.

    Args:
        url: What the user gave.
        name: The setting.
        schemes: What it may start with.
        hint: What else it may be.

    Raises:
        ConfigurationError: It has no scheme, no host, or holds a user name, a query or a fragment.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigurationError(f"{name}={_shown(url)!r} must start with https:// or http://{hint}")
    if parts.username is not None:
        raise ConfigurationError(
            f"{name}={_shown(url)!r} must not hold a user name; pass the key as api_key="
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{name}={_shown(url)!r} must end with its path: leave out ? and #")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _shown(url: str) -> str:
    """``url`` without what may be secret in it."""
    rest = url.split("?", 1)[0].split("#", 1)[0]
    scheme, mark, tail = rest.partition("://")
    return scheme + mark + tail.rpartition("@")[2]


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
    except (TypeError, UnicodeEncodeError):  # orjson's error, json's error
        for index, text in enumerate(texts):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ConfigurationError(
                    f"{name(index)} holds half of a surrogate pair at character {error.start}, which is no text; "
                    "clean it with text.encode('utf-8', 'replace').decode()"
                ) from None
        raise


def decode(response: Response) -> dict[str, Any]:
    """The JSON object in a successful answer.

    Raises:
        ResponseError: The body is something else.
    """
    if response.status >= 300:
        raise final(
            f"HTTP {response.status}: the service redirects to {_host(response)}; set base_url= to where it is now"
        )
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError) as error:
        raise ResponseError(f"HTTP {response.status}: the body is not JSON ({error})") from None
    if not isinstance(body, dict):
        raise ResponseError(f"HTTP {response.status}: the body is not a JSON object")
    return body


def final(message: str) -> ResponseError:
    """A ``ResponseError`` that another attempt would meet again."""
    error = ResponseError(message)
    error.retryable = False
    return error


def _host(response: Response) -> str:
    return urlsplit(response.headers.get("location", "")).netloc or "another path"


def billed(body: Mapping[str, Any]) -> int | None:
    """``usage.total_tokens``, the only count that every model sends."""
    usage = body.get("usage")
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return int(tokens) if isinstance(tokens, (int, float)) and 0 <= tokens < float("inf") else None


def model_of(body: Mapping[str, Any], asked: str) -> str:
    """The model's name as the service gave it."""
    model = body.get("model")
    return model if isinstance(model, str) and model else asked
