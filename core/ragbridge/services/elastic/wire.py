"""How requests and answers of Elasticsearch look, whatever they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ragbridge.client.wire import as_object, broken, check_final, final, read_numbers, read_object
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Response
from ragbridge.ground.cbor import is_cbor, read_cbor

PRODUCT_HEADER = "x-elastic-product"


def check_product(response: Response) -> None:
    """See that a success came from Elasticsearch, as the official client does.

    Raises:
        ResponseError: It came from something else, such as Kibana or a page to log in: another attempt would too.
    """
    check_final(response, setting="url")
    if response.headers.get(PRODUCT_HEADER) != "Elasticsearch":
        raise final(
            f"HTTP {response.status}: this is not Elasticsearch, for the header X-Elastic-Product is missing; "
            "check url= (Kibana has another address), and that a proxy in between lets the header through"
        )


def decode(response: Response) -> dict[str, Any]:
    """The object in a successful answer of Elasticsearch: JSON, or CBOR, whichever the answer calls itself.

    Raises:
        ResponseError: The answer is somebody else's, or its body something else.
    """
    check_product(response)
    if not is_cbor(response.body):
        return read_object(response, setting="url")
    try:
        body = read_cbor(response.body)
    except ValueError as error:
        reason = str(error)
    else:
        return as_object(body, response)
    # Out here: no error of a parser's is behind it.
    raise broken(response, f"the body is not CBOR ({reason})")


def decode_numbers(response: Response) -> dict[str, Any]:
    """``decode`` for answers that hold names and numbers; see ``client.wire.loads``."""
    check_product(response)
    return decode(response) if is_cbor(response.body) else read_numbers(response, setting="url")


def rows(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects at ``name``.

    Raises:
        ResponseError: It is something else.
    """
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ResponseError(f"the answer has no list of objects {name!r}, but {sorted(body)[:5]}")
    return found


def segment(name: str, value: object) -> str:
    """A name as part of a path.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name}={value!r} must be a text that is not empty")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} holds half of a surrogate pair, which is no text") from None


def with_query(path: str, query: Mapping[str, object] | None) -> str:
    """``path`` with what is not None of ``query``, written as Elasticsearch reads it."""
    fields = {name: _value(value) for name, value in (query or {}).items() if value is not None}
    return f"{path}?{urlencode(fields)}" if fields else path


def duration(seconds: float) -> str:
    """A time as Elasticsearch reads it: whole numbers of a unit."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{max(seconds * 1000, 1):.0f}ms"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
