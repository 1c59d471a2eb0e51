"""The service as one object: ``Toy``."""

from __future__ import annotations

from toy.embed import embed
from toy.rerank import rerank
from toy.session import ToyChannel

from ragbridge.client.accounts import Accounts
from ragbridge.client.arguments import check_texts
from ragbridge.client.bills import Progress
from ragbridge.client.lookup import Manner
from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.client.retry import Retry
from ragbridge.client.secret import Secret
from ragbridge.client.service import Service
from ragbridge.client.wire import check_address
from ragbridge.flow import Plan
from ragbridge.limiter.limits import RateLimit, RateLimiter
from ragbridge.values.embeddings import Embeddings
from ragbridge.values.partial import OnError
from ragbridge.values.rankings import Ranking


class Toy(Service):
    """A small service with two products."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str,
        limits: RateLimit | RateLimiter | None = None,
        timeout: float = 10.0,
    ) -> None:
        super().__init__({"base_url": base_url, "limits": limits, "timeout": timeout})
        base, retry = check_address(base_url, "base_url"), Retry(initial=0.0)
        self._channel = ToyChannel(
            base=base,
            accounts=Accounts.of((Secret(api_key),)),
            timeout=timeout,
            retry=retry,
            limits=limits,
            totals=self.usage,
            clock=self._clock,
            virtual=False,
        )
        allowed = self._channel.concurrency("embed")
        self._connect(base, timeout=timeout, deadline=None, concurrency=None, allowed=allowed)

    def _embed(
        self, texts: list[str], *, progress: Progress | None = None, on_error: OnError = "raise"
    ) -> Plan[Embeddings]:
        """One vector for each text."""
        return embed(self._channel, check_texts(texts), Manner(progress, on_error))

    embed = Blocking(_embed)
    aembed = Awaitable(_embed)

    def _rerank(self, query: str, documents: list[str]) -> Plan[Ranking]:
        """Documents by their relevance to a query, best first."""
        return rerank(self._channel, query, check_texts(documents, "documents"))

    rerank = Blocking(_rerank)
    arerank = Awaitable(_rerank)
