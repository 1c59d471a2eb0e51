"""Blocking calls on event loops that run, and loops that stand still: every call ends, and no quota is exceeded."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading

import httpx
import pytest

from ragbridge import Jina, RateLimit
from ragbridge.local import Engine, Quota

MODEL = "jina-embeddings-v3"
KEYS = (f"key-{number}" for number in itertools.count())
LIMITS = {
    "free": "free",
    "paid": "paid",
    "premium": "premium",
    "one at once": RateLimit(None, None, 1),
    "few": RateLimit(1200, 600_000, 2, 1.0),
    "none": None,
}


@pytest.fixture
def hits():
    """When the requests came in, and how many were open at once, at most."""

    class Hits:
        lock, seen, open, most = threading.Lock(), 0, 0, 0

        @contextlib.contextmanager
        def one(self):
            with self.lock:
                self.seen += 1
                self.open += 1
                self.most = max(self.most, self.open)
            try:
                yield
            finally:
                with self.lock:
                    self.open -= 1

    return Hits()


@pytest.fixture
def serve(raw_server, on_the_wire, hits):
    """Starts the embedded engine behind sockets; each answer is held back for a moment."""

    def start(hold=0.02, **settings):
        engine = Engine(**settings)

        def play(wire, request):
            with hits.one():
                answer = engine.handle(request).response
                wire.pause(hold)
            wire.send(on_the_wire(answer))

        return raw_server(play)

    return start


@pytest.fixture(params=["cold", "warm"])
def warmth(request, monkeypatch):
    """Whether the process has learnt anything of the model before."""
    monkeypatch.setattr("ragbridge.limiter.tokens._estimators", {})
    return request.param


async def begun(coroutine, hits):
    """A task whose request has reached the server."""
    before, task = hits.seen, asyncio.ensure_future(coroutine)
    while hits.seen == before:  # noqa: ASYNC110 - the server is another thread
        await asyncio.sleep(0.001)
    return task


@pytest.mark.parametrize("concurrency", [1, None])
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_a_blocking_call_goes_on_beside_tasks_of_its_own_loop(
    serve, hits, in_time, warmth, limits, concurrency
):
    """The tasks can only end once the call has ended, so it waits for none of them."""

    async def main():
        with Jina(next(KEYS), base_url=serve(), host="jina", limits=limits, concurrency=concurrency) as jina:
            if warmth == "warm":
                jina.embed(["warm"], model=MODEL)
            tasks = [await begun(jina.aembed(["a"], model=MODEL), hits)]
            tasks += [asyncio.ensure_future(jina.aembed(["b"] * 130, model=MODEL)) for _ in range(2)]
            await asyncio.sleep(0)
            assert len(jina.embed(["c"], model=MODEL).vectors) == 1
            assert len(jina.embed(["d"] * 3, model=MODEL).vectors) == 3
            assert [len((await task).vectors) for task in tasks] == [1, 130, 130]
            await jina.aclose()

    in_time(lambda: asyncio.run(main()))


def test_every_transport_lets_a_blocking_call_pass(serve, hits, in_time, any_library, monkeypatch):
    """Neither connections nor clients are shared by the two faces: none of them waits for the other's."""
    monkeypatch.setattr("ragbridge.limiter.tokens._estimators", {})

    async def main():
        own = {}
        if any_library == "own client":
            own = {
                "http_client": httpx.Client(verify=False),
                "async_http_client": httpx.AsyncClient(verify=False, limits=httpx.Limits(max_connections=1)),
            }
        jina = Jina(next(KEYS), base_url=serve(), host="jina", limits=RateLimit(None, None, 1), **own)
        tasks = [await begun(jina.aembed(["a"], model=MODEL), hits)]
        tasks += [asyncio.ensure_future(jina.aembed(["b"], model=MODEL)) for _ in range(3)]
        await asyncio.sleep(0)
        assert len(jina.embed(["c"], model=MODEL).vectors) == 1
        assert [len((await task).vectors) for task in tasks] == [1] * 4
        await jina.aclose()
        if own:
            own["http_client"].close()
            await own["async_http_client"].aclose()

    in_time(lambda: asyncio.run(main()))


