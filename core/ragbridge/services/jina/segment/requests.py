"""``POST /v1/segment``: builds the request and reads the answer.

The unit of the positions in an answer is not documented. They are used as code points if every chunk of the answer is at
its position in the text. Otherwise the chunks are searched for in the text, in their order.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

from ragbridge.client import sizes
from ragbridge.client.arguments import listed
from ragbridge.client.bills import Bill
from ragbridge.client.job import one_of
from ragbridge.client.lookup import Manner
from ragbridge.client.meter import Meter
from ragbridge.client.wire import count_of, encode
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Flow, Plan, Response
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass
from ragbridge.observers import Operation
from ragbridge.services.jina.segment.cuts import Cuts
from ragbridge.services.jina.session import JinaChannel
from ragbridge.services.jina.wire import decode
from ragbridge.values.web import Segment, Segments, Token, Tokenizer

PRODUCT = "segment"

TOKENIZERS: tuple[Tokenizer, ...] = get_args(Tokenizer)


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """The validated arguments of one request for segmentation."""

    content: str
    tokenizer: str
    max_chunk_length: int | None
    head: int | None
    tail: int | None
    return_tokens: bool

    def payload(self) -> dict[str, Any]:
        """The request's body. Switches are JSON booleans, not the string ``"true"`` that some clients send."""
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
    """Validates the arguments against what the service accepts.

    Raises:
        ConfigurationError: An argument is invalid; the message names it.
    """
    if not isinstance(content, str):
        raise ConfigurationError(f"content is {type(content).__name__}, not str: one text a call")
    if tokenizer not in TOKENIZERS:
        raise ConfigurationError(f"tokenizer={tokenizer!r} must be one of {', '.join(TOKENIZERS)}")
    max_chunk_length, head, tail = (
        None if value is None else check_whole(name, value, "a positive int, or None")
        for name, value in (("max_chunk_length", max_chunk_length), ("head", head), ("tail", tail))
    )
    if head is not None and tail is not None:
        raise ConfigurationError(f"head={head} and tail={tail}: give one of them")
    if not isinstance(return_tokens, bool):
        raise ConfigurationError(f"return_tokens={return_tokens!r} must be True or False")
    return SegmentOptions(content, tokenizer, max_chunk_length, head, tail, return_tokens)


def segment(channel: JinaChannel, options: SegmentOptions) -> Plan[Segments]:
    """Segments one text, in one request. Nothing is sent for an empty text, nor for one that is in the cache."""
    whole = _plan(channel, [options.content], options, name=None)
    # There is no part of one text.
    return Plan(whole.flows, lambda results: whole.join(results)[0], whole.first, about=whole.about)


def segment_many(
    channel: JinaChannel, texts: Sequence[str], options: SegmentOptions
) -> Plan[tuple[Segments, ...]]:
    """Segments each text in a request of its own. Nothing is sent for empty texts, nor for those that are in the cache.

    Args:
        channel: The client's channel.
        texts: The texts. Equal ones are sent once.
        options: The options for all texts; their ``content`` is ignored.

    Raises:
        ConfigurationError: ``texts`` is one string, or an item is not a string.
    """
    contents = listed(texts, "texts", instead=", or call segment(content)")
    for index, text in enumerate(contents):
        if not isinstance(text, str):
            raise ConfigurationError(f"texts[{index}] is {type(text).__name__}, not str")
    return _plan(channel, contents, options, name="texts")


def _plan(
    channel: JinaChannel, contents: list[str], options: SegmentOptions, *, name: str | None
) -> Plan[tuple[Segments, ...]]:
    """Segments each of ``contents``, which errors call by their places in ``name``; None where there is but one."""
    meter, cuts = channel.meter(PRODUCT), Cuts(contents, options.tokenizer)
    keys = channel.keys(PRODUCT, replace(options, content="").payload())

    def find_keys(places: Sequence[int]) -> Flow[Sequence[bytes | None]]:
        yield from ()
        return [keys.of(contents[place]) if contents[place] else None for place in places]

    lookup = channel.lookup(contents, cuts, manner=Manner(), keys=find_keys)

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        return (flow(place) for place in places if contents[place])

    def flow(place: int) -> Flow[None]:
        asked = replace(options, content=contents[place])
        if name is None:
            segments = yield from _flow(channel, meter, asked, "content")
        else:
            item = f"{name}[{place}]"
            segments = yield from one_of(_flow(channel, meter, asked, item), item, place)
        cuts.write(place, segments)
        yield from lookup.done([place], Bill("", segments.usage))

    about = functools.partial(Operation, model=options.tokenizer, items=len(contents))
    return lookup.plan(flows, lambda _usage, _model, places: cuts.only(places), about=about)


