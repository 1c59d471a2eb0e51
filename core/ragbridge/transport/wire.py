"""HTTP/1.1 as RFC 9112 has it, without I/O: how a request is written, and how its answer is read.

Reading is a generator, as flows are: it says what it needs next, is sent the bytes, and returns the answer. ``sockets``
reads for it from a blocking socket, ``streams`` on an event loop. What is not written as it should be is refused, and so
nobody can be made to take one answer's end for the beginning of another.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request, Response
from ragbridge.transport.bodies import STEP, Body
from ragbridge.transport.buffers import BufferPool

T = TypeVar("T")

LINE, HEAD, FULL, ANY = "line", "head", "full", "any"
"""What reading may need: a line; lines up to the first blank one; so many bytes; whatever comes next. Fewer bytes come at the
connection's end alone, or where a line or a head is longer than was asked for; ``b""`` is the end."""

Need: TypeAlias = tuple[str, int]
"""What is needed, and how many bytes at most."""

Reading: TypeAlias = Generator[Need, "bytes | bytearray", T]
"""Yields what it needs, is sent the bytes, returns a ``T``."""

LONGEST_LINE = 65_536
"""Bytes of one line, as ``http.client`` has it."""
LONGEST_HEAD = 65_536
"""Bytes of all headers of an answer. Servers send some hundred; h11 reads 102,400, nginx 8,192 by default."""
LONGEST_CHUNK_LINE = 8_192
"""Bytes of the line before a chunk, its extensions included."""
MOST_LINES = 256
"""Lines of an answer's head, or behind its last chunk."""
LONGEST_NUMBER = 18
"""Digits of a length that are read: nobody reads as many bytes."""

_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([0-9]{3})(?: [^\r\n]*)?\r?\n")
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADERS = re.compile(rb"(?:%b:[^\r\n\0]*\r?\n(?:[ \t][^\r\n\0]*\r?\n)*)*\r?\n" % _NAME)
_HEADER = re.compile(r"([^:]+):[ \t]*([^\r\n]*)\r?\n")
"""One of those, once they are seen to be headers."""
_FOLD = re.compile(rb"[ \t]*\r?\n[ \t]+")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_BLANK = frozenset({b"\r\n", b"\n"})
_WRITTEN = re.compile(r"[!-~]*")
_WITHOUT_BODY = frozenset({204, 304})


class ProtocolError(Exception):
    """What came is no answer of HTTP/1.1, or not a whole one."""


class ConnectError(Exception):
    """There is no connection: nothing was sent. Its cause is the operating system's error, or OpenSSL's."""


class Place(NamedTuple):
    """Where a request goes."""

    tls: bool
    host: str
    port: int
    shown: str
    """As the header ``host`` says it."""
    target: str
    """Path and query, as they travel."""


