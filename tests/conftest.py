"""What holds for every test."""

from __future__ import annotations

import os

import pytest

from ragbridge import testing

# Haystack reports its use over the network unless told not to before it is imported.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


@pytest.fixture(autouse=True)
def _own_quotas() -> None:
    """No test meets the limiters and estimates of another one, which clients share in a process."""
    testing.reset()
