"""Files that a job leaves behind, some of them on other hosts: those never get the key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from ragbridge.client.wire import final, host_of
from ragbridge.errors import InvalidRequestError

if TYPE_CHECKING:
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """The answer is at another address."""

    url: str


def fetch(
    channel: JinaChannel, path: str, url: str | None, *, product: str, read: Callable[[bytes], T]
) -> Flow[T]:
    """What stands at ``path`` of the API or, where it sends elsewhere or has it no more, at ``url``.

    Args:
        channel: The client's.
        path: Below the API's address.
        url: Where else the service says that the file is; None if nowhere.
        product: Whose quota counts the requests.
        read: Turns the file into the result; raises ``ResponseError`` on anything odd.

    Raises:
        InvalidRequestError: The file is gone.
    """

    def read_here(response: Response) -> tuple[T | _Elsewhere, None]:
        if response.status >= 300:
            return _Elsewhere(response.headers.get("location", "")), None
        return read(response.body), None

    try:
        found, _ = yield from channel.get(path, product=product, read=read_here)
    except InvalidRequestError as error:
        if error.status != 404 or not _is_foreign(channel, url):
            raise
        found = _Elsewhere(url or "")
    if isinstance(found, _Elsewhere):
        return (yield from fetch_foreign(channel, found.url, product=product, read=read))
    return found


def fetch_foreign(channel: JinaChannel, url: str, *, product: str, read: Callable[[bytes], T]) -> Flow[T]:
    """The file at ``url``, an address of another host that is signed by itself: it gets no key.

    Raises:
        ResponseError: The address is none of another host, or is not as safe as the API's own.
    """
    if not _is_foreign(channel, url):
        raise final(f"the service sends to {host_of(url)} for a file, which is no address of a store")

    def read_there(response: Response) -> tuple[T, None]:
        if response.status >= 300:
            raise final(f"HTTP {response.status}: the file's address sends elsewhere once more")
        return read(response.body), None

    found, _ = yield from channel.request("GET", url, product=product, read=read_there, signed=False)
    return found


def _is_foreign(channel: JinaChannel, url: str | None) -> bool:
    """Whether ``url`` is on another host than the API, and not less protected than it."""
    own = urlsplit(channel.hosts.api)
    try:
        address = urlsplit(url or "")
    except ValueError:
        return False
    schemes = {"https"} if own.scheme == "https" else {"https", "http", own.scheme}
    return address.scheme in schemes and bool(address.netloc) and address.netloc != own.netloc
