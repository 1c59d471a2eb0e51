"""Downloads of a job's files. Hosts other than the API's are never sent the key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from ragbridge.client import sizes
from ragbridge.client.wire import final, host_of
from ragbridge.errors import InvalidRequestError
from ragbridge.ground.addresses import is_host
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Redirect:
    """The file is at another address."""

    url: str


def fetch(
    channel: JinaChannel, path: str, url: str | None, *, product: str, read: Callable[[bytes], T]
) -> Flow[T]:
    """Downloads a file from ``path`` of the API. Follows a redirect to a store; on a 404, tries ``url`` instead.

    Args:
        channel: The client's channel.
        path: Path below the API's address.
        url: The file's address in a store, if the job's status has one.
        product: The product whose quota counts the requests.
        read: Parses the file; raises ``ResponseError`` if it is malformed.

    Raises:
        InvalidRequestError: The file does not exist, or no longer does.
    """

    def read_own(response: Response) -> tuple[T | _Redirect, None]:
        if response.status >= 300:
            return _Redirect(response.headers.get("location", "")), None
        return read(bytes(response.body)), None

    try:
        result, _ = yield from channel.get(path, product=product, read=read_own, most=sizes.FILE)
    except InvalidRequestError as error:
        if error.status != 404 or not _is_foreign(channel, url):
            raise
        result = _Redirect(url or "")
    if isinstance(result, _Redirect):
        return (yield from fetch_foreign(channel, result.url, product=product, read=read))
    return result


def fetch_foreign(channel: JinaChannel, url: str, *, product: str, read: Callable[[bytes], T]) -> Flow[T]:
    """Downloads a file from another host. The key is not sent, since such addresses carry their own signature.

    Raises:
        ResponseError: ``url`` is on the API's own host, is less secure than the API's address, or redirects.
    """
    if not _is_foreign(channel, url):
        raise final(f"the service names {host_of(url)} as a file's address: that is not a store's address")

    def read_foreign(response: Response) -> tuple[T, None]:
        if response.status >= 300:
            raise final(f"HTTP {response.status}: the file's address redirects again")
        return read(bytes(response.body)), None

    result, _ = yield from channel.request(
        "GET", url, product=product, read=read_foreign, signed=False, most=sizes.FILE
    )
    return result


def _is_foreign(channel: JinaChannel, url: str | None) -> bool:
    """Whether ``url`` is on a host other than the API's, and uses HTTPS if the API does."""
    own = urlsplit(channel.hosts.api)
    try:
        address = urlsplit(url or "")
        _ = address.port
    except ValueError:
        return False
    schemes = {"https"} if own.scheme == "https" else {"https", "http", own.scheme}
    known = address.scheme in schemes and is_host(address.hostname or "")
    return known and address.netloc != own.netloc
