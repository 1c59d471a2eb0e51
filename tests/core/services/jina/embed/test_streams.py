"""Streams of items: in order, in constant memory, closed at any time, and what they do about items that fail."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import os
import signal
import threading

import numpy as np
import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    Elastic,
    InvalidRequestError,
    Jina,
    Pdf,
    RagbridgeError,
    Retry,
)
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport

MODEL = "jina-embeddings-v3"


class Picky(ScriptedTransport):
    """The embedded engine, which refuses requests that hold ``bad``."""

    def __init__(self, status=422):
        super().__init__(default=Engine())
        self.status = status

    def send(self, request):
        if "bad" in json.loads(request.body).get("input", ()):
            self.requests.append(request)
            return Response(self.status, {}, b'{"detail": "something is wrong"}')
        return super().send(request)

    async def send_async(self, request):
        await asyncio.sleep(0)
        return self.send(request)


def client(transport=None, **options):
    return Jina(
        "k",
        base_url="http://x",
        transport=transport or Picky(),
        **{"limits": None, "retry": Retry(attempts=1), "batch_size": 8, **options},
    )


def vectors(texts):
    """What the embedded engine says of them."""
    return Jina(base_url="local").embed(texts, model=MODEL, dimensions=32, role="document").vectors


def stream(face, jina, items, **options):
    """All pairs of a stream on either face, as a list."""
    given = {"model": MODEL, "dimensions": 32, "role": "document", **options}
    if face == "sync":
        return list(jina.embed_stream(items, **given))

    async def gather():
        return [pair async for pair in jina.aembed_stream(items, **given)]

    return asyncio.run(gather())


FACES = ["sync", "async"]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("window", [1, 7, 100, 4096])
def test_pairs_come_in_order_whatever_the_window(face, window):
    """Each item with its own vector."""
    items = [{"id": number, "body": f"text {number}"} for number in range(60)]
    pairs = stream(face, client(), iter(items), text=lambda item: item["body"], window=window)
    assert [item for item, _ in pairs] == items
    assert np.allclose([vector for _, vector in pairs], vectors([item["body"] for item in items]))


async def test_an_async_iterable_is_read_as_it_is():
    """On the event loop's own thread."""
    here = threading.get_ident()

    async def source():
        for number in range(20):
            await asyncio.sleep(0)
            assert threading.get_ident() == here
            yield f"text {number}"

    pairs = [pair async for pair in client().aembed_stream(source(), model=MODEL, dimensions=32, window=8)]
    assert [item for item, _ in pairs] == [f"text {number}" for number in range(20)]


async def test_a_slow_iterable_does_not_stop_the_event_loop():
    """It is read beside the loop, which answers meanwhile: the source waits for it."""
    loop, asked = asyncio.get_running_loop(), []

    def source():
        for number in range(3):
            answered = threading.Event()
            loop.call_soon_threadsafe(answered.set)
            asked.append(answered.wait(30))
            yield f"text {number}"

    pairs = [pair async for pair in client().aembed_stream(source(), model=MODEL, window=1)]
    assert (len(pairs), asked) == (3, [True] * 3)


@pytest.mark.parametrize("face", FACES)
def test_an_endless_source_is_read_as_far_as_it_is_needed(face):
    """Closing ends the stream: nothing is read or sent any more."""
    taken = itertools.count()
    transport = Picky()
    jina = client(transport, concurrency=2)
    items = (f"text {next(taken)}" for _ in itertools.count())
    if face == "sync":
        pairs = jina.embed_stream(items, model=MODEL, window=16)
        assert next(pairs)[0] == "text 0"
        pairs.close()
    else:

        async def first():
            pairs = jina.aembed_stream(items, model=MODEL, window=16)
            assert (await anext(pairs))[0] == "text 0"
            await pairs.aclose()

        asyncio.run(first())
    assert next(taken) <= 3 * 16
    assert len(transport.requests) <= 3 * 2


