"""``POST /v1/segment``. Sources of the fields and shapes: Jina's own prompts for API clients and its segmenter's page.

The engine's rule differs from the service's: each blank line ends a chunk. A paragraph longer than ``max_chunk_length`` is
split after the last sentence or line that fits, else after the last space, else at the limit. Chunks cover the text without
gaps.

``head`` and ``tail`` keep that many tokens at the start or the end. Tokens are those of the embedded model, whichever
``tokenizer`` is asked for, since OpenAI's vocabularies would have to be downloaded. The answer's ``tokenizer`` names both, as
``model`` does in other answers.
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
"""Default of ``max_chunk_length``, in characters: the service's own."""

Piece: TypeAlias = tuple[int, list[Token]]
"""Start of a chunk, and its tokens. The chunk's text is the concatenation of theirs."""

_PARAGRAPH_END = re.compile(r"\n\s*\n")
_BORDERS = (
    re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s+|[。！？]|\n"),  # noqa: RUF001 - full-width marks
    re.compile(r"\s+"),
)
"""Where a long paragraph may be split, in order of preference."""


def read_segment(call: Call) -> Work:
    """Validates the request.

    Raises:
        Refusal: 422 for an invalid field.
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
    # Segmentation is free and uses no tokens of a quota.
    used = f"{tokenizer} (embedded: {embedder.name})"
    return Work(0, partial(_write, used, pieces, with_chunks, with_tokens), partial(_compute, pieces))


def spans(text: str, longest: int) -> Iterator[tuple[int, int]]:
    """The spans of the chunks. They cover the text, and none is longer than ``longest`` characters."""
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
    """The best place to split before ``stop``; ``stop`` itself if there is none."""
    for border in _BORDERS:
        end = start
        for match in border.finditer(text, start, stop):
            end = match.end()
        if end > start:
            return end
    return stop


def _first(pieces: Sequence[Piece], count: int) -> list[Piece]:
    """The pieces within the first ``count`` tokens. A token that straddles the limit keeps its text, but only some ids."""
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
    """The pieces within the last ``count`` tokens. A token that straddles the limit keeps its text, but only some ids."""
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
    """The answer's body. Rows whose index a fault has moved beyond the last chunk are left out."""
    kept = [row for row in rows if row.index < len(pieces)]
    tokens = [pieces[row.index][1] for row in kept]
    body: dict[str, Any] = {
        "num_tokens": sum(len(ids) for _, chunk in pieces for _, ids in chunk),
        "tokenizer": tokenizer,
        "usage": {"tokens": 0},
    }
    if with_chunks:
        body["num_chunks"] = len(pieces)
        body["chunk_positions"] = [[_whole(number) for number in row.numbers] for row in kept]
        body["chunks"] = ["".join(text for text, _ in chunk) for chunk in tokens]
    if with_tokens:
        body["tokens"] = tokens
    return json.dumps(body).encode()


def _whole(number: float) -> float:
    return number if math.isnan(number) else int(number)
