"""An observer is any object with the right methods; one with others is none."""

from __future__ import annotations

from typing import assert_type

import ragbridge
from ragbridge import Elastic, Jina, Observation, Observer, Operation, Outcome
from ragbridge.observers import Event, Observing, Waited


class Call:
    def event(self, event: Event) -> None:
        if isinstance(event, Waited):
            assert_type(event.seconds, float)

    def ended(self, outcome: Outcome) -> None:
        assert_type(outcome.error_type, str | None)


class Calls:
    def started(self, operation: Operation) -> Call | None:
        assert_type(operation.items, int | None)
        return Call()


class Other:
    def started(self) -> None: ...


observation: Observation = Call()
observer: Observer = Calls()
Jina(base_url="local", observers=[Calls()])
Elastic("local", observers=(observer,))
assert_type(ragbridge.observe(Calls()), Observing)
ragbridge.observe(Other())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
