"""The way of any request to its service: key, quota, retries, estimates. Services add their addresses and errors."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from ragbridge.cache.keys import Keys
from ragbridge.client.accounts import Account, Accounts, Turn
from ragbridge.client.arguments import Where, located
from ragbridge.client.call import Policy
from ragbridge.client.headers import OwnHeaders
from ragbridge.client.job import Ask, Job
from ragbridge.client.lookup import FindKeys, Lookup, Manner, Rows
from ragbridge.client.meter import UNKNOWN, Meter
from ragbridge.client.sizes import OTHERS
from ragbridge.client.tally import Totals
from ragbridge.errors import ConfigurationError, InvalidRequestError, RateLimitError, StatusError
from ragbridge.flow import Flow, Request, Response
from ragbridge.limiter.limiter import Limiter, shared
from ragbridge.limiter.limits import RateLimit, RateLimiter, Reason
from ragbridge.limiter.quotas import open_quotas
from ragbridge.limiter.tiers import resolve
from ragbridge.limiter.tokens import NOTHING, Features, TokenEstimator
from ragbridge.limiter.tokens import shared as shared_tokens

if TYPE_CHECKING:
    from ragbridge.cache import Cache
    from ragbridge.client.batching import Batch, Load
    from ragbridge.client.retry import Retry
    from ragbridge.client.secret import Secret
    from ragbridge.flow import Clock
    from ragbridge.limiter.quotas import QuotasLike
    from ragbridge.values.embeddings import Usage

T = TypeVar("T")

Read = Callable[[Response], tuple[T, int | None]]
"""Turns a success into a result and the tokens billed; raises ``ResponseError`` on anything odd."""


class ReadError(Protocol):
    """Makes an error of an answer of 400 or more."""

    def __call__(self, response: Response, *, secrets: Iterable[str]) -> StatusError:
        """The error, which shows none of ``secrets``."""
        ...


class Channel:
    """What all products of one client share.

    Args:
        service: The service's name in the table of limits.
        base: The address that quotas belong to.
        accounts: Who asks: the keys, of which the first stands for all.
        headers: The caller's own, for each request.
        scheme: The credential's scheme in the ``Authorization`` header.
        read_error: Turns an answer of 400 or more into the error to raise, without a trace of the secrets that it is given.
        rate_reason: Which of its limits the service says was reached; None where it does not say.
        about_items: Whether a refusal is about items of the request, rather than about the model or the account.
        timeout: Seconds to wait for an answer's data.
        retry: How failures are retried.
        limits: A tier's name, a limit, a limiter for every product, or None.
        quotas: Where limiters come from; None for this process' own.
        totals: Where everything is counted.
        clock: Time.
        virtual: The clock is not the machine's own, so its limiters are not shared with other clients.
        count_tokens: The caller's own tokenizer, or None.
        cache: Where answers are kept that were paid for; None for nowhere.
        cache_version: The caller's word for what nobody can see: a hosted model that was silently renewed.

    Attributes:
        embedded: Tells the name of the embedded engine's model; None where the engine does not answer.
    """

    def __init__(
        self,
        *,
        service: str,
        base: str,
        accounts: Accounts,
        headers: OwnHeaders | None = None,
        scheme: str = "Bearer",
        read_error: ReadError,
        rate_reason: Callable[[RateLimitError], Reason | None] = lambda _: None,
        about_items: Callable[[InvalidRequestError], bool] = lambda _: True,
        timeout: float,
        retry: Retry,
        limits: RateLimit | RateLimiter | str | None,
        quotas: QuotasLike | None = None,
        totals: Totals,
        clock: Clock,
        virtual: bool,
        count_tokens: Callable[[str], int] | None = None,
        cache: Cache | None = None,
        cache_version: str = "",
    ) -> None:
        self.cache = cache
        self.cache_version = cache_version
        self.embedded: Callable[[], str] | None = None
        self._service = service
        self._base = base
        self._host = urlsplit(base).netloc
        self.accounts = accounts
        self.headers = headers or OwnHeaders(None)
        self._scheme = scheme
        self._read_error = read_error
        self._rate_reason = rate_reason
        self.about_items = about_items
        self._timeout = timeout
        self._retry = retry
        self._limits = limits
        self._quotas = open_quotas(quotas)
        if self._quotas is not None and hasattr(limits, "reserve"):
            raise ConfigurationError("quotas= beside a limiter in limits=: give one of them")
        if self._quotas is not None and virtual:
            raise ConfigurationError("quotas= beside clock=: quotas that processes share run in real time")
        self._totals = totals
        self._clock = clock
        self._virtual = virtual
        self._count_tokens = count_tokens
        self._counters: dict[str, TokenEstimator] = {}
        self._limiters: dict[tuple[str, int], RateLimiter | None] = {}
        self._meters: dict[tuple[str, str | None], Meter] = {}

    def refusal(self, response: Response) -> StatusError:
        """The error of an answer of 400 or more. It shows no key."""
        return self._read_error(response, secrets=self.secrets())

    @property
    def timeout(self) -> float:
        """Seconds to wait for an answer's data, where a product asks for no more."""
        return self._timeout

    @property
    def retry(self) -> Retry:
        """How failures are retried, for products that send parts of a request again."""
        return self._retry

    def now(self) -> float:
        """Seconds on the client's own clock."""
        return self._clock.now()

    def keys(self, product: str, asked: Mapping[str, Any]) -> Keys:
        """Names the answers of one call in the cache.

        Args:
            product: What is asked for; each has its own answers.
            asked: Everything that the request holds but its input.
        """
        if self.embedded is not None:
            return Keys(f"local:{self.embedded()}", product, asked, self.cache_version)
        return Keys(self._source(product), product, {**asked, **self.headers.asked()}, self.cache_version)

    def _source(self, product: str) -> str:  # noqa: ARG002 - products may have hosts of their own
        """Who answers. What the embedded engine answers depends on its own model instead, whichever is asked for."""
        return f"{self._service}:{self._base}"

    def limiter(self, product: str, account: Account | None = None) -> RateLimiter | None:
        """The limiter of one product: the caller's own, or the one that this process shares for host and key.

        Args:
            product: What is asked for.
            account: Whose quota it is; None for the first key's.
        """
        account = account or self.accounts.first
        place = product, account.number
        if place not in self._limiters:
            self._limiters[place] = self._find_limiter(product, account)
        return self._limiters[place]

    @property
    def _key(self) -> Secret | None:
        """The key that goes along with every request; None where there is none, or not always the same."""
        keys = self.accounts.first.known() if self.accounts.plain else ()
        return keys[0] if keys else None

    @property
    def is_known(self) -> bool:
        """Whether requests say who asks."""
        return bool(self.accounts.first.identity) or "authorization" in self.headers

    def secrets(self) -> list[str]:
        """Every text that no error and no log may show: the keys, and the values of the caller's headers."""
        return [*(key.reveal() for key in self.accounts.secrets()), *self.headers.secrets()]

    def concurrency(self, product: str) -> int | None:
        """Requests of ``product`` in flight at most, by all keys together; None where that is not limited."""
        limiters = {id(found): found for each in self.accounts.all if (found := self.limiter(product, each))}
        figures = [limiter.concurrency for limiter in limiters.values()]
        return sum(figure for figure in figures if figure) if figures and None not in figures else None

    def _find_limiter(self, product: str, account: Account) -> RateLimiter | None:
        limits: Any = self._limits
        if hasattr(limits, "reserve"):
            return cast("RateLimiter", limits)
        limit = self._limit(limits, product)
        if limit is None:
            return None
        if self._virtual:
            return Limiter(limit, clock=self._clock.now)
        key = account.identity or self.headers.who()
        if self._quotas is not None:
            digest = hashlib.sha256((key or "").encode()).hexdigest()
            return self._quotas.limiter(limit, service_host=self._host, key_digest=digest, product=product)
        return shared(limit, service=self._service, service_host=self._host, key=key, product=product)

    def _limit(self, limits: RateLimit | str | None, product: str) -> RateLimit | None:
        """What ``limits`` means for one product."""
        return resolve(limits, service=self._service, product=product)

    def tokens(self, model: str) -> TokenEstimator:
        """The estimates for ``model``: the caller's own tokenizer, or what this process has learnt of the model."""
        if self._count_tokens is None:
            return shared_tokens(model, address=self._base)
        if model not in self._counters:
            self._counters[model] = TokenEstimator(self._count_tokens)
        return self._counters[model]

    def meter(self, product: str, model: str | None = None) -> Meter:
        """The quota of ``product`` and the estimates for ``model``, for all requests of one job.

        Args:
            product: Whose quota counts the requests.
            model: Whose tokenizer counts their texts; None where the product bills no tokens: none are booked, and
                nothing waits for a first report that would never come.
        """
        meter = self._meters.get((product, model))
        if meter is None:
            meter = self._meters[product, model] = self._new_meter(product, model)
        return meter

    def _new_meter(self, product: str, model: str | None) -> Meter:
        limiter = self.limiter(product)
        policy = Policy(
            retry=self._retry,
            limiter=limiter,
            totals=self._totals,
            now=self._clock.now,
            reason=self._rate_reason,
            product=product,
        )
        turn = None if self.accounts.plain else functools.partial(self._turn, product)
        if model is None:
            return Meter(policy, UNKNOWN, counts=False, turn=turn)
        counts = limiter is not None and limiter.request_budget is not None
        return Meter(policy, self.tokens(model), counts, turn)

    def _turn(self, product: str) -> Turn:
        return Turn(self.accounts, self._scheme, functools.partial(self.limiter, product), self._clock.now)

    def _meter_of(self, product: str | Meter, model: str | None) -> Meter:
        return product if isinstance(product, Meter) else self.meter(product, model)

    def lookup(
        self,
        names: Sequence[object] | int,
        rows: Rows,
        *,
        manner: Manner,
        keys: FindKeys | None = None,
    ) -> Lookup:
        """What is known of the items of one call before anything is sent; see ``Lookup``."""
        return Lookup(names, rows, manner=manner, cache=self.cache, keys=keys)

    def job(
        self,
        product: str | Meter,
        lookup: Lookup,
        texts: Sequence[str],
        ask: Ask,
        *,
        places: Sequence[int],
        where: Where,
        model: str | None = None,
        too_long: Callable[[InvalidRequestError], bool] = lambda _: False,
        halve: Callable[[Batch], object] | None = None,
        whole: bool = False,
        weigh: Callable[[int], Load | None] | None = None,
    ) -> Job:
        """A call over many items; see ``Job`` and ``meter``."""
        return Job(
            lookup=lookup,
            meter=self._meter_of(product, model),
            texts=texts,
            places=places,
            ask=ask,
            where=where,
            about_items=self.about_items,
            too_long=too_long,
            halve=halve,
            whole=whole,
            weigh=weigh,
        )

    def naming(self, flow: Flow[T], where: Where, places: Sequence[int]) -> Flow[T]:
        """``flow``, which sends the items at ``places`` of the caller's list: its refusals say which they are about."""
        try:
            return (yield from flow)
        except InvalidRequestError as error:
            if not self.about_items(error):
                raise
            raise located(error, where, places) from None

    def request(
        self,
        method: str,
        url: str,
        *,
        product: str | Meter,
        read: Read[T],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float | None = None,
        signed: bool = True,
        idempotent: bool = True,
        model: str | None = None,
        measure: Callable[[], Features] = lambda: NOTHING,
        extra: float = 0.0,
        refusal: Callable[[Response], StatusError] | None = None,
        most: int | None = OTHERS,
        renew: Callable[[Request], Request] | None = None,
    ) -> Flow[tuple[T, Usage]]:
        """One request, paced by what it will probably cost; what it did cost makes the next guess better.

        Args:
            method: The HTTP method.
            url: The whole address.
            product: Whose quota counts it; or the ``Meter`` of the job that it belongs to.
            read: Turns a success into a result and the tokens billed.
            headers: Beside the credential and the caller's own, which they override.
            body: What is sent.
            timeout: Seconds to wait for the answer's data; None for the client's own figure.
            signed: Whether the credential goes along, and the caller's own headers. Other hosts must not get them.
            idempotent: Whether the service does the same when it gets the request twice. If not, a request whose answer
                was lost is not sent again.
            model: See ``meter``; without effect where ``product`` is a meter.
            measure: What ``tokens(model)`` measures of the request; not asked where tokens are not limited.
            extra: Tokens that the request costs beside those of its texts.
            refusal: Reads answers of 400 or more in place of the channel's own function.
            most: Bytes that a success can have, see ``sizes``; None for the transport's own figure.
            renew: Makes the request of a further attempt; None for the same.
        """
        sent = {**(self.headers.sent() if signed else {}), **(headers or {})}
        if signed and (key := self._key) is not None:
            sent["authorization"] = key.header(self._scheme)
        return self._meter_of(product, model).send(
            Request(method, url, sent, body, timeout or self._timeout, most),
            read=read,
            refusal=refusal or self.refusal,
            measure=measure,
            extra=extra,
            idempotent=idempotent,
            signed=signed,
            renew=renew,
        )
