"""The body of an answer, read up to a bound, whatever its head says of it.

A server that is broken or hostile may announce any length, send without an end, or compress gigabytes into kilobytes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping

from ragbridge.errors import RequestError
from ragbridge.flow import Request
from ragbridge.transport.buffers import BufferPool, Pieces
from ragbridge.transport.failures import broken

MOST = 256_000_000
"""Bytes of an answer that are read where the request names no bound. Those of our own services name one each
(``client/sizes.py``)."""

REFUSAL = 1_000_000
"""Bytes of a refusal that are read: the rest is left unread. Errors keep 2,000 characters; a validation error that repeats
the request's items, as FastAPI's do, has to be read whole to find its message, and these are rarely longer."""

STEP = 65_536
"""Bytes read at once where the length is not known."""

_PLAIN = frozenset({"", "identity"})
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_LENGTH = re.compile(r"[0-9]+")


class Body:
    """Collects what arrives of one body, and stops where it exceeds what the request allows.

    Args:
        request: What was asked; ``most`` of it bounds a success.
        status: Of the answer. A refusal is cut where it is too long: what it says stands at its beginning.
        headers: Of the answer; names in any case.
        decoded: The HTTP library has decompressed the body already.
        buffers: What a body is collected in that comes in pieces; None for new memory.

    Raises:
        RequestError: The head announces more than the request allows, or several lengths, or none that is one; or a
            compression that is not read here. As with any error of this class, the caller must close the connection.
    """

    def __init__(
        self,
        request: Request,
        status: int,
        headers: Mapping[str, str],
        *,
        decoded: bool = False,
        buffers: BufferPool | None = None,
    ) -> None:
        self._request = request
        self._is_refusal = status >= 400
        self._most = REFUSAL if self._is_refusal else MOST if request.most is None else request.most
        self._content = Pieces(buffers or BufferPool(0))
        self._coding = "" if decoded else headers.get("content-encoding", "").strip().lower()
        length = None if request.method == "HEAD" else _length(request, headers)
        if length is not None and length > self._most and not self._is_refusal:
            raise self._too_long()
        self.fits = length is not None and length <= self._most and "transfer-encoding" not in headers
        """Whether the body cannot be longer than allowed, so that it may be read in one piece."""

    def take(self, part: bytes | bytearray) -> bool:
        """Keep ``part``. False once no more is wanted: the caller then closes the connection.

        Raises:
            RequestError: The body is longer than the request allows.
        """
        room = self._most - self._content.size
        if len(part) <= room:
            self._content.add(part)
            return True
        if not self._is_refusal:
            raise self._too_long()
        self._content.add(part[:room])
        return False

    def content(self) -> bytes | bytearray:
        """The whole body, decompressed where a gateway compressed it: nobody asks for that, and some do it all the same.

        Raises:
            RequestError: It cannot be decompressed, or has more bytes then than the request allows.
        """
        body = self._content.whole()
        if self._coding in _PLAIN or not body:
            return body
        if self._coding not in _PACKED:
            raise self._final(
                f"the answer is compressed ({self._coding[:40]}) although it was asked for as it is; gzip and deflate are "
                "read: have the gateway heed Accept-Encoding: identity"
            )
        return self._unpacked(body)

    def _unpacked(self, body: bytes | bytearray) -> bytes:
        is_raw = self._coding == "deflate" and (body[0] & 15 != 8 or int.from_bytes(body[:2], "big") % 31)
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS if is_raw else zlib.MAX_WBITS | 32)
        try:
            found = unpacker.decompress(body, self._most + 1)
        except zlib.error as error:
            raise broken(self._request, f"the answer cannot be decompressed ({error})") from None
        if len(found) > self._most:
            if self._is_refusal:
                return found[: self._most]
            raise self._too_long()
        is_whole = unpacker.eof and not unpacker.unused_data
        if not is_whole and not self._is_refusal:
            raise broken(self._request, "the answer cannot be decompressed: it ends too early or too late")
        return found

    def _too_long(self) -> RequestError:
        return self._final(
            f"the answer has more than {self._most:,} bytes, which is more than an answer to this request can have; "
            "the rest was not read"
        )

    def _final(self, reason: str) -> RequestError:
        """Another attempt would meet, and pay for, the same."""
        error = broken(self._request, reason)
        error.retryable = False
        return error


def _length(request: Request, headers: Mapping[str, str]) -> int | None:
    """What the head says of the length; None where it says nothing."""
    value = headers.get("content-length")
    if value is None:
        return None
    if _LENGTH.fullmatch(value):
        return int(value[:1000])
    lengths = {part.strip() for part in value.split(",")}
    number = lengths.pop()
    if lengths or not _LENGTH.fullmatch(number):
        raise broken(request, f"the answer's Content-Length is {value[:40]!r}, no length")
    return int(number[:1000])
