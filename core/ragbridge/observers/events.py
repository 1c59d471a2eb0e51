"""What observers are told: how a call begins, what happens within it, how it ends. Frozen values without texts or keys."""

from __future__ import annotations

from typing import TypeAlias

from ragbridge.ground.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call of a user's, as it begins. What does not apply, or is not known yet, is None.

    A call that is refused before anything is sent never begins, nor does one over no items.

    Attributes:
        name: The method, without the ``a`` of its asynchronous face: ``"embed"``, ``"rerank"``, ``"endpoints.create"``.
        provider: Whose models answer: ``"jina"``, ``"elastic"``, or the name of another host, such as ``"vllm"``.
        server_address: The server's host name; ``"local"`` for the embedded engine.
        server_port: Its port.
        model: The model that is asked for; Elasticsearch's inference id.
        items: Texts, documents or pages of the call. None for a stream, whose end nobody knows.
        dimensions: Width of vectors that is asked for.
        encoding_format: How vectors travel: ``"float"``, ``"base64"``, ``"ubinary"``, ...
        top_n: Ranked documents that are asked for.
        task: The service's own word for what vectors are for.
        role: ``"query"`` or ``"document"``.
        late_chunking: Whether chunks are embedded in the light of their document.
        streamed: Whether results are yielded one by one.
        framework: Whose adapter calls: ``"langchain"``, ``"llama_index"``, ``"haystack"``.
    """

    name: str = ""
    provider: str = ""
    server_address: str | None = None
    server_port: int | None = None
    model: str | None = None
    items: int | None = None
    dimensions: int | None = None
    encoding_format: str | None = None
    top_n: int | None = None
    task: str | None = None
    role: str | None = None
    late_chunking: bool = False
    streamed: bool = False
    framework: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request is sent: ``number`` 1, or more where it is sent again. ``product`` names its quota."""

    number: int
    product: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request succeeded.

    Attributes:
        product: Whose quota counted it.
        status: HTTP status.
        seconds: From sending until it was read.
        tokens: Tokens billed; None where the service does not say.
        size: Bytes of the answer's body.
    """

    product: str
    status: int
    seconds: float
    tokens: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A request failed, other than by a limit: no answer, a status of 400 or more, or an answer that breaks its promise.

    Attributes:
        product: Whose quota counted it.
        error_type: The class of the error, such as ``"ServiceError"``.
        status: HTTP status; None where there is no answer, or a success that cannot be used.
        seconds: From sending until it failed.
    """

    product: str
    error_type: str
    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was refused with 429.

    Attributes:
        product: Whose quota it was.
        reason: The limit that the service names: ``"requests"``, ``"tokens"``, ``"concurrency"``, ``"address"``; or None.
        retry_after: Seconds that the service asks to wait; None where it does not say.
        seconds: From sending until the answer was read.
    """

    product: str
    reason: str | None
    retry_after: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Paused:
    """After a refusal every request of the quota ``product`` pauses for ``seconds``."""

    product: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """A request will be sent again.

    Attributes:
        attempt: The number of the attempt to come.
        delay: Seconds until then, beside waits for the quota.
        error_type: The class of the error that the last attempt ended with.
        status: Its HTTP status, or None.
    """

    attempt: int
    delay: float
    error_type: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Waited:
    """A request has waited for its quota.

    Attributes:
        product: Whose quota it was.
        seconds: How long.
        cause: What it waited for last: ``"requests"``, ``"tokens"``, ``"concurrency"``, ``"pacing"``, ``"paused"``, ``"line"``;
            None where it only stood in line behind others.
    """

    product: str
    seconds: float
    cause: str | None


@dataclass(frozen=True, slots=True)
class Split:
    """A request of ``items`` items was refused, and is sent again in ``parts`` parts, to find out which item is to blame."""

    items: int
    parts: int


@dataclass(frozen=True, slots=True)
class Cached:
    """The results of ``items`` items were in the cache: nothing is sent for them."""

    items: int


Event: TypeAlias = Attempt | Answered | Failed | Refused | Paused | Retrying | Waited | Split | Cached
"""What happens within an operation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an operation ended. Its figures count everything that was done, also where it failed half-way.

    Attributes:
        seconds: How long it took.
        tokens: Tokens billed.
        requests: Requests sent, refused and failed ones included.
        retries: Requests that were sent again.
        refusals: Answers of status 429.
        waited: Seconds that requests waited for quotas, added up over all of them: more than ``seconds`` where many did.
        cached: Items whose results were in the cache.
        items: Results that a stream yielded; of other calls, the items of the operation.
        failed: Items without a result, of a call with ``on_error="report"``.
        model: The model's name as the service gave it; or None.
        dimensions: Width of the vectors; or None.
        error_type: The class of the error; None for a success.
        status: The HTTP status of that error; or None.
        error_item: The index of the item that it is about; or None.
    """

    seconds: float
    tokens: int = 0
    requests: int = 0
    retries: int = 0
    refusals: int = 0
    waited: float = 0.0
    cached: int = 0
    items: int | None = None
    failed: int = 0
    model: str | None = None
    dimensions: int | None = None
    error_type: str | None = None
    status: int | None = None
    error_item: int | None = None
