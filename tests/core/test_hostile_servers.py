"""Servers and gateways that break HTTP's rules, over bare sockets: right rows or a typed error, and an end."""

from __future__ import annotations

import asyncio
import itertools
import threading

import httpx
import pytest

from ragbridge import AuthenticationError, Jina, RagbridgeError, RequestError, Retry
from ragbridge.flow import Response

MODEL = "some-model"
NUMBERS = itertools.count(1)
NO_WAIT = {"initial": 0.0, "maximum": 0.0}
INTERIM = {
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.fixture(params=["sync", "async"])
def embed_all(request, any_library, in_time):
    """Embeds lists of texts one after the other with one client: for each the first components, or the error."""

    def run_sync(url, jobs, settings):
        own = {"http_client": httpx.Client(verify=False)} if any_library == "own client" else {}
        outcomes = []
        with Jina(base_url=url, host="jina", **own, **settings) as jina:
            for texts in jobs:
                try:
                    outcomes.append(jina.embed(texts, model=MODEL).vectors[:, 0].tolist())
                except RagbridgeError as error:
                    outcomes.append(error)
        for client in own.values():
            client.close()
        return outcomes

    async def run_async(url, jobs, settings):
        own = {"async_http_client": httpx.AsyncClient(verify=False)} if any_library == "own client" else {}
        outcomes = []
        async with Jina(base_url=url, host="jina", **own, **settings) as jina:
            for texts in jobs:
                try:
                    outcomes.append((await jina.aembed(texts, model=MODEL)).vectors[:, 0].tolist())
                except RagbridgeError as error:
                    outcomes.append(error)
        for client in own.values():
            await client.aclose()
        return outcomes

    def embed(url, jobs, **settings):
        settings = {"limits": None, "batch_size": 2, "concurrency": 2, **settings}
        if request.param == "sync":
            return in_time(lambda: run_sync(url, jobs, settings))
        return in_time(lambda: asyncio.run(run_async(url, jobs, settings)))

    return embed


@pytest.fixture
def playing(raw_server, on_the_wire, right_answer):
    """Starts a server that plays ``script`` on each ``every``-th request and answers the others as it should."""

    def start(script, *, every=3, headers=None):
        count = itertools.count(1)

        def play(wire, request):
            # What a service that numbers its answers sends, and what tells two answers apart.
            answer = on_the_wire(
                right_answer(request), **(headers or {"X_Request_Id": f"answer-{next(NUMBERS)}"})
            )
            if next(count) % every:
                wire.send(answer)
            else:
                script(wire, answer)

        return raw_server(play)

    return start


JOBS = [[f"{start + n} of a job" for n in range(7)] for start in range(0, 50, 10)]
RIGHT = [[float(text.split()[0]) for text in job] for job in JOBS]


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["in one write", "later"])
@pytest.mark.parametrize("status", sorted(INTERIM))
def test_an_interim_answer_is_passed_over(playing, embed_all, status, pause):
    """A 102 or 103 announces an answer: what comes next on the connection is that answer and nothing else."""

    def announced(wire, answer):
        if not pause:
            wire.send(INTERIM[status] * 2 + answer)
            return
        for _ in range(2):
            wire.send(INTERIM[status])
            wire.pause(pause)
        wire.send(answer)

    assert embed_all(playing(announced, every=2), JOBS) == RIGHT


@pytest.mark.parametrize("pause", [0.0, 0.001], ids=["in one write", "later"])
def test_an_answer_that_comes_twice_is_used_once(playing, embed_all, pause):
    """The copy is never taken for the answer to the next request."""

    def twice(wire, answer):
        if not pause:
            wire.send(answer * 2)
            return
        wire.send(answer)
        wire.pause(pause)
        wire.send(answer)

    assert embed_all(playing(twice, every=2), JOBS, retry=Retry(attempts=8, **NO_WAIT)) == RIGHT


@pytest.mark.parametrize("at", ["head", "body"])
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_broken_answer_is_asked_for_again(playing, embed_all, at, ending):
    """Half an answer is none; the job ends well with the next attempt."""

    def broken(wire, answer):
        wire.send(answer[:10] if at == "head" else answer[:-10])
        wire.pause(0.01)
        wire.reset() if ending == "reset" else wire.hang_up()

    assert embed_all(playing(broken), JOBS, retry=Retry(attempts=8, **NO_WAIT)) == RIGHT


def dripping_head(wire, answer):
    wire.drip(answer, 0.05)


