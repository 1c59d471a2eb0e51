"""Which Elasticsearch this is, by what ``GET /`` says."""

from __future__ import annotations

import re

from ragbridge.errors import ResponseError
from ragbridge.flow import Response
from ragbridge.ground.records import dataclass
from ragbridge.services.elastic.wire import decode

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


def read_release(response: Response) -> Release:
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
