"""A long request over a slow line: as long as some of it is taken, nobody is silent."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time

import pytest
import trustme

from ragbridge import RequestError
from ragbridge.flow import Request
from ragbridge.transport.direct import DirectTransport

SILENCE = 0.5
SIZE = 3 * 2**20
RATE = 2 * 2**20
"""Bytes that the server takes in a second."""
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


class Narrow(socket.socket):
    """A socket that keeps little of what is not taken yet; the system's own would keep all of these requests."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**18)


@pytest.fixture
def slow(monkeypatch):
    """The address of a server that takes a request slowly; with ``stops``, half of it and no more."""
    ended, threads, listeners = threading.Event(), [], []

    def serve(listener, most, context):
        sock, _ = listener.accept()
        with context.wrap_socket(sock, server_side=True) if context else sock as sock:
            taken = 0
            while taken < most and (part := sock.recv(2**16)):
                taken += len(part)
                time.sleep(len(part) / RATE)
            if most > SIZE // 2 + 1:
                sock.sendall(ANSWER)
            else:
                ended.wait(30)

    monkeypatch.setattr(socket, "socket", Narrow)

    def start(*, stops=False, context=None):
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=serve, args=(listener, SIZE // 2 if stops else SIZE, context))
        thread.start()
        threads.append(thread)
        listeners.append(listener)
        return f"http{'s' if context else ''}://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    ended.set()
    for thread in threads:
        thread.join()
    for listener in listeners:
        listener.close()


@pytest.fixture(params=["sync", "async"])
def send(request):
    """Sends one long request by connections of our own."""

    def blocking(url, deadline, trust=None):
        transport = DirectTransport(timeout=SILENCE, deadline=deadline, connections=1, trust=trust)
        try:
            return transport.send(Request("POST", url, {}, b"x" * SIZE))
        finally:
            transport.close()

    async def awaited(url, deadline, trust=None):
        transport = DirectTransport(timeout=SILENCE, deadline=deadline, connections=1, trust=trust)
        try:
            return await transport.send_async(Request("POST", url, {}, b"x" * SIZE))
        finally:
            await transport.close_async()

    if request.param == "sync":
        return blocking
    return lambda *arguments: asyncio.run(awaited(*arguments))


def test_a_request_that_is_taken_slowly_is_answered(slow, send):
    """It takes several times the silence that is allowed, and is never silent for so long."""
    assert send(slow(), 60).body == b"{}"


def test_the_same_holds_over_tls(slow, send):
    """Where what waits to be sent is hidden behind the encryption."""
    authority, context, trust = (
        trustme.CA(),
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(trust)
    assert send(slow(context=context), 60, trust).body == b"{}"


def test_a_request_that_nobody_takes_any_more_is_left(slow, send):
    """After the silence, with the name of the setting."""
    with pytest.raises(RequestError, match="timeout"):
        send(slow(stops=True), 60)


def test_the_deadline_holds_while_a_request_is_taken(slow, send):
    """However steadily."""
    with pytest.raises(RequestError, match="deadline"):
        send(slow(), 1)
