"""The reader at ``r.jina.ai``: builds the request and reads the page."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragbridge.client.arguments import listed
from ragbridge.client.job import one_of
from ragbridge.errors import AuthenticationError, ConfigurationError, QuotaExhaustedError, RagbridgeError
from ragbridge.flow import Flow, Plan, plan, single
from ragbridge.ground.addresses import secrets_in, shown
from ragbridge.models import COLD_START
from ragbridge.models.limits import MAX_MEDIA_BYTES
from ragbridge.observers import Operation
from ragbridge.services.jina.web.kept import PRODUCT, check_age, keep, known
from ragbridge.services.jina.web.requests import post, read_page

if TYPE_CHECKING:
    from ragbridge.client.meter import Meter
    from ragbridge.services.jina.session import JinaChannel
    from ragbridge.services.jina.web.options import ReaderOptions
    from ragbridge.values.web import Page


def source(url: str | None, html: str | None, pdf: bytes | None, file: bytes | None = None) -> dict[str, str]:
    """The fields of the request's body that name or hold the page to read.

    Raises:
        ConfigurationError: No source is given, two that exclude each other are, or one has the wrong type or is empty.
    """
    held = [name for name, part in {"html": html, "pdf": pdf, "file": file}.items() if part is not None]
    if len(held) > 1:
        raise ConfigurationError(f"{'= and '.join(held)}=: give one of them")
    if url is None and not held:
        raise ConfigurationError("nothing to read: give url, html=, pdf= or file=")
    fields: dict[str, str] = {}
    for name, value in {"url": url, "html": html}.items():
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            raise ConfigurationError(f"{name} must be a non-empty string, not {_shown(value)}")
        fields[name] = value.strip() if name == "url" else value
    for name, content in {"pdf": pdf, "file": file}.items():
        if content is None:
            continue
        if not isinstance(content, (bytes, bytearray, memoryview)) or not len(content):
            raise ConfigurationError(
                f"{name} must be the file's bytes, not {_shown(content)}; pass an address as url="
            )
        if memoryview(content).nbytes > MAX_MEDIA_BYTES:
            raise ConfigurationError(
                f"{name} has {memoryview(content).nbytes} bytes; {MAX_MEDIA_BYTES} can be sent"
            )
        fields[name] = base64.b64encode(content).decode()
    return fields


def _shown(value: object) -> str:
    return f"empty {type(value).__name__}" if isinstance(value, (str, bytes)) else type(value).__name__


def read(
    channel: JinaChannel, fields: Mapping[str, str], options: ReaderOptions, max_age: float | None = None
) -> Plan[Page]:
    """Reads one page, or takes it from the cache if it was read no longer ago than ``max_age`` seconds.

    Args:
        channel: The client's channel.
        fields: Those of ``source``.
        options: How it is read.
        max_age: Seconds; None to read it in any case, and not to keep it.

    Raises:
        ConfigurationError: ``max_age`` is no number of seconds, or the client has no cache.
    """
    max_age = check_age(channel, max_age)
    return single(_flow(channel, fields, options, max_age), about=functools.partial(Operation, items=1))


def read_many(
    channel: JinaChannel,
    urls: Sequence[str],
    options: ReaderOptions,
    progress: Callable[[int], object] | None = None,
    *,
    max_age: float | None = None,
) -> Plan[tuple[Page, ...]]:
    """Reads each page of ``urls`` in a request of its own. Any error ends the plan."""
    max_age = check_age(channel, max_age)
    flows = (
        _numbered(channel, index, url, options, progress=progress, max_age=max_age)
        for index, url in enumerate(urls)
    )
    return plan(flows, tuple, about=functools.partial(Operation, items=len(urls)))


def read_each(
    channel: JinaChannel, urls: Sequence[str], options: ReaderOptions, max_age: float | None = None
) -> Iterator[Plan[Page | RagbridgeError]]:
    """One plan for each page. It returns its error if the other pages may still be readable, else raises it."""
    max_age = check_age(channel, max_age)
    return (single(_tolerant(channel, index, url, options, max_age)) for index, url in enumerate(urls))


def check_urls(urls: Sequence[str]) -> list[str]:
    """``urls`` as a list of strings.

    Raises:
        ConfigurationError: ``urls`` is one string, or an item is not a non-empty string.
    """
    addresses = listed(urls, "urls", instead=", or call read(url)")
    for index, url in enumerate(addresses):
        if not isinstance(url, str) or not url.strip():
            raise ConfigurationError(f"urls[{index}] must be a non-empty string, not {_shown(url)}")
    return addresses


def _numbered(
    channel: JinaChannel,
    index: int,
    url: str,
    options: ReaderOptions,
    *,
    progress: Callable[[int], object] | None,
    max_age: float | None,
) -> Flow[Page]:
    name = f"urls[{index}] ({shown(url)})"
    page = yield from one_of(_flow(channel, source(url, None, None), options, max_age), name, index)
    if progress is not None:
        progress(1)
    return page


def _tolerant(
    channel: JinaChannel, index: int, url: str, options: ReaderOptions, max_age: float | None
) -> Flow[Page | RagbridgeError]:
    try:
        return (yield from _numbered(channel, index, url, options, progress=None, max_age=max_age))
    except (ConfigurationError, AuthenticationError, QuotaExhaustedError):
        raise  # every other page would fail in the same way
    except RagbridgeError as error:
        return error


def _flow(
    channel: JinaChannel, fields: Mapping[str, str], options: ReaderOptions, max_age: float | None
) -> Flow[Page]:
    if max_age is not None and (found := (yield from known(channel, fields, options, max_age))) is not None:
        return found
    page, usage = yield from post(
        channel,
        channel.hosts.reader,
        {**fields, **options.body()},
        product=_patient(channel) if options.starts_cold else PRODUCT,
        read=_read,
        headers=options.headers(),
        timeout=options.patience,
        secrets=secrets_in(fields.get("url", "")),
    )
    page = replace(page, usage=usage)
    if max_age is not None:
        yield from keep(channel, fields, options, page)
    return page


def _patient(channel: JinaChannel) -> Meter:
    """The reader's meter, with retries that go on for as long as a model needs that has rested. Who wants none gets none."""
    meter = channel.meter(PRODUCT)
    retry = meter.policy.retry
    if retry.attempts == 1:
        return meter
    longest = max(retry.maximum, COLD_START / 3)
    patient = replace(
        retry, attempts=max(retry.attempts, 7), initial=max(retry.initial, 5.0), maximum=longest
    )
    return replace(meter, policy=replace(meter.policy, retry=patient))


def _read(data: object) -> Page:
    return read_page(data, content=True)
