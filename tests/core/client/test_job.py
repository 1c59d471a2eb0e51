"""The requests of one call: what their errors say."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from ragbridge.client.job import one_of
from ragbridge.errors import RequestError
from ragbridge.flow import Sleep


@pytest.mark.parametrize("sent", [True, False])
def test_an_error_that_is_given_a_name_still_says_whether_anything_was_sent(sent: bool) -> None:
    """What may be sent again without a doubt, and what advice helps, depends on it."""

    def failing() -> Generator[Sleep, None, None]:
        error = RequestError("no connection")
        error.sent = sent
        raise error
        yield Sleep(0)

    with pytest.raises(RequestError, match=r"urls\[3\]: no connection") as caught:
        next(one_of(failing(), "urls[3]", 3))
    assert caught.value.sent is sent
