"""Error answers, in the shapes of Jina's API."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.flow import Response
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Shape: TypeAlias = Literal["flat", "nested"]
"""Position of ``code``: beside ``detail``, or inside it (measured for inputs that are too long and some 500s)."""

CODES: Mapping[int, str] = {
    400: "INPUT_MODEL_NOT_FOUND",
    401: "AUTH_INVALID_API_KEY",
    403: "AUTHZ_INSUFFICIENT_BALANCE",
    404: "RESOURCE_NOT_FOUND",
    409: "CONFLICT_RESOURCE_BUSY",
    429: "RATE_REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
    504: "SERVICE_TIMEOUT",
}
"""Default code for each status. Source: Jina's API description of 2026-09-09."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of a 422 answer: ``field`` is a dotted path, such as ``input.3.text``."""

    field: str
    message: str
    type: str
    input: Any = None


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the engine
    """Raised to end a request with an error answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        shape: Shape = "flat",
        problems: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.shape = shape
        self.problems = problems
        self.headers = headers or {}

    def response(self, request_id: str) -> Response:
        """The error answer in the shape of Jina's API."""
        body: dict[str, Any]
        if self.problems:
            errors = [asdict(problem) for problem in self.problems]
            body = {"detail": self.message, "request_id": request_id, "errors": errors}
        elif self.shape == "nested":
            body = {"detail": {"message": self.message, "request_id": request_id, "code": self.code}}
        else:
            code = {} if self.code is None else {"code": self.code}
            body = {"detail": self.message, **code, "request_id": request_id}
        return Response(self.status, {**JSON, **self.headers}, json.dumps(body).encode())


JSON: Mapping[str, str] = {"content-type": "application/json"}


def invalid(problems: Sequence[Problem]) -> Refusal:
    """A 422 that reports invalid fields, as the service does."""
    fields = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
    message = f"Validation errors in {len(problems)} fields. Field errors: {fields}"
    return Refusal(422, message, problems=problems)
