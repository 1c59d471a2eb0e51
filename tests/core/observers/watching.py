"""An observer that keeps what it was told."""

from __future__ import annotations

import threading


class Recorder:
    """Keeps each operation with its events and its outcomes, and the names of the threads that told it."""

    def __init__(self):
        self.calls = []

    def started(self, operation):
        call = Call(operation)
        self.calls.append(call)
        return call

    @property
    def only(self):
        (call,) = self.calls
        return call

    @property
    def names(self):
        return [call.operation.name for call in self.calls]


class Call:
    def __init__(self, operation):
        self.operation = operation
        self.thread = threading.current_thread()
        self.events = []
        self.outcomes = []
        self.late = []

    def event(self, event):
        (self.late if self.outcomes else self.events).append(event)

    def ended(self, outcome):
        self.outcomes.append(outcome)

    @property
    def outcome(self):
        """The one outcome; no event came after it."""
        assert not self.late
        (outcome,) = self.outcomes
        return outcome

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]
