"""Answers that arrive a second time, in place of the answer to another request."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from ragbridge.errors import RequestError
from ragbridge.flow import Request


class RecentAnswers:
    """Detects an answer that arrives a second time, in place of the answer to another request.

    Where a gateway sends an answer twice, the next request on that connection receives the copy, and each later one the
    answer to the one before it. HTTP/1.1 cannot tell; services that number their answers (``X-Request-Id``) can. A
    number that comes a third time does not number answers: then nothing is concluded any more. The price is that a server
    whose number never changes has its second answer refused once, and asked for again.
    """

    KEPT = 512

    def __init__(self) -> None:
        # What was asked where a cache may answer, else 0, by the number of the answer; None once that number was refused.
        self._seen: OrderedDict[str, int | None] = OrderedDict()
        self._lock = threading.Lock()
        self._meaningless = False

    def check(self, request: Request, headers: Mapping[str, str]) -> None:
        """Check the head of an answer before its body is read. A caller that leaves it unread must close its connection.

        Raises:
            RequestError: This answer has arrived before.
        """
        number = headers.get("x-request-id")
        if number is None or self._meaningless:
            return
        asked = hash((request.url, request.body)) if request.method == "GET" else 0
        with self._lock:
            if number not in self._seen:
                self._seen[number] = asked
                if len(self._seen) > self.KEPT:
                    self._seen.popitem(last=False)
                return
            before, self._seen[number] = self._seen[number], None
            if before is None:
                self._meaningless = True
                return
            if before == asked != 0:  # from a cache
                self._seen[number] = before
                return
        raise copied(request)


def copied(request: Request) -> RequestError:
    """The error for a request that received the answer to another one."""
    return RequestError(f"{request.method} {request.place}: the answer to another request came a second time")
