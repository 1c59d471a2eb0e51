"""``PUT /{index}``: create an index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.client.wire import final
from ragbridge.errors import InvalidRequestError
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, given, index_name
from ragbridge.services.elastic.encoding import encode
from ragbridge.services.elastic.session import resend
from ragbridge.services.elastic.wire import decode, segment

if TYPE_CHECKING:
    from ragbridge.services.elastic.session import ElasticChannel

PRODUCT = "indices"
EXISTS = "resource_already_exists_exception"


def create_index(channel: ElasticChannel, index: str, body: Body, *, exist_ok: bool) -> Plan[bool]:
    """Create an index. Returns False if there was one already."""
    name = index_name(index)
    return single(_flow(channel, name, encode(body, name="the index"), exist_ok=exist_ok))


def index_body(mappings: Mapping[str, Any] | None, settings: Mapping[str, Any] | None) -> Body:
    """The body that creates an index.

    Raises:
        ConfigurationError: The mapping of a field, or the settings, are not an object.
    """
    return given(
        mappings=None if mappings is None else _mappings(mappings),
        settings=None if settings is None else check.entry("settings", settings),
    )


def _mappings(mappings: Mapping[str, Any]) -> Body:
    mapping = check.entry("mappings", mappings)
    whole = mapping.get("properties")
    if not isinstance(whole, Mapping) or isinstance(
        whole.get("type"), str
    ):  # otherwise a field called "properties"
        mapping = {"properties": mapping}
    fields = mapping["properties"]
    return {
        **mapping,
        "properties": {name: check.entry(f"mappings[{name!r}]", fields[name]) for name in fields},
    }


def _flow(channel: ElasticChannel, name: str, body: bytes, *, exist_ok: bool) -> Flow[bool]:
    doubts: list[str] = []

    def send() -> Flow[None]:
        return channel.send(
            "PUT", "/" + segment("index", name), product=PRODUCT, read=_read, body=body, idempotent=False
        )

    try:
        yield from resend(send, retry=channel.retry, in_doubt=lambda: doubts.append(name))
    except InvalidRequestError as error:
        if error.code != EXISTS or not (doubts or exist_ok):
            raise
        return bool(doubts)  # True if the index was created by a request whose answer was lost
    return True


def _read(response: Response) -> None:
    """Check that the index was created.

    Raises:
        ResponseError: Elasticsearch does not acknowledge it.
    """
    if decode(response).get("acknowledged") is not True:
        raise final(
            "Elasticsearch did not acknowledge the index: its nodes took too long, and the index may yet appear"
        )
