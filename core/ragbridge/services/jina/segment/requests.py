"""``POST /v1/segment``: build the request, read the answer.

In which units the hosted service gives positions is not published. They are taken for code points where every chunk
stands where its position says; else the chunks are looked for in the text, in their order.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from ragbridge.client.arguments import listed
from ragbridge.client.job import one_of
from ragbridge.client.meter import Meter
from ragbridge.client.wire import count_of, encode
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, Response, plan, single
from ragbridge.services.jina.session import JinaChannel
from ragbridge.services.jina.wire import decode
from ragbridge.values.embeddings import Usage
from ragbridge.values.web import Segment, Segments, Token, Tokenizer

PRODUCT = "segment"

TOKENIZERS: tuple[Tokenizer, ...] = get_args(Tokenizer)
DEFAULT_TOKENIZER: Tokenizer = "cl100k_base"


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What is asked of the segmenter, checked."""

    content: str
    tokenizer: str
    max_chunk_length: int | None
    head: int | None
    tail: int | None
    return_tokens: bool

    def payload(self) -> dict[str, Any]:
        """The request's body. Real booleans: the text ``"true"``, which some clients send, is none."""
        fields = {
            "content": self.content,
            "tokenizer": self.tokenizer,
            "max_chunk_length": self.max_chunk_length,
            "head": self.head,
            "tail": self.tail,
            "return_chunks": True,
            "return_tokens": self.return_tokens or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


def check_options(
    content: str,
    *,
    tokenizer: str,
    max_chunk_length: int | None,
    head: int | None,
    tail: int | None,
    return_tokens: bool,
) -> SegmentOptions:
    """The options, where the service takes them all.

    Raises:
        ConfigurationError: An argument is not what it should be.
    """
    if not isinstance(content, str):
        raise ConfigurationError(f"content is {type(content).__name__}, not str: one text a call")
    if tokenizer not in TOKENIZERS:
        raise ConfigurationError(f"tokenizer={tokenizer!r} must be one of {', '.join(TOKENIZERS)}")
    for name, value in {"max_chunk_length": max_chunk_length, "head": head, "tail": tail}.items():
        if value is not None and (type(value) is not int or value < 1):
            raise ConfigurationError(f"{name}={value!r} must be a positive int, or None")
    if head is not None and tail is not None:
        raise ConfigurationError(f"head={head} and tail={tail}: give one of them")
    if not isinstance(return_tokens, bool):
        raise ConfigurationError(f"return_tokens={return_tokens!r} must be True or False")
    return SegmentOptions(content, tokenizer, max_chunk_length, head, tail, return_tokens)


def segment(channel: JinaChannel, options: SegmentOptions) -> Plan[Segments]:
    """One request; none for an empty text."""
    if not options.content:
        return plan((), lambda _: Segments((), 0, options.tokenizer))
    return single(_flow(channel, channel.meter(PRODUCT), options, "content"))


def segment_many(
    channel: JinaChannel, texts: Sequence[str], options: SegmentOptions
) -> Plan[tuple[Segments, ...]]:
    """One request for each text that is not empty; ``options`` without their content hold for all.

    Raises:
        ConfigurationError: ``texts`` is one string, or an item is none.
    """
    contents = listed(texts, "texts", instead=", or call segment(content)")
    for index, text in enumerate(contents):
        if not isinstance(text, str):
            raise ConfigurationError(f"texts[{index}] is {type(text).__name__}, not str")
    meter = channel.meter(PRODUCT)
    flows = (
        _numbered(channel, meter, index, replace(options, content=text))
        for index, text in enumerate(contents)
    )
    return plan(flows, tuple)


def _numbered(channel: JinaChannel, meter: Meter, index: int, options: SegmentOptions) -> Flow[Segments]:
    if not options.content:
        return Segments((), 0, options.tokenizer)
    name = f"texts[{index}]"
    return (yield from one_of(_flow(channel, meter, options, name), name, index))


def _flow(channel: JinaChannel, meter: Meter, options: SegmentOptions, name: str) -> Flow[Segments]:
    body = encode(options.payload(), texts=[options.content], name=lambda _: name)
    read = functools.partial(_read, options=options)
    segments, _ = yield from channel.post("/segment", body, product=meter, read=read)
    return segments


def _read(response: Response, *, options: SegmentOptions) -> tuple[Segments, int | None]:
    """The segments in an answer, in the order of the text, and the tokens billed.

    Raises:
        ResponseError: Chunks, positions or tokens are missing or too many, or a chunk does not stand in the text.
    """
    body = decode(response)
    texts = body.get("chunks")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ResponseError("'chunks' is no list of texts")
    if not texts and options.content.strip():
        raise ResponseError("'chunks' is empty, the text is not")
    positions = body.get("chunk_positions")
    promised = [body.get("num_chunks"), len(positions) if isinstance(positions, list) else None]
    if any(number not in (None, len(texts)) for number in promised):
        raise ResponseError(
            f"{len(texts)} chunks where {promised} were promised, by their number and positions"
        )
    tokens = _tokens(body.get("tokens"), len(texts)) if options.return_tokens else [()] * len(texts)
    spans = _spans(options.content, texts, positions, from_end=options.tail is not None)
    rows = (Segment(*span, text, ids) for span, text, ids in zip(spans, texts, tokens, strict=True))
    name, billed = body.get("tokenizer"), _billed(body)
    segments = Segments(
        chunks=tuple(sorted(rows, key=lambda row: (row.start, row.end))),
        num_tokens=_count(body.get("num_tokens")),
        tokenizer=name if isinstance(name, str) and name else options.tokenizer,
        usage=Usage(billed or 0, 1),
    )
    return segments, billed


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ResponseError(f"'num_tokens' is {value!r}, no count")
    return value


def _billed(body: Mapping[str, Any]) -> int | None:
    """``usage.tokens``, this product's own name for what was billed."""
    usage = body.get("usage")
    return count_of(usage.get("tokens")) if isinstance(usage, dict) else None


def _tokens(tokens: object, count: int) -> list[tuple[Token, ...]]:
    """The tokens of each chunk: ``[[text, [id, ...]], ...]``."""
    if not isinstance(tokens, list) or len(tokens) != count:
        raise ResponseError("'tokens' is no list with an entry for each chunk")
    try:
        return [tuple(_token(*pair) for pair in chunk) for chunk in tokens]
    except TypeError:
        raise ResponseError("a token is no pair of a text and a list of ids") from None


def _token(text: object, ids: object) -> Token:
    if (
        not isinstance(text, str)
        or not isinstance(ids, list)
        or any(type(number) is not int for number in ids)
    ):
        raise TypeError
    return text, tuple(ids)


def _spans(
    content: str, texts: Sequence[str], positions: object, *, from_end: bool
) -> Sequence[tuple[int, int]]:
    """Where the chunks stand: at their positions if that holds for all of them, else where they are found.

    Raises:
        ResponseError: One of them is nowhere.
    """
    if isinstance(positions, list) and all(map(_stands_at, positions, texts, [content] * len(texts))):
        return [(start, end) for start, end in positions]
    if not from_end:
        return _located(content, texts)
    # The last tokens of a text may stand further in front as well.
    length = len(content)
    backwards = _located(content[::-1], [text[::-1] for text in reversed(texts)])
    return [(length - end, length - start) for start, end in reversed(backwards)]


def _stands_at(position: object, text: str, content: str) -> bool:
    match position:
        case [int(start), int(end)]:
            return 0 <= start == end - len(text) and content.startswith(text, start)
    return False


def _located(content: str, texts: Sequence[str]) -> Sequence[tuple[int, int]]:
    """The first place of each chunk after the chunk before."""
    spans: list[tuple[int, int]] = []
    end = 0
    for index, text in enumerate(texts):
        start = content.find(text, end)
        if start < 0:
            raise ResponseError(
                f"chunk {index} of {len(texts)} does not stand in the text, after those before it"
            )
        end = start + len(text)
        spans.append((start, end))
    return spans
