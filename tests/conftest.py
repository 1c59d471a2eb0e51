"""What holds for every test."""

from __future__ import annotations

import os

import pytest

from ragbridge.limiter import limiter

# Haystack reports its use over the network unless told not to before it is imported.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


@pytest.fixture(autouse=True)
def _own_quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test meets the limiter of another one, which clients of one host and key share in a process."""
    monkeypatch.setattr(limiter, "_registry", limiter._Registry())
