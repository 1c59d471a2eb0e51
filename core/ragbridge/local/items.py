"""Items of requests: texts, images, PDF, audio and video. A digest represents all but texts.

The embedded model reads text only. The vector of an image is derived from the SHAKE-256 digest of its bytes: equal bytes have
equal vectors, whatever they show. Addresses are never fetched; the address itself is digested. A PDF has one vector for each
``/Type /Page`` in its bytes, and at least one; its bytes are digested once, whatever the number of pages.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.values.inputs import Image
from ragbridge.values.media import ASSUMED_SIDE, assumed_tokens, pixels, tile_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ragbridge.local.fields import Fields
    from ragbridge.local.model import Embedder, Floats, Ids
    from ragbridge.models import Model

_KEYS = {"image": "image", "url": "image", "bytes": "image", "pdf": "pdf", "audio": "audio", "video": "video"}
"""Kind of each key of an item. ``url`` and ``bytes`` are keys of 2024 that some clients still send."""
MOST_ITEMS = 10_000
"""Items of a request that the engine reads where the service publishes no cap: documents of a reranker, and inputs of
Elasticsearch's inference API."""

_PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
MAX_PAGES = 2000
"""Pages of a PDF at most: the engine's own bound. Each is a vector of the answer."""


@dataclass(frozen=True, slots=True)
class Medium:
    """An image, a page of a PDF, audio or video.

    Attributes:
        kind: ``image``, ``pdf``, ``audio`` or ``video``.
        content: The bytes, or the address; of a page of a PDF, the document's digest and the page's number.
        remote: Whether ``content`` is an address.
    """

    kind: str
    content: bytes
    remote: bool = False

    def vector(self, width: int) -> Floats:
        """The unit vector derived from the digest, shape (width,)."""
        numbers = np.frombuffer(hashlib.shake_256(self.content).digest(2 * width), "<i2").astype(np.float32)
        unit: Floats = numbers / np.float32(np.linalg.norm(numbers))
        return unit

    def tokens(self, row: Model) -> int:
        """The cost in tokens: the service's tiles, by the size in the image's header if it is readable."""
        if self.kind in {"audio", "video"} or row.image_tile is None:
            return assumed_tokens("image" if self.kind == "pdf" else self.kind, row)
        size = pixels(Image(self.content)) if self.kind == "image" and not self.remote else None
        return tile_tokens(*(size or (ASSUMED_SIDE, ASSUMED_SIDE)), row)


_PICTURE = "data:image/"
"""Prefix of strings that models with vision read as images. ``jina-haystack`` sends images in this form, and the published
code of the CLIP models reads it."""

Part: TypeAlias = "str | Medium"
Item: TypeAlias = tuple[Part, ...]
"""The parts that share one vector; usually a single part."""


def read_items(
    fields: Fields, name: str, value: object, row: Model, *, most: int | None = None
) -> list[Item]:
    """Reads one input or a list of inputs. Kinds that the model does not support are reported to ``fields``."""
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
        fields.too_many(name, value, most)
        return []
    return [
        (item,)
        if type(item) is str and not item.startswith(_PICTURE)
        else read_item(fields, f"{name}.{index}", item, row)
        for index, item in enumerate(value)
    ]


def read_item(fields: Fields, name: str, value: object, row: Model) -> Item:
    """Reads one input: a text, an object, or a group of parts that share one vector."""
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
        content = _decoded(text) or _decoded("".join(text.split()))
        if content:
            return Medium(kind, content)
        fields.report(name, "Input should be an address, a data URI or base64", "value_error", value)
    return Medium(kind, b"")


def _decoded(text: str) -> bytes:
    """The bytes of base64; none if it is not base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b""


def _pages(fields: Fields, name: str, value: object) -> list[Item]:
    pdf = _medium(fields, f"{name}.pdf", "pdf", value)
    count = 1 if pdf.remote else sum(1 for _ in islice(_PAGE.finditer(pdf.content), MAX_PAGES + 1))
    if count > MAX_PAGES:
        message = f"A PDF has at most {MAX_PAGES} pages in the embedded engine"
        fields.report(f"{name}.pdf", message, "too_long", value)
        count = 0
    digest = hashlib.sha256(pdf.content).digest()
    return [(Medium("pdf", b"%b page %d" % (digest, page)),) for page in range(max(1, count))]


def media(items: Iterable[Item]) -> list[Medium]:
    """All parts that are not texts."""
    return [part for item in items for part in item if isinstance(part, Medium)]


def usage(items: Sequence[Item], texts: int, row: Model) -> dict[str, int]:
    """The usage of a request: ``texts`` tokens of text, plus the tokens of its media by kind."""
    counts: dict[str, int] = {}
    for medium in media(items):
        name = f"{'image' if medium.kind == 'pdf' else medium.kind}_tokens"
        counts[name] = counts.get(name, 0) + medium.tokens(row)
    return {"total_tokens": texts + sum(counts.values()), "prompt_tokens": texts, **counts}


def vectors(
    embedder: Embedder,
    items: Sequence[Item],
    texts: Sequence[Ids],
    width: int,
    *,
    normalized: bool = True,
    late: bool = False,
    query: bool | None = None,
) -> Floats:
    """One vector per item, shape (items, width). An item with several parts has their mean.

    Args:
        embedder: The embedded model.
        items: The items to embed.
        texts: Token ids of each text in ``items``, in their order.
        width: Number of dimensions, see ``Embedder.embed``.
        normalized: Whether vectors get unit length.
        late: Whether the texts are the chunks of one document (late chunking).
        query: Whether the texts are queries, or documents; None if that is not known.
    """
    text_vectors = embedder.embed(texts, width, normalized=normalized, late=late, query=query)
    if len(texts) == len(items) and not media(items):
        return text_vectors
    rest = iter(text_vectors)
    kept = min(width, embedder.width)
    mixed = np.zeros((len(items), width), dtype=np.float32)
    for index, item in enumerate(items):
        for part in item:
            if isinstance(part, str):
                mixed[index] += next(rest)
            else:
                mixed[index, :kept] += part.vector(embedder.width)[:kept]
        if item[1:] or isinstance(item[0], Medium):  # a single text is already normalized
            mixed[index] /= max(np.linalg.norm(mixed[index]), 1e-12) if normalized else len(item)
    return mixed


def answering(row: Model, embedder: Embedder, items: Iterable[Item] = ()) -> str:
    """The model's name in an answer: the requested model, and the embedded model that answered."""
    digested = ", images by digest" if media(items) else ""
    return f"{row.name} (embedded: {embedder.name}{digested})"
