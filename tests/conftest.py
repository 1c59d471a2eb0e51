"""What holds for every test."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest
from invented import INVENTED

from ragbridge import testing
from ragbridge.models import MODELS

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Haystack reports its use over the network unless told not to before it is imported.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


# The garbage collector looks through all that is alive, again and again. What is imported and collected stays to the end,
# so it is left out: that was a tenth of the processor time of all tests.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is collected, among what the tests make."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests begin first: left to the end, one would be waited for by all other processes."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(autouse=True)
def _own_quotas() -> None:
    """No test meets the limiters and estimates of another one, which clients share in a process."""
    testing.reset()


@pytest.fixture(autouse=True)
def _own_levels() -> Iterator[None]:
    """No test meets the log level that another one has set, such as an example that shows how to."""
    loggers = [logging.getLogger(), logging.getLogger("ragbridge")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of models has two rows more, of models that do not exist (``tests/data/invented.py``)."""
    for row in INVENTED:
        monkeypatch.setitem(MODELS, row.name, row)
