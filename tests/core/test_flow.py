"""What flows and plans are made of."""

from __future__ import annotations

from ragbridge.flow import Waiting, single, sleep


def test_a_subscriber_that_cannot_go_on_gives_up_and_the_others_are_woken() -> None:
    """A waker whose event loop is closed ends its own wait alone."""
    woken: list[str] = []

    class Place(Waiting):
        __slots__ = ()

        def give_up(self) -> None:
            woken.append("given up")

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    place = Place()
    place.subscribe(closed)
    place.subscribe(lambda: woken.append("second"))
    place.wake()
    assert woken == ["given up", "second"]


def test_a_plan_of_one_flow_has_its_result() -> None:
    """The plan's result is what its only flow returned."""
    whole = single(sleep(0))
    assert len([*whole.flows]) == 1
    assert whole.join(["result"]) == "result"
