"""The engine behind ``base_url="local"``: one in a process, so that all of its clients see the same indexes and jobs."""

from __future__ import annotations

import functools

from ragbridge.local.engine import Engine


@functools.cache
def shared_engine() -> Engine:
    """The engine of this process; made when first asked for."""
    return Engine()


def forget() -> None:
    """The next request meets a new engine, without indexes, endpoints, classifiers and jobs. Weights stay loaded."""
    shared_engine.cache_clear()
