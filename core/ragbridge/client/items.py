"""Inputs that are texts or more: images and other media, and groups of them. What every service's inputs have alike."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeAlias, TypeGuard, cast

from ragbridge.client.batching import Load
from ragbridge.ground.records import dataclass
from ragbridge.values.inputs import Group, Media
from ragbridge.values.media import bytes_of

Item: TypeAlias = str | Media | Group
"""One input, read."""


def _encoder() -> Callable[[bytes], str]:
    """Bytes to base64: by pybase64 where it is installed (extra ``speed``)."""
    try:
        from pybase64 import b64encode_as_string
    except ImportError:
        return lambda content: binascii.b2a_base64(content, newline=False).decode("ascii")
    return cast("Callable[[bytes], str]", b64encode_as_string)


to_base64 = _encoder()


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one job, read once.

    Attributes:
        texts: The text of each item; empty where it has none.
        others: The items that are more than a text, by their place.
        loads: What the media of these add: tokens that will probably be billed, bytes as they travel.
    """

    texts: list[str]
    others: Mapping[int, Item]
    loads: Mapping[int, Load]

    @classmethod
    def read(
        cls, values: list[Any], read: Callable[[Any, int], Item], weigh: Callable[[Media], float]
    ) -> Self:
        """Each item with its text and its weight, in one pass. A list of strings is only seen to be one.

        Args:
            values: What the caller gave.
            read: Reads an item that is not a string; is given its index for errors.
            weigh: Tokens that an image or another medium will probably be billed.
        """
        if are_texts(values):
            return cls(values, {}, {})
        texts: list[str] = []
        others: dict[int, Item] = {}
        loads: dict[int, Load] = {}
        for index, value in enumerate(values):
            item = value if isinstance(value, str) else read(value, index)
            texts.append(text_of(item))
            if not isinstance(item, str):
                others[index] = item
                if media := media_of(item):
                    loads[index] = Load(sum(map(weigh, media)), sum(map(bytes_of, media)))
        return cls(texts, others, loads)

    def __getitem__(self, index: int) -> Item:
        return self.others.get(index, self.texts[index])

    def at(self, places: Sequence[int]) -> Self:
        """The items at ``places``, in their order."""
        if places == range(len(self.texts)):
            return self
        texts = [self.texts[place] for place in places]
        if not self.others:
            return type(self)(texts, {}, {})
        others = {index: self.others[place] for index, place in enumerate(places) if place in self.others}
        loads = {index: self.loads[place] for index, place in enumerate(places) if place in self.loads}
        return type(self)(texts, others, loads)

    @property
    def names(self) -> Sequence[object]:
        """What items are equal by: equal texts are sent once, media are not compared."""
        if not self.others:
            return self.texts
        return [index if index in self.others else text for index, text in enumerate(self.texts)]


def media_of(item: Item) -> Sequence[Media]:
    """All that is no text in one input."""
    if isinstance(item, Group):
        return [part for part in item.parts if isinstance(part, Media)]
    return [item] if isinstance(item, Media) else []


def text_of(item: Item) -> str:
    """All that is text in one input."""
    if isinstance(item, Group):
        return "\n".join(part for part in item.parts if isinstance(part, str))
    return item if isinstance(item, str) else ""


def are_texts(items: list[Any]) -> TypeGuard[list[str]]:
    """Whether all of them are plain strings, as in most jobs."""
    return set(map(type, items)) <= {str}
