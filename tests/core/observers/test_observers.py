"""What observers are told of calls: each that began ends once, whatever becomes of it, and none of them harms a call."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import pickle
import threading

import pytest
from watching import Recorder

import ragbridge
from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    Jina,
    Observer,
    QuotaExhaustedError,
    RateLimit,
    RequestError,
    ServiceError,
    testing,
)
from ragbridge.client.watch import current
from ragbridge.elastic import Elastic
from ragbridge.observers import (
    Answered,
    Attempt,
    Cached,
    Failed,
    Operation,
    Outcome,
    Paused,
    Refused,
    Retrying,
    Split,
    Waited,
)
from ragbridge.testing import ScriptedTransport

TEXTS = [f"text {number}" for number in range(20)]


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def client(recorder, clock):
    """Makes a client of a script's answers that the recorder watches."""

    def make(*outcomes, **settings):
        settings = {"limits": None, "clock": clock, "observers": [recorder], **settings}
        return Jina("a-key", transport=ScriptedTransport(*outcomes), **settings)

    return make


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """Calls a method by either of its faces."""

    def sync(client, name, *arguments, **options):
        return getattr(client, name)(*arguments, **options)

    def awaited(client, name, *arguments, **options):
        async def main():
            return await getattr(client, f"a{name}")(*arguments, **options)

        return asyncio.run(main())

    return sync if request.param == "sync" else awaited


@pytest.fixture(params=["sync", "async"])
def stream(request):
    """Reads a stream by either of its faces, until ``enough`` pairs are there."""

    def sync(client, items, enough=None, **options):
        pairs = client.embed_stream(items, **options)
        found = []
        for pair in pairs:
            found.append(pair)
            if len(found) == enough:
                pairs.close()
        return found

    def awaited(client, items, enough=None, **options):
        async def main():
            pairs = client.aembed_stream(items, **options)
            found = []
            async for pair in pairs:
                found.append(pair)
                if len(found) == enough:
                    await pairs.aclose()
            return found

        return asyncio.run(main())

    return sync if request.param == "sync" else awaited


def test_a_call_is_told_from_its_beginning_to_its_end(client, recorder, ask):
    """Who asks what of whom; each request; what came of it."""
    jina = client(base_url="https://example.com:8443/v1?key=secret", batch_size=5)
    ask(jina, "embed", TEXTS, role="document", dimensions=256, model="jina-embeddings-v3")
    call = recorder.only
    assert call.operation == Operation(
        name="embed",
        provider="jina",
        server_address="example.com",
        server_port=8443,
        model="jina-embeddings-v3",
        items=20,
        dimensions=256,
        encoding_format="base64",
        task="retrieval.passage",
        role="document",
    )
    assert len(call.of(Attempt)) == len(call.of(Answered)) == 4
    assert sum(event.tokens for event in call.of(Answered)) == 40
    outcome = call.outcome
    assert (outcome.tokens, outcome.requests, outcome.items, outcome.dimensions) == (40, 4, 20, 256)
    assert (outcome.error_type, outcome.model) == (None, "jina-embeddings-v3")


def test_waits_refusals_and_retries_are_events_and_figures(client, recorder, ask):
    """A busy service, then a limit that is reached: what a job was slow for."""
    jina = client(503, 429, limits=RateLimit(100, None, 1))
    usage = ask(jina, "embed", ["a text"], role="query").usage
    call = recorder.only
    kinds = [type(event) for event in call.events]
    assert kinds == [Attempt, Failed, Retrying, Attempt, Refused, Paused, Retrying, Waited, Attempt, Answered]
    assert [event.number for event in call.of(Attempt)] == [1, 2, 3]
    assert [(event.error_type, event.status) for event in call.of(Retrying)] == [
        ("ServiceError", 503),
        ("RateLimitError", 429),
    ]
    (waited,) = call.of(Waited)
    assert (waited.product, waited.cause) == ("embeddings", "paused")
    outcome = call.outcome
    assert (outcome.requests, outcome.retries, outcome.refusals) == (3, 2, 1)
    assert outcome.waited == waited.seconds > 0
    assert (usage.requests, usage.retries) == (1, 2)
    assert usage.waited == pytest.approx(waited.seconds)


