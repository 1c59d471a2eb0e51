"""When to try again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RateLimitError,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
)
from ragbridge.client.retry import retry_after

NOW = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_milliseconds_seconds_or_a_date(headers, seconds):
    """All three forms of the header are understood, and nonsense counts as none."""
    assert retry_after(headers, now=NOW) == seconds


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_double_up_to_the_maximum(attempt, draw):
    """However often it failed, the wait lies between half of the doubled one and the maximum."""
    delay = Retry(attempts=100_000, initial=0.5, maximum=30).delay(attempt, RequestError("x"), draw=draw)
    full = min(30, 0.5 * 2.0 ** min(attempt - 1, 60))
    assert full / 2 <= delay <= full


def test_a_service_that_says_when_is_believed_up_to_the_cap():
    """Retry-After decides over the doubling, but no service makes a client wait for hours."""
    asked = RateLimitError("slow down", status=429, retry_after=7.0)
    assert 7.0 <= Retry().delay(1, asked) <= 7.7
    assert Retry(retry_after_cap=60).delay(1, asked.replace(retry_after=86_400.0)) == 60


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (RequestError("reset"), True),
        (ResponseError("a row is missing"), True),
        (ServiceError("down", status=503), True),
        (RateLimitError("slow down", status=429), True),
        (InvalidRequestError("no", status=422), False),
        (QuotaExhaustedError("empty", status=403), False),
        (ConfigurationError("no"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error, again):
    """A refusal that would be repeated is not provoked again."""
    assert (Retry().delay(1, error) is not None) is again


def test_attempts_are_counted_with_the_first():
    """``attempts=3`` sends three requests, not four."""
    retry = Retry(attempts=3)
    assert [retry.delay(n, RequestError("x")) is None for n in (1, 2, 3)] == [False, False, True]


@pytest.mark.parametrize(
    "wrong", [{"attempts": 0}, {"initial": -1.0}, {"maximum": float("nan")}, {"refusals": -1}]
)
def test_a_wrong_figure_is_named(wrong):
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Retry(**wrong)
