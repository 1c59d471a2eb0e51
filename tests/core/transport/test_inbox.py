"""What comes over a connection is given as it was asked for, however it was cut on its way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge.transport.buffers import LARGE, BufferPool
from ragbridge.transport.inbox import ROOM, Inbox
from ragbridge.transport.wire import ANY, FULL, HEAD, LINE, Need


def judged(content: bytes, need: Need) -> bytes:
    """What ``need`` gets of ``content``, where all of it is there and no more will come."""
    kind, size = need
    lines = content[:size].splitlines(keepends=True)
    if kind is LINE:
        return content[: min(content.find(b"\n", 0, size) + 1 or size, size)]
    if kind is HEAD:
        taken = 0
        for line in lines:
            taken += len(line)
            if line in {b"\n", b"\r\n"}:
                return content[:taken]
    return content[:size]


PIECES = st.lists(
    st.sampled_from([b"a", b"bc:d", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b"x" * 50]), max_size=12
)
NEEDS = st.lists(st.tuples(st.sampled_from([LINE, HEAD, FULL, ANY]), st.integers(1, 80)), max_size=12)


@given(PIECES, NEEDS, st.integers(1, 60))
def test_what_is_taken_does_not_depend_on_how_it_came(pieces, needs, step):
    """Lines, heads, so many bytes: the same as of the whole. ``ANY`` gives what there is, and at least one byte."""
    content, inbox, at = b"".join(pieces), Inbox(BufferPool(1)), 0
    for need in needs:
        while (found := inbox.take(need)) is None:
            part = content[at : at + step]
            inbox.free()[: len(part)] = part
            inbox.filled(len(part))
            inbox.ended = not part
            at += len(part)
        expected = judged(content[at - _left(inbox, at, found) :], need)
        assert expected.startswith(found)
        assert need[0] is ANY or found == expected
        assert found or at == len(content)


def _left(inbox: Inbox, at: int, found: bytes | bytearray) -> int:
    """Bytes that had come and not been taken before ``found`` was."""
    return len(found) + inbox._end - inbox._start


@pytest.mark.parametrize("before", [0, 10, LARGE - 1])
def test_a_long_body_is_received_where_it_stays(before: int):
    """Behind what had come of it; what follows it is kept apart. Less is given where the connection ends."""
    size = LARGE + 1000
    for missing in (0, 100):
        inbox = Inbox(BufferPool(1))
        inbox.free()[:before] = b"a" * before
        inbox.filled(before)
        assert inbox.take((FULL, size)) is None
        assert not inbox.is_full
        room = inbox.free()
        assert len(room) == size - before
        room[:] = b"b" * len(room)
        assert inbox.filled(len(room) - missing) == (not missing)
        if missing:
            assert inbox.take((FULL, size)) is None
            inbox.ended = True
        else:
            inbox.free()[:4] = b"next"
            inbox.filled(4)
        assert inbox.take((FULL, size)) == b"a" * before + b"b" * (size - before - missing)
        assert inbox.take((ANY, ROOM)) == (b"" if missing else b"next")


def test_what_follows_a_long_body_that_has_come_whole_is_left_alone():
    inbox = Inbox(BufferPool(1))
    inbox.free()[: LARGE + 4] = b"a" * LARGE + b"next"
    inbox.filled(LARGE + 4)
    assert inbox.take((FULL, LARGE)) == b"a" * LARGE
    assert inbox.take((ANY, ROOM)) == b"next"
    assert inbox.is_empty


def test_a_full_inbox_says_so_and_has_room_again_once_something_was_taken():
    inbox = Inbox(BufferPool(1))
    while room := inbox.free():
        room[:] = b"\n" * len(room)
        inbox.filled(len(room))
    assert inbox.is_full
    assert inbox.take((LINE, ROOM)) == b"\n"
    assert not inbox.is_full
    assert len(inbox.free()) == 1
    assert inbox.take((ANY, ROOM)) == b"\n" * (ROOM - 1)
    assert inbox.is_empty


@pytest.mark.parametrize("kind", [LINE, HEAD])
def test_what_has_no_end_is_given_as_far_as_it_may_be(kind: str):
    inbox = Inbox(BufferPool(1))
    inbox.free()[:] = b"a" * ROOM
    inbox.filled(ROOM)
    assert inbox.take((kind, 100)) == b"a" * 100
    assert inbox.take((kind, ROOM)) is None
