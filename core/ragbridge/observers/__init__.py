"""Who watches what clients do: the protocols of observers, and what they are told. Without any dependency.

::

    class Slow:                                             # an Observer
        def started(self, operation):
            return SlowCall(operation)

    class SlowCall:                                         # an Observation
        def __init__(self, operation):
            self.operation = operation

        def event(self, event):
            if isinstance(event, Waited):
                print(self.operation.name, "waited", event.seconds, "s for", event.cause)

        def ended(self, outcome):
            print(self.operation.name, outcome.seconds, outcome.error_type)

    Jina(observers=[Slow()])                                # one client
    ragbridge.observe(Slow())                               # every client of this process

No value here holds a text, a key, a vector, or an error's message. ``ragbridge.otel`` is an observer that makes traces and
metrics of OpenTelemetry.
"""

from ragbridge.observers.events import (
    Answered,
    Attempt,
    Cached,
    Event,
    Failed,
    Operation,
    Outcome,
    Paused,
    Refused,
    Retrying,
    Split,
    Waited,
)
from ragbridge.observers.protocol import Observation, Observer
from ragbridge.observers.registry import Observing, observe

__all__ = [
    "Answered",
    "Attempt",
    "Cached",
    "Event",
    "Failed",
    "Observation",
    "Observer",
    "Observing",
    "Operation",
    "Outcome",
    "Paused",
    "Refused",
    "Retrying",
    "Split",
    "Waited",
    "observe",
]

for _thing in (
    Answered,
    Attempt,
    Cached,
    Failed,
    Observation,
    Observer,
    Observing,
    Operation,
    Outcome,
    Paused,
    Refused,
    Retrying,
    Split,
    Waited,
    observe,
):
    _thing.__module__ = __name__  # ground.public stands above, and does the same for modules above it