def test_usage_of_a_result_counts_retries_and_waits_of_each_request(client, ask):
    """Without any observer, a result says why it was slow."""
    jina = client(503, observers=(), batch_size=10, concurrency=1)
    ranking = ask(jina, "rerank", "a question", TEXTS)
    assert (ranking.usage.requests, ranking.usage.retries) == (1, 1)
    assert "retries=1" in repr(ranking.usage)
    jina = client(503, observers=(), batch_size=10, concurrency=1)
    assert ask(jina, "embed", TEXTS, role="document").usage.retries == 1
    elastic = Elastic(
        "http://x", transport=ScriptedTransport(503), clock=testing.VirtualClock(), answer_format="json"
    )
    assert ask(elastic, "rerank", "a", ["b"], inference_id="r").usage.retries == 1
    assert ask(elastic, "embed", ["a"], inference_id="e").usage.retries == 0


def test_an_error_says_what_its_request_went_through(client, recorder, ask):
    """How often it was sent again, and that it ended the call."""
    with pytest.raises(ServiceError) as raised:
        ask(client(*[503] * 9), "embed", ["a text"], role="query")
    assert raised.value.retries == 4
    assert pickle.loads(pickle.dumps(raised.value)).retries == 4
    outcome = recorder.only.outcome
    assert (outcome.error_type, outcome.status, outcome.retries) == ("ServiceError", 503, 4)


def test_a_refused_text_is_named_and_its_request_is_split(recorder, clock, ask):
    """Halving shows as what it is; the outcome counts what failed."""

    def answer(request):
        if b"text 3" in request.body:
            return 422
        return None

    class Picky(ScriptedTransport):
        def send(self, request):
            self._outcomes = iter([answer(request)])
            return super().send(request)

    jina = Jina("k", transport=Picky(), limits=None, clock=clock, observers=[recorder])
    found = ask(jina, "embed", TEXTS[:8], role="document", on_error="report")
    assert [failure.index for failure in found.failed] == [3]
    call = recorder.only
    assert [(event.items, event.parts) for event in call.of(Split)] == [(8, 2), (4, 2), (2, 2)]
    assert (call.outcome.failed, call.outcome.error_type) == (1, None)
    with pytest.raises(InvalidRequestError):
        ask(jina, "embed", TEXTS[3:4], role="document")
    assert (recorder.calls[1].outcome.error_item, recorder.calls[1].outcome.status) == (0, 422)


def test_answers_from_the_cache_are_told(client, recorder, ask):
    """A call that sends nothing is a call all the same."""
    jina = client(cache={})
    ask(jina, "embed", TEXTS, role="document")
    ask(jina, "embed", TEXTS, role="document")
    call = recorder.calls[1]
    assert call.events == [Cached(20)]
    assert (call.outcome.cached, call.outcome.requests, call.outcome.tokens) == (20, 0, 0)


def test_a_stream_is_one_operation(client, recorder, stream):
    """However many windows it has; its outcome counts what was yielded."""
    found = stream(client(batch_size=4), iter(TEXTS), role="document", window=8)
    assert len(found) == 20
    call = recorder.only
    assert (call.operation.name, call.operation.streamed, call.operation.items) == (
        "embed_stream",
        True,
        None,
    )
    assert len(call.of(Answered)) == 5
    assert (call.outcome.items, call.outcome.requests) == (20, 5)


def test_a_stream_that_is_left_ends_once_and_without_an_error(client, recorder, stream):
    """Whoever has enough closes it."""
    stream(client(batch_size=4), iter(TEXTS), enough=2, role="document", window=8)
    assert recorder.only.outcome.error_type is None