def dripping_body(wire, answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    wire.send(head + b"\r\n\r\n")
    wire.drip(body, 0.05)


def always_continue(wire, answer):
    while True:
        wire.send(INTERIM["100"])
        wire.pause(0.005)


def always_hints(wire, answer):
    while True:
        wire.send(INTERIM["103"] * 50)
        wire.pause(0.005)


def endless_headers(wire, answer):
    wire.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        wire.send(b"X-Filler: and so on\r\n")
        wire.pause(0.02)


def endless_chunks(wire, answer):
    wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        wire.send(b"1\r\n \r\n")
        wire.pause(0.02)


@pytest.mark.parametrize(
    "script",
    [dripping_head, dripping_body, always_continue, always_hints, endless_headers, endless_chunks],
    ids=lambda script: script.__name__,
)
def test_an_answer_that_goes_on_for_ever_is_left(playing, embed_all, script):
    """``deadline=`` bounds the whole request, however often a byte arrives; the next request is answered."""
    outcomes = embed_all(
        playing(script, every=2),
        [["1 a"], ["2 b"], ["3 c"]],
        timeout=1,
        deadline=1,  # also of the two good answers, on a busy machine
        concurrency=1,
        retry=Retry(attempts=1),
    )
    assert outcomes[0::2] == [[1.0], [3.0]]
    assert isinstance(outcomes[1], RequestError)


@pytest.mark.parametrize("part", [b"[],", b" ", b"0.5,"], ids=["lists", "blanks", "numbers"])
def test_an_answer_that_is_longer_than_what_was_asked_for_is_left(playing, embed_all, part):
    """Two vectors have some hundred kilobytes: a megabyte more is read, nothing is parsed, and nothing is paid twice."""
    asked, data = itertools.count(), part * (65_536 // len(part))

    def lists(wire, answer):
        next(asked)
        wire.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"data":[\r\n')
        for _ in range(1000):  # 65 MB
            wire.send(b"%x\r\n%b\r\n" % (len(data), data))
        wire.send(b"0\r\n\r\n")

    (error,) = embed_all(playing(lists, every=1), [["1 a", "2 b"]])
    assert isinstance(error, RequestError)
    assert "the answer has more than 1," in str(error)
    assert next(asked) == 1


@pytest.mark.parametrize("script", [dripping_head, dripping_body], ids=lambda script: script.__name__)
def test_a_slow_answer_is_refused_with_the_name_of_the_setting(playing, embed_all, script):
    """The connection is not silent, so it is not ``timeout=`` that the error names."""
    (error,) = embed_all(
        playing(script, every=1), [["1 a"]], timeout=0.2, deadline=0.3, retry=Retry(attempts=1)
    )
    assert "within 0.3 s; see deadline=" in str(error)


@pytest.mark.parametrize("after", ["the answer", "nothing"])
def test_a_change_of_protocol_is_no_answer(playing, embed_all, after):
    """Nobody asked for it; the connection is not used again, and no place of the pool is lost to it."""

    def switching(wire, answer):
        wire.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        if after == "the answer":
            wire.send(answer)

    url = playing(switching, every=2)
    assert embed_all(url, JOBS, retry=Retry(attempts=8, **NO_WAIT), concurrency=1, timeout=5.0) == RIGHT


def test_what_comes_unasked_between_two_requests_is_never_read(playing, embed_all):
    """Late bytes after an answer, such as a proxy's notice of a time-out, are not the next answer."""

    def notice(wire, answer):
        wire.send(answer)
        wire.pause(0.001)
        wire.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        wire.hang_up()

    assert embed_all(playing(notice, every=2), JOBS, retry=Retry(attempts=8, **NO_WAIT)) == RIGHT


def test_a_refusal_is_raised_while_other_requests_still_wait(raw_server, on_the_wire, any_library, in_time):
    """A wrong key is told at once, in threads as on an event loop: nobody waits for answers that will not be used."""
    count = itertools.count(1)

    def play(wire, request):
        if next(count) == 3:
            wire.send(on_the_wire(Response(401, {}, b'{"detail": "no such key"}')))
        else:
            wire.pause(None)

    url = raw_server(play)
    own = httpx.Client(verify=False) if any_library == "own client" else None
    jina = Jina(
        "wrong",
        base_url=url,
        host="jina",
        limits=None,
        batch_size=1,
        concurrency=4,
        timeout=600,
        http_client=own,
    )
    with pytest.raises(AuthenticationError):
        in_time(lambda: jina.embed([f"{n} a" for n in range(8)], model=MODEL))
    jina.close()
    if own is not None:
        own.close()


def test_nothing_of_the_callers_is_called_once_the_error_is_there(
    raw_server, on_the_wire, right_answer, in_time
):
    """Threads that still wait then for an answer end without a word: ``progress`` is told nothing of it."""
    count, both, release = itertools.count(1), threading.Barrier(2), threading.Event()
    told = []

    def play(wire, request):
        first = next(count) == 1
        both.wait()
        if first:
            wire.send(on_the_wire(Response(401, {}, b'{"detail": "no such key"}')))
        else:
            release.wait()
            wire.send(on_the_wire(right_answer(request)))

    jina = Jina("wrong", base_url=raw_server(play), host="jina", limits=None, batch_size=1, concurrency=2)
    before = set(threading.enumerate())
    with pytest.raises(AuthenticationError):
        in_time(lambda: jina.embed(["1 a", "2 b"], model=MODEL, progress=told.append))
    release.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name == "ragbridge":
            thread.join(30)
    assert told == []
    jina.close()
