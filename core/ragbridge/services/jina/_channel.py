"""The way from any product of the API to its service: address, key, quota, retries, estimates."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from ragbridge._call import Cost, Policy, Totals, call
from ragbridge._errors import ConfigurationError
from ragbridge._flow import Flow, Request, Response, wait
from ragbridge._limiter import Limiter, shared
from ragbridge._limits import RateLimit, RateLimiter, resolve
from ragbridge._tokens import NOTHING, Features, TokenEstimator
from ragbridge._tokens import shared as shared_tokens
from ragbridge.services.jina._errors import read_error

if TYPE_CHECKING:
    from ragbridge._drivers import Clock
    from ragbridge._retry import Retry
    from ragbridge._secret import Secret

T = TypeVar("T")

KEY_VARIABLES = ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN")
"""Environment variables that hold a key, in the order in which they are looked up."""

PUBLIC_HOST = "api.jina.ai"


class MissingKeyError(ConfigurationError):
    """The service asks for a key, and there is none."""


class Channel:
    """What all products of one client share.

    Args:
        base: Address up to and including ``/v1``.
        key: The key, or None.
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
        base: str,
        key: Secret | None,
        timeout: float,
        retry: Retry,
        limits: RateLimit | RateLimiter | str | None,
        totals: Totals,
        clock: Clock,
        virtual: bool,
        count_tokens: Callable[[str], int] | None,
    ) -> None:
        self._base = base
        self._key = key
        self._timeout = timeout
        self._retry = retry
        self._limits = limits
        self._totals = totals
        self._clock = clock
        self._virtual = virtual
        self._count_tokens = count_tokens
        self._counters: dict[str, TokenEstimator] = {}
        self._limiters: dict[str, RateLimiter | None] = {}

    def check_key(self) -> None:
        """Raise ``MissingKeyError`` where the service will ask for a key and there is none."""
        address = urlsplit(self._base)
        if self._key is None and address.hostname == PUBLIC_HOST and address.scheme != "local":
            raise MissingKeyError(
                f"no key for {PUBLIC_HOST}: pass api_key=, or set one of {', '.join(KEY_VARIABLES)}; "
                'base_url="local" needs none and runs the embedded engine'
            )

    def limiter(self, product: str) -> RateLimiter | None:
        """The limiter of one product: the caller's own, or the one that this process shares for host and key."""
        if product not in self._limiters:
            self._limiters[product] = self._find_limiter(product)
        return self._limiters[product]

    def _find_limiter(self, product: str) -> RateLimiter | None:
        limits = self._limits
        if hasattr(limits, "reserve"):
            return cast("RateLimiter", limits)
        limit = resolve(cast("Any", limits), service="jina", product=product)
        if limit is None:
            return None
        if self._virtual:
            return Limiter(limit, clock=self._clock.now)
        key = self._key.reveal() if self._key else None
        return shared(limit, service_host=urlsplit(self._base).netloc, key=key, product=product)

    def tokens(self, model: str) -> TokenEstimator:
        """The estimates for ``model``: the caller's own tokenizer, or what this process has learnt of the model."""
        if self._count_tokens is None:
            return shared_tokens(model)
        if model not in self._counters:
            self._counters[model] = TokenEstimator(self._count_tokens)
        return self._counters[model]

    def post(
        self,
        path: str,
        body: bytes,
        *,
        product: str,
        read: Callable[[Response], tuple[T, int | None]],
        model: str | None = None,
        measure: Callable[[], Features] = lambda: NOTHING,
    ) -> Flow[tuple[T, int | None]]:
        """One request, paced by what it will probably cost; what it did cost makes the next guess better.

        Args:
            path: Route below the base address.
            body: JSON.
            product: Whose quota counts it.
            read: Turns a success into a result and the tokens billed.
            model: Whose tokenizer counts its texts; None where the product bills no tokens: none are booked, and
                nothing waits for a first report that will never come.
            measure: What ``tokens(model)`` measures of the request; not asked where tokens are not limited.
        """
        self.check_key()
        key = self._key.reveal() if self._key else None
        headers = {"content-type": "application/json"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        request = Request("POST", self._base + path, headers, body, self._timeout)
        refusal = functools.partial(read_error, key=key)
        limiter = self.limiter(product)
        policy = Policy(retry=self._retry, limiter=limiter, totals=self._totals, now=self._clock.now)
        if model is None or limiter is None or limiter.request_budget is None:
            return (yield from call(request, policy=policy, cost=Cost, read=read, refusal=refusal))
        tokens, features = self.tokens(model), measure()
        with tokens.pilot() as turn:
            yield from wait(turn)
            cost = functools.partial(_cost, tokens, features)
            result, billed = yield from call(request, policy=policy, cost=cost, read=read, refusal=refusal)
            if billed is not None:
                tokens.learn(features, billed)
        return result, billed


def _cost(tokens: TokenEstimator, features: Features) -> Cost:
    return Cost(*tokens.estimate(features))
