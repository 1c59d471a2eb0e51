"""The reader at ``r.jina.ai``: build the request, read the page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragbridge.client.arguments import listed
from ragbridge.client.job import one_of
from ragbridge.errors import AuthenticationError, ConfigurationError, QuotaExhaustedError, RagbridgeError
from ragbridge.flow import Flow, Plan, plan, single
from ragbridge.services.jina.web.requests import post, read_page
from ragbridge.values.embeddings import Usage

if TYPE_CHECKING:
    from ragbridge.services.jina.session import JinaChannel
    from ragbridge.services.jina.web.options import ReaderOptions
    from ragbridge.values.web import Page

PRODUCT = "reader"


def source(url: str | None, html: str | None, pdf: bytes | None) -> dict[str, str]:
    """What is to be read, as the request's body has it.

    Raises:
        ConfigurationError: It is nothing, or too much, or of the wrong type.
    """
    if html is not None and pdf is not None:
        raise ConfigurationError("html= and pdf=: give one of them")
    if url is None and html is None and pdf is None:
        raise ConfigurationError("nothing to read: give url, html= or pdf=")
    found: dict[str, str] = {}
    for name, value in {"url": url, "html": html}.items():
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            raise ConfigurationError(f"{name} must be a string that is not empty, not {_shown(value)}")
        found[name] = value.strip() if name == "url" else value
    if pdf is not None:
        if not isinstance(pdf, (bytes, bytearray, memoryview)) or not len(pdf):
            raise ConfigurationError(
                f"pdf must be the file's bytes, not {_shown(pdf)}; pass an address as url="
            )
        found["pdf"] = base64.b64encode(pdf).decode()
    return found


def _shown(value: object) -> str:
    return f"empty {type(value).__name__}" if isinstance(value, (str, bytes)) else type(value).__name__


def read(channel: JinaChannel, found: Mapping[str, str], options: ReaderOptions) -> Plan[Page]:
    """One request."""
    return single(_flow(channel, found, options))


def read_many(
    channel: JinaChannel,
    urls: Sequence[str],
    options: ReaderOptions,
    progress: Callable[[int], object] | None = None,
) -> Plan[tuple[Page, ...]]:
    """One request for each of ``urls``."""
    flows = (_numbered(channel, index, url, options, progress) for index, url in enumerate(urls))
    return plan(flows, tuple)


def read_each(
    channel: JinaChannel, urls: Sequence[str], options: ReaderOptions
) -> Iterator[Flow[Page | RagbridgeError]]:
    """One flow for each of ``urls``, which returns the error where its page alone may be to blame."""
    for index, url in enumerate(urls):
        yield _tolerant(channel, index, url, options)


def check_urls(urls: Sequence[str]) -> list[str]:
    """``urls`` as a list of strings.

    Raises:
        ConfigurationError: It is one string, or an item is none.
    """
    found = listed(urls, "urls", instead=", or call read(url)")
    for index, url in enumerate(found):
        if not isinstance(url, str) or not url.strip():
            raise ConfigurationError(f"urls[{index}] must be a string that is not empty, not {_shown(url)}")
    return found


def _numbered(
    channel: JinaChannel,
    index: int,
    url: str,
    options: ReaderOptions,
    progress: Callable[[int], object] | None,
) -> Flow[Page]:
    # Like everywhere, an address is shown without its query, where signatures stand.
    name = f"urls[{index}] ({url.partition('?')[0][:200]})"
    page = yield from one_of(_flow(channel, source(url, None, None), options), name, index)
    if progress is not None:
        progress(1)
    return page


def _tolerant(
    channel: JinaChannel, index: int, url: str, options: ReaderOptions
) -> Flow[Page | RagbridgeError]:
    try:
        return (yield from _numbered(channel, index, url, options, None))
    except (ConfigurationError, AuthenticationError, QuotaExhaustedError):
        raise  # no page could be read
    except RagbridgeError as error:
        return error


def _flow(channel: JinaChannel, found: Mapping[str, str], options: ReaderOptions) -> Flow[Page]:
    page, _ = yield from post(
        channel,
        channel.hosts.reader,
        {**found, **options.body()},
        product=PRODUCT,
        read=_read,
        headers=options.headers(),
        timeout=options.patience,
    )
    return page


def _read(data: object, tokens: int | None) -> Page:
    return replace(read_page(data, content=True), usage=Usage(tokens or 0, 1))
