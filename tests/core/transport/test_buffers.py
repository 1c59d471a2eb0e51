"""Memory that answers are received into is used again, and never while anybody holds an answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge.flow import Request, Response
from ragbridge.transport import buffers
from ragbridge.transport.buffers import KEPT, LARGE, BufferPool, Pieces
from ragbridge.transport.direct import DirectTransport

counts = pytest.mark.skipif(not hasattr(sys, "getrefcount"), reason="references are counted by CPython alone")


@counts
def test_a_buffer_is_used_again_once_nobody_holds_it():
    """As long as the next answer is, which may be shorter or longer."""
    pool = BufferPool(2)
    first = id(pool.take(LARGE))
    for size in (LARGE, LARGE + 5, LARGE - 5):
        buffer = pool.take(size)
        assert (id(buffer), len(buffer)) == (first, size)
        del buffer


@pytest.mark.parametrize(
    "holding",
    [
        lambda buffer: buffer,
        lambda buffer: memoryview(buffer)[3:],
        lambda buffer: np.frombuffer(buffer, np.uint8)[::2],
        lambda buffer: Response(200, {}, buffer),
    ],
)
def test_what_is_held_is_given_to_nobody_else(holding):
    """Whatever holds it: itself, a view of it, an array over it, or an answer."""
    pool = BufferPool(2)
    held = holding(pool.take(LARGE))
    other = pool.take(LARGE)
    other[:] = b"x" * LARGE
    again = pool.take(LARGE)
    assert again is not other
    assert not bytes(held.body if isinstance(held, Response) else held).strip(b"\0")


def test_large_buffers_and_more_than_were_asked_for_are_not_kept():
    pool = BufferPool(1)
    kept = pool.take(LARGE)
    assert len(pool.take(LARGE)) == LARGE
    assert len(pool.take(KEPT + 1)) == KEPT + 1
    assert pool._buffers == ([kept] if hasattr(sys, "getrefcount") else [])
    pool.clear()
    assert pool._buffers == []


def test_where_references_cannot_be_counted_every_answer_has_new_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(buffers, "_counts", False)
    pool = BufferPool(4)
    pool.take(LARGE)[:3] = b"old"
    assert not bytes(pool.take(LARGE)).strip(b"\0")
    assert pool._buffers == []


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=20), st.integers(0, 300))
def test_pieces_are_put_together_in_their_order(pieces, expected):
    """Whatever was expected: more, less, or nothing."""
    pool = BufferPool(2)
    pool.expect(expected)
    for _ in range(2):
        found = Pieces(pool)
        for piece in pieces:
            found.add(piece)
        assert found.size == len(b"".join(pieces))
        assert found.whole() == b"".join(pieces)


class Echo(BaseHTTPRequestHandler):
    """Answers with a megabyte of the byte that was sent: whole, in ``/chunks``, or ``/short`` of what it announces."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        byte = self.rfile.read(int(self.headers["content-length"]))
        body = byte * 1_000_000
        self.send_response(200)
        if self.path == "/chunks":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            part = body[:100_000]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) * 10 + b"0\r\n\r\n")
            return
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.path == "/whole" else body[:500_000])
        self.close_connection = self.path != "/whole"

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_answers_that_are_kept_stay_as_they_came(url: str):
    """By threads and tasks at once, on connections that are used again, some of them broken in between."""
    transport = DirectTransport(timeout=10, deadline=60, connections=4)
    numbers = list(range(1, 40))

    def request(number: int) -> Request:
        how = "short" if number % 7 == 0 else "chunks" if number % 2 else "whole"
        return Request("POST", f"{url}/{how}", {}, bytes([number]), most=2_000_000)

    def ask(number: int) -> Response | None:
        try:
            return transport.send(request(number))
        except Exception:  # noqa: BLE001 - half an answer
            return None

    async def ask_async(number: int) -> Response | None:
        try:
            return await transport.send_async(request(number))
        except Exception:  # noqa: BLE001
            return None

    async def all_of() -> list[Response | None]:
        found = await asyncio.gather(*map(ask_async, numbers))
        await transport.close_async()
        return list(found)

    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(ask, numbers), *asyncio.run(all_of())]
    for number, response in zip(numbers * 2, found, strict=True):
        assert (response is None) == (number % 7 == 0)
        assert response is None or response.body == bytes([number]) * 1_000_000


@counts
@pytest.mark.parametrize("how", ["whole", "chunks"])
def test_answers_that_nobody_keeps_share_their_memory(url: str, how: str):
    """One request after the other needs one buffer, once the first has told how long answers are."""
    transport = DirectTransport(timeout=10, deadline=60, connections=4)
    request = Request("POST", f"{url}/{how}", {}, b"x", most=2_000_000)

    async def main() -> set[tuple[type, int]]:
        await transport.send_async(request)
        found = {of((await transport.send_async(request)).body) for _ in range(5)}
        await transport.close_async()
        return found

    def of(body: bytes | bytearray) -> tuple[type, int]:
        return type(body), id(body)

    awaited = asyncio.run(main())
    transport.send(request)
    for found in (awaited, {of(transport.send(request).body) for _ in range(5)}):
        ((kind, _),) = found
        assert kind is bytearray
    transport.close()
