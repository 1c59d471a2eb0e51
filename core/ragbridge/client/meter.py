"""How the requests of one job are paced, retried and counted: resolved once, used by all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from ragbridge.client.call import Cost, Policy, call
from ragbridge.flow import Flow, Request, Response, wait
from ragbridge.ground.records import dataclass
from ragbridge.limiter.tokens import NOTHING, Features, TokenEstimator

if TYPE_CHECKING:
    from ragbridge.client.accounts import Turn
    from ragbridge.errors import StatusError
    from ragbridge.values.embeddings import Usage

T = TypeVar("T")

UNKNOWN = TokenEstimator()
"""Stands for the estimates of products that bill no tokens: it is never asked."""


@dataclass(frozen=True, slots=True)
class Meter:
    """The quota and the estimates of one product and one model.

    Attributes:
        policy: Limiter, retry rules and counters.
        tokens: Estimates what texts are billed.
        counts: Whether the quota counts tokens, and the product bills them.
        turn: Begins the choice of a key for one request; None where every request is signed alike.
    """

    policy: Policy
    tokens: TokenEstimator
    counts: bool
    turn: Callable[[], Turn] | None = None

    @property
    def budget(self) -> float | None:
        """Tokens that one request should carry at most to use the quota well; None if tokens are not limited."""
        limiter = self.policy.limiter
        return limiter.request_budget if limiter else None

    @property
    def capacity(self) -> float | None:
        """Tokens that one request may have at all; None if tokens are not limited."""
        limiter = self.policy.limiter
        return limiter.capacity if limiter else None

    def send(
        self,
        request: Request,
        *,
        read: Callable[[Response], tuple[T, int | None]],
        refusal: Callable[[Response], StatusError],
        measure: Callable[[], Features] = lambda: NOTHING,
        extra: float = 0.0,
        idempotent: bool = True,
        signed: bool = True,
        renew: Callable[[Request], Request] | None = None,
    ) -> Flow[tuple[T, Usage]]:
        """One request, paced by what it will probably cost; what it did cost improves the next estimate.

        Args:
            request: What to send.
            read: Turns a success into a result and the tokens billed.
            refusal: Turns an answer of 400 or more into the error to raise.
            measure: What ``tokens`` measures of the request; called only where tokens are limited.
            extra: Tokens that the request costs beside those of its texts.
            idempotent: Whether the service does the same when it gets the request twice.
            signed: Whether a key goes along that is not in ``request`` yet.
            renew: Makes the request of a further attempt; None for the same.
        """
        chosen = self.turn() if signed and self.turn is not None else None
        policy = self.policy if idempotent else replace(self.policy, idempotent=False)
        send = functools.partial(
            call, request, policy=policy, read=read, refusal=refusal, turn=chosen, renew=renew
        )
        if not self.counts:
            return (yield from send(cost=_nothing))
        features = measure()
        cost = functools.partial(_cost, self.tokens, features, extra)
        if extra:
            # What images are billed is partly guessed: it says nothing about texts, and no report is waited for.
            return (yield from send(cost=cost))
        with self.tokens.pilot() as turn:
            yield from wait(turn)
            result, usage = yield from send(cost=cost, learn=functools.partial(self.tokens.learn, features))
            # A service that does not say what it billed will not say it the next time: nobody waits for that.
            self.tokens.admit_all()
        return result, usage


_FREE = Cost()


def _nothing() -> Cost:
    return _FREE


def _cost(tokens: TokenEstimator, features: Features, extra: float) -> Cost:
    estimate, variance = tokens.estimate(features)
    return Cost(estimate + extra, variance)
