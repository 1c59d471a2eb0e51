"""Bodies that a client has compressed, as Elasticsearch takes them: the official client does so for Elastic Cloud."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from ragbridge.local.elastic.errors import Failure, unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES: Final = 100 * 2**20
"""``http.max_content_length``: bytes of a body, decompressed."""
_CODINGS: Final = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window of each coding: 31 means a header of gzip, 15 one of zlib."""


def plain(headers: Mapping[str, str], body: bytes) -> bytes:
    """The body as its client meant it.

    Args:
        headers: The headers, with names in lower case.
        body: The body as it came.

    Raises:
        Failure: 400, it is not compressed as its header says; 413, it is longer than ``MOST_BYTES``.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in _CODINGS or not body:
        return body
    reader = zlib.decompressobj(_CODINGS[coding])
    try:
        content = reader.decompress(body, MOST_BYTES + 1)
    except zlib.error as error:
        raise unreadable(f"request body is not compressed by {coding}") from error
    if len(content) > MOST_BYTES:
        raise Failure(
            413, f"request body has more than {MOST_BYTES} bytes", kind="content_too_long_exception"
        )
    if not reader.eof or reader.unused_data:
        raise unreadable(f"request body is not compressed by {coding}")
    return content
