"""Which Elasticsearch this is: asked once, where something depends on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragbridge.errors import RagbridgeError, ResponseError, StatusError
from ragbridge.flow import Flow, Response, wait
from ragbridge.services.elastic.wire import decode

if TYPE_CHECKING:
    from ragbridge.services.elastic.session import ElasticChannel

_NUMBER = re.compile(r"(\d{1,4})\.(\d{1,4})\b")


@dataclass(frozen=True, slots=True)
class Release:
    """What ``GET /`` says.

    Attributes:
        number: Major and minor version.
        serverless: Whether it is Elastic's serverless service, which is always the newest, and calls itself 8.11.
    """

    number: tuple[int, int]
    serverless: bool = False

    def has(self, since: tuple[int, int]) -> bool:
        """Whether it can do what Elasticsearch does since a version."""
        return self.serverless or self.number >= since


def release_of(channel: ElasticChannel) -> Flow[Release | None]:
    """The release, asked for once by one request alone; None where nobody tells."""
    with channel.release_gate.enter() as turn:
        yield from wait(turn)
        if channel.release is None and not channel.release_refused:
            try:
                channel.release = yield from channel.ask("/", _read)
            except (ResponseError, StatusError) as error:
                # What may pass is asked again by a later call; what it means, not.
                channel.release_refused = not error.retryable
            except RagbridgeError:
                return None
            if channel.release is not None or channel.release_refused:
                channel.release_gate.open()
    return channel.release


def _read(response: Response) -> Release:
    """Read ``{"version": {"number": "9.5.0", "build_flavor": "default"}}``.

    Raises:
        ResponseError: It is something else.
    """
    version = decode(response).get("version")
    version = version if isinstance(version, dict) else {}
    number = version.get("number")
    found = _NUMBER.match(number) if isinstance(number, str) else None
    if found is None:
        raise ResponseError("the answer has no version.number")
    return Release((int(found[1]), int(found[2])), version.get("build_flavor") == "serverless")
