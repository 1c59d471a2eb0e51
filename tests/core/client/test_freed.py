"""A client that nobody holds is gone at once, with its connections and its cache's file: it is in no circle of references."""

from __future__ import annotations

import gc
import weakref

import pytest

from ragbridge import Elastic, Jina


@pytest.mark.parametrize(
    "make",
    [
        lambda: Jina(base_url="local"),
        lambda: Jina("k", base_url="http://127.0.0.1:9"),
        lambda: Jina(["a", "b"], base_url="http://127.0.0.1:9"),
        lambda: Jina(lambda: "a", base_url="http://127.0.0.1:9"),
        lambda: Elastic("local"),
        lambda: Elastic("http://127.0.0.1:9", api_key="k"),
    ],
)
def test_a_client_that_is_dropped_is_gone(make):
    """Without the garbage collector, which may come late or never."""
    gc.disable()
    try:
        client = make()
        left = weakref.ref(client), weakref.ref(client._channel), weakref.ref(client._transport)
        del client
        assert [one() for one in left] == [None, None, None]
    finally:
        gc.enable()