def _flow(channel: JinaChannel, meter: Meter, options: SegmentOptions, name: str) -> Flow[Segments]:
    body = encode(options.payload(), texts=[options.content], name=lambda _: name)
    read = functools.partial(_read, options=options)
    segments, usage = yield from channel.post(
        "/segment", body, product=meter, read=read, most=sizes.BESIDE + sizes.SEGMENTED * len(body)
    )
    return replace(segments, usage=usage)


def _read(response: Response, *, options: SegmentOptions) -> tuple[Segments, int | None]:
    """The segments of an answer, in the order of the text, and the tokens billed.

    Raises:
        ResponseError: The numbers of chunks, positions or tokens disagree, or a chunk does not occur in the text.
    """
    body = decode(response)
    texts = body.get("chunks")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ResponseError("'chunks' is not a list of strings")
    if not texts and options.content.strip():
        raise ResponseError("'chunks' is empty although the text is not")
    positions = body.get("chunk_positions")
    counts = [body.get("num_chunks"), len(positions) if isinstance(positions, list) else None]
    if any(number not in (None, len(texts)) for number in counts):
        raise ResponseError(
            f"the answer has {len(texts)} chunks, but num_chunks={counts[0]} and {counts[1]} chunk_positions"
        )
    tokens = _tokens(body.get("tokens"), len(texts)) if options.return_tokens else [()] * len(texts)
    spans = _spans(options.content, texts, positions, from_end=options.tail is not None)
    rows = (Segment(*span, text, ids) for span, text, ids in zip(spans, texts, tokens, strict=True))
    name = body.get("tokenizer")
    segments = Segments(
        chunks=tuple(sorted(rows, key=lambda row: (row.start, row.end))),
        num_tokens=_count(body.get("num_tokens")),
        tokenizer=name if isinstance(name, str) and name else options.tokenizer,
    )
    return segments, _billed(body)


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ResponseError(f"'num_tokens' is {value!r}, not a count")
    return value


def _billed(body: Mapping[str, Any]) -> int | None:
    """The tokens billed: ``usage.tokens`` in this product, ``usage.total_tokens`` in others."""
    usage = body.get("usage")
    return count_of(usage.get("tokens")) if isinstance(usage, dict) else None


def _tokens(tokens: object, count: int) -> list[tuple[Token, ...]]:
    """The tokens of each chunk: ``[[text, [id, ...]], ...]``."""
    if not isinstance(tokens, list) or len(tokens) != count:
        raise ResponseError("'tokens' is not a list with one entry per chunk")
    try:
        return [tuple(_token(*pair) for pair in chunk) for chunk in tokens]
    except TypeError:
        raise ResponseError("a token is not a pair of a string and a list of ids") from None


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
    """The spans of the chunks: the answer's positions if all of them are right, otherwise the places of the chunks' texts.

    Raises:
        ResponseError: A chunk does not occur in the text.
    """
    if isinstance(positions, list) and all(map(_is_at, positions, texts, [content] * len(texts))):
        return [(start, end) for start, end in positions]
    if not from_end:
        return _located(content, texts)
    # With ``tail``, a chunk's text may also occur before the part that was segmented, so the search runs backwards.
    length = len(content)
    backwards = _located(content[::-1], [text[::-1] for text in reversed(texts)])
    return [(length - end, length - start) for start, end in reversed(backwards)]


def _is_at(position: object, text: str, content: str) -> bool:
    if not isinstance(position, list) or [*map(type, position)] != [int, int]:  # False is no 0
        return False
    start, end = position
    return bool(0 <= start == end - len(text) and content.startswith(text, start))


def _located(content: str, texts: Sequence[str]) -> Sequence[tuple[int, int]]:
    """The span of each chunk: its first occurrence after the end of the previous chunk."""
    spans: list[tuple[int, int]] = []
    end = 0
    for index, text in enumerate(texts):
        start = content.find(text, end)
        if start < 0:
            raise ResponseError(
                f"chunk {index} of {len(texts)} does not occur in the text after the chunks before it"
            )
        end = start + len(text)
        spans.append((start, end))
    return spans
