"""What requests hold beside texts: pictures, PDF, sound and films, for which a digest stands in.

The embedded model reads text alone. A picture's vector is drawn from the SHAKE-256 digest of its bytes: the same bytes
have the same vector, and what they show does not matter. What stands at an address is never fetched: the address itself
is digested. A PDF has one vector for each ``/Type /Page`` in its bytes; one, where none can be seen.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ragbridge.values.inputs import Image
from ragbridge.values.media import ASSUMED_SIDE, assumed_tokens, pixels, tile_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragbridge.local.fields import Fields
    from ragbridge.local.model import Floats, Ids, StaticEmbedder
    from ragbridge.models import Model

_KEYS = {"image": "image", "url": "image", "bytes": "image", "pdf": "pdf", "audio": "audio", "video": "video"}
"""Key of an item -> what it is; ``url`` and ``bytes`` are the keys of 2024, which some clients still send."""
_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")


@dataclass(frozen=True, slots=True)
class Medium:
    """Something that is no text.

    Attributes:
        kind: ``image``, ``pdf``, ``audio`` or ``video``.
        content: Its bytes, or its address.
        remote: Whether ``content`` is an address.
    """

    kind: str
    content: bytes
    remote: bool = False

    def vector(self, width: int) -> Floats:
        """Its stand-in, of unit length."""
        numbers = np.frombuffer(hashlib.shake_256(self.content).digest(2 * width), "<i2").astype(np.float32)
        unit: Floats = numbers / np.float32(np.linalg.norm(numbers))
        return unit

    def tokens(self, row: Model) -> int:
        """What it costs: the service's tiles, by the size in the picture's header where that can be read."""
        if self.kind in {"audio", "video"} or row.image_tile is None:
            return assumed_tokens("image" if self.kind == "pdf" else self.kind, row)
        size = pixels(Image(self.content)) if self.kind == "image" and not self.remote else None
        return tile_tokens(*(size or (ASSUMED_SIDE, ASSUMED_SIDE)), row)


_PICTURE = "data:image/"
"""What a text begins with that models with eyes take for a picture: ``jina-haystack`` sends pictures so, and the code
that is published with the CLIP models reads them."""

Part: TypeAlias = "str | Medium"
Item: TypeAlias = tuple[Part, ...]
"""What has one vector: most often a single part."""


def read_items(
    fields: Fields, name: str, value: object, row: Model, *, most: int | None = None
) -> list[Item]:
    """Read one input or a list of them; whatever the model does not take is reported."""
    if isinstance(value, dict) and "pdf" in value and "pdf" in row.modalities:
        return _pages(fields, name, value["pdf"])
    if isinstance(value, str | dict):
        return [read_item(fields, name, value, row)]
    if not isinstance(value, list):
        fields.report(name, "Input should be a valid list", "list_type", value)
        return []
    if not value:
        fields.report(name, "List should have at least 1 item after validation, not 0", "too_short", value)
    if most is not None and len(value) > most:
        message = f"List should have at most {most} items after validation, not {len(value)}"
        fields.report(name, message, "too_long", value)
    return [
        (item,)
        if type(item) is str and not item.startswith(_PICTURE)
        else read_item(fields, f"{name}.{index}", item, row)
        for index, item in enumerate(value)
    ]


def read_item(fields: Fields, name: str, value: object, row: Model) -> Item:
    """Read a text, an object, or a group of them that has one vector."""
    if isinstance(value, dict) and isinstance(value.get("content"), list) and row.groups:
        if not value["content"]:
            fields.report(f"{name}.content", "List should have at least 1 item", "too_short", [])
        return tuple(
            _part(fields, f"{name}.content.{index}", part, row) for index, part in enumerate(value["content"])
        )
    if isinstance(value, str) and value.startswith(_PICTURE) and "image" in row.modalities:
        return (_medium(fields, name, "image", value),)
    return (_part(fields, name, value, row),)


def _part(fields: Fields, name: str, value: object, row: Model) -> Part:
    key = next((key for key in _KEYS if key in value), None) if isinstance(value, dict) else None
    if not isinstance(value, dict) or key is None or "text" in value:
        return fields.text(name, value)
    kind = _KEYS[key]
    if kind == "pdf" and kind in row.modalities:
        fields.report(name, "A PDF must be the whole input", "value_error", value)
    elif kind not in row.modalities:
        fields.report(
            name, f"Input should be {' or '.join(row.modalities)}, not {kind}", "value_error", value
        )
    else:
        return _medium(fields, f"{name}.{key}", kind, value[key])
    return ""


def _medium(fields: Fields, name: str, kind: str, value: object) -> Medium:
    if not isinstance(value, str):
        fields.report(name, "Input should be a valid string", "string_type", value)
    elif re.match("https?://", value, re.IGNORECASE):
        return Medium(kind, value.encode("utf-8", "surrogatepass"), remote=True)
    else:
        text = value.partition(",")[2] if value[:5].lower() == "data:" else value
        try:
            content = binascii.a2b_base64("".join(text.split()), strict_mode=True)
        except ValueError:
            content = b""
        if content:
            return Medium(kind, content)
        fields.report(name, "Input should be an address, a data URI or base64", "value_error", value)
    return Medium(kind, b"")


def _pages(fields: Fields, name: str, value: object) -> list[Item]:
    pdf = _medium(fields, f"{name}.pdf", "pdf", value)
    count = 1 if pdf.remote else max(1, len(_PAGE.findall(pdf.content)))
    return [(Medium("pdf", b"%b page %d" % (pdf.content, page)),) for page in range(count)]


def media(items: Iterable[Item]) -> list[Medium]:
    """Everything that is no text."""
    return [part for item in items for part in item if isinstance(part, Medium)]


def usage(items: Sequence[Item], texts: int, row: Model) -> dict[str, int]:
    """What a request costs: ``texts`` tokens of text, and those of its media by their kinds."""
    counts: dict[str, int] = {}
    for medium in media(items):
        name = f"{'image' if medium.kind == 'pdf' else medium.kind}_tokens"
        counts[name] = counts.get(name, 0) + medium.tokens(row)
    return {"total_tokens": texts + sum(counts.values()), "prompt_tokens": texts, **counts}


def vectors(
    embedder: StaticEmbedder,
    items: Sequence[Item],
    texts: Sequence[Ids],
    width: int,
    *,
    normalized: bool = True,
    late: bool = False,
) -> Floats:
    """One vector for each item, shape (items, width): where it has several parts, their mean.

    Args:
        embedder: Embeds the texts.
        items: What to embed.
        texts: Token ids of every text in ``items``, in their order.
        width: See ``StaticEmbedder.embed``, as for the others.
        normalized: Whether vectors get unit length.
        late: Whether the texts are chunks of one document.
    """
    found = embedder.embed(texts, width, normalized=normalized, late=late)
    if len(texts) == len(items) and not media(items):
        return found
    rest = iter(found)
    kept = min(width, embedder.width)
    mixed = np.zeros((len(items), width), dtype=np.float32)
    for index, item in enumerate(items):
        for part in item:
            if isinstance(part, str):
                mixed[index] += next(rest)
            else:
                mixed[index, :kept] += part.vector(embedder.width)[:kept]
        if item[1:] or isinstance(item[0], Medium):  # a text alone stays as it was embedded
            mixed[index] /= max(np.linalg.norm(mixed[index]), 1e-12) if normalized else len(item)
    return mixed


def answering(row: Model, embedder: StaticEmbedder, items: Iterable[Item] = ()) -> str:
    """The model's name in an answer: the asked one, and what stood in for it."""
    digested = ", images by digest" if media(items) else ""
    return f"{row.name} (embedded: {embedder.name}{digested})"
