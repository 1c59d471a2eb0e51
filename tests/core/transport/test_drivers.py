"""Threads and asyncio perform the same flows in the same way."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import Jina, RagbridgeError, RateLimit, RequestError, Retry, ServiceError
from ragbridge.flow import Response
from ragbridge.testing import VirtualClock

MODEL = "some-model"
EXAMPLES = itertools.count()
OUTCOMES = st.sampled_from(
    [None, None, 429, 500, 503, 422, "reset", "odd", "not json", "redirect", "shuffled", "missing"]
)


def acted_out(outcome, right):
    """An outcome's name as what a transport does."""

    def answer(request):
        if outcome == "reset":
            raise RequestError("connection reset")
        if isinstance(outcome, int):
            return Response(outcome, {"retry-after": "2"} if outcome == 429 else {}, b'{"detail": "no"}')
        if outcome == "not json":
            return Response(200, {}, b"<html>")
        if outcome == "redirect":
            return Response(307, {"location": "https://elsewhere/v1"})
        body = json.loads(right(request).body)
        if outcome == "odd":
            body["data"][0]["index"] = 99
        elif outcome == "missing":
            body["data"].pop()
        elif outcome == "shuffled":
            body["data"].reverse()
        return Response(200, {}, json.dumps(body).encode())

    return None if outcome is None else answer


def outcome_of(call):
    """What a call returns or raises, in a form that can be compared."""
    try:
        result = call()
    except RagbridgeError as error:
        return type(error).__name__, str(error)
    return [vector[0] for vector in result], result.usage


@settings(max_examples=150, deadline=None)
@given(
    script=st.lists(OUTCOMES, max_size=10),
    numbers=st.lists(st.integers(0, 999), max_size=12),
    limits=st.sampled_from([None, RateLimit(30, 500, 2), RateLimit(None, 200, 1)]),
    attempts=st.integers(1, 4),
)
def test_sync_and_async_agree(scripted, right_answer, script, numbers, limits, attempts):
    """Whatever the service does: same rows or same error, same requests, same waits, and never a wrong row."""
    texts = [f"{number} text" for number in numbers]
    example = next(EXAMPLES)  # estimates are shared by model: each example begins without any
    faces = []
    for face in ("sync", "async"):
        random.seed(0)
        clock, transport = VirtualClock(), scripted(*(acted_out(outcome, right_answer) for outcome in script))
        jina = Jina(
            base_url="http://x",
            limits=limits,
            retry=Retry(attempts=attempts),
            concurrency=1,
            batch_size=3,
            transport=transport,
            clock=clock,
        )
        call = jina.embed if face == "sync" else lambda *args, **kw: asyncio.run(jina.aembed(*args, **kw))  # noqa: B023
        outcome = outcome_of(lambda: call(texts, model=f"{MODEL}-{example}-{face}"))  # noqa: B023
        bodies = [json.loads(request.body)["input"] for request in transport.requests]
        faces.append((outcome, bodies, clock.slept, jina.usage.requests, jina.usage.refusals))
        if isinstance(outcome[0], list):
            assert outcome[0] == [float(number) for number in numbers]
    assert faces[0] == faces[1]


class Counting:
    """A transport that knows how many requests were in flight at once; it answers when ``full`` is reached."""

    def __init__(self, full, right):
        self.full, self.right = full, right
        self.now = self.most = self.sent = 0
        self.lock = threading.Lock()
        self.everybody = threading.Barrier(full, timeout=20)

    def count(self, change):
        with self.lock:
            self.now += change
            self.most = max(self.most, self.now)
            self.sent += change > 0

    def send(self, request):
        self.count(+1)
        self.everybody.wait()
        self.count(-1)
        return self.right(request)

    async def send_async(self, request):
        self.count(+1)
        await asyncio.to_thread(self.everybody.wait)
        self.count(-1)
        return self.right(request)

    def close(self):
        pass

    async def close_async(self):
        pass


