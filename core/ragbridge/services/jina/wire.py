"""How a request to Jina looks: addresses, headers, bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from ragbridge.client.secret import ANYWHERE, Concealed
from ragbridge.client.wire import check_address, count_of, read_json, read_numbers, read_object
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Response
from ragbridge.ground.addresses import shown


def check_base(url: str) -> tuple[str, str]:
    """``base_url`` without a slash at its end, and the parameters that stand behind it (``api-version=...``).

    What is put behind the address, the host's row says: ``Host.address``.

    Raises:
        ConfigurationError: The address has no scheme, no host, or holds a user name or a fragment.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"base_url is {type(url).__name__}, not str")
    address, _, query = url.strip().partition("?")
    if not _QUERY.fullmatch(query):
        raise ConfigurationError(
            f"base_url={shown(url)!r}: behind ? there may be parameters (name=value&...), percent-encoded, and nothing else"
        )
    return check_address(
        address, "base_url", schemes=("https", "http", "local"), hint=", or be 'local'"
    ), query


_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%/-]*")
"""Parameters of an address (RFC 3986, 3.4), without ``@``, which may stand for a password."""


def with_parameters(url: str, query: str) -> str:
    """``url`` with more parameters."""
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def secrets_of(query: str) -> list[str]:
    """Values of parameters that may be secrets; a version is none."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return [
        Concealed(value) for name, value in pairs if len(value) >= ANYWHERE and "version" not in name.lower()
    ]


def decode(response: Response) -> dict[str, Any]:
    """The JSON object in a successful answer.

    Raises:
        ResponseError: The body is something else.
    """
    return read_object(response, setting="base_url")


def decode_numbers(response: Response) -> dict[str, Any]:
    """``decode`` for answers that hold names and numbers; see ``client.wire.loads``."""
    return read_numbers(response, setting="base_url")


def decode_any(response: Response) -> Any:
    """The JSON in a successful answer.

    Raises:
        ResponseError: The body is something else.
    """
    return read_json(response, setting="base_url")


def billed(body: Mapping[str, Any]) -> int | None:
    """``usage.total_tokens``, the only count that every model sends."""
    usage = body.get("usage")
    return count_of(usage.get("total_tokens")) if isinstance(usage, dict) else None


def word_of(value: object) -> str | None:
    """A field's text; a number too, since times are on record as both. None where it is neither."""
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def told(value: object) -> str | None:
    """What the service says in a field that is mostly a text: anything else as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def model_of(body: Mapping[str, Any], asked: str) -> str:
    """The model's name as the service gave it."""
    model = body.get("model")
    return model if isinstance(model, str) and model else asked
