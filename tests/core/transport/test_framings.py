"""Large answers arrive whole, however the server frames and cuts them: over TLS as well, by threads and tasks at once."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import trustme

from ragbridge.flow import Request
from ragbridge.transport.direct import DirectTransport

BODY = random.Random(1).randbytes(1_500_000)
SIZES = (1, 10, 4096, 16_384, 65_536, 262_144, 400_000)


class Framing(BaseHTTPRequestHandler):
    """Answers with ``BODY``: in ``/chunks`` of any sizes, until the connection's ``/end``, or ``/whole``."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        if self.path == "/chunks":
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            at, sizes = 0, random.Random(2)
            while part := BODY[at : at + sizes.choice(SIZES)]:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                at += len(part)
            self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = self.path == "/end"
        self.send_header(*(("connection", "close") if self.close_connection else LENGTH))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


LENGTH = ("content-length", str(len(BODY)))


@pytest.fixture(scope="module", params=["http", "https"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[str, DirectTransport]]:
    """The server's address, and a transport that trusts it."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with ThreadingHTTPServer(("127.0.0.1", 0), Framing) as server:
        if request.param == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        transport = DirectTransport(timeout=20, deadline=60, connections=4, trust=trust)
        yield f"{request.param}://localhost:{server.server_port}", transport
        transport.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/chunks", "/end", "/whole"])
def test_a_large_answer_arrives_whole(served: tuple[str, DirectTransport], path: str):
    url, transport = served
    request = Request("POST", url + path, {}, b"x" * 300_000, most=2_000_000)

    async def several() -> list[bool]:
        answers = await asyncio.gather(*(transport.send_async(request) for _ in range(6)))
        await transport.close_async()
        return [answer.body == BODY for answer in answers]

    with ThreadPoolExecutor(6) as pool:
        found = [answer.body == BODY for answer in pool.map(transport.send, [request] * 6)]
    assert all(found + asyncio.run(several()))