@pytest.mark.parametrize("face", ["sync", "async"])
def test_requests_run_side_by_side_up_to_the_bound(right_answer, face):
    """A plain call over many texts keeps exactly ``concurrency`` requests in flight, in both faces."""
    transport = Counting(4, right_answer)
    jina = Jina(base_url="http://x", limits=None, concurrency=4, batch_size=1, transport=transport)
    texts = [f"{n} text" for n in range(24)]
    result = (
        jina.embed(texts, model=MODEL) if face == "sync" else asyncio.run(jina.aembed(texts, model=MODEL))
    )
    assert result.vectors[:, 0].tolist() == list(range(24))
    assert transport.most == 4
    assert transport.now == 0


class Failing:
    """A transport whose second request fails for good once the first one is under way; the first answers after that.

    Any further one takes long enough for the failure to be heard of.
    """

    def __init__(self, right):
        self.right = right
        self.sent = 0
        self.lock = threading.Lock()
        self.failed = threading.Event()

    def send(self, request):
        with self.lock:
            self.sent += 1
            mine = self.sent
        if mine == 2:
            self.failed.set()
            return Response(422, {}, b'{"detail": "no"}')
        self.failed.wait(20)
        if mine > 2:
            time.sleep(0.3)
        return self.right(request)

    async def send_async(self, request):
        return await asyncio.to_thread(self.send, request)

    def close(self):
        pass

    async def close_async(self):
        pass


@pytest.mark.parametrize("face", ["sync", "async"])
def test_after_a_failure_no_further_request_is_sent(right_answer, face):
    """One request that cannot succeed ends the job; those in flight are the last."""
    transport = Failing(right_answer)
    jina = Jina(base_url="http://x", limits=None, concurrency=2, batch_size=1, transport=transport)
    texts = [f"{n} text" for n in range(50)]
    with pytest.raises(RagbridgeError, match=r"texts\[\d+\]"):
        jina.embed(texts, model=MODEL) if face == "sync" else asyncio.run(jina.aembed(texts, model=MODEL))
    assert transport.sent <= 3


def test_cancelling_an_async_call_closes_its_flows_and_frees_the_limiter(right_answer):
    """A cancelled task leaves no request behind and no place in the quota taken."""

    class Hanging(Failing):
        async def send_async(self, request):
            started.set()
            await asyncio.sleep(3600)

    async def main():
        jina = Jina(base_url="http://x", limits=RateLimit(None, None, 1), transport=Hanging(right_answer))
        task = asyncio.ensure_future(jina.aembed(["1 a"], model=MODEL))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        jina._transport = Failing(right_answer)
        jina._transport.failed.set()
        return await jina.aembed(["7 a"], model=MODEL)

    started = asyncio.Event()
    assert asyncio.run(main()).vectors[0, 0] == 7.0


def test_an_interrupt_in_the_calling_thread_ends_the_job(scripted):
    """Ctrl-C does not wait for the other workers' answers."""

    def interrupt(request):
        raise KeyboardInterrupt

    jina = Jina(base_url="http://x", limits=None, concurrency=1, batch_size=1, transport=scripted(interrupt))
    with pytest.raises(KeyboardInterrupt):
        jina.embed(["1 a", "2 b", "3 c"], model=MODEL)


def test_many_threads_share_one_client(scripted):
    """Calls from several threads at once do not mix their rows."""
    jina = Jina(base_url="http://x", limits=None, concurrency=4, batch_size=2, transport=scripted())
    found = {}

    def work(start):
        found[start] = (
            jina.embed([f"{n} t" for n in range(start, start + 9)], model=MODEL).vectors[:, 0].tolist()
        )

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {start: list(range(start, start + 9)) for start in range(0, 80, 10)}


def test_the_first_failure_is_the_one_that_is_raised(scripted, clock):
    """Attempts used up on one batch end the call with that batch's error."""
    always = [Response(503, {}, b"busy")] * 3
    jina = Jina(
        base_url="http://x",
        limits=None,
        concurrency=1,
        retry=Retry(attempts=3),
        transport=scripted(*always),
        clock=clock,
    )
    with pytest.raises(ServiceError, match="503"):
        jina.embed(["1 a"], model=MODEL)
