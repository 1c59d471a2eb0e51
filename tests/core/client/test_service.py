"""What holds for every service object, whichever service it is."""

from __future__ import annotations

import math

import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.elastic import Elastic


@pytest.mark.parametrize("service", [Jina, Elastic])
@pytest.mark.parametrize("deadline", [0, 59.9, -1, math.inf, math.nan, "60", True])
def test_a_deadline_that_cannot_be_kept_is_refused(service, deadline):
    """It is a finite number of seconds, and no shorter than the silence that is waited for."""
    with pytest.raises(ConfigurationError, match=r"deadline=.*timeout=60"):
        service("http://127.0.0.1:9" if service is Elastic else "key", timeout=60, deadline=deadline)


def test_a_deadline_may_be_as_short_as_the_timeout():
    """Then silence and drip are bounded alike."""
    Jina("key", timeout=2, deadline=2).close()
