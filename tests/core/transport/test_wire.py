"""The protocol without I/O: what is written, what is read from well-formed answers, and that anything else is refused."""

from __future__ import annotations

import http.client
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import ConfigurationError, RequestError
from ragbridge.flow import Request
from ragbridge.transport.bodies import STEP
from ragbridge.transport.buffers import BufferPool
from ragbridge.transport.inbox import Inbox
from ragbridge.transport.wire import ANY, ProtocolError, head_of, place_of, reading

URL = "http://host:8080/v1/embeddings?a=b c"


def read(content: bytes, method: str = "POST", most: int | None = None, pieces: int = 7):
    """The answer in ``content``, whether the connection stays, and what of ``content`` was not read.

    It comes in pieces of so many bytes.
    """
    inbox, source = Inbox(BufferPool(1)), io.BytesIO(content)
    request = Request(method, URL, {}, b"{}", most=most)
    steps = reading(request, lambda request, headers: None, BufferPool(1))
    try:
        need = next(steps)
        while True:
            while (found := inbox.take(need)) is None:
                room = inbox.free()
                count = source.readinto(room[:pieces])
                inbox.filled(count)
                inbox.ended = not count
            need = steps.send(found)
    except StopIteration as done:
        response, stays = done.value
        left = b"" if inbox.is_empty else inbox.take((ANY, STEP))
        return response, stays, left + source.read()


@pytest.mark.parametrize(
    ("content", "body", "stays"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody", b"body", True),
        (b"HTTP/1.1 200\r\nCONTENT-LENGTH:4\r\n\r\nbody", b"body", True),
        (b"HTTP/1.1 200 OK\ncontent-length: 4\n\nbody", b"body", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4, 4\r\n\r\nbody", b"body", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: Close\r\n\r\nbody", b"body", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nbody", b"body", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\nconnection: keep-alive\r\n\r\nbody", b"body", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end", False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nbod\r\n1\r\ny\r\n0\r\nt: z\r\n\r\n", b"body", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 9\r\n\r\n0\r\n\r\n", b"", False),
        (b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n", b"", True),
    ],
)  # fmt: skip
def test_answers_are_read_to_their_own_end(content, body, stays):
    """And no further: the next answer on the connection is left alone, where there may be one."""
    rest = b"HTTP/1.1 500 " if stays else b""
    response, kept, left = read(content + rest)
    assert (response.body, kept, left) == (body, stays, rest)


def test_an_answer_to_head_has_no_body():
    """Whatever length it gives."""
    assert read(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext", method="HEAD")[1:] == (True, b"next")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-server\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbod",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4, 5\r\n\r\nbody!",
        b"HTTP/1.1 200 OK\r\ncontent-length: +4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1_0\r\n\r\nbody456789",
        b"HTTP/1.1 200 OK\r\ncontent-length: four\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\ncontent length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\n b: c\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 65_536 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_refused(content):
    """Half answers, lengths that are none or two, lines that are no headers, sizes that only Python would read."""
    with pytest.raises((ProtocolError, RequestError)):
        read(content)


NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).filter(
    lambda name: name not in {"content-length", "transfer-encoding", "connection", "content-encoding"}
)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


@given(
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.binary(max_size=300),
    st.lists(st.integers(1, 50)),
    st.booleans(),
)
def test_answers_are_read_as_the_standard_library_reads_them(headers, body, cuts, chunked):
    """The same status, headers and body, with a length and in chunks of any sizes."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if chunked:
        lines.append("transfer-encoding: chunked")
        parts, rest = [], body
        for cut in cuts:
            part, rest = rest[:cut], rest[cut:]
            parts.append(part)
        sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, rest) if part) + b"0\r\n\r\n"
    else:
        lines.append(f"content-length: {len(body)}")
        sent = body
    content = "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode() + sent

    class Socket:
        def makefile(self, mode):
            return io.BytesIO(content)

    judge = http.client.HTTPResponse(Socket(), method="POST")
    judge.begin()
    response, stays, left = read(content)
    assert (response.status, response.body, stays, left) == (judge.status, judge.read(), True, b"")
    assert response.headers == {name.lower(): value for name, value in judge.getheaders()}


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"]),
)
def test_any_bytes_are_an_answer_or_a_refusal(content, begin):
    """Nothing else is raised, and reading ends."""
    try:
        response, _, _ = read(begin + content)
    except (ProtocolError, RequestError):
        return
    assert 200 <= response.status <= 999


def test_requests_are_written_as_servers_expect_them():
    """Who is asked, what for, and how long the body is; addresses of version 6 in brackets, spaces and umlauts encoded."""
    head = head_of(place_of(URL), Request("POST", URL, {}, b"{}"), {"a": "b"})
    assert (
        head
        == b"POST /v1/embeddings?a=b%20c HTTP/1.1\r\nhost: host:8080\r\na: b\r\ncontent-length: 2\r\n\r\n"
    )
    assert place_of("https://[::1]/") == (True, "::1", 443, "[::1]", "/")
    assert place_of("http://bücher.example/ä%20")[1:] == (
        "xn--bcher-kva.example",
        80,
        "xn--bcher-kva.example",
        "/%C3%A4%20",
    )
    for url in ("ftp://host/", "http://", "host:80", "http://host:99999/"):
        with pytest.raises(ValueError, match="no address|Port"):
            place_of(url)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb"])
def test_no_header_can_hold_another(value):
    """Whoever's value it is."""
    with pytest.raises(ConfigurationError, match="line break"):
        head_of(place_of(URL), Request("GET", URL, {}, b""), {"a": value})