@functools.lru_cache(maxsize=256)
def place_of(url: str) -> Place:
    """The parts of an address.

    Raises:
        ValueError: It is none. ``UnicodeError``, for hosts that cannot be written in ASCII, is of this kind.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("no address of HTTP")
    tls = parts.scheme == "https"
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
    named = f"[{host}]" if ":" in host else host
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not _WRITTEN.fullmatch(target):
        target = quote(target, safe="!#$%&'()*+,/:;=?@[]~")
    shown = named if parts.port is None else f"{named}:{parts.port}"
    return Place(tls, host, parts.port or (443 if tls else 80), shown, target)


def head_of(place: Place, request: Request, headers: Mapping[str, str]) -> bytes:
    """What is sent before the body.

    Args:
        place: Where it goes.
        request: What is sent.
        headers: All of them, but those that say how long the body is, and who is asked.

    Raises:
        ConfigurationError: A header holds a line break.
    """
    lines = [f"{request.method} {place.target} HTTP/1.1", f"host: {place.shown}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if request.body or request.method not in {"GET", "HEAD", "DELETE"}:
        lines.append(f"content-length: {len(request.body)}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ConfigurationError("a header of the request holds a line break")
    return f"{head}\r\n\r\n".encode("latin-1")


def reading(
    request: Request, check: Callable[[Request, Mapping[str, str]], object], buffers: BufferPool
) -> Reading[tuple[Response, bool]]:
    """Read the answer to ``request``.

    Args:
        request: What was asked.
        check: Looks at the answer's headers before its body is read.
        buffers: What a long body is collected in.

    Returns:
        The answer, and whether another request may follow on the same connection.

    Raises:
        ProtocolError: It is no whole answer.
        RequestError: It is longer than the request allows, or compressed in a way that is not read.
    """
    head = yield from _head()
    while head.status < 200:
        if head.status == 101:
            raise ProtocolError("the server switches to another protocol")
        head = yield from _head()
    check(request, head.headers)
    body = Body(request, head.status, head.headers, buffers=buffers)
    stays = yield from _body(request, head, body)
    return Response(head.status, head.headers, body.content()), stays


class _Head(NamedTuple):
    """The head of an answer. Header names are in lower case, values of one name joined by commas."""

    is_first_version: bool
    status: int
    headers: dict[str, str]

    @property
    def stays(self) -> bool:
        """Whether the server keeps the connection open."""
        said = self.headers.get("connection", "").lower()
        return "keep-alive" in said if self.is_first_version else "close" not in said


def _head() -> Reading[_Head]:
    line = yield LINE, LONGEST_LINE
    status = _STATUS.fullmatch(line)
    if status is None:
        if not line:
            raise ProtocolError("the server closed the connection without an answer")
        raise ProtocolError("the answer does not begin as one of HTTP/1.1 does")
    content = yield HEAD, LONGEST_HEAD
    if not _HEADERS.fullmatch(content):
        raise ProtocolError(_fault(content))
    if content.count(b"\n") > MOST_LINES:
        raise ProtocolError(f"the answer has more than {MOST_LINES} headers")
    if b"\n " in content or b"\n\t" in content:  # a value that goes on
        content = _FOLD.sub(b" ", content)
    headers: dict[str, str] = {}
    for said, text in _HEADER.findall(content.decode("latin-1")):
        name, value = said.lower(), text.rstrip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return _Head(status[1] == b"0", int(status[2]), headers)


def _fault(content: bytes | bytearray) -> str:
    """What is wrong with the headers of an answer."""
    if content.endswith((b"\n\r\n", b"\n\n")):
        return "the answer has a line among its headers that is none"
    if len(content) >= LONGEST_HEAD:
        return f"the answer has more than {LONGEST_HEAD:,} bytes of headers"
    return "the connection ended within the answer's head"


def _body(request: Request, head: _Head, body: Body) -> Reading[bool]:
    """Read into ``body``. Returns whether the connection may be used again."""
    if request.method == "HEAD" or head.status in _WITHOUT_BODY:
        return head.stays
    coding, length = head.headers.get("transfer-encoding"), head.headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked":
            raise ProtocolError(f"the answer's Transfer-Encoding is {coding[:40]!r}, which nobody asked for")
        is_whole = yield from _chunks(body)
        # With a length as well, it may be an attack on whoever reads it otherwise: RFC 9112, 6.3.
        return is_whole and head.stays and length is None
    if length is not None:
        size = int(length.partition(",")[0][:LONGEST_NUMBER])
        is_whole = yield from _exactly(size, body, FULL if body.fits else ANY)
        return is_whole and head.stays
    while part := (yield ANY, STEP):
        if not body.take(part):
            break
    return False


def _chunks(body: Body) -> Reading[bool]:
    while True:
        line = yield LINE, LONGEST_CHUNK_LINE
        size = _SIZE.fullmatch(line)  # ``int`` alone would read signs and underscores as well
        if size is None:
            raise ProtocolError("a chunk without a size")
        if not (count := int(size[1], 16)):
            break
        if not (yield from _exactly(count, body, ANY)):
            return False
        line = yield LINE, 2
        if line not in _BLANK:
            raise ProtocolError("a chunk is longer than it says")
    for _ in range(MOST_LINES):
        line = yield LINE, LONGEST_LINE
        if line in _BLANK:
            return True
        if not line.endswith(b"\n"):
            raise ProtocolError("the connection ended before the answer did")
    raise ProtocolError(f"the answer has more than {MOST_LINES} lines behind its last chunk")


def _exactly(size: int, body: Body, kind: str) -> Reading[bool]:
    """Read ``size`` bytes, at once or as they come. Returns False where no more of them are wanted."""
    left = size
    while left:
        part = yield kind, left
        if not part:
            raise ProtocolError(f"the connection ended after {size - left:,} of {size:,} bytes")
        left -= len(part)
        if not body.take(part):
            return False
    return True
