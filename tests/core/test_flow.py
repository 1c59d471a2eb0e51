"""What flows and plans are made of."""

from __future__ import annotations

import pytest

from ragbridge.flow import Request, Waiting, single, sleep


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


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://h:9200/_inference/a%40b?timeout=30s", "https://h:9200/_inference/a%40b"),
        ("https://me:hunter2@store.example/x?sig=hunter2", "https://store.example/x"),
        ("https://store.example/x#token=hunter2", "https://store.example/x"),
        ("https://store.example/x?sig=hunter2@hunter2", "https://store.example/x"),
        ("https://me:hunter2/x@store.example/x", "https://[hidden]"),
    ],
)
def test_the_place_of_a_request_holds_no_secret(url: str, place: str) -> None:
    """Logs and errors show it, and a service may name any address for a file."""
    request = Request("GET", url)
    assert request.place == place
    assert "hunter2" not in repr(request)
