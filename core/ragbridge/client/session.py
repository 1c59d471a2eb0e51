"""The way of any request to its service: key, quota, retries, estimates. Services add their addresses and errors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from ragbridge.client.call import Cost, Policy, Totals, call
from ragbridge.errors import RateLimitError, StatusError
from ragbridge.flow import Flow, Request, Response, wait
from ragbridge.limiter.limiter import Limiter, shared
from ragbridge.limiter.limits import RateLimit, RateLimiter, Reason
from ragbridge.limiter.tiers import resolve
from ragbridge.limiter.tokens import NOTHING, Features, TokenEstimator
from ragbridge.limiter.tokens import shared as shared_tokens

if TYPE_CHECKING:
    from ragbridge.client.retry import Retry
    from ragbridge.client.secret import Secret
    from ragbridge.flow import Clock

T = TypeVar("T")

Read = Callable[[Response], tuple[T, int | None]]
"""Turns a success into a result and the tokens billed; raises ``ResponseError`` on anything odd."""


class Channel:
    """What all products of one client share.

    Args:
        service: The service's name in the table of limits.
        base: The address that quotas belong to.
        key: The credential, or None.
        scheme: The credential's scheme in the ``Authorization`` header.
        refusal: Turns an answer of 400 or more into the error to raise, without a trace of the credential.
        rate_reason: Which of its limits the service says was reached; None where it does not say.
        timeout: Seconds to wait for an answer's data.
        retry: How failures are retried.
        limits: A tier's name, a limit, a limiter for every product, or None.
        totals: Where everything is counted.
        clock: Time.
        virtual: The clock is not the machine's own, so its limiters are not shared with other clients.
        count_tokens: The caller's own tokenizer, or None.
    """

    def __init__(
        self,
        *,
        service: str,
        base: str,
        key: Secret | None,
        scheme: str = "Bearer",
        refusal: Callable[[Response], StatusError],
        rate_reason: Callable[[RateLimitError], Reason | None] = lambda _: None,
        timeout: float,
        retry: Retry,
        limits: RateLimit | RateLimiter | str | None,
        totals: Totals,
        clock: Clock,
        virtual: bool,
        count_tokens: Callable[[str], int] | None = None,
    ) -> None:
        self._service = service
        self._base = base
        self._host = urlsplit(base).netloc
        self._key = key
        self._scheme = scheme
        self.refusal = refusal
        self._rate_reason = rate_reason
        self._timeout = timeout
        self._retry = retry
        self._limits = limits
        self._totals = totals
        self._clock = clock
        self._virtual = virtual
        self._count_tokens = count_tokens
        self._counters: dict[str, TokenEstimator] = {}
        self._limiters: dict[str, RateLimiter | None] = {}

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

    def limiter(self, product: str) -> RateLimiter | None:
        """The limiter of one product: the caller's own, or the one that this process shares for host and key."""
        if product not in self._limiters:
            self._limiters[product] = self._find_limiter(product)
        return self._limiters[product]

    def _find_limiter(self, product: str) -> RateLimiter | None:
        limits: Any = self._limits
        if hasattr(limits, "reserve"):
            return cast("RateLimiter", limits)
        limit = self._limit(limits, product)
        if limit is None:
            return None
        if self._virtual:
            return Limiter(limit, clock=self._clock.now)
        key = self._key.reveal() if self._key else None
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

    def request(
        self,
        method: str,
        url: str,
        *,
        product: str,
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
    ) -> Flow[tuple[T, int | None]]:
        """One request, paced by what it will probably cost; what it did cost makes the next guess better.

        Args:
            method: The HTTP method.
            url: The whole address.
            product: Whose quota counts it.
            read: Turns a success into a result and the tokens billed.
            headers: Beside the credential.
            body: What is sent.
            timeout: Seconds to wait for the answer's data; None for the client's own figure.
            signed: Whether the credential goes along. Addresses of other hosts must not get it.
            idempotent: Whether the service does the same when it gets the request twice. Else a request whose answer
                was lost is not sent again.
            model: Whose tokenizer counts its texts; None where the product bills no tokens: none are booked, and
                nothing waits for a first report that will never come.
            measure: What ``tokens(model)`` measures of the request; not asked where tokens are not limited.
            extra: Tokens that the request costs beside those of its texts.
            refusal: Reads answers of 400 or more in place of the channel's own function.
        """
        refusal = refusal or self.refusal
        sent = dict(headers or {})
        if signed and self._key is not None:
            sent["authorization"] = f"{self._scheme} {self._key.reveal()}"
        request = Request(method, url, sent, body, timeout or self._timeout)
        limiter = self.limiter(product)
        policy = Policy(
            retry=self._retry,
            limiter=limiter,
            totals=self._totals,
            now=self._clock.now,
            idempotent=idempotent,
            reason=self._rate_reason,
        )
        if model is None or limiter is None or limiter.request_budget is None:
            return (yield from call(request, policy=policy, cost=Cost, read=read, refusal=refusal))
        tokens, features = self.tokens(model), measure()
        cost = functools.partial(_cost, tokens, features, extra)
        if extra:
            # What images are billed is partly guessed: it says nothing about texts, and no report is waited for.
            return (yield from call(request, policy=policy, cost=cost, read=read, refusal=refusal))
        with tokens.pilot() as turn:
            yield from wait(turn)
            result, billed = yield from call(request, policy=policy, cost=cost, read=read, refusal=refusal)
            if billed is not None:
                tokens.learn(features, billed)
        return result, billed


def _cost(tokens: TokenEstimator, features: Features, extra: float) -> Cost:
    estimate, variance = tokens.estimate(features)
    return Cost(estimate + extra, variance)
