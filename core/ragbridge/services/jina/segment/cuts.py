"""The segments of the texts of one call, and how a cache has them: without the texts, which the caller has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ragbridge.values.embeddings import Usage
from ragbridge.values.web import Segment, Segments


class Cuts:
    """One ``Segments`` for each text.

    Args:
        contents: The texts. An empty one has no segments, and is not sent.
        tokenizer: The vocabulary that was asked for.
    """

    def __init__(self, contents: Sequence[str], tokenizer: str) -> None:
        self._contents = contents
        self._nothing = Segments((), 0, tokenizer)
        self._rows: list[Segments] = [self._nothing] * len(contents)

    def write(self, place: int, segments: Segments) -> None:
        """Put in what an answer said."""
        self._rows[place] = segments

    def only(self, places: Sequence[int] | None) -> tuple[Segments, ...]:
        """Those of the texts at ``places``; None for all."""
        return tuple(self._rows if places is None else [self._rows[place] for place in places])

    def kept(self, places: Sequence[int]) -> list[bytes]:
        """The rows at ``places`` as a cache has them."""
        return [_encode(self._rows[place]) for place in places]

    def take(self, places: Sequence[int], values: Sequence[bytes]) -> Sequence[int]:
        """Read what a cache had. Returns the places whose value could be read."""
        taken = []
        for place, value in zip(places, values, strict=True):
            try:
                self._rows[place] = _decode(value, self._contents[place])
            except (TypeError, ValueError):
                continue
            taken.append(place)
        return taken

    def copy(self, place: int, places: Sequence[int]) -> None:
        """Give the texts at ``places``, which are equal, what the one at ``place`` has. They cost nothing."""
        segments = self._rows[place]
        cached = Usage(cached=segments.usage.cached)
        for each in places:
            self._rows[each] = replace(segments, usage=cached)

    def leave_out(self, place: int) -> None:
        """There are no segments for ``place``."""
        self._rows[place] = self._nothing


def _encode(segments: Segments) -> bytes:
    chunks = [[chunk.start, chunk.end, chunk.tokens] for chunk in segments.chunks]
    return json.dumps([segments.num_tokens, segments.tokenizer, chunks], separators=(",", ":")).encode()


def _decode(value: bytes, content: str) -> Segments:
    """The segments of ``content``.

    Raises:
        TypeError: The value is none of ``_encode``.
        ValueError: The same.
    """
    num_tokens, tokenizer, rows = json.loads(value)
    chunks = tuple(_chunk(content, *row) for row in rows)
    if type(num_tokens) is not int or not isinstance(tokenizer, str):
        raise TypeError
    return Segments(chunks, num_tokens, tokenizer, Usage(cached=1))


def _chunk(content: str, start: int, end: int, tokens: Sequence[Any]) -> Segment:
    if not 0 <= start <= end <= len(content):
        raise ValueError
    return Segment(start, end, content[start:end], tuple((text, tuple(ids)) for text, ids in tokens))
