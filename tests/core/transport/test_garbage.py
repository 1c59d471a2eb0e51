"""What a call gives is freed when its caller lets go of it: large results do not wait for the garbage collector."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import numpy as np
import pytest

from ragbridge import Jina, RequestError, Retry

TEXTS = [f"text number {number}" for number in range(40)]
DOCUMENTS = [[text, f"{text}, again"] for text in TEXTS]


def jina() -> Jina:
    return Jina(base_url="local", batch_size=4, concurrency=4)


@pytest.fixture
def left() -> Iterator[Callable[[], list[str]]]:
    """Tells what of ours, and which arrays, only the garbage collector can free."""

    def found() -> list[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = [type(each) for each in gc.garbage]
        gc.set_debug(0)
        gc.garbage.clear()
        gc.collect()
        return sorted(
            {
                kind.__qualname__
                for kind in kinds
                if kind is np.ndarray or kind.__module__.startswith("ragbridge")
            }
        )

    gc.collect()
    gc.disable()
    yield found
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


async def stream(client: Jina, most: int) -> None:
    """A stream that is left after so many results."""
    rows = client.aembed_stream(TEXTS)
    for _ in range(most):
        await anext(rows)
    await rows.aclose()


def blocking_stream(client: Jina, most: int) -> None:
    rows = client.embed_stream(TEXTS)
    for _ in range(most):
        next(rows)
    rows.close()


CALLS: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "embed": ("embed", (TEXTS,), {}),
    "embed one": ("embed", (TEXTS[:1],), {}),
    "documents": ("embed_documents", (DOCUMENTS,), {}),
    "documents late": (
        "embed_documents",
        (DOCUMENTS,),
        {"model": "jina-embeddings-v3", "late_chunking": True},
    ),
    "multivector": ("embed_multivector", (TEXTS,), {"role": "document"}),
    "rerank": ("rerank", ("which?", TEXTS), {}),
    "segment": ("segment", ("One. Two. " * 40,), {}),
}
"""Methods and their arguments; an ``a`` before the name is the awaitable face."""

AWAITED: dict[str, Callable[[Jina], Awaitable[Any]]] = {
    **{name: lambda client, call=call: made(client, *call, face="a") for name, call in CALLS.items()},
    "stream": lambda client: stream(client, len(TEXTS)),
    "stream left": lambda client: stream(client, 1),
}
BLOCKING: dict[str, Callable[[Jina], Any]] = {
    **{name: lambda client, call=call: made(client, *call) for name, call in CALLS.items()},
    "stream": lambda client: blocking_stream(client, len(TEXTS)),
    "stream left": lambda client: blocking_stream(client, 1),
}


def made(client: Jina, method: str, given: tuple[Any, ...], settings: dict[str, Any], face: str = "") -> Any:
    return getattr(client, face + method)(*given, **settings)


@pytest.mark.parametrize("name", AWAITED)
def test_an_awaited_call_leaves_nothing_to_the_garbage_collector(name: str, left: Callable[[], list[str]]):
    async def main() -> None:
        async with jina() as client:
            await AWAITED[name](client)
            left()  # what is made once
            await AWAITED[name](client)
            assert left() == []

    asyncio.run(main())


@pytest.mark.parametrize("name", BLOCKING)
def test_a_blocking_call_leaves_nothing_to_the_garbage_collector(name: str, left: Callable[[], list[str]]):
    with jina() as client:
        BLOCKING[name](client)
        left()
        BLOCKING[name](client)
        assert left() == []


@pytest.fixture
def unreachable() -> Iterator[Jina]:
    """A client of a server that takes no connection."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        yield Jina("a-key", base_url=url, host="jina", retry=Retry(attempts=1), batch_size=4)


@pytest.mark.parametrize("name", BLOCKING)
def test_a_blocking_call_that_fails_leaves_nothing_either(
    name: str, unreachable: Jina, left: Callable[[], list[str]]
):
    for _ in range(2):
        left()
        with pytest.raises(RequestError):
            BLOCKING[name](unreachable)
    assert left() == []


@pytest.mark.parametrize("name", AWAITED)
def test_an_awaited_call_that_fails_leaves_nothing_either(
    name: str, unreachable: Jina, left: Callable[[], list[str]]
):
    async def main() -> None:
        for _ in range(2):
            left()
            with pytest.raises(RequestError):
                await AWAITED[name](unreachable)
        assert left() == []

    asyncio.run(main())
