"""Jobs that are interrupted at any moment: right rows or an error, and a client that is as good as new afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragbridge import Elastic, Jina, RagbridgeError, RateLimit, RequestError, Retry
from ragbridge.flow import Response
from ragbridge.local import Engine

TEXTS = [f"text {n}: what {n * 7919 % 1000} fishermen know about the sea" for n in range(10)]
PAGES = {f"https://example.com/{n}": f"# Page {n}\n\nFishermen know {n} things." for n in range(5)}
NUMBERS = itertools.count(1)
NO_WAIT = Retry(attempts=4, initial=0.0, retry_after_cap=0.0)
DENSE, RANKING = ".jina-embeddings-v5-text-nano", ".jina-reranker-v3"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


async def listed(stream):
    return [item async for item in stream]


def rows_of(found):
    """A result as something that can be compared, without what it cost."""
    if isinstance(found, list):  # a stream's pages, or the errors in their places
        return [str(page) if isinstance(page, RagbridgeError) else page.content for page in found]
    for name in ("vectors", "documents"):
        if hasattr(found, name):
            return [row.tolist() if isinstance(row, np.ndarray) else row for row in getattr(found, name)]
    return [(row.index, row.score) for row in found.results]


PRODUCTS = {
    "embed": lambda jina, elastic, progress: jina.aembed(TEXTS, dimensions=32, progress=progress),
    "embed_documents": lambda jina, elastic, progress: jina.aembed_documents(
        [TEXTS[:3], TEXTS[3:5], TEXTS[5:]],
        model="jina-embeddings-v3",
        late_chunking=True,
        dimensions=32,
        progress=progress,
    ),
    "embed_multivector": lambda jina, elastic, progress: jina.aembed_multivector(
        TEXTS[:4], role="document", dimensions=64, progress=progress
    ),
    "rerank": lambda jina, elastic, progress: jina.arerank("fishermen", TEXTS, max_documents_per_call=2),
    "read_each": lambda jina, elastic, progress: listed(jina.aread_each(list(PAGES))),
    "elastic embed": lambda jina, elastic, progress: elastic.aembed(
        TEXTS, inference_id=DENSE, progress=progress
    ),
    "elastic rerank": lambda jina, elastic, progress: elastic.arerank(
        "fishermen", TEXTS, inference_id=RANKING
    ),
}


@functools.cache
def engine():
    return Engine(pages=PAGES)


class Rows(dict):
    """The rows of each product; too many to be shown."""

    def __repr__(self):
        return "..."


@pytest.fixture(scope="module")
def right():
    """The rows of each product as they are when nothing interferes."""

    async def ask():
        jina, elastic = Jina(base_url="local", transport=engine()), Elastic("local", transport=engine())
        return Rows({name: rows_of(await product(jina, elastic, None)) for name, product in PRODUCTS.items()})

    return asyncio.run(ask())


class Acting:
    """A transport that answers by the engine, after what a script says. It can be interrupted at several places."""

    def __init__(self, script):
        self._script = iter(script)

    async def send_async(self, request):
        outcome = next(self._script, "right")
        await asyncio.sleep(0)
        if outcome == "cancelled":  # as the queue of a pool that is closed does
            raise asyncio.CancelledError
        if isinstance(outcome, int):
            return Response(outcome, {}, b'{"detail": "no"}')
        if outcome in {"reset", "half"}:
            raise RequestError("connection reset")
        response = engine().handle(request).response
        await asyncio.sleep(0)
        return response

    def send(self, request):
        return asyncio.run(self.send_async(request))

    def close(self):
        pass

    async def close_async(self):
        pass


def playing(wire, request, outcome, on_the_wire):
    """``outcome`` as a server on a socket acts it out."""
    answer = on_the_wire(engine().handle(request).response, X_Request_Id=f"answer-{next(NUMBERS)}")
    if isinstance(outcome, int):
        wire.send(on_the_wire(Response(outcome, {}, b'{"detail": "no"}')))
    elif outcome == "reset":
        wire.reset()
    elif outcome == "half":
        wire.send(answer[: len(answer) // 2])
        wire.hang_up()
    elif outcome == "hints":
        wire.send(HINTS + answer)
    elif outcome == "late":
        wire.send(HINTS)
        wire.pause(0.005)
        wire.send(answer)
    elif outcome == "twice":
        wire.send(answer + answer)
    elif outcome == "twice, later":
        wire.send(answer)
        wire.pause(0.001)
        wire.send(answer)
    else:
        wire.send(answer)


class Interruption:
    """What happens to a job while it runs."""

    def __init__(self, cancel, close, raises, told):
        self.cancel, self.close, self.raises, self.told = cancel, close, raises, told

    def __repr__(self):
        return f"cancel={self.cancel} close={self.close} raises={self.raises} told={self.told}"

    def progress(self, _):
        self.told -= 1
        if self.raises is not None and self.told == 0:
            raise self.raises("of the caller's own")


def interruptions(steps):
    moment = st.none() | st.integers(0, steps)
    raised = st.sampled_from([None, None, asyncio.CancelledError, GeneratorExit, ValueError])
    return st.builds(Interruption, cancel=moment, close=moment, raises=raised, told=st.integers(1, 4))


async def steps(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def interrupted(product, interruption, right, jina, elastic):
    """Run ``product``, interrupt it, and check what came of it."""
    job = asyncio.ensure_future(PRODUCTS[product](jina, elastic, interruption.progress))

    async def close():
        await steps(interruption.close)
        await asyncio.gather(jina.aclose(), elastic.aclose())

    closing = asyncio.ensure_future(close()) if interruption.close is not None else None
    if interruption.cancel is not None:
        await steps(interruption.cancel)
        job.cancel()
    allowed = [RagbridgeError]
    allowed += [asyncio.CancelledError] if interruption.cancel is not None else []
    allowed += [ValueError] if interruption.raises is ValueError else []
    try:
        rows = rows_of(await job)
    except BaseException as error:
        if not isinstance(error, tuple(allowed)):
            raise AssertionError(f"{error!r} came of {interruption}") from error
    else:
        for row, expected in zip(rows, right[product], strict=True):
            assert row == expected or (product == "read_each" and row not in right[product])
    if closing is not None:
        await closing


async def as_good_as_new(product, script, right, jina, elastic):
    """Use up what is left of ``script``; then ``product`` works as if nothing had happened."""
    for _ in script:
        with contextlib.suppress(RagbridgeError):
            assert rows_of(await PRODUCTS["embed"](jina, elastic, None)) == right["embed"]
    assert rows_of(await PRODUCTS[product](jina, elastic, None)) == right[product]


FAILURES = st.sampled_from(["right", "right", "right", 429, 500, 503, 401, "reset", "half"])
LIMITS = st.sampled_from([None, RateLimit(None, None, 1, 0.02), RateLimit(6e6, 6e9, 2, 0.02)])


def clients(limits, **settings):
    settings = {"limits": limits, "batch_size": 2, "concurrency": 3, "retry": NO_WAIT, **settings}
    elastic = {name: value for name, value in settings.items() if name != "base_url"}
    key = f"key-{next(NUMBERS)}"  # nobody shares its quota
    return Jina(key, host="jina", **settings), Elastic(settings["base_url"], api_key=key, **elastic)


@settings(max_examples=80, deadline=None)
@given(
    product=st.sampled_from(sorted(PRODUCTS)),
    script=st.lists(FAILURES | st.just("cancelled"), max_size=8),
    interruption=interruptions(40),
    limits=LIMITS,
)
def test_right_rows_or_an_error_whatever_interrupts_a_job(
    in_time, right, product, script, interruption, limits
):
    """Cancelled at any await, closed beside it, a callback that raises: nothing half-done is handed out."""

    async def main():
        jina, elastic = clients(limits, base_url="http://x", transport=Acting(script))
        await interrupted(product, interruption, right, jina, elastic)
        await as_good_as_new(product, script, right, jina, elastic)

    in_time(lambda: asyncio.run(main()))


SOCKETS = st.sampled_from(
    ["right", "right", "right", 503, 401, "reset", "half", "hints", "late", "twice", "twice, later"]
)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # see below
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    product=st.sampled_from(sorted(PRODUCTS)),
    script=st.lists(SOCKETS, max_size=8),
    interruption=interruptions(400),
    limits=LIMITS,
)
def test_right_rows_or_an_error_whatever_comes_over_sockets(
    raw_server, on_the_wire, in_time, right, any_library, product, script, interruption, limits
):
    """The same with real connections, announced, doubled, late and broken answers: no row of another text."""
    outcomes = iter(script)
    url = raw_server(lambda wire, request: playing(wire, request, next(outcomes, "right"), on_the_wire))

    async def main():
        own = httpx.AsyncClient(verify=False, timeout=5) if any_library == "own client" else None
        jina, elastic = clients(limits, base_url=url, async_http_client=own, timeout=5)
        try:
            await interrupted(product, interruption, right, jina, elastic)
            await as_good_as_new(product, script, right, jina, elastic)
        finally:
            await asyncio.gather(jina.aclose(), elastic.aclose())
            if own is not None:
                await own.aclose()

    in_time(lambda: asyncio.run(main()))


async def cancelled_after(coroutine, seconds):
    """Whatever comes of ``coroutine``, it is given up after so many seconds (None: before it has sent anything)."""
    task = asyncio.ensure_future(coroutine)
    if seconds is None:
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return
    with contextlib.suppress(TimeoutError, RagbridgeError):
        await asyncio.wait_for(task, seconds)


async def churn(jina, rounds):
    """Many calls that are given up before, during or after their request."""
    chance = random.Random(7)
    for _ in range(rounds):
        moments = [chance.choice([None, chance.uniform(0, 0.03), chance.uniform(0, 0.1)]) for _ in range(25)]
        calls = (cancelled_after(jina.aembed([TEXTS[0]], dimensions=32), moment) for moment in moments)
        await asyncio.gather(*calls)


@pytest.fixture
def moody(raw_server, on_the_wire):
    """A server that can be told to refuse everything."""

    class Moody:
        refusing = False

        def __init__(self):
            self.url = raw_server(self.play)

        def play(self, wire, request):
            wire.pause(0.003)
            refusal = Response(422, {}, b'{"detail": "no"}')
            wire.send(on_the_wire(refusal if self.refusing else engine().handle(request).response))

    return Moody()


# httpx leaves sockets to the garbage collector whose request is cancelled while they connect.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("any_library", ["httpx", "fast"], indirect=True)
@pytest.mark.parametrize("limits", [None, RateLimit(None, None, 2)], ids=["unlimited", "two at once"])
async def test_any_number_of_cancellations_leaves_a_client_as_good_as_new(moody, right, any_library, limits):
    """200 calls given up, and 100 refused jobs whose other requests are then cancelled: the next call is answered."""
    del any_library
    async with Jina(
        "k",
        base_url=moody.url,
        host="jina",
        limits=limits,
        concurrency=4,
        timeout=5,
        batch_size=2,
        retry=NO_WAIT,
    ) as jina:
        await churn(jina, 8)
        moody.refusing = True
        for _ in range(10):
            jobs = [jina.aembed(TEXTS, dimensions=32) for _ in range(10)]
            for outcome in await asyncio.gather(*jobs, return_exceptions=True):
                assert isinstance(outcome, RagbridgeError)
        moody.refusing = False
        async with asyncio.timeout(30):
            assert rows_of(await jina.aembed(TEXTS, dimensions=32)) == right["embed"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("any_library", ["own client"], indirect=True)
async def test_a_worn_out_client_of_the_callers_own_is_an_error_and_no_hang(moody, right, any_library):
    """httpx forgets connections of cancelled requests; a client that was passed in is not replaced."""
    del any_library
    async with httpx.AsyncClient(verify=False, limits=httpx.Limits(max_connections=2)) as own:
        jina = Jina(
            base_url=moody.url,
            host="jina",
            limits=None,
            timeout=0.3,
            retry=Retry(attempts=1),
            concurrency=8,
            async_http_client=own,
        )
        await churn(jina, 3)
        async with asyncio.timeout(30):
            (outcome,) = await asyncio.gather(jina.aembed(TEXTS, dimensions=32), return_exceptions=True)
    if isinstance(outcome, RequestError):
        assert "no free connection" in str(outcome)
    else:
        assert rows_of(outcome) == right["embed"]


async def test_any_number_of_cancellations_leaves_the_engine_as_good_as_new(right):
    """The same in this process."""
    jina = Jina(base_url="local", transport=engine(), limits=RateLimit(None, None, 2))
    await churn(jina, 8)
    async with asyncio.timeout(30):
        assert rows_of(await jina.aembed(TEXTS, dimensions=32)) == right["embed"]