def test_the_quota_holds_while_loops_are_blocked(serve, hits, in_time, warmth):
    """A server that counts refuses nothing; one place more than allowed is taken, which is the price."""
    quota = Quota(requests_per_minute=1200, tokens_per_minute=600_000, concurrency=3, window=1.0)
    limits = RateLimit(1200, 600_000, 2, 1.0)

    async def main():
        with Jina(
            next(KEYS), base_url=serve(0.02, quota=quota), host="jina", limits=limits, batch_size=4
        ) as jina:
            for _ in range(3):
                tasks = [
                    asyncio.ensure_future(jina.aembed(map(str, range(12)), model=MODEL)) for _ in range(3)
                ]
                await asyncio.sleep(0.01)
                for _ in range(5):
                    assert len(jina.embed(["b"], model=MODEL).vectors) == 1
                    await asyncio.sleep(0)
                assert [len((await task).vectors) for task in tasks] == [12] * 3
            await jina.aclose()
            return jina.usage

    usage = in_time(lambda: asyncio.run(main()))
    assert usage.refusals == 0
    assert usage.requests == 3 * (9 + 5)
    assert hits.most <= 3


def sleeping(tasks, release):
    """A coroutine that does not yield."""
    release.wait()


def joining(tasks, release):
    """What LlamaIndex's ``asyncio_run`` does on a running loop: another loop in a thread, which is joined."""

    def run():
        asyncio.run(tasks())
        release.wait()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.mark.parametrize("blocking", [sleeping, joining], ids=["asleep", "joining a thread"])
@pytest.mark.parametrize("warmth", ["cold"], indirect=True)
@pytest.mark.parametrize("who", ["the same key", "another key", "another loop"])
def test_others_go_on_beside_a_loop_that_stands_still(serve, hits, in_time, warmth, blocking, who):
    """Whatever blocks it: its pilot is replaced, its bookings are waited for no longer, its grants go to others."""
    url, release, ready = serve(), threading.Event(), threading.Event()
    limits = RateLimit(None, None, 1)
    jina = Jina(next(KEYS), base_url=url, host="jina", limits=limits)
    other = Jina(next(KEYS), base_url=url, host="jina", limits=limits) if who == "another key" else jina

    async def blocked():
        tasks = [await begun(jina.aembed(["a"], model=MODEL), hits)]
        tasks += [asyncio.ensure_future(jina.aembed(["b"] * 130, model=MODEL)) for _ in range(2)]
        await asyncio.sleep(0)
        ready.set()
        blocking(lambda: jina.aembed(["c"], model=MODEL), release)
        found = [len((await task).vectors) for task in tasks]
        await jina.aclose()
        return found

    async def on_a_loop():
        try:
            return await other.aembed(["d"], model=MODEL)
        finally:
            await other.aclose()

    def all_of_it():
        if warmth == "warm":
            jina.embed(["warm"], model=MODEL)
        found = []
        standing = threading.Thread(target=lambda: found.append(asyncio.run(blocked())))
        standing.start()
        try:
            ready.wait()
            for _ in range(2):
                if who == "another loop":
                    assert len(asyncio.run(on_a_loop()).vectors) == 1
                else:
                    assert len(other.embed(["d"], model=MODEL).vectors) == 1
        finally:
            release.set()
            standing.join()
        assert found == [[1, 130, 130]]

    in_time(all_of_it)
    jina.close()
    other.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_never_runs_again_is_waited_for_no_longer(serve, hits, in_time, warmth):
    """Stopped with tasks pending, as in a notebook, or in a framework that gives its loop up."""
    jina = Jina(next(KEYS), base_url=serve(), host="jina", limits=RateLimit(None, None, 1))
    loop = asyncio.new_event_loop()

    async def leave():
        first = await begun(jina.aembed(["a"], model=MODEL), hits)
        return [first, asyncio.ensure_future(jina.aembed(["b"], model=MODEL))]

    def all_of_it():
        if warmth == "warm":
            jina.embed(["warm"], model=MODEL)
        tasks = loop.run_until_complete(leave())
        for _ in range(2):
            assert len(jina.embed(["c"], model=MODEL).vectors) == 1
        found = loop.run_until_complete(asyncio.gather(*tasks))  # it does run again, after all
        assert [len(each.vectors) for each in found] == [1, 1]
        loop.run_until_complete(jina.aclose())

    in_time(all_of_it)
    loop.close()
    jina.close()


@pytest.mark.parametrize("where", ["engine", "host"])
def test_calls_in_the_loops_threads_do_not_keep_out_what_they_wait_for(serve, in_time, where):
    """``asyncio.to_thread`` has few threads; full of calls that wait for the quota, none is left for who holds it."""

    async def main():
        url = "local" if where == "engine" else serve().replace("127.0.0.1", "localhost")
        jina = Jina(next(KEYS), base_url=url, host="jina", limits=RateLimit(None, None, 1))
        calls = [asyncio.ensure_future(jina.aembed(["a"])) for _ in range(2)]
        calls += [asyncio.ensure_future(asyncio.to_thread(jina.embed, ["b"])) for _ in range(40)]
        assert [len(found.vectors) for found in await asyncio.gather(*calls)] == [1] * 42
        await jina.aclose()

    in_time(lambda: asyncio.run(main()))
