"""Inputs as callers give them and as Jina's API writes them: texts, or objects such as ``{"image": ...}``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ragbridge.client.items import Inputs, Item, media_of, to_base64
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.models import MODELS, Model
from ragbridge.models.limits import MAX_MEDIA_BYTES
from ragbridge.values.inputs import Audio, Group, Image, Media, Member, Pdf, Video, from_text

KINDS: dict[str, type[Media]] = {kind.KIND: kind for kind in (Image, Pdf, Audio, Video)}
LEGACY: dict[str, type[Media]] = {"url": Image, "bytes": Image}
"""Keys of 2024 for images, which some clients still write."""

_VALUES = (str, Image, Pdf, Audio, Video, Group, Mapping)
_OBJECTS = ", ".join(f'{{"{key}"}}' for key in ("text", *KINDS, "content"))


@dataclass(frozen=True, slots=True)
class Items(Inputs):
    """The inputs of one job, read once, and how they stand in a request."""

    def to_wire(self, start: int, stop: int) -> list[Any]:
        """The items ``[start:stop]`` as they stand in a request. Files are read now.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        if not self.others:
            return self.texts[start:stop]
        return [to_wire(self[index]) for index in range(start, stop)]


def read_items(values: list[Any], read: Callable[[Any, int], Item], weigh: Callable[[Media], float]) -> Items:
    """Each item with its text and its weight; see ``Inputs.read``."""
    return Items.read(values, read, weigh)


def read_item(value: object, where: str) -> Item:
    """One input from a string, one of our values, or one of the service's own objects.

    Args:
        value: What the caller gave.
        where: What the caller knows it by.

    Raises:
        ConfigurationError: It is none of these, or a file is missing.
    """
    if not isinstance(value, _VALUES):
        kind = type(value).__name__
        if isinstance(value, (bytes, bytearray, memoryview, os.PathLike)):
            raise ConfigurationError(f"{where} is {kind}: say what it is, such as Image(...) or Pdf(...)")
        raise ConfigurationError(
            f"{where} is {kind}, not str, Image, Pdf, Audio, Video, Group or one of {_OBJECTS}"
        )
    try:
        item = _from_object(value) if isinstance(value, Mapping) else value
        _check_sizes(media_of(item))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return item


def _check_sizes(media: Sequence[Media]) -> None:
    """See that each is there and that they fit into a request, before anything is sent or read."""
    size = sum(part.size() for part in media)
    if size > MAX_MEDIA_BYTES:
        raise ConfigurationError(
            f"the parts of the group have {size / 1e6:,.0f} MB, and a request can hold {MAX_MEDIA_BYTES / 1e6:.0f} MB"
        )


def _from_object(value: Mapping[str, Any]) -> Item:
    """Raises ``ConfigurationError`` where ``value`` is not exactly one of the service's objects."""
    if len(value) != 1:
        raise ConfigurationError(f"an object has one of the keys of {_OBJECTS} and no other")
    ((key, content),) = value.items()
    if key == "content" and isinstance(content, Sequence) and not isinstance(content, (str, bytes)):
        return Group(
            [cast("Member", read_item(part, f"content[{index}]")) for index, part in enumerate(content)]
        )
    if key == "text" and isinstance(content, str):
        return content
    kind = KINDS.get(key) or LEGACY.get(key)
    if kind is None:
        raise ConfigurationError(f"an object with {key!r} is none of {_OBJECTS}")
    # Text of such an object may have come from afar: it is never taken for the path of a file on this machine.
    return from_text(content, kind) if isinstance(content, str) else kind(content)


def to_wire(item: Item) -> str | dict[str, Any]:
    """The input as it stands in a request; files are read now. Content travels as plain base64, which every kind takes.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    match item:
        case str():
            return item
        case Group():
            parts = ({"text": part} if isinstance(part, str) else to_wire(part) for part in item.parts)
            return {"content": list(parts)}
    return {item.KIND: item.address or to_base64(item.read())}


def check_modality(item: Item, row: Model | None, where: str) -> None:
    """Raise ``ConfigurationError`` where the model of ``row`` does not take such an input."""
    if row is None or isinstance(item, str):
        return
    name = "content" if isinstance(item, Group) else item.KIND
    if not takes(row, name):
        able = ", ".join(
            other.name for other in MODELS.values() if other.products & row.products and takes(other, name)
        )
        shown = "a group" if name == "content" else f"{type(item).__name__}"
        raise ConfigurationError(
            f"{where} is {shown}: {row.name} takes {' and '.join(row.modalities)}"
            f"{' only' if len(row.modalities) == 1 else ''}; models that take it: {able or 'none'}"
        )


def takes(row: Model, name: str) -> bool:
    """Whether a model takes a modality, or groups (``content``)."""
    return row.groups if name == "content" else name in row.modalities
