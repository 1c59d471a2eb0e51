"""What several tests of the core need."""

from __future__ import annotations

import base64
import faulthandler
import functools
import json
import queue
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import make_descriptions
import numpy as np
import pytest
from beside import SHARED
from judge import Judge

from ragbridge.testing import Request, Response, ScriptedTransport, VirtualClock
from ragbridge.transport import standard

T = TypeVar("T")


def embed_answer(request: Request, *, width: int = 8) -> Response:
    """Vectors that tell which text they belong to: component 0 is the number in the text."""
    body = json.loads(request.body)
    rows = []
    for index, text in enumerate(body["input"]):
        vector = np.zeros(width, "<f4")
        vector[0] = float(text.split()[0]) if text.split() and text.split()[0].isdigit() else len(text)
        rows.append({"object": "embedding", "index": index, "embedding": _base64(vector)})
    tokens = sum(len(text) for text in body["input"])
    answer = {"model": body["model"], "object": "list", "usage": {"total_tokens": tokens}, "data": rows}
    return Response(200, {}, json.dumps(answer).encode())


def _base64(vector: Any) -> str:
    return base64.b64encode(vector.tobytes()).decode()


class Wire:
    """One connection of a ``RawServer``."""

    def __init__(self, sock: socket.socket, closing: threading.Event) -> None:
        self._sock = sock
        self._closing = closing

    def receive(self) -> Request | None:
        """The next request; None once the client has hung up."""
        head, _, body = self._until(b"\r\n\r\n").partition(b"\r\n\r\n")
        if not head:
            return None
        lines = head.decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        while len(body) < int(headers.get("content-length", 0)):
            body += self._some()
        method, path, _ = lines[0].split(" ")
        return Request(method, path, headers, body)

    def send(self, data: bytes) -> None:
        """Write ``data`` at once."""
        self._sock.sendall(data)

    def drip(self, data: bytes, seconds: float) -> None:
        """Write ``data`` a byte at a time, until the server ends."""
        for byte in data:
            self.send(bytes([byte]))
            self.pause(seconds)

    def pause(self, seconds: float | None) -> None:
        """Let ``seconds`` pass (None: for ever), or hang up when the server ends."""
        if self._closing.wait(seconds):
            raise ConnectionError("the server ends")

    def reset(self) -> None:
        """End the connection with a reset."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionError("reset")

    def hang_up(self) -> None:
        """End the connection."""
        raise ConnectionError("hung up")

    def _until(self, mark: bytes) -> bytes:
        data = b""
        while mark not in data:
            data += self._some()
        return data

    def _some(self) -> bytes:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError("the client has hung up")
        return data


class RawServer:
    """A server over bare sockets, which sends what ``play`` writes: no HTTP library tidies it up.

    Args:
        play: Answers one request on its connection. A ``ConnectionError`` ends the connection.
    """

    def __init__(self, play: Callable[[Wire, Request], object]) -> None:
        self._play = play
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._sockets: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads[0].start()

    def close(self) -> None:
        """End every connection and wait until nothing of the server runs any more."""
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for sock in tuple(self._sockets):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.add(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        wire = Wire(sock, self._closing)
        try:
            while (request := wire.receive()) is not None:
                self._play(wire, request)
        except OSError:  # one of the two has hung up
            pass
        finally:
            self._sockets.discard(sock)
            sock.close()


def written(response: Response, **headers: str) -> bytes:
    """``response`` as it stands on the wire."""
    lines = [f"HTTP/1.1 {response.status} as it is", f"Content-Length: {len(response.body)}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items() if name != "content-length"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + response.body


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[Wire, Request], object]], str]]:
    """Starts servers over bare sockets that answer as they are told, and gives their addresses."""
    servers: list[RawServer] = []

    def start(play: Callable[[Wire, Request], object]) -> str:
        servers.append(RawServer(play))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def on_the_wire() -> Callable[..., bytes]:
    """Turns a response into the bytes that a raw server sends."""
    return written


def end_in_time(act: Callable[[], T], seconds: float = 30) -> T:
    """What ``act`` returns or raises. A hang is a failure that shows where all threads stand."""
    outcomes: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcomes.put((True, act()))
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            outcomes.put((False, error))

    threading.Thread(target=work, daemon=True, name="watched").start()
    try:
        done, outcome = outcomes.get(timeout=seconds)
    except queue.Empty:
        faulthandler.dump_traceback(file=sys.__stderr__, all_threads=True)
        pytest.fail(f"still running after {seconds} s")
    if not done:
        raise outcome
    result: T = outcome
    return result


@pytest.fixture(scope="session")
def in_time() -> Callable[..., Any]:
    """Runs something in a thread of its own and fails where it hangs."""
    return end_in_time


@functools.cache
def _certificates() -> ssl.SSLContext:
    return standard.certificates()


@pytest.fixture(params=["httpx", "fast", "own client"])
def any_library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """httpx2 (httpx where that is not installed), connections of our own, or a client of the caller's (httpx)."""
    if request.param != "fast":
        monkeypatch.setattr("ragbridge.transport.standard.AUTO", "httpx")
        context = _certificates()  # reading them takes longer than all the rest of such a test
        monkeypatch.setattr(standard, "certificates", lambda *_: context)
    return str(request.param)


@pytest.fixture
def clock() -> VirtualClock:
    """A clock on which waiting takes no time."""
    return VirtualClock()


@pytest.fixture(scope="session")
def scripted() -> Callable[..., ScriptedTransport]:
    """Makes a transport that answers by a script, then with vectors that carry their text's number."""

    def make(
        *outcomes: Any, width: int = 8, default: Callable[[Request], Response] | None = None
    ) -> ScriptedTransport:
        return ScriptedTransport(
            *outcomes, default=default or (lambda request: embed_answer(request, width=width))
        )

    return make


@pytest.fixture(scope="session")
def right_answer() -> Callable[[Request], Response]:
    """Answers a request for vectors as it should be."""
    return embed_answer


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a key of the machine that it runs on."""
    for name in ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", params=["kept", pytest.param("whole", marks=pytest.mark.shared)])
def judge(request: pytest.FixtureRequest) -> Judge:
    """Elasticsearch's API descriptions: what the repository keeps of them; in the ring ``shared``, the whole."""
    if request.param == "kept":
        return Judge(json.loads(make_descriptions.FILE.read_text(encoding="ascii")))
    if not (SHARED / "specs").exists():
        pytest.skip("no API descriptions beside the repository")
    return Judge(make_descriptions.facts(SHARED / "specs", whole=True))