def test_nothing_is_sent_before_the_first_pair_is_asked_for():
    """Nor is the source read; but options are checked at once."""
    transport, taken = Picky(), []
    client(transport).embed_stream((taken.append(n) for n in range(5)), model=MODEL)
    assert (transport.requests, taken) == ([], [])
    for wrong in ({"errors": "skip"}, {"window": 0}, {"role": "passage"}, {"dimensions": -1}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            client(transport).embed_stream(["a"], model=MODEL, **wrong)


ITEMS = ["a", "b", "bad", "c", 5, "d"]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("window", [1, 3, 4096])
def test_errors_are_yielded_in_their_place(face, window):
    """Items that are refused, and what is nothing that can be embedded, each by its number in the stream."""
    pairs = stream(face, client(), ITEMS, errors="yield", window=window)
    assert [item for item, _ in pairs] == ITEMS
    failed = {place: value for place, (_, value) in enumerate(pairs) if isinstance(value, RagbridgeError)}
    assert set(failed) == {2, 4}
    assert isinstance(failed[2], InvalidRequestError)
    assert (failed[2].index, "items[2]" in str(failed[2])) == (2, True)
    assert isinstance(failed[4], ConfigurationError)
    assert "items[4] is int" in str(failed[4])
    right = vectors(["a", "b", "c", "d"])
    assert np.allclose([pairs[place][1] for place in (0, 1, 3, 5)], right)


@pytest.mark.parametrize("window", [1, 3, 4096])
def test_an_error_is_raised_in_its_place(window):
    """All pairs before it have been yielded."""
    pairs = client().embed_stream(ITEMS, model=MODEL, window=window)
    assert [next(pairs)[0] for _ in range(2)] == ["a", "b"]
    with pytest.raises(InvalidRequestError, match=r"items\[2\]"):
        next(pairs)


@pytest.mark.parametrize("face", FACES)
def test_what_is_not_about_an_item_ends_the_stream(face):
    """A wrong key is raised, whatever is asked for."""
    with pytest.raises(AuthenticationError):
        stream(face, client(Picky(401)), ["a", "bad", "b"], errors="yield")


def test_a_window_of_refused_items_ends_nothing():
    """Once the service has taken a request of the stream, what it refuses is to blame itself."""
    items = ["a"] * 8 + ["bad"] * 3 + [f"x{n}" for n in range(5)]
    jina = client(batch_size=1)
    pairs = list(jina.embed_stream(items, model=MODEL, window=1, errors="yield"))
    assert [isinstance(value, RagbridgeError) for _, value in pairs] == [False] * 8 + [True] * 3 + [False] * 5


def test_a_pdf_is_refused_by_name():
    """It has as many vectors as pages."""
    with pytest.raises(ConfigurationError, match=r"items\[0\] is a Pdf"):
        next(client().embed_stream([Pdf(b"%PDF-")], model="jina-embeddings-v4"))


def test_an_error_of_the_callers_own_code_reaches_the_caller():
    """Of the source, and of ``text``."""

    def source():
        yield "a"
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        list(client().embed_stream(source(), model=MODEL))
    with pytest.raises(ZeroDivisionError):
        list(client().embed_stream(["a"], model=MODEL, text=lambda item: 1 / 0))


@pytest.mark.parametrize("late_chunking", [False, True])
def test_documents_keep_their_chunks(late_chunking):
    """Late chunking or not; an empty document has none; a failing one is an error."""
    documents = [["a", "b"], [], ["c", "bad"], ["d"]]
    pairs = list(
        client().embed_documents_stream(
            documents, model=MODEL, late_chunking=late_chunking, errors="yield", window=2
        )
    )
    assert [document for document, _ in pairs] == documents
    assert [None if isinstance(value, RagbridgeError) else len(value) for _, value in pairs] == [
        2,
        0,
        None,
        1,
    ]
    assert "documents[2]" in str(pairs[2][1])
    right = Jina(base_url="local").embed_documents(documents[:1], model=MODEL, late_chunking=late_chunking)
    assert np.allclose(pairs[0][1], right.documents[0])


async def test_every_kind_streams_on_both_faces():
    """Multi-vectors, and what inference endpoints give."""
    jina = client()
    multi = [pair async for pair in jina.aembed_multivector_stream(["a", "b"], role="document")]
    assert [value.ndim for _, value in multi] == [2, 2]
    documents = [pair async for pair in jina.aembed_documents_stream([["a"], ["b", "c"]], model=MODEL)]
    assert [len(value) for _, value in documents] == [1, 2]
    elastic = Elastic("http://es", api_key="k", transport=Picky(), retry=Retry(attempts=1))
    dense = {"inference_id": ".multilingual-e5-small-elasticsearch", "errors": "yield"}
    sparse = {"inference_id": ".elser-2-elasticsearch", "errors": "yield"}
    for pairs in (
        list(elastic.embed_stream(["a", "bad", 5], **dense)),
        [pair async for pair in elastic.aembed_stream(["a", "bad", 5], **dense)],
        list(elastic.sparse_embed_stream(["a", "bad", 5], **sparse)),
        [pair async for pair in elastic.asparse_embed_stream(["a", "bad", 5], **sparse)],
    ):
        assert [isinstance(value, RagbridgeError) for _, value in pairs] == [False, True, True]


def test_a_stream_in_a_thread_that_is_left_ends_its_threads():
    """A generator that is dropped half-way leaves nothing behind."""
    before = threading.active_count()
    for _ in range(5):
        pairs = client(concurrency=4).embed_stream(
            (f"text {n}" for n in itertools.count()), model=MODEL, window=8
        )
        next(pairs)
        del pairs
    for thread in threading.enumerate():
        if thread.name == "ragbridge":
            thread.join(30)
    assert threading.active_count() <= before


@pytest.mark.parametrize("face", FACES)
def test_the_end_of_a_stream_tells_of_no_window(face):
    """Places in a window are nothing that a caller knows: its pairs have been yielded."""
    items = [f"text {number}" for number in range(20)] + ["bad"]
    with pytest.raises(AuthenticationError) as raised:
        stream(face, client(Picky(401)), items, window=16)
    assert raised.value.partial is None


@pytest.mark.filterwarnings("error")
def test_a_stream_that_is_closed_leaves_nothing_to_its_event_loop(caplog):
    """The loop may be closed right after it."""

    class Source:
        def __aiter__(self):
            return self

        async def __anext__(self):
            await asyncio.sleep(0)
            return "text"

    async def first():
        pairs = client().aembed_stream(Source(), model=MODEL, window=4)
        await anext(pairs)
        await pairs.aclose()
        return asyncio.all_tasks()

    loop = asyncio.new_event_loop()
    left = loop.run_until_complete(first())
    loop.close()
    gc.collect()
    assert (len(left), caplog.records) == (1, [])


class Stop(BaseException):
    """What tests' own exceptions are: no ``Exception``."""


def test_an_exception_of_any_kind_is_told_once(caplog):
    """The caller gets it; event loops do not complain about it as well."""

    def stop(_):
        raise Stop

    with pytest.raises(Stop):
        asyncio.run(
            client(concurrency=4).aembed(["a"] + [f"x{n}" for n in range(40)], model=MODEL, progress=stop)
        )
    gc.collect()
    assert caplog.records == []


class Cancelling:
    """A cache on a loop of its own, whose calls are cancelled there."""

    def get_many(self, _):
        raise asyncio.CancelledError

    def put_many(self, _):
        raise asyncio.CancelledError


@pytest.mark.parametrize("face", FACES)
def test_a_cancellation_inside_of_a_cache_is_none_of_the_caller(face):
    """It is an error like others, which nobody takes for the end of a task."""
    with pytest.raises(RagbridgeError, match="CancelledError"):
        stream(face, client(cache=Cancelling()), ["a"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_stream_that_was_begun_before_a_fork_says_so():
    """Its threads are in the other process: nothing would ever come."""
    pairs = client(concurrency=2).embed_stream(
        (f"text {n}" for n in itertools.count()), model=MODEL, window=4
    )
    next(pairs)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            for _ in pairs:
                pass
        except RagbridgeError as error:
            os._exit(7 if "forked" in str(error) else 1)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    pairs.close()
