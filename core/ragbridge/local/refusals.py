"""The service's refusals, in the body shapes that it uses."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.flow import Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Shape: TypeAlias = Literal["flat", "nested"]
"""Where ``code`` stands: beside ``detail``, or inside it (measured for a too long input and for some 500s)."""

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
"""The code that goes with a status where nothing more is known. Source: Jina's API description of 2026-09-09."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of a 422 answer: ``field`` is a dotted path, such as ``input.3.text``."""

    field: str
    message: str
    type: str
    input: Any = None


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the engine
    """Ends the handling of a request with this answer."""

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
        """The refusal as the service writes it."""
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
    """422, as the service reports what its validation found."""
    fields = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
    message = f"Validation errors in {len(problems)} fields. Field errors: {fields}"
    return Refusal(422, message, problems=problems)
