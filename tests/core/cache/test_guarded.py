"""A cache that fails costs a warning, never an answer."""

from __future__ import annotations

import logging

import pytest

from ragbridge import ConfigurationError
from ragbridge.cache.guarded import LONGEST_PAUSE, PAUSE, Guarded

KEYS = [bytes([number]) * 20 for number in range(9)]


class Own:
    """Does what it is told, and counts."""

    def __init__(self, does):
        self.does = does
        self.calls = 0

    def get_many(self, keys):
        self.calls += 1
        return self.does(keys)

    def put_many(self, items):
        self.calls += 1
        self.does(items)


def failing(_):
    raise OSError(28, "No space left on device")


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, logger="ragbridge")
    return caplog


def test_a_failure_is_a_warning_once(warnings):
    """However often it fails; nothing is known, and nothing is raised."""
    guarded = Guarded(Own(failing))
    for _ in range(3):
        assert guarded.get_many(KEYS) == {}
        guarded.put_many({KEYS[0]: b"1"})
    (record,) = warnings.records
    assert "failed, going on without it: OSError: [Errno 28] No space left" in record.getMessage()
    assert (guarded.hits, guarded.misses) == (0, 27)


@pytest.mark.parametrize("answer", [None, 7, [b"x"], {}, {"key": b"1"}], ids=repr)
def test_a_cache_that_answers_nonsense_knows_nothing(answer):
    """Nothing of it reaches a result."""
    assert Guarded(Own(lambda _: answer)).get_many(KEYS) == {}


def test_only_bytes_under_keys_that_were_asked_for_are_taken():
    """Other kinds are unknown; what is like bytes becomes bytes."""
    values = ["text", 3, None, bytearray(b"a"), memoryview(b"b"), b"c", [b"d"]]
    found = Guarded(Own(lambda _: {**dict(zip(KEYS, values, strict=False)), b"other": b"x"})).get_many(KEYS)
    assert found == {KEYS[3]: b"a", KEYS[4]: b"b", KEYS[5]: b"c"}
    assert {type(value) for value in found.values()} == {bytes}


def test_hits_and_misses_are_counted():
    """A key that is asked for twice counts once."""
    guarded = Guarded(Own(lambda _: {KEYS[0]: b"1"}))
    guarded.get_many([KEYS[0], KEYS[0], KEYS[1], KEYS[2]])
    assert (guarded.hits, guarded.misses) == (1, 2)


def test_what_the_caller_has_set_wrong_is_raised():
    """A file of another format is no failure to go on with."""

    def refuse(_):
        raise ConfigurationError("has format 7")

    for use in (
        Guarded(Own(refuse)).get_many,
        lambda keys: Guarded(Own(refuse)).put_many(dict.fromkeys(keys, b"")),
    ):
        with pytest.raises(ConfigurationError, match="has format 7"):
            use(KEYS)


def test_interrupting_is_no_failure():
    """Ctrl-C ends the call."""

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guarded(Own(interrupt)).get_many(KEYS)


def test_a_slow_failure_is_not_repeated_by_every_request():
    """One out of reach costs its timeout once in a while; one that fails at once is asked again at once."""
    time, took = [0.0], [0.0]

    def slow(_):
        time[0] += took[0]
        raise TimeoutError

    cache = Own(slow)
    guarded = Guarded(cache, now=lambda: time[0])
    for took[0], left_alone in ((0.0, 0.0), (2.0, 2.0 * PAUSE), (30.0, LONGEST_PAUSE)):
        guarded.get_many(KEYS)
        before = cache.calls
        if left_alone:
            time[0] += left_alone - 0.5
            guarded.get_many(KEYS)
            guarded.put_many({KEYS[0]: b"1"})
            assert cache.calls == before
            time[0] += 0.5
        guarded.put_many({KEYS[0]: b"1"})
        assert cache.calls == before + 1
        time[0] += LONGEST_PAUSE


def test_nothing_is_asked_about_nothing():
    """A server is not called for it."""
    guarded = Guarded(cache := Own(failing))
    guarded.put_many({})
    assert (guarded.get_many([]), cache.calls) == ({}, 0)


def test_it_closes_what_can_be_closed(warnings):
    """And a failure of that is no error either."""
    cache = Own(failing)
    Guarded(cache).close()
    cache.close = lambda: failing(None)
    Guarded(cache).close()
    assert len(warnings.records) == 1
