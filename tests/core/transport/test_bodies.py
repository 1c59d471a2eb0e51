"""Answers that are framed wrongly, compressed or too long: read up to a bound, refused in words, never in raw errors."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import tracemalloc
import zlib

import httpx
import pytest

from ragbridge import RequestError
from ragbridge.flow import Request, Response
from ragbridge.transport.standard import over_http

MOST = 100_000
"""Bytes that these requests allow an answer to have."""
RIGHT = b'{"ok": true}'
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
KEPT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
IN_TRANSIT = 24_000_000
"""Bytes that sockets and the buffers of libraries may hold of what was sent and is not read any more."""


@pytest.fixture(params=["sync", "async"])
def ask(request, any_library, in_time):
    """Sends requests one after the other by one transport: for each the ``Response``, or the ``RequestError``."""

    def made(url, settings):
        own = any_library == "own client"
        return over_http(
            url,
            **{"timeout": 5.0, "deadline": 10.0, "connections": 2, **settings},
            client=httpx.Client(verify=False) if own and request.param == "sync" else None,
            async_client=httpx.AsyncClient(verify=False) if own and request.param == "async" else None,
        )

    def run_sync(transport, requests):
        outcomes = []
        for one in requests:
            try:
                outcomes.append(transport.send(one))
            except RequestError as error:
                outcomes.append(error)
        transport.close()
        if any_library == "own client":
            transport._client.close()
        return outcomes

    async def run_async(transport, requests):
        outcomes = []
        for one in requests:
            try:
                outcomes.append(await transport.send_async(one))
            except RequestError as error:
                outcomes.append(error)
        await transport.close_async()
        if any_library == "own client":
            await transport._async_client.aclose()
        return outcomes

    def send(url, count=1, most=MOST, **settings):
        requests = [Request("POST", f"{url}/{n}", body=b"{}", most=most) for n in range(count)]
        transport = made(url, settings)
        if request.param == "sync":
            return in_time(lambda: run_sync(transport, requests))
        return in_time(lambda: asyncio.run(run_async(transport, requests)))

    return send


@pytest.fixture
def playing(raw_server, on_the_wire):
    """Starts a server that plays ``script`` (or sends it) on each second request, and answers the others rightly."""

    def start(script):
        count = itertools.count()

        def play(wire, _request):
            if next(count) % 2:
                wire.send(on_the_wire(Response(200, {}, RIGHT)))
            elif isinstance(script, bytes):
                wire.send(script)
                wire.hang_up()
            else:
                script(wire)

        return raw_server(play)

    return start


def sized(length, body=RIGHT, *more):
    """An answer whose head says that its body has ``length`` bytes."""
    lines = [b"Content-Length: " + str(length).encode(), *more]
    return OK + b"\r\n".join([*lines, b"", b""]) + body


FRAMING = {
    "a length of 10**15": sized(10**15),
    "a length of 10**19": sized(10**19),
    "a length of 5,000 digits": sized("9" * 5000),
    "two lengths": sized(len(RIGHT), RIGHT, b"Content-Length: 5"),
    "two lengths in one line": sized(f"{len(RIGHT)}, 5"),
    "half of what the length says": sized(2 * len(RIGHT)),
    "a chunk of -5 bytes": CHUNKED + b"-5\r\n" + RIGHT + b"\r\n0\r\n\r\n",
    "a chunk of 2**64 - 1 bytes": CHUNKED + b"ffffffffffffffff\r\n" + RIGHT,
    "a chunk of 10**40 bytes": CHUNKED + b"f" * 34 + b"\r\n" + RIGHT,
    "a chunk of no size": CHUNKED + b"\r\n" + RIGHT + b"\r\n0\r\n\r\n",
    "a chunk whose size is no number": CHUNKED + b"zz\r\n" + RIGHT + b"\r\n0\r\n\r\n",
    "a chunk whose size has another sign": CHUNKED + b"+c\r\n" + RIGHT + b"\r\n0\r\n\r\n",
    "a chunk that is longer than its size": CHUNKED + b"5\r\n" + RIGHT + b"\r\n0\r\n\r\n",
    "chunks without their last": CHUNKED + b"c\r\n" + RIGHT + b"\r\n",
    "an extension of 10 MB": CHUNKED + b"c;" + b"x" * 10_000_000 + b"\r\n" + RIGHT + b"\r\n0\r\n\r\n",
    "a header of 10 MB": OK + b"X-Filler: " + b"x" * 10_000_000 + b"\r\n\r\n",
    "200,000 headers": OK + b"X-Filler: x\r\n" * 200_000 + b"\r\n",
    "no HTTP": b"x" * 10_000_000,
    "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMING)
def test_a_broken_frame_is_a_typed_error(ask, playing, name):
    """Whichever library reads it; the next request is answered."""
    broken, right = ask(playing(FRAMING[name]), 2)
    # aiohttp skips an extension, and old versions of it take any number of headers.
    if isinstance(broken, Response) and name in {"an extension of 10 MB", "200,000 headers"}:
        assert broken.body in {RIGHT, b""}
    else:
        assert isinstance(broken, RequestError), broken.body[:100]
        assert len(str(broken)) < 1000
    assert right.body == RIGHT


def endless(head, part):
    """Sends ``part`` again and again until nobody listens; counts the bytes."""
    sent = itertools.count()

    def play(wire):
        wire.send(head)
        while True:
            wire.send(part)
            next(sent)

    return play, lambda: next(sent) * len(part)


@pytest.mark.parametrize("head", [KEPT, OK + b"\r\n"], ids=["chunks", "no length"])
def test_an_answer_without_an_end_is_left_early(ask, playing, head):
    """No more is read than the request allows; the error says how much that is, and the request is not sent again."""
    part = b"x" * 65_536
    play, sent = endless(head, b"10000\r\n" + part + b"\r\n" if head == KEPT else part)
    broken, right = ask(playing(play), 2)
    assert "more than 100,000 bytes" in str(broken)
    assert not broken.retryable
    assert right.body == RIGHT
    assert sent() < MOST + IN_TRANSIT


def test_an_answer_that_announces_too_much_is_not_read(ask, playing):
    """500 MB that were never asked for: refused by the head alone."""
    play, sent = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 500000000\r\n\r\n", b"x" * 65_536)
    broken, right = ask(playing(play), 2)
    assert "more than 100,000 bytes" in str(broken)
    assert right.body == RIGHT
    assert sent() < IN_TRANSIT


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("over", [0, 1])
def test_the_bound_is_exact(ask, playing, framing, over):
    """What a request allows is read to its last byte, and not a byte more."""
    body = b"x" * (MOST + over)
    whole = (
        sized(len(body), body)
        if framing == "length"
        else CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    )
    found, _ = ask(playing(whole), 2)
    assert isinstance(found, RequestError) if over else found.body == body


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_of_a_refusal_the_beginning_is_read(ask, playing, framing):
    """An error page without end is an error of its status all the same, and its connection is not used again."""
    status = b"HTTP/1.1 500 Oops\r\n"
    head = (
        status
        + (b"Content-Length: 500000000" if framing == "length" else b"Transfer-Encoding: chunked")
        + b"\r\n\r\n"
    )
    part = b"x" * 65_536
    play, sent = endless(head, part if framing == "length" else b"10000\r\n" + part + b"\r\n")
    refused, right = ask(playing(play), 2, most=10**9)
    assert refused.status == 500
    assert set(refused.body) == set(b"x")
    assert len(refused.body) == 1_000_000
    assert right.body == RIGHT
    assert sent() < IN_TRANSIT


PACKED = {
    "gzip": gzip.compress(RIGHT),
    "x-gzip": gzip.compress(RIGHT),
    "deflate": zlib.compress(RIGHT),
    "GZIP": gzip.compress(RIGHT),
    "identity": RIGHT,
    "": RIGHT,
}


@pytest.mark.parametrize("coding", PACKED)
def test_a_gateway_may_compress_though_nobody_asked_for_it(ask, playing, coding):
    """gzip and deflate are read, up to the same bound."""
    body = PACKED[coding]
    found, _ = ask(playing(sized(len(body), body, b"Content-Encoding: " + coding.encode())), 2)
    assert found.body == RIGHT


BOMB = gzip.compress(b" " * 50_000_000)
UNREADABLE = {
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(b" " * 50_000_000)), "compressed (gzip, gzip)"),
    "brotli": ("br", b"\x0b\x02\x80a\x03", "compressed (br)"),
    "zstd": ("zstd", b"(\xb5/\xfd", "compressed (zstd)"),
    "no coding": ("x" * 5000, RIGHT, "compressed (xxx"),
    "50 MB in 49 KB": ("gzip", BOMB, "more than 100,000 bytes"),
    "half of a gzip": ("gzip", gzip.compress(b"x" * 50_000)[:-9], "cannot be decompressed"),
    "gzip with more behind it": ("gzip", gzip.compress(RIGHT) + RIGHT, "cannot be decompressed"),
    "no gzip": ("gzip", RIGHT, "cannot be decompressed"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_compressed_otherwise_is_refused(ask, playing, name):
    """A few bytes never become gigabytes: memory is bounded by what the request allows."""
    coding, body, words = UNREADABLE[name]
    url = playing(sized(len(body), body, b"Content-Encoding: " + coding.encode()))
    tracemalloc.start()
    try:
        refused, right = ask(url, 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(refused, RequestError)
    assert words in str(refused)
    assert len(str(refused)) < 500
    assert right.body == RIGHT
    assert peak < 20_000_000


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_nothing_to_decompress(ask, playing, status):
    """Whatever its head says of a coding."""
    found, _ = ask(playing(b"HTTP/1.1 %d It\r\nContent-Encoding: gzip\r\n\r\n" % status), 2)
    assert (found.status, found.body) == (status, b"")