def test_a_stream_that_fails_says_by_what(client, recorder, stream):
    """An item's error, an account's error, and one of the source itself."""

    def broken():
        yield "a text"
        raise LookupError("the source broke")

    with pytest.raises(InvalidRequestError):
        stream(client(422), ["a"], role="document")
    with pytest.raises(QuotaExhaustedError):
        stream(client(402), ["a"], role="document")
    with pytest.raises(LookupError):
        stream(client(), broken(), role="document", window=1)
    assert [call.outcome.error_type for call in recorder.calls] == [
        "InvalidRequestError",
        "QuotaExhaustedError",
        "LookupError",
    ]


def test_what_is_wrong_before_anything_is_sent_is_no_operation(client, recorder, ask):
    """Nothing began, so nothing ends."""
    with pytest.raises(ConfigurationError):
        ask(client(), "embed", ["a"], model="jina-embeddings-v3", role="query", dimensions=-1)
    assert recorder.calls == []


def test_a_cancelled_call_ends_once(recorder):
    """The task's cancellation is its outcome."""
    sending = None

    class Slow(ScriptedTransport):
        async def send_async(self, request):
            sending.set()
            await asyncio.sleep(60)

    async def main():
        nonlocal sending
        sending = asyncio.Event()
        jina = Jina("k", transport=Slow(), limits=None, observers=[recorder], batch_size=4)
        task = asyncio.ensure_future(jina.aembed(TEXTS, role="document"))
        await sending.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert recorder.only.outcome.error_type == "CancelledError"


def test_a_coroutine_that_is_dropped_ends_its_operation(client, recorder):
    """It is closed by whoever collects it, in another context."""

    async def main():
        waiting = client().aembed(["a"], role="query")
        contextvars.copy_context().run(waiting.send, None)  # up to the scripted transport's first await
        waiting.close()

    asyncio.run(main())
    assert recorder.only.outcome.error_type == "GeneratorExit"
    assert current() is None


def test_a_call_whose_client_is_closed_ends_once(recorder):
    """What is under way ends on its own connection; a later call is another operation."""
    sending, release = threading.Event(), threading.Event()

    class Held(ScriptedTransport):
        def send(self, request):
            sending.set()
            release.wait(30)
            return super().send(request)

    jina = Jina("k", transport=Held(), limits=None, observers=[recorder])
    thread = threading.Thread(target=jina.embed, args=(["a"],), kwargs={"role": "query"})
    thread.start()
    sending.wait(30)
    jina.close()
    release.set()
    thread.join()
    jina.embed(["b"], role="query")
    assert [call.outcome.error_type for call in recorder.calls] == [None, None]


def test_threads_and_loops_do_not_mix_their_calls(client, recorder):
    """Each event belongs to the call that it happened in."""
    jina = client(batch_size=4, concurrency=4)

    def sync():
        jina.embed(TEXTS, role="document")

    async def many():
        await asyncio.gather(*(jina.aembed(TEXTS[:8], role="query") for _ in range(5)))

    threads = [threading.Thread(target=sync) for _ in range(4)]
    threads += [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorder.calls) == 14
    for call in recorder.calls:
        assert call.outcome.requests == len(call.of(Answered)) == call.operation.items // 4


def test_a_call_within_a_callback_is_a_call_of_its_own(client, recorder, ask):
    """Whether or not somebody observes it."""
    silent = client(observers=())

    def progress(count):
        silent.embed(["another"], role="query")
        inner.embed(["another"], role="query")

    inner = client()
    ask(client(), "embed", ["a text"], role="query", progress=progress)
    outer, nested = recorder.calls
    assert (len(outer.of(Attempt)), len(nested.of(Attempt))) == (1, 1)
    assert outer.outcome.requests == nested.outcome.requests == 1


class Broken:
    """An observer whose every method raises, and shows what it got."""

    def __init__(self, where):
        self.where = where

    def started(self, operation):
        if self.where == "started":
            raise ValueError("in started")
        return self

    def event(self, event):
        if self.where == "event":
            raise ValueError("in event")

    def ended(self, outcome):
        if self.where == "ended":
            raise ValueError("in ended")


