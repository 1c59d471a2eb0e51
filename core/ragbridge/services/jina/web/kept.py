"""Pages that were read before: a page changes, so it is kept only where the caller says how old it may be."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any

from ragbridge.client.watch import current
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Flow, do
from ragbridge.ground.numbers import check_number
from ragbridge.observers import Cached
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import Page, RelatedLink

if TYPE_CHECKING:
    from ragbridge.services.jina.session import JinaChannel
    from ragbridge.services.jina.web.options import ReaderOptions

PRODUCT = "reader"

_FIELDS = tuple(field.name for field in fields(Page))
_TEXTS = ("url", "title", "content", "description")


def check_age(channel: JinaChannel, max_age: float | None) -> float | None:
    """The age as a plain number. One that is none, or that would be ignored, is refused.

    Raises:
        ConfigurationError: It is not a number of seconds, or there is no cache.
    """
    if max_age is None:
        return None
    max_age = check_number("max_age", max_age, "a number of seconds, or None", least=0)
    if channel.cache is None:
        raise ConfigurationError(
            f"max_age={max_age!r} says how old a page of the cache may be, and the client has none: set cache="
        )
    return max_age


def known(
    channel: JinaChannel, source: Mapping[str, str], options: ReaderOptions, max_age: float
) -> Flow[Page | None]:
    """The page as it was read before, if that is no longer ago than ``max_age`` seconds."""
    cache, key = channel.cache, _key(channel, source, options)
    if cache is None:
        return None
    found = yield from do(lambda: cache.get_many([key]))
    try:
        page = _decode(found[key], max_age)
    except (AttributeError, KeyError, TypeError, ValueError):  # not there, spoilt, or too old
        return None
    if page is not None and (watch := current()) is not None:
        watch.event(Cached(1))
    return page


def keep(channel: JinaChannel, source: Mapping[str, str], options: ReaderOptions, page: Page) -> Flow[None]:
    """Keep a page that was read now.

    Not one that is a failure of the site's (it has a ``warning``), nor addresses of pictures, which end after some hours.
    """
    cache, key = channel.cache, _key(channel, source, options)
    if (
        cache is not None
        and page.warning is None
        and page.screenshot_url is None
        and page.pageshot_url is None
    ):
        value = _encode(page)
        yield from do(lambda: cache.put_many({key: value}))


def _key(channel: JinaChannel, source: Mapping[str, str], options: ReaderOptions) -> bytes:
    keys = channel.keys(PRODUCT, {"headers": options.headers(), "body": options.body()})
    return keys.of(hashlib.blake2b(json.dumps(source, sort_keys=True).encode()).digest())


def _encode(page: Page) -> bytes:
    return json.dumps([time.time(), dict(zip(_FIELDS, astuple(page), strict=False))]).encode()


def _decode(value: bytes, max_age: float) -> Page:
    """The page.

    Raises:
        AttributeError: The value is none of ``keep``.
        TypeError: The same.
        ValueError: The same, or the page is too old. The clocks of two machines may differ by as much as it may be old.
    """
    read_at, row = json.loads(value)
    if not abs(time.time() - read_at) <= max_age:
        raise ValueError("too old")
    found = {name: _frozen(part) for name, part in row.items()}
    if found.keys() != {*_FIELDS} or not all(isinstance(found[name], str) for name in _TEXTS):
        raise ValueError("a page of other fields")
    external = tuple(RelatedLink(*link) for link in found.pop("external"))
    return Page(**{**found, "external": external, "usage": Usage(cached=1)})


def _frozen(part: Any) -> Any:
    """JSON has lists where a page has tuples."""
    return tuple(map(_frozen, part)) if isinstance(part, list) else part
