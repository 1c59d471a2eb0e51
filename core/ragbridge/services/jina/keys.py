"""What an input is equal by, and what its result is kept under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ragbridge.cache.keys import Keys
from ragbridge.client.items import Item, media_of
from ragbridge.flow import Flow, do
from ragbridge.services.jina.items import Items, to_wire
from ragbridge.values.inputs import Pdf


def names_of(inputs: Items) -> Sequence[object]:
    """Equal texts are sent once; media are not compared."""
    return inputs.names


def item_keys(keys: Keys, inputs: Items, places: Sequence[int]) -> Flow[Sequence[bytes | None]]:
    """The key of each input by itself; None where its content is not known here: at an address, of a PDF."""
    if not inputs.others:
        return [keys.of(inputs.texts[place]) for place in places]
    contents = yield from do(lambda: [content_of(inputs[place]) for place in places])  # files are read
    return [None if content is None else keys.of(content) for content in contents]


def content_of(item: Item) -> str | bytes | None:
    """What an input is told from others by: a text itself, a digest of media. None where that is not known here."""
    if isinstance(item, str):
        return item
    if any(isinstance(part, Pdf) or part.address for part in media_of(item)):
        return None
    return hashlib.blake2b(json.dumps(to_wire(item), sort_keys=True).encode()).digest()
