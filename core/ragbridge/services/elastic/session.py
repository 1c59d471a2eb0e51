"""The way from any method to Elasticsearch: address, credential, quota, retries."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from ragbridge.client.accounts import Accounts
from ragbridge.client.call import may_be_done
from ragbridge.client.meter import Meter
from ragbridge.client.retry import Retry
from ragbridge.client.secret import MissingKeyError
from ragbridge.client.session import Channel
from ragbridge.client.sizes import OTHERS
from ragbridge.errors import (
    ConfigurationError,
    InvalidRequestError,
    RagbridgeError,
    ResponseError,
    StatusError,
)
from ragbridge.flow import Flow, Request, Response, sleep, wait
from ragbridge.limiter.limits import RateLimit, RateLimiter
from ragbridge.limiter.single_flight import Gate
from ragbridge.limiter.tokens import NOTHING, Features, TokenEstimator
from ragbridge.services.elastic.credentials import Credential, FoundCredential
from ragbridge.services.elastic.defaults import KEY_VARIABLES
from ragbridge.services.elastic.errors import is_about_items, read_error
from ragbridge.services.elastic.formats import JSON, AnswerFormat, Formats
from ragbridge.services.elastic.release import Release, read_release
from ragbridge.services.elastic.wire import with_query
from ragbridge.values.embeddings import Usage

if TYPE_CHECKING:
    from ragbridge.client.accounts import Account
    from ragbridge.values.endpoints import Endpoint


T = TypeVar("T")

ASKING = 10.0
"""Seconds to wait for what the cluster says of itself, which no call depends on."""

CLUSTER = "cluster"
"""Limits of a cluster, which publishes none: nothing is counted, but a 429 pauses all requests of its kind together."""

_OPEN = RateLimit(None, None, None, window=5.0)
"""The window is how long a 429 pauses that does not say: queues of models and of nodes drain in seconds."""

SEARCH = "_search"
"""What the name of a task ends with where queries have limits of their own."""

MARGIN = 10.0
"""Seconds that an answer is waited for longer than Elasticsearch waits for the model."""


class Sending(TypedDict, total=False):
    """What ``ElasticChannel.exchange`` takes beside what every request has."""

    query: Mapping[str, object] | None
    body: bytes
    content_type: str
    timeout: float | None
    idempotent: bool
    secrets: Sequence[str]
    most: int


class ElasticChannel(Channel):
    """What all methods of one ``Elastic`` share.

    Args:
        base: Elasticsearch's address, without a slash at its end.
        credential: What requests are signed with, or None.
        headers: The caller's own, for each request.
        expects_key: There was a credential when this was pickled, and there should be one now.
        answer_format: In which form answers with vectors are asked for.
        **policy: What any channel is told, see ``Channel``.

    Attributes:
        endpoints: Inference endpoints as far as somebody asked, by their ids; None where that was not allowed.
        roleless: Ids of endpoints whose service does not take what texts are for.
        formats: In which form answers with vectors are asked for now.
    """

    def __init__(
        self,
        *,
        base: str,
        credential: Credential | FoundCredential | None,
        expects_key: bool = False,
        answer_format: AnswerFormat = "auto",
        **policy: Any,
    ) -> None:
        self.formats = Formats(answer_format)
        self._release: Release | None = None
        self._release_refused = False
        self._release_gate = Gate()
        self.endpoints: dict[str, Endpoint | None] = {}
        self.roleless: set[str] = set()
        self._credential = credential
        self._expects_key = expects_key
        self._gates: dict[str, Gate] = {}
        super().__init__(
            service="elastic",
            base=base,
            accounts=credential.accounts() if credential else Accounts.of(()),
            scheme=credential.scheme if credential else "",
            read_error=read_error,
            about_items=is_about_items,
            **policy,
        )

    @property
    def signed(self) -> bool:
        """Whether requests are signed, or should be."""
        return self._credential is not None or self._expects_key

    def gate(self, inference_id: str) -> Gate:
        """Where those wait who want to know an endpoint that somebody asks about already."""
        return self._gates.setdefault(inference_id, Gate())

    def forget(self, inference_id: str) -> None:
        """An endpoint was made, changed or deleted: what is known of it no longer holds."""
        self.endpoints.pop(inference_id, None)
        self.roleless.discard(inference_id)
        self._gates.pop(inference_id, None)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        product: str | Meter,
        read: Callable[[Response], T],
        query: Mapping[str, object] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        timeout: float | None = None,
        idempotent: bool = True,
        measure: Callable[[], Features] = lambda: NOTHING,
        extra: float = 0.0,
        secrets: Sequence[str] = (),
        most: int = OTHERS,
        packed: bool = False,
    ) -> Flow[tuple[T, Usage]]:
        """One request to ``path``, which begins with a slash; see ``Channel.request``.

        Args:
            method: The HTTP method.
            path: Below the address, quoted.
            product: Whose quota counts it: ``<task type>/<inference id>``, or any other word for what is no inference;
                or a job's ``Meter``.
            read: Turns a success into a result; raises ``ResponseError`` on anything odd.
            query: Parameters of the address; None in it is left out, booleans are written as Elasticsearch reads them.
            body: What is sent.
            content_type: What it is. Plain types serve both majors: compatible ones name one of them.
            timeout: Seconds that Elasticsearch waits, where the request says so: the answer is waited for longer.
            idempotent: Whether Elasticsearch does the same when it gets the request twice.
            measure: What the meter's estimates measure of the request.
            extra: Tokens that the request costs beside those of its texts.
            secrets: What is in the body and must not be in an error, such as the key of a service that an endpoint uses.
            most: Bytes that a success can have.
            packed: Whether CBOR may be asked for: ``read`` gains by it.

        Returns:
            The result, and what it cost.
        """
        if self._expects_key and self._credential is None:
            raise MissingKeyError(
                f"credentials do not travel in pickles: set {KEY_VARIABLES[0]} in this process, or make an Elastic here"
            )
        headers = {"accept": JSON}
        if body:
            headers["content-type"] = content_type
        ask = functools.partial(
            self.request,
            method,
            self._base + with_query(path, query),
            product=product,
            body=body,
            timeout=None if timeout is None else max(self.timeout, timeout + MARGIN),
            idempotent=idempotent,
            measure=measure,
            extra=extra,
            refusal=lambda response: read_error(response, secrets=[*self.secrets(), *secrets]),
            most=most,
        )
        if packed and self.formats.accept != JSON:
            try:
                return (
                    yield from ask(
                        read=lambda response: (self._heeded(response, read), None),
                        headers={**headers, "accept": self.formats.accept},
                        renew=self._renewed,
                    )
                )
            except InvalidRequestError as error:
                if not self.formats.is_refused(error):
                    raise
                self.formats.doubt(f"CBOR is refused ({error.message})")
        return (yield from ask(read=lambda response: (read(response), None), headers=headers))

    def send(
        self,
        method: str,
        path: str,
        *,
        product: str,
        read: Callable[[Response], T],
        **options: Unpack[Sending],
    ) -> Flow[T]:
        """One request whose cost nobody asks for; see ``exchange``."""
        result, _ = yield from self.exchange(method, path, product=product, read=read, **options)
        return result

    def ask(
        self, path: str, read: Callable[[Response], T], *, query: Mapping[str, object] | None = None
    ) -> Flow[T]:
        """``GET path``, once and not for long: what it tells makes a call cheaper, and no call depends on it.

        Raises:
            RagbridgeError: There is no answer, or none that ``read`` takes.
        """
        meter = self.meter("cluster")
        policy = replace(meter.policy, limiter=None, retry=Retry(attempts=1))
        result, _ = yield from self.request(
            "GET",
            self._base + with_query(path, query),
            product=replace(meter, policy=policy),
            read=lambda response: (read(response), None),
            headers={"accept": JSON},
            timeout=min(self.timeout, ASKING),
        )
        return result

    def which(self) -> Flow[Release | None]:
        """The release, asked for once by one request alone; None where nobody tells."""
        with self._release_gate.enter() as turn:
            yield from wait(turn)
            if self._release is None and not self._release_refused:
                try:
                    self._release = yield from self.ask("/", read_release)
                except (ResponseError, StatusError) as error:
                    # What may pass is asked again by a later call; what is meant, not.
                    self._release_refused = not error.retryable
                except RagbridgeError:
                    return None
                if self._release is not None or self._release_refused:
                    self._release_gate.open()
        return self._release

    def _heeded(self, response: Response, read: Callable[[Response], T]) -> T:
        """What ``read`` makes of an answer that may be CBOR. After one that it cannot read, JSON is asked for."""
        self.formats.heed(response)
        try:
            return read(response)
        except ResponseError as error:
            self.formats.doubt(str(error))
            raise

    def _renewed(self, request: Request) -> Request:
        """``request`` as it is sent again: in the form that is asked for by now."""
        return replace(request, headers={**request.headers, "accept": self.formats.accept})

    def secrets(self) -> list[str]:
        """Every text that would reveal a credential, in one piece and in parts, or a header of the caller's."""
        scheme = self._credential.scheme if self._credential else ""
        keys = [Credential(scheme, key) for key in self.accounts.secrets()]
        return [*(part for key in keys for part in key.parts()), *self.headers.secrets()]

    def limiter(self, product: str, account: Account | None = None) -> RateLimiter | None:
        """The limiter of one product; only published limits tell queries from documents."""
        if not isinstance(self._limits, str) or self._limits == CLUSTER:
            product = product.replace(SEARCH + "/", "/")
        return super().limiter(product, account)

    def _limit(self, limits: RateLimit | str | None, product: str) -> RateLimit | None:
        """Limits are those of each inference endpoint; what is no inference is only paused by a 429."""
        task, inference, _ = product.partition("/")
        if limits is not None and (not inference or limits == CLUSTER):
            return _OPEN
        try:
            return super()._limit(limits, task)
        except ConfigurationError as error:
            raise ConfigurationError(f"{error}; {CLUSTER!r}, the default, counts nothing") from None

    def tokens(self, model: str) -> TokenEstimator:
        """Estimates that stay what they are: Elasticsearch does not say what was billed."""
        if model not in self._counters:
            self._counters[model] = _Unreported(self._count_tokens)
        return self._counters[model]


class _Unreported(TokenEstimator):
    """Estimates that nothing will correct: nobody waits for a first report."""

    def __init__(self, count_tokens: Callable[[str], int] | None) -> None:
        super().__init__(count_tokens)
        self._gate.open()


class ElasticMethods:
    """A family of methods of ``Elastic``, which has what they need."""

    _channel: ElasticChannel
    _batch_size: int


def resend(send: Callable[[], Flow[T]], *, retry: Retry, in_doubt: Callable[[], object]) -> Flow[T]:
    """What ``send`` returns, which a channel must send as not idempotent: it retries only what surely was not done.

    Where the answer is lost, Elasticsearch may have done its work. Then ``in_doubt`` is called before the next attempt,
    so that "it exists already" can be told from "it existed before".

    Raises:
        RagbridgeError: The last attempt's error.
    """
    attempt = 0
    while True:
        try:
            return (yield from send())
        except RagbridgeError as error:
            attempt += 1
            pause = retry.delay(attempt, error, draw=random.random())  # noqa: S311 - no secret
            if pause is None or not may_be_done(error):
                raise
            in_doubt()
        yield from sleep(pause)
