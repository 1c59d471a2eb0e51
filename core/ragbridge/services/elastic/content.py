"""Texts, images, sound, films and PDF as Elasticsearch takes them: in inference requests, queries and documents.

Sources: the specification's ``EmbeddingInput``, ``RerankInput`` and ``KnnEmbeddingInput`` (August 2026), Elastic's page on
the ``semantic`` field type (9.5). Media travel as data URIs in base64; Elasticsearch fetches nothing from an address.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, cast

from ragbridge.client.arguments import listed
from ragbridge.client.items import Inputs, Item, media_of, to_base64
from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body
from ragbridge.values.inputs import Audio, Group, Image, Media, Member, Pdf, Video, from_text
from ragbridge.values.media import media_type, tokens_of

Content: TypeAlias = str | Image | Audio | Video | Pdf | Group
"""What an endpoint of the type ``embedding`` makes one vector of."""

MOST_MEDIA_BYTES = 75_000_000
"""Bytes of media in one request: as base64 they fill Elasticsearch's ``http.max_content_length`` of 100 MB, its default."""

_KINDS: dict[str, type[Media]] = {kind.KIND: kind for kind in (Image, Audio, Video, Pdf)}
_OBJECT = '{"content": {"type": "image", "value": "data:..."}}'


class HasText(Protocol):
    """A chunk of ``ragbridge.chunking``."""

    @property
    def text(self) -> str:
        """What is embedded."""
        ...


Input: TypeAlias = str | HasText | Image | Audio | Video | Pdf | Group | Mapping[str, Any]
"""What ``embed`` takes: texts, media and groups of them, or Elasticsearch's own objects with ``content``."""


def read_inputs(values: Any, task: str, numbers: Sequence[int] | None = None) -> Inputs:
    """What is embedded, as a job has it.

    Args:
        values: What the caller gave.
        task: The task type of the endpoint. ``embedding`` alone takes other inputs than texts.
        numbers: What number each has in the caller's stream; None of a list.

    Raises:
        ConfigurationError: It is no list, an item is nothing that can be embedded, or nothing for this task; a file is
            missing, or media are too large or at an address.
    """
    of = "texts or other inputs" if task == "embedding" else "strings"
    found = [getattr(value, "text", value) for value in listed(values, "texts", of=of)]
    read = functools.partial(_read, task, numbers)
    return Inputs.read(found, read, functools.partial(tokens_of, row=None))


def read_content(value: object, where: str) -> Item:
    """One input: a text, media, a group of them, or Elasticsearch's own object.

    Raises:
        ConfigurationError: It is none of these, a file is missing, or media are too large or at an address.
    """
    if not isinstance(value, (str, Image, Audio, Video, Pdf, Group, Mapping)):
        raise ConfigurationError(f"{where} is {_no_content(value)}")
    try:
        return check_media(_from_object(value) if isinstance(value, Mapping) else value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def check_media(item: Item) -> Item:
    """``item``, whose media are there, are not at an address, and fit into a request.

    Raises:
        ConfigurationError: They are not.
    """
    media = media_of(item)
    for part in media:
        if part.address is not None:
            raise ConfigurationError(
                f"{part!r} is an address, and Elasticsearch fetches none: pass the file's path or its bytes"
            )
    size = sum(part.size() for part in media)
    if size > MOST_MEDIA_BYTES:
        raise ConfigurationError(
            f"it has {size / 1e6:,.0f} MB, and a request to Elasticsearch can hold {MOST_MEDIA_BYTES / 1e6:.0f} MB before "
            "base64"
        )
    return item


def to_wire(inputs: Inputs, start: int, stop: int) -> list[Any]:
    """The inputs ``[start:stop]`` of an ``embedding`` request: strings, or objects where one is no text. Files are read now.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    if not any(index in inputs.others for index in range(start, stop)):
        return inputs.texts[start:stop]
    return [{"content": _content(inputs[index])} for index in range(start, stop)]


def part_to_wire(part: str | Media) -> Body:
    """One text or medium as an object of a request.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    if isinstance(part, str):
        return {"type": "text", "format": "text", "value": part}
    return {"type": part.KIND, "format": "base64", "value": data_uri(part)}


def data_uri(part: Media) -> str:
    """Media as Elasticsearch takes them: their type, and their content in base64.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    content = part.read()
    return f"data:{media_type(content, part.KIND)};base64,{to_base64(content)}"


def query_content(value: Content, name: str) -> str | Body | list[Body]:
    """What ``query_vector_builder.embedding`` embeds. Files are read now.

    Raises:
        ConfigurationError: It is empty or nothing that can be embedded, or a file cannot be read.
    """
    item = read_content(value, name)
    return check.text(name, item) if isinstance(item, str) else _content(item)


def _content(item: Item) -> Any:
    if isinstance(item, Group):
        return [part_to_wire(part) for part in item.parts]
    return part_to_wire(item)


def _read(task: str, numbers: Sequence[int] | None, value: object, index: int) -> Item:
    where = f"texts[{index}]" if numbers is None else f"items[{numbers[index]}]"
    item = read_content(value, where)
    if task != "embedding" and not isinstance(item, str):
        raise ConfigurationError(
            f"{where} is {type(item).__name__}, and an endpoint of the type {task} takes texts: pass "
            'task_type="embedding", and an endpoint of this type'
        )
    return item


def _from_object(value: Mapping[str, Any]) -> Item:
    """Raises ``ConfigurationError`` where ``value`` is not exactly one of Elasticsearch's objects."""
    if set(value) != {"content"}:
        raise ConfigurationError(f"an object is {_OBJECT}, and this one has {sorted(map(str, value))}")
    content = value["content"]
    if isinstance(content, Sequence) and not isinstance(content, (str, bytes)):
        return Group([cast("Member", _part(part)) for part in content])
    return _part(content)


def _part(value: object) -> str | Media:
    if isinstance(value, Mapping) and {"type", "value"} <= value.keys() <= {"type", "format", "value"}:
        kind, text = str(value["type"]).lower(), value["value"]
        if kind == "text" and isinstance(text, str):
            return text
        if kind in _KINDS and isinstance(text, str):
            # Text of such an object may have come from afar: it is never taken for the path of a file on this machine.
            return from_text(text, _KINDS[kind])
    raise ConfigurationError(
        f'a part of "content" has a "type" of text, {", ".join(_KINDS)} and a "value", a text or a data URI'
    )


def _no_content(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview, os.PathLike)):
        return f"{type(value).__name__}: say what it is, such as Image(...) or Pdf(...)"
    return f"{type(value).__name__}, not str, Image, Audio, Video, Pdf, Group or Elasticsearch's {_OBJECT}"
