"""A call over many items: cut into requests, each of which names the caller's items in its errors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ragbridge.client.arguments import Where, located, named
from ragbridge.client.batching import Batch, Load, pack
from ragbridge.client.wire import encode
from ragbridge.errors import (
    AuthenticationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RequestError,
    ResponseError,
    StatusError,
)
from ragbridge.flow import Flow
from ragbridge.values.embeddings import Usage

if TYPE_CHECKING:
    from ragbridge.client.meter import Meter

T = TypeVar("T")

Progress: TypeAlias = Callable[[int], object]
"""Told the number of items of each request that is done, from whichever thread did it."""


Ask: TypeAlias = "Callable[[Job, Batch], Flow[Bill]]"
"""Sends one batch of a job, and keeps what the answer holds."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a request brought beside its rows: the model's name, and what it cost."""

    model: str
    usage: Usage

    @classmethod
    def of(cls, model: str, tokens: int | None) -> Bill:
        """The bill of one request; ``tokens`` is None where the service does not say."""
        return cls(model, Usage(tokens or 0, 1))


def total(bills: Iterable[Bill], asked: str) -> Bill:
    """All of ``bills`` together. The model is as the service gave it, or as asked for where nothing was sent."""
    bills = list(bills)
    return Bill(bills[0].model if bills else asked, sum((bill.usage for bill in bills), Usage()))


TEXTS: Where = functools.partial(named, "texts")
"""Names items of the caller's list ``texts``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all requests of one call share.

    Attributes:
        meter: Their quota and estimates.
        texts: The text of each item.
        ask: Sends one batch, and keeps what the answer holds.
        where: Names items as the caller knows them.
        places: Where the items stand in the caller's list.
        about_items: Whether a refusal is about items, rather than about the model or the account.
        progress: Told of each request that is done.
        too_long: Whether a refusal says that there are too many tokens.
        halve: Called before a batch that is too long is sent in two halves; None where it must not be cut.
    """

    meter: Meter
    texts: Sequence[str]
    ask: Ask
    where: Where
    places: Sequence[int]
    about_items: Callable[[InvalidRequestError], bool]
    progress: Progress | None
    too_long: Callable[[InvalidRequestError], bool]
    halve: Callable[[Batch], object] | None

    def batches(
        self,
        *,
        items: int,
        tokens: float | None = None,
        beside: float = 0.0,
        weigh: Callable[[int], Load | None] | None = None,
    ) -> Iterator[Batch]:
        """The items cut into requests.

        Args:
            items: Items per request at most.
            tokens: Tokens per request that the service takes; None: no bound.
            beside: Tokens that each request has beside those of its items.
            weigh: What the item of an index is beside its text; see ``pack``.
        """
        budget = self.meter.budget
        if budget is not None and beside:
            budget = max(budget - beside, 1.0)
        estimator = self.meter.tokens
        return pack(self.texts, items=items, estimator=estimator, tokens=tokens, budget=budget, weigh=weigh)

    def run(self, batch: Batch) -> Flow[Bill]:
        """Send one batch; in halves, if the service finds it too long and it may be cut.

        Raises:
            StatusError: The service refused it; the message and ``index`` say which items it is about.
        """
        try:
            bill = yield from self.ask(self, batch)
        except InvalidRequestError as error:
            if not self.about_items(error):
                raise
            suspect = batch
            if batch.stop - batch.start > 1 and self.too_long(error):
                if self.halve is not None:
                    self.halve(batch)
                    return (yield from self._halves(batch))
                if error.index is None:
                    suspect = yield from self._longest(batch)
            raise located(error, self.where, self.places[suspect.start : suspect.stop]) from None
        if self.progress is not None:
            self.progress(batch.stop - batch.start)
        return bill

    def _halves(self, batch: Batch) -> Flow[Bill]:
        middle = (batch.start + batch.stop) // 2
        first = yield from self.run(self.batch(batch.start, middle))
        second = yield from self.run(self.batch(middle, batch.stop))
        return total((first, second), first.model)

    def _longest(self, batch: Batch) -> Flow[Batch]:
        """The item of ``batch`` that is too long, or the whole batch where that cannot be told.

        Services do not say which it is. A refusal costs nothing, so the longest is sent alone.
        """
        index = max(range(batch.start, batch.stop), key=lambda i: len(self.texts[i].encode()))
        if not self.texts[index]:
            return batch
        alone = self.batch(index, index + 1)
        try:
            yield from self.ask(self, alone)
        except InvalidRequestError:
            return alone
        return batch

    def batch(self, start: int, stop: int) -> Batch:
        """The items ``[start:stop]``, measured."""
        return Batch(start, stop, self.meter.tokens.measure_all(self.texts[start:stop]))

    def body(self, payload: Mapping[str, Any], batch: Batch) -> bytes:
        """``payload``, which holds the texts of ``batch``, as JSON.

        Raises:
            ConfigurationError: A text cannot be written as UTF-8; the message names the item.
        """
        start = batch.start
        return encode(
            payload,
            texts=self.texts[start : batch.stop],
            name=lambda index: self.where(self.places[start + index : start + index + 1]),
        )


def one_of(flow: Flow[T], name: str, index: int) -> Flow[T]:
    """``flow``, which sends the item ``name`` of the caller's list alone; its errors name it, except the account's."""
    try:
        return (yield from flow)
    except (AuthenticationError, QuotaExhaustedError):
        raise
    except StatusError as error:
        raise error.replace(message=f"{name}: {error.message}", index=index) from None
    except (RequestError, ResponseError) as error:
        raise type(error)(f"{name}: {error}") from None
