"""A call over many items: cut into requests, each of which names the caller's items in its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from ragbridge.client.arguments import Where, located
from ragbridge.client.batching import Batch, Load, pack
from ragbridge.client.bills import Bill
from ragbridge.client.watch import current
from ragbridge.client.wire import encode
from ragbridge.errors import (
    AuthenticationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RagbridgeError,
    RequestError,
    ResponseError,
    ServiceError,
    StatusError,
)
from ragbridge.flow import Flow
from ragbridge.ground.records import dataclass
from ragbridge.observers import Split

if TYPE_CHECKING:
    from ragbridge.client.lookup import Lookup
    from ragbridge.client.meter import Meter

T = TypeVar("T")

Ask: TypeAlias = "Callable[[Job, Batch], Flow[Bill]]"
"""Sends one batch of a job, and keeps what the answer holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What all requests of one call share.

    Attributes:
        lookup: Which items are done, known or failed.
        meter: Quota and estimates.
        texts: The text of each item that is sent.
        places: Where these stand in the caller's list.
        ask: Sends one batch, and keeps what the answer holds.
        where: Names items as the caller knows them.
        about_items: Whether a refusal is about items, rather than about the model or the account.
        too_long: Whether a refusal says that there are too many tokens.
        halve: Called before a batch that is too long is sent in two halves, where its items belong together; None where
            they do not.
        whole: Whether items of one batch belong together, so that none of them can be left out.
        weigh: What the item of an index is beside its text; see ``pack``.
    """

    lookup: Lookup
    meter: Meter
    texts: Sequence[str]
    places: Sequence[int]
    ask: Ask
    where: Where
    about_items: Callable[[InvalidRequestError], bool]
    too_long: Callable[[InvalidRequestError], bool]
    halve: Callable[[Batch], object] | None
    whole: bool
    weigh: Callable[[int], Load | None] | None

    def batches(self, *, items: int, tokens: float | None = None, beside: float = 0.0) -> Iterator[Batch]:
        """The items cut into requests.

        Args:
            items: Items per request at most.
            tokens: Tokens per request that the service takes; None: no bound.
            beside: Tokens that each request has beside those of its items.
        """
        budget = self.meter.budget
        if budget is not None and beside:
            budget = max(budget - beside, 1.0)
        estimator = self.meter.tokens
        return pack(
            self.texts, items=items, estimator=estimator, tokens=tokens, budget=budget, weigh=self.weigh
        )

    def run(self, batch: Batch) -> Flow[None]:
        """Send one batch, in parts where it is refused: an item that is refused costs nothing, and leaves the others alone.

        Raises:
            StatusError: The service refused an item, and the caller wants to know at once; the message and ``index``
                say which. Or the refusal is about none.
        """
        waiting = [batch]  # no recursion: a batch may have more items that are refused than Python has frames
        while waiting:
            part = waiting.pop()
            refusal = yield from self._send(part)
            if refusal is not None:
                parts = yield from self._parts(part, refusal)
                if parts and (watch := current()) is not None:
                    watch.event(Split(part.stop - part.start, len(parts)))
                waiting += [self.batch(start, stop) for start, stop in reversed(parts) if start < stop]

    def _send(self, batch: Batch) -> Flow[InvalidRequestError | None]:
        """Send one batch. Returns the refusal where it is about items; None where the batch is done, or has failed."""
        try:
            bill = yield from self.ask(self, batch)
        except InvalidRequestError as error:
            if not self.about_items(error):
                raise
            self.lookup.tried(error)
            return error
        except (ResponseError, ServiceError) as error:
            if not self.lookup.reports:
                raise
            self.lookup.tried(error)
            self._fail(batch, error)
            return None
        yield from self.lookup.done(self.places[batch.start : batch.stop], bill)
        return None

    def _parts(self, batch: Batch, error: InvalidRequestError) -> Flow[list[tuple[int, int]]]:
        """What is left to send of ``batch``, which was refused."""
        start, stop = batch.start, batch.stop
        middle = (start + stop) // 2
        halves = [(start, middle), (middle, stop)]
        index = error.index if error.index is not None and 0 <= error.index < stop - start else None
        if stop - start == 1:
            index, error = 0, cast("InvalidRequestError", error.replace(index=0))
        elif self.too_long(error) and self.halve is not None:
            self.halve(batch)
            return halves
        if self.whole or (index is not None and not self.lookup.reports) or stop - start == 1:
            self._fail(batch, located(error, self.where, self.places[start:stop]))
            return []
        if index is not None:
            at = start + index
            self._fail(Batch(at, at + 1), located(error, self.where, self.places[start:stop]))
            return [(start, at), (at + 1, stop)]
        if not self.too_long(error):
            return halves
        # Services do not say which item it is: most probably the longest.
        at = max(range(start, stop), key=lambda place: len(self.texts[place].encode(errors="replace")))
        longest = self.batch(at, at + 1)
        refusal = yield from self._send(longest)
        if refusal is not None:
            yield from self._parts(longest, refusal)
            return [(start, at), (at + 1, stop)]
        # If that one is not, it is all of them together.
        return [
            (start, min(middle, at)),
            (min(middle, at + 1), middle),
            (middle, max(at, middle)),
            (max(at + 1, middle), stop),
        ]

    def _fail(self, batch: Batch, error: RagbridgeError) -> None:
        """There is no result for the items of ``batch``."""
        if not self.lookup.reports:
            raise error from None
        self.lookup.fail(self.places[batch.start : batch.stop], error)

    def batch(self, start: int, stop: int) -> Batch:
        """The items ``[start:stop]``, measured."""
        loads = map(self.weigh, range(start, stop)) if self.weigh is not None else ()
        extra = sum(load.tokens for load in loads if load is not None)
        return Batch(start, stop, self.meter.tokens.measure_all(self.texts[start:stop]), extra)

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
        renamed = type(error)(f"{name}: {error}")
        if isinstance(renamed, RequestError) and isinstance(error, RequestError):
            renamed.sent = error.sent
        raise renamed from None