@pytest.mark.parametrize("where", ["started", "event", "ended"])
def test_an_observer_that_fails_harms_nobody(client, recorder, ask, where, caplog):
    """The call goes on, other observers are told, and the log says it once."""
    testing.reset()
    broken = Broken(where)
    jina = client(observers=[broken, recorder])
    with caplog.at_level(logging.WARNING, "ragbridge"):
        assert len(ask(jina, "embed", TEXTS, role="document")) == 20
        assert len(ask(jina, "embed", TEXTS, role="document")) == 20
    assert [call.outcome.error_type for call in recorder.calls] == [None, None]
    (record,) = [record for record in caplog.records if "observer" in record.getMessage()]
    assert record.getMessage() == (
        f"the observer {Broken.__module__}.Broken raised ValueError: the call goes on, and this is not logged again"
    )


def test_observers_of_the_process_are_told_until_they_are_taken_back(client, recorder):
    """By ``stop``, by the end of a ``with`` block, or by ``testing.reset``."""
    jina = client(observers=())
    observing = ragbridge.observe(recorder)
    jina.embed(["a"], role="query")
    observing.stop()
    jina.embed(["b"], role="query")
    with ragbridge.observe(recorder):
        jina.rerank("a", ["b"])
    jina.embed(["b"], role="query")
    ragbridge.observe(recorder)
    testing.reset()
    jina.embed(["b"], role="query")
    assert recorder.names == ["embed", "rerank"]


def test_one_observer_is_told_once(client, recorder):
    """Although it was given to the client and to the process."""
    with ragbridge.observe(recorder):
        client().embed(["a"], role="query")
    assert len(recorder.calls) == 1


@pytest.mark.parametrize("observers", [5, [5], [Recorder], Recorder(), [None]])
def test_what_is_no_observer_is_refused_by_the_setting(observers):
    """Before a call would have failed to tell it."""
    with pytest.raises(ConfigurationError, match="observers="):
        Jina(base_url="local", observers=observers)


def test_an_observer_that_wants_nothing_is_told_nothing(client):
    """``started`` may return None."""

    class Nothing:
        def started(self, operation):
            return None

    assert isinstance(Nothing(), Observer)
    assert len(client(observers=[Nothing()]).embed(["a"], role="query")) == 1


class Travelling:
    """An observer that can be pickled."""

    def started(self, operation):
        return None


def test_observers_travel_with_a_client():
    """Those that can be pickled are there in the other process, too."""
    for client in (
        Jina(base_url="local", observers=[Travelling()]),
        Elastic("local", observers=[Travelling()]),
    ):
        (copy,) = pickle.loads(pickle.dumps(client))._observers
        assert isinstance(copy, Travelling)
        assert (
            pickle.loads(
                pickle.dumps(type(client)("local") if isinstance(client, Elastic) else Jina(base_url="local"))
            )._observers
            == ()
        )


def test_operations_of_parts_are_named_by_their_part(recorder):
    """Endpoints, classifiers and jobs."""
    elastic = Elastic("local", observers=[recorder])
    elastic.endpoints.list()
    jina = Jina(base_url="local", observers=[recorder])
    jina.classifiers.list()
    job = jina.submit_batch(["a text"], role="document")
    job.wait_done(poll=1)
    assert recorder.names == ["endpoints.list", "classifiers.list", "submit_batch", "batch_job.wait_done"]
    assert {call.operation.server_address for call in recorder.calls} == {"local"}
    assert [call.operation.provider for call in recorder.calls] == ["elastic", "jina", "jina", "jina"]


def test_a_client_that_is_dropped_with_its_observer_is_gone(client, recorder):
    """No circle of references keeps it."""
    import weakref

    jina = client()
    jina.embed(["a"], role="query")
    gone = weakref.ref(jina)
    gc.disable()
    try:
        del jina
        assert gone() is None
    finally:
        gc.enable()


def test_a_broken_connection_is_told_by_its_kind(client, recorder, ask):
    """No answer has no status."""
    ask(client(RequestError("broken: secret text")), "embed", ["a"], role="query")
    (failed,) = recorder.only.of(Failed)
    assert (failed.error_type, failed.status) == ("RequestError", None)
    assert isinstance(recorder.only.outcome, Outcome)
