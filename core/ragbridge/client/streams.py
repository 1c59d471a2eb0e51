"""Streams: any number of items in, pairs of an item and its result out, in order and in constant memory."""

from __future__ import annotations

import functools
import itertools
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import aclosing, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from ragbridge.client.lookup import Manner
from ragbridge.client.outcome import Trust
from ragbridge.errors import ConfigurationError, RagbridgeError, StatusError
from ragbridge.flow import Plan
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.client.service import Service
    from ragbridge.observers import Operation

T = TypeVar("T")

Errors: TypeAlias = Literal["raise", "yield"]
"""What a stream does about an item that fails: raise its error in its place, or yield it there and go on."""

WINDOW = 4096
"""Items that are looked up and cut into requests together. The last request of each window is not full: of 4,096 items
in requests of 128 that costs nothing, in requests of 70 one percent."""

AHEAD = 2
"""Windows that are begun at once, so that the end of one does not leave connections idle."""


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """How the items of one stream become results.

    Attributes:
        pick: What of an item is sent; None where items are sent as they are.
        check: Reads what was picked of several items; is given their numbers, for errors.
        begin: The plan for what ``check`` returned, and the rows of its result with the failures.
        errors: What is done about an item that fails.
        window: Items that are looked up and cut into requests together.
        name: What observers know the stream by.
        about: Says what else they are told.

    Raises:
        ConfigurationError: ``errors`` or ``window`` is none.
    """

    pick: Callable[[T], Any] | None
    check: Callable[[list[Any], Sequence[int]], Any]
    begin: Callable[[Any, Manner], Plan[Any]]
    errors: Errors
    window: int
    name: str
    about: Callable[[], Operation]

    def __post_init__(self) -> None:
        if self.errors not in {"raise", "yield"}:
            raise ConfigurationError(f"errors={self.errors!r} must be 'raise' or 'yield'")
        object.__setattr__(self, "window", check_whole("window", self.window, "a positive int"))

    def run(self, service: Service, items: Iterable[T]) -> Generator[tuple[T, Any], None, None]:
        """Each item with its result."""
        trust = Trust()
        plans = (self._plan(items, start, trust) for start, items in _windows(items, self.window))
        stream = service._stream(plans, self.name, ahead=AHEAD, about=self.about, count=len)  # noqa: SLF001 - a part of it
        with closing(stream) as windows:
            for pairs in windows:
                for pair in pairs:
                    if self._ends(pair):
                        windows.throw(pair[1])
                    yield pair

    async def arun(
        self, service: Service, items: Iterable[T] | AsyncIterable[T]
    ) -> AsyncGenerator[tuple[T, Any], None]:
        """Each item with its result. What is no list is read in a thread beside the event loop."""
        trust = Trust()
        # Closed here, each: what is left to the event loop may come too late for it.
        async with (
            aclosing(_awaited_windows(items, self.window, service)) as windows,
            aclosing(self._awaited_plans(windows, trust)) as plans,
            aclosing(
                service._stream_async(plans, self.name, ahead=AHEAD, about=self.about, count=len)  # noqa: SLF001 - a part of it
            ) as results,
        ):
            async for pairs in results:
                for pair in pairs:
                    if self._ends(pair):
                        await results.athrow(pair[1])
                    yield pair

    async def _awaited_plans(
        self, windows: AsyncIterable[tuple[int, list[T]]], trust: Trust
    ) -> AsyncGenerator[Plan[list[tuple[T, Any]]], None]:
        async for start, items in windows:
            yield self._plan(items, start, trust)

    def _ends(self, pair: tuple[T, Any]) -> bool:
        """Whether the stream ends with the error of this item."""
        return self.errors == "raise" and isinstance(pair[1], RagbridgeError)

    def _plan(self, items: list[T], start: int, trust: Trust) -> Plan[list[tuple[T, Any]]]:
        """The plan of one window: an item that fails leaves the others alone."""
        values: list[Any] = items if self.pick is None else [self.pick(item) for item in items]
        numbers: Sequence[int] = range(start, start + len(items))
        wrong: dict[int, RagbridgeError] = {}
        try:
            checked = self.check(values, numbers)
        except ConfigurationError:
            wrong = self._wrong(values, numbers)
            if not wrong:
                raise
            numbers = [number for number in numbers if number not in wrong]
            checked = self.check([values[number - start] for number in numbers], numbers)
        manner = Manner(on_error="report", trust=trust, numbers=numbers)
        plan = self.begin(checked, manner).map(functools.partial(_paired, items, start, numbers, wrong))
        # What would be told of a window alone says nothing about the stream, whose pairs have been yielded.
        return replace(plan, partial=None)

    def _wrong(self, values: list[Any], numbers: Sequence[int]) -> dict[int, RagbridgeError]:
        """The items that cannot be sent, by their numbers."""
        wrong: dict[int, RagbridgeError] = {}
        for value, number in zip(values, numbers, strict=True):
            try:
                self.check([value], [number])
            except ConfigurationError as error:
                wrong[number] = error
        return wrong


def _paired(
    items: list[T], start: int, numbers: Sequence[int], wrong: dict[int, RagbridgeError], result: Any
) -> list[tuple[T, Any]]:
    failed: dict[int, RagbridgeError] = {}
    for failure in result.failed:
        number = numbers[failure.index]
        failed.setdefault(number, _numbered(failure.error, number))
    rows = dict(zip(numbers, result, strict=True))
    return [
        (item, wrong[number] if number in wrong else failed.get(number, rows.get(number)))
        for number, item in enumerate(items, start)
    ]


def _numbered(error: RagbridgeError, number: int) -> RagbridgeError:
    """``error``, whose index counts the items of the stream."""
    return error.replace(index=number) if isinstance(error, StatusError) else error


def _windows(items: Iterable[T], size: int) -> Iterator[tuple[int, list[T]]]:
    source, start = iter(items), 0
    while window := list(itertools.islice(source, size)):
        yield start, window
        start += len(window)


async def _awaited_windows(
    items: Iterable[T] | AsyncIterable[T], size: int, service: Service
) -> AsyncGenerator[tuple[int, list[T]], None]:
    if not isinstance(items, AsyncIterable):
        windows = _windows(items, size)
        read = functools.partial(next, windows, None)
        listed = isinstance(items, (list, tuple))
        while (window := read() if listed else await service._beside(read)) is not None:  # noqa: SLF001 - a part of it
            yield window
        return
    start, gathered = 0, list[T]()
    async for item in items:
        gathered.append(item)
        if len(gathered) == size:
            yield start, gathered
            start, gathered = start + size, []
    if gathered:
        yield start, gathered
