"""What reader, search and grounding share: headers that carry options, and the envelope of their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.client.wire import count_of, encode
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.services.jina.wire import decode, told
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import Page

if TYPE_CHECKING:
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

T = TypeVar("T")

SLACK = 30.0
"""Seconds beyond the service's own limit for loading a page: for the queue before it and the formatting after it."""


def header(name: str, value: object) -> str | None:
    """``value`` as a header's text; None where the header is left out.

    The service reads switches by presence: ``"false"`` would switch them on, so False is never sent.

    Args:
        name: The option, for the error.
        value: A text, a number, True, False or None.

    Raises:
        ConfigurationError: A header cannot hold it. The value, which may be a secret, is not shown.
    """
    if value is None or value is False:
        return None
    text = "true" if value is True else str(value)
    if not text.isascii() or not text.isprintable() or text != text.strip() or not text:
        raise ConfigurationError(
            f"{name} must be printable ASCII without spaces at its ends, and not empty: it travels as a header; "
            "percent-encode addresses and cookies, escape characters of CSS selectors"
        )
    return text


def post(
    channel: JinaChannel,
    host: str,
    payload: Mapping[str, Any],
    *,
    product: str,
    read: Callable[[Any, int | None], T],
    headers: Mapping[str, str],
    timeout: float | None = None,
) -> Flow[tuple[T, int | None]]:
    """One request to one of the hosts beside the API.

    Args:
        channel: The client's.
        host: The host's address.
        payload: The body; its texts are the caller's.
        product: Whose quota counts it.
        read: Turns the envelope's data, and what was billed, into the result.
        headers: Options.
        timeout: Seconds that the answer may take at least; the client's own figure where that is more.
    """
    channel.limiter(product)  # raises where the caller has no key and the product asks for one
    if not channel.keyless:
        channel.check_key()
    texts = {name: value for name, value in payload.items() if isinstance(value, str)}
    body = encode(payload, texts=[*texts.values()], name=[*texts].__getitem__)

    def read_response(response: Response) -> tuple[T, int | None]:
        data, tokens = open_envelope(channel, response)
        return read(data, tokens), tokens

    return channel.request(
        "POST",
        f"{host}/",
        product=product,
        read=read_response,
        headers={"accept": "application/json", "content-type": "application/json", **headers},
        body=body,
        timeout=max(channel.timeout, timeout or 0.0),
    )


def open_envelope(channel: JinaChannel, response: Response) -> tuple[Any, int | None]:
    """The data in ``{"code", "status", "data"}``, and the tokens billed where the answer says.

    Raises:
        StatusError: The envelope holds an error although the status is a success.
        ResponseError: It is no envelope.
    """
    body = decode(response)
    status = _status(body)
    if status >= 400:
        # The channel's own reader of errors, which removes the key.
        raise channel.refusal(replace(response, status=status))
    data = body.get("data")
    if data is None:
        raise ResponseError("the answer has no 'data'")
    return data, _billed(body, data, response)


def _status(body: Mapping[str, Any]) -> int:
    """The HTTP status that an envelope means: its ``code``, or the front of a longer one such as 40203."""
    found = [body.get("code"), body.get("status")]
    numbers = [number for number in found if type(number) is int and number >= 100]
    return max((number // 100 if number > 999 else number for number in numbers), default=200)


def _billed(body: Mapping[str, Any], data: object, response: Response) -> int | None:
    """Tokens of the whole answer, where it says; else those of its rows added up."""
    meta = body.get("meta")
    whole = tokens_of(meta), _count(response.headers.get("x-usage-tokens")), tokens_of(data)
    rows = [tokens_of(row) for row in data] if isinstance(data, list) else []
    parts = [tokens for tokens in rows if tokens is not None]
    return next((tokens for tokens in whole if tokens is not None), sum(parts) if parts else None)


def tokens_of(place: object) -> int | None:
    """``usage.tokens`` of an object, in any of the spellings on record."""
    usage = place.get("usage") if isinstance(place, dict) else None
    if not isinstance(usage, dict):
        return None
    counts = (_count(usage.get(name)) for name in ("tokens", "total_tokens", "totalTokens"))
    return next((count for count in counts if count is not None), None)


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return count_of(value)


def read_page(row: object, *, content: bool) -> Page:
    """One page of an answer.

    Args:
        row: What the answer has of it.
        content: Whether it must hold the page itself, in whatever format.

    Raises:
        ResponseError: It is no page.
    """
    if not isinstance(row, dict):
        raise ResponseError("a page of the answer is no object")
    html, text = _text(row, "html"), _text(row, "text")
    screenshot, pageshot = _text(row, "screenshotUrl"), _text(row, "pageshotUrl")
    formats = (_text(row, "content"), text, pageshot, screenshot, html)
    if content and all(value is None for value in formats):
        raise ResponseError("the answer has no 'content'")
    return Page(
        url=_text(row, "url") or "",
        title=_text(row, "title") or "",
        content=next((value for value in formats if value is not None), ""),
        description=_text(row, "description") or "",
        html=html,
        text=text,
        screenshot_url=screenshot,
        pageshot_url=pageshot,
        links=_pairs(row, "links"),
        images=_pairs(row, "images"),
        published=_text(row, "publishedTime"),
        warning=told(row.get("warning")),
        usage=Usage(tokens_of(row) or 0, 1),
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ResponseError(f"{name!r} of a page is {type(value).__name__}, no text")
    return value


def _pairs(row: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    """Name and address of each link or image, from an object or, where all were asked for, from a list of pairs."""
    found = row.get(name)
    pairs = [*found.items()] if isinstance(found, dict) else found or []
    rows: list[tuple[str, str]] = []
    for pair in pairs if isinstance(pairs, list) else [None]:
        match pair:
            case [str(label), str(address)]:
                rows.append((label, address))
            case _:
                raise ResponseError(f"{name!r} of a page is no list of names and addresses")
    return tuple(rows)
