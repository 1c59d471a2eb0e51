"""``POST /v1/segment``. Sources of the fields and shapes: Jina's own prompts for API clients and its segmenter's page.

The rule, which is not the service's own: every blank line ends a chunk. A paragraph that is longer than
``max_chunk_length`` is cut after the last sentence or line that fits, else after the last space, else where it must
be. Chunks follow one another without gaps.

``head`` and ``tail`` keep the first and the last so many tokens. Whatever ``tokenizer`` is asked for, the embedded
model's own counts, and the asked one is echoed.
"""

from __future__ import annotations

import json
import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np

from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.values.web import Token, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST = 1000
"""``max_chunk_length`` where the request has none: the service's default."""

Piece: TypeAlias = tuple[int, list[Token]]
"""Where a chunk begins, and its tokens: their texts are its text."""

_PARAGRAPH_END = re.compile(r"\n\s*\n")
_BORDERS = (
    re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s+|[。！？]|\n"),  # noqa: RUF001 - full-width marks
    re.compile(r"\s+"),
)
"""Where a long paragraph is cut, best first."""


def read_segment(call: Call) -> Work:
    """Check the request.

    Raises:
        Refusal: 422.
    """
    fields = Fields.of(call.body)
    content = fields.word("content")
    if content == "" and not fields.problems:
        fields.report("content", "String should have at least 1 character", "string_too_short", content)
    tokenizer = fields.choice("tokenizer", among=get_args(Tokenizer)) or "cl100k_base"
    longest = fields.integer("max_chunk_length", low=1) or LONGEST
    head, tail = fields.integer("head", low=1), fields.integer("tail", low=1)
    if head is not None and tail is not None:
        fields.report("tail", "head and tail cannot be used together", "value_error", tail)
    with_chunks = fields.boolean("return_chunks", default=False)
    with_tokens = fields.boolean("return_tokens", default=False)
    fields.check()

    embedder = call.embedder()
    pieces = [(start, embedder.tokens(content[start:end])) for start, end in spans(content, longest)]
    if head is not None:
        pieces = _first(pieces, head)
    elif tail is not None:
        pieces = _last(pieces, tail)
    # Segmenting is free, so that it costs no tokens of a quota either.
    return Work(0, partial(_write, tokenizer, pieces, with_chunks, with_tokens), partial(_compute, pieces))


def spans(text: str, longest: int) -> Iterator[tuple[int, int]]:
    """Where the chunks are: they cover the text, and none is longer than ``longest`` characters."""
    start = 0
    ends = (match.end() for match in _PARAGRAPH_END.finditer(text))
    for end in (*ends, len(text)):
        while end - start > longest:
            cut = _cut(text, start, start + longest)
            yield start, cut
            start = cut
        if start < end:
            yield start, end
            start = end


def _cut(text: str, start: int, stop: int) -> int:
    """The last good border up to ``stop``."""
    for border in _BORDERS:
        found = start
        for match in border.finditer(text, start, stop):
            found = match.end()
        if found > start:
            return found
    return stop


def _first(pieces: Sequence[Piece], count: int) -> list[Piece]:
    """As much as begins within the first ``count`` tokens; ids beyond them are left out."""
    kept: list[Piece] = []
    for start, tokens in pieces:
        some: list[Token] = []
        for text, ids in tokens:
            if count > 0:
                some.append((text, ids[:count]))
            count -= len(ids)
        if some:
            kept.append((start, some))
    return kept


def _last(pieces: Sequence[Piece], count: int) -> list[Piece]:
    """As much as ends within the last ``count`` tokens; ids before them are left out."""
    kept: list[Piece] = []
    for start, tokens in reversed(pieces):
        some: list[Token] = []
        skipped = 0
        for text, ids in reversed(tokens):
            if count > 0:
                some.append((text, ids[-count:]))
            else:
                skipped += len(text)
            count -= len(ids)
        if some:
            kept.append((start + skipped, some[::-1]))
    return kept[::-1]


def _compute(pieces: Sequence[Piece]) -> list[Row]:
    lengths = [sum(len(text) for text, _ in tokens) for _, tokens in pieces]
    return [
        Row(index, np.array([start, start + length], dtype=np.float64))
        for index, ((start, _), length) in enumerate(zip(pieces, lengths, strict=True))
    ]


def _write(
    tokenizer: str, pieces: Sequence[Piece], with_chunks: bool, with_tokens: bool, rows: Sequence[Row]
) -> bytes:
    """The answer. Rows that faults have moved beyond the last chunk have no text to go with them."""
    found = [row for row in rows if row.index < len(pieces)]
    tokens = [pieces[row.index][1] for row in found]
    body: dict[str, Any] = {
        "num_tokens": sum(len(ids) for _, chunk in pieces for _, ids in chunk),
        "tokenizer": tokenizer,
        "usage": {"tokens": 0},
    }
    if with_chunks:
        body["num_chunks"] = len(pieces)
        body["chunk_positions"] = [[_whole(number) for number in row.numbers] for row in found]
        body["chunks"] = ["".join(text for text, _ in chunk) for chunk in tokens]
    if with_tokens:
        body["tokens"] = tokens
    return json.dumps(body).encode()


def _whole(number: float) -> float:
    return number if math.isnan(number) else int(number)
