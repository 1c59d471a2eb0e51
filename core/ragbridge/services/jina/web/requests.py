"""What reader, search and grounding share: options sent as headers, and the envelope of their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.client import sizes
from ragbridge.client.wire import count_of, encode
from ragbridge.errors import ConfigurationError, ResponseError, StatusError
from ragbridge.services.jina.wire import decode, told
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import Page, RelatedLink

if TYPE_CHECKING:
    from ragbridge.client.meter import Meter
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

T = TypeVar("T")

SLACK = 30.0
"""Seconds added to the page's loading timeout, for queueing before and formatting after."""


def header(name: str, value: object) -> str | None:
    """``value`` as a header's text; None if the header is omitted.

    The service treats a switch as on if its header is present, even with the text ``"false"``. False is never sent.

    Args:
        name: The option, for the error message.
        value: A string, a number, a boolean or None.

    Raises:
        ConfigurationError: A header cannot carry the value. The message does not show it, since it may be a secret.
    """
    if value is None or value is False:
        return None
    text = "true" if value is True else str(value)
    if not text.isascii() or not text.isprintable() or text != text.strip() or not text:
        raise ConfigurationError(
            f"{name} must be non-empty printable ASCII without leading or trailing spaces, since it is sent as a header: "
            "percent-encode addresses and cookies, escape characters of CSS selectors"
        )
    return text


def post(
    channel: JinaChannel,
    host: str,
    payload: Mapping[str, Any],
    *,
    product: str | Meter,
    read: Callable[[Any], T],
    headers: Mapping[str, str],
    timeout: float | None = None,
    secrets: Sequence[str] = (),
) -> Flow[tuple[T, Usage]]:
    """Sends one request to the host of a web product, which is not the API's host.

    Args:
        channel: The client's channel.
        host: The host's address.
        payload: The request's body. Its strings come from the caller.
        product: The product whose quota counts the request; or its meter.
        read: Makes the result from the envelope's data.
        headers: The options that are sent as headers.
        timeout: Minimum read timeout in seconds; the client's own timeout applies if it is longer.
        secrets: What no error may show, beside the key.

    Returns:
        The result, and what it cost.
    """
    if isinstance(product, str):
        channel.limiter(product)  # raises if the product needs a key and the client is keyless
    if not channel.keyless:
        channel.check_key()
    texts = {name: value for name, value in payload.items() if isinstance(value, str)}
    body = encode(payload, texts=[*texts.values()], name=[*texts].__getitem__)

    refusal = channel.refusal_without(secrets)

    def read_response(response: Response) -> tuple[T, int | None]:
        data, tokens = open_envelope(refusal, response)
        return read(data), tokens

    return channel.request(
        "POST",
        f"{host}/",
        product=product,
        read=read_response,
        headers={"accept": "application/json", "content-type": "application/json", **headers},
        body=body,
        timeout=max(channel.timeout, timeout or 0.0),
        most=sizes.PAGE,
        refusal=refusal,
    )


def open_envelope(refusal: Callable[[Response], StatusError], response: Response) -> tuple[Any, int | None]:
    """The data of an envelope ``{"code", "status", "data"}``, and the tokens billed, or None if it does not state them.

    Raises:
        StatusError: The envelope holds an error although the HTTP status is a success.
        ResponseError: The answer is not an envelope.
    """
    body = decode(response)
    status = _status(body)
    if status >= 400:
        raise refusal(replace(response, status=status))  # without the key
    data = body.get("data")
    if data is None:
        raise ResponseError("the answer has no 'data'")
    return data, _billed(body, data, response)


def _status(body: Mapping[str, Any]) -> int:
    """The HTTP status in an envelope. A five-digit code such as 40203 stands for its first three digits."""
    codes = [body.get("code"), body.get("status")]
    numbers = [number for number in codes if type(number) is int and number >= 100]
    status = max((number // 100 if number > 999 else number for number in numbers), default=200)
    if status > 599:
        raise ResponseError("the answer's 'code' is the number of no status")
    return status


def _billed(body: Mapping[str, Any], data: object, response: Response) -> int | None:
    """The tokens billed for the whole answer, or else the sum over its rows."""
    meta = body.get("meta")
    whole = tokens_of(meta), _count(response.headers.get("x-usage-tokens")), tokens_of(data)
    rows = [tokens_of(row) for row in data] if isinstance(data, list) else []
    parts = [tokens for tokens in rows if tokens is not None]
    return next((tokens for tokens in whole if tokens is not None), sum(parts) if parts else None)


def tokens_of(row: object) -> int | None:
    """The tokens in an object's ``usage``, whose key differs between products."""
    usage = row.get("usage") if isinstance(row, dict) else None
    if not isinstance(usage, dict):
        return None
    counts = (_count(usage.get(name)) for name in ("tokens", "total_tokens", "totalTokens"))
    return next((count for count in counts if count is not None), None)


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return count_of(value)


def read_page(row: object, *, content: bool) -> Page:
    """Reads one page of an answer.

    Args:
        row: The page's object in the answer.
        content: Whether the page must have content, in any format.

    Raises:
        ResponseError: ``row`` is not an object, a field has the wrong type, or required content is missing.
    """
    if not isinstance(row, dict):
        raise ResponseError("a page of the answer is not an object")
    html, text = _text(row, "html"), _text(row, "text")
    screenshot, pageshot = _text(row, "screenshotUrl"), _text(row, "pageshotUrl")
    # With chunking, some versions of the reader give the chunks as the content itself.
    parts = isinstance(row.get("content"), list)
    chunks = _texts(row, "content" if parts else "chunks")
    main = "\n\n".join(chunks) if parts else _text(row, "content")
    formats = (main, text, pageshot, screenshot, html)
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
        chunks=chunks,
        page_count=count_of(row.get("numPages")),
        metadata=_named(row.get("metadata")),
        external=_external(row.get("external")),
        published=_text(row, "publishedTime") or _text(row, "date"),
        warning=told(row.get("warning")),
        image_url=_text(row, "imageUrl"),
        favicon=_text(row, "favicon"),
        source=_text(row, "source"),
        usage=Usage(tokens_of(row) or 0, 1),
    )


def _texts(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ResponseError(f"{name!r} of a page is not a list of strings")
    return tuple(value)


def _named(value: object) -> tuple[tuple[str, str], ...]:
    """The strings of an object, by name. What a page says of itself is beside its content: anything else is left out."""
    entries = value.items() if isinstance(value, dict) else ()
    return tuple((name, text) for name, text in entries if isinstance(text, str))


def _external(value: object) -> tuple[RelatedLink, ...]:
    """``{relation: {address: {attribute: value}}}``; likewise, what has another shape is left out."""
    relations = value.items() if isinstance(value, dict) else ()
    return tuple(
        RelatedLink(relation, address, _named(attributes))
        for relation, addresses in relations
        if isinstance(addresses, dict)
        for address, attributes in addresses.items()
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise ResponseError(f"{name!r} of a page is {type(value).__name__}, not a string")
    return value


def _pairs(row: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    """Name and address of each link or image: an object, or with the option ``"all"`` a list of pairs."""
    summary = row.get(name)
    pairs = [*summary.items()] if isinstance(summary, dict) else summary or []
    rows: list[tuple[str, str]] = []
    for pair in pairs if isinstance(pairs, list) else [None]:
        match pair:
            case [str(label), str(address)]:
                rows.append((label, address))
            case _:
                raise ResponseError(f"{name!r} of a page is not a list of names and addresses")
    return tuple(rows)
