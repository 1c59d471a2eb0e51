"""Elasticsearch's errors: their JSON shape, and the exception type of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.rules.table import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ragbridge.rules.reader import Kind, Problem

KINDS = {
    401: "security_exception",
    403: "security_exception",
    404: "resource_not_found_exception",
    429: "es_rejected_execution_exception",
}
"""The default exception type of a status; ``status_exception`` for others."""


class Failure(Exception):  # noqa: N818 - an answer, not a failure of the engine
    """Ends the handling of a request with this answer.

    Args:
        status: HTTP status.
        reason: Elasticsearch's sentence.
        kind: Elasticsearch's exception type; None for the default of the status.
        cause: The failure shown under ``caused_by``.
    """

    def __init__(
        self, status: int, reason: str, *, kind: str | None = None, cause: Failure | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.kind = kind or KINDS.get(status, "status_exception")
        self.cause = cause
        self.headers: Mapping[str, str] = {}

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body."""
        shown = {"type": self.kind, "reason": self.reason}
        error: dict[str, Any] = {"root_cause": [shown], **shown}
        if self.cause is not None:
            error["caused_by"] = {"type": self.cause.kind, "reason": self.cause.reason}
        return {"error": error, "status": self.status}


class NoRoute(Failure):
    """The path has no route, or none for this method. The error is a sentence, not an object (``RestController``).

    Args:
        method: The method, in capitals.
        uri: The path, with the query.
        allowed: Methods for which the path has a route; none makes it a 400.
    """

    def __init__(self, method: str, uri: str, allowed: Sequence[str] = ()) -> None:
        if allowed:
            methods = ", ".join(allowed)
            super().__init__(
                405, f"Incorrect HTTP method for uri [{uri}] and method [{method}], allowed: [{methods}]"
            )
        else:
            super().__init__(400, f"no handler found for uri [{uri}] and method [{method}]")
        self.headers = {"allow": ",".join(allowed)} if allowed else {}

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body."""
        return {"error": self.reason, **({"status": 405} if self.status == 405 else {})}


def server_error(inference_id: str, status: int) -> str:
    """The sentence about a service that failed, whatever its status; the answer has 400 (``BaseResponseHandler``)."""
    return f"Received a server error status code for request from inference entity id [{inference_id}] status [{status}]"


def bad_argument(reason: str) -> Failure:
    """400, an ``IllegalArgumentException``."""
    return Failure(400, reason, kind="illegal_argument_exception")


def unreadable(reason: str, cause: Failure | None = None) -> Failure:
    """400, the body is not JSON or has a field that is unknown or of the wrong type."""
    return Failure(400, reason, kind="x_content_parse_exception", cause=cause)


def invalid_settings(problems: Iterable[str]) -> Failure:
    """400, everything that is wrong with an endpoint's settings."""
    return Failure(400, _numbered(problems), kind="validation_exception")


def invalid_request(*problems: str) -> Failure:
    """400, what is wrong with a request, independent of the endpoint."""
    return Failure(400, _numbered(problems), kind="action_request_validation_exception")


def unknown_settings(names: Iterable[str], service: str) -> Failure:
    """400, settings that the service does not have. Their values are not shown: a misspelt ``api_key`` holds a key."""
    return Failure(400, unknown(names, service))


def refuse(problems: Sequence[Problem]) -> None:
    """Refuse settings as Elasticsearch does: what it finds at once, then all other problems, then those of a request.

    Raises:
        Failure: 400, if there is a problem that Elasticsearch does not ignore.
    """
    by_kind: dict[Kind, list[str]] = {}
    for problem in problems:
        by_kind.setdefault(problem.kind, []).append(problem.text)
    for kind, failure in _FAILURES.items():
        if kind in by_kind:
            raise failure(by_kind[kind])


def _numbered(problems: Iterable[str]) -> str:
    """The numbered list of ``ValidationException``."""
    numbered = (f"{number}: {problem};" for number, problem in enumerate(problems, 1))
    return "Validation Failed: " + "".join(numbered)


_FAILURES: dict[Kind, Callable[[Sequence[str]], Failure]] = {
    "argument": lambda texts: bad_argument(texts[0]),
    "unknown": lambda texts: Failure(400, texts[0]),
    "settings": invalid_settings,
    "request": lambda texts: invalid_request(texts[0]),
    "status": lambda texts: Failure(400, texts[0]),
}
"""In the order in which Elasticsearch reports them. What it ignores is not here."""
