"""Every error that a user can meet.

::

    RagbridgeError
    ├─ ConfigurationError       a wrong or missing setting or argument; raised before anything is sent
    ├─ RequestError             no answer: connect, timeout, broken connection                      retried
    ├─ StatusError              an answer >= 400
    │   ├─ AuthenticationError    401 and key-related 403
    │   ├─ QuotaExhaustedError    402, 403 for an empty balance: ends the whole job
    │   ├─ InvalidRequestError    400, 404, 413, 422: names the item by its index in the caller's list
    │   ├─ RateLimitError         429: requests, tokens, concurrency or address                     retried
    │   └─ ServiceError           5xx, 408, 409 busy                                                retried
    ├─ ResponseError            a 2xx answer that does not hold what was promised                   retried
    ├─ BulkError                an index refused some documents; all others are written
    └─ JobError                 a job of the service ended without its result, or is not done

No error ever holds a key.
"""

from __future__ import annotations

import re
from typing import Any, Self

LONGEST = 2000
"""Characters of a message at most: servers may send megabytes, callers pass texts."""
_HEAD, _TAIL = 1600, 380
_LONGEST_NAME = 200
_CODE = re.compile(r"[\w.-]{1,64}")
"""Characters of a code or of the id of a request at most."""


def shortened(text: str) -> str:
    """``text``, or where it is longer than a message may be, its beginning and its end."""
    return text if len(text) <= LONGEST else f"{text[:_HEAD]} [...] {text[-_TAIL:]}"


def in_short(error: RagbridgeError) -> str:
    """``error`` for a log: of a refusal its status and code alone, since services quote the caller's texts in messages."""
    if not isinstance(error, StatusError):
        return str(error)
    plain = error.code is not None and _CODE.fullmatch(error.code)
    return f"HTTP {error.status} {error.code}" if plain else f"HTTP {error.status}"


class RagbridgeError(Exception):
    """Any error that ragbridge raises on purpose."""

    retryable: bool = False
    """Whether the same request may succeed later."""
    partial: Any = None
    """What a call over many items had done when this error ended it: a ``ragbridge.Partial``; None of other calls."""
    retries: int = 0
    """Times that its request had been sent again."""
    waited: float = 0.0
    """Seconds that its request had waited for the limiter."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(shortened(part) if isinstance(part, str) else part for part in args))


class ConfigurationError(RagbridgeError, ValueError):
    """A setting or an argument is wrong or missing. Nothing was sent. The message names it and the fix."""


class RequestError(RagbridgeError):
    """The request got no answer: no connection, a timeout, a broken connection."""

    retryable = True
    sent: bool = True
    """Whether the service may have received the request; False if no connection was made."""


class StatusError(RagbridgeError):
    """The service answered with a status of 400 or more.

    Attributes:
        status: HTTP status.
        code: The service's own code (``RATE_TOKEN_LIMIT_EXCEEDED``), or None.
        message: What the service said; of more than 2,000 characters, the beginning and the end.
        request_id: The service's id of the request, for its support; or None.
        retry_after: Seconds the service asked to wait, or None.
        index: Index of the offending item in the caller's list, or None if the service did not say.
        body: The answer's body as text, cut at 2,000 characters, keys removed.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        index: int | None = None,
        body: str = "",
    ) -> None:
        super().__init__(message)
        self.message = shortened(message)
        self.status = status
        self.code = code and code[:_LONGEST_NAME]
        self.request_id = request_id and request_id[:_LONGEST_NAME]
        self.retry_after = retry_after
        self.index = index
        self.body = body

    def __str__(self) -> str:
        what = f"HTTP {self.status}"
        if self.code:
            what += f" {self.code}"
        text = f"{what}: {self.message}"
        if self.request_id:
            text += f" (request {self.request_id})"
        return text

    def replace(self, **changes: Any) -> StatusError:
        """A copy with other values, of the same class."""
        copy = type(self)(**{**self._fields(), **changes})
        copy.retries, copy.waited = self.retries, self.waited
        return copy

    def _fields(self) -> dict[str, Any]:
        names = ("message", "status", "code", "request_id", "retry_after", "index", "body")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        beside = {name: vars(self)[name] for name in ("partial", "retries", "waited") if name in vars(self)}
        return self._of_fields, (self._fields(),), beside or None

    @classmethod
    def _of_fields(cls, fields: dict[str, Any]) -> Self:
        return cls(**fields)


class AuthenticationError(StatusError):
    """The key is missing, wrong or not allowed to do this."""


class QuotaExhaustedError(StatusError):
    """The account's balance is used up: no request of any kind will succeed until it is topped up."""


class InvalidRequestError(StatusError):
    """The service refuses this request. Sending it again would change nothing."""


class RateLimitError(StatusError):
    """Too many requests, tokens or connections at once."""

    retryable = True


class ServiceError(StatusError):
    """The service failed or is busy."""

    retryable = True


class ResponseError(RagbridgeError):
    """A success whose body does not hold what was promised: a wrong count, index or width, NaN, no JSON."""

    retryable = True
    damaged: bool = False
    """Whether the body may come from elsewhere, or have been damaged on its way: it is no JSON, or no answer of the
    product at all. Others mean what they say."""


class JobError(RagbridgeError):
    """A job of the service, such as a batch job, has no result: it failed, expired, was cancelled, or is not done.

    Attributes:
        job: The job's id.
        status: What the service says of it.
    """

    def __init__(self, message: str, *, job: str, status: str) -> None:
        super().__init__(message)
        self.message = shortened(message)
        self.job = job
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        return self._of_fields, (self.message, self.job, self.status)

    @classmethod
    def _of_fields(cls, message: str, job: str, status: str) -> Self:
        return cls(message, job=job, status=status)
