"""Cost of images and other media in a request: tokens for the limiter, bytes on the network."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

from ragbridge.values.inputs import Media

if TYPE_CHECKING:
    from ragbridge.models import Model

ASSUMED_SIDE = 1024
"""Pixels of each side of an image whose size is not known here: at an address, of an unknown format, or without the
extra ``images``. Pictures that are prepared for models are rarely larger, and a limiter corrects the guess by what was
billed."""

MAX_SIDE = 65_535
"""Pixels of the longest side that a JPEG can have. A header that says more is damaged."""

ASSUMED_PAGES = 4
"""Assumed pages of a PDF, which is not opened to count them."""

ASSUMED_TOKENS = {"image": 4_000, "audio": 4_000, "video": 16_000}
"""Where no formula is published and the model's row names no figure, or there is no row: from an eighth to half of the
longest context. Too high costs a wait, too low a refusal for now; what was billed corrects either."""

CAUTION_BYTES = {"image": 5_000_000, "pdf": 8_000_000}
"""Sizes that some pages of the service call its largest (others say 8 MB for both): above them, a warning."""


def tokens_of(media: Media, row: Model | None) -> int:
    """Estimated tokens that ``media`` is billed by the model of ``row``."""
    pages, kind = (ASSUMED_PAGES, "image") if media.KIND == "pdf" else (1, media.KIND)
    if kind == "image" and row is not None and row.image_tile is not None:
        size = pixels(media) if media.KIND == "image" else None
        return pages * tile_tokens(*(size or (ASSUMED_SIDE, ASSUMED_SIDE)), row)
    return pages * assumed_tokens(kind, row)


def assumed_tokens(kind: str, row: Model | None) -> int:
    """Assumed tokens of one ``image``, ``audio`` or ``video``, if the model's row has no formula for it."""
    known = None if row is None else row.media_tokens.get(kind)
    return ASSUMED_TOKENS[kind] if known is None else known


def bytes_of(media: Media) -> int:
    """Bytes that ``media`` adds to a request: its address, or its content as base64."""
    return len(media.address or "") + 4 * media.size() // 3


def tile_tokens(width: int, height: int, row: Model) -> int:
    """Tokens of an image: square tiles, begun ones included (jina.ai/embeddings, 2024 and 2026)."""
    if row.image_tile is None:
        raise ValueError(f"{row.name} is not billed by tiles")
    return math.ceil(width / row.image_tile) * math.ceil(height / row.image_tile) * row.tile_tokens


def pixels(image: Media) -> tuple[int, int] | None:
    """Width and height from the file's header; None if they are unknown."""
    source = image.source
    if isinstance(source, str):
        return None
    try:
        import imagesize
    except ImportError:
        return None
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            if file.read(16).lstrip().startswith(b"<"):
                return None  # SVG has no pixels, and untrusted XML is not parsed
            file.seek(0)
            width, height = imagesize.get(file)
    except Exception:  # noqa: BLE001 - whatever a damaged header does to the reader: its size is just not known
        return None
    return (int(width), int(height)) if 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE else None


_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftyphei", "image/heic"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"%PDF", "application/pdf"),
)
"""Where a file of a type has which bytes, of the formats that omni models take (WHATWG's MIME Sniffing Standard)."""
_CONTAINERS = frozenset({"audio/ogg", "video/mp4", "video/webm"})
"""Formats that hold sound or films."""
_USUAL = {"image": "image/jpeg", "audio": "audio/mpeg", "video": "video/mp4", "pdf": "application/pdf"}


def media_type(content: bytes, kind: str) -> str:
    """The media type of a file by its first bytes, as data URIs name it.

    Args:
        content: The file's content.
        kind: What its owner says it is: ``image``, ``audio``, ``video`` or ``pdf``. Where the bytes tell no type of this
            kind, it is the usual one.
    """
    usual = _USUAL[kind]
    for start, mark, name in _SIGNATURES:
        if content.startswith(mark, start):
            family, _, form = name.partition("/")
            if name in _CONTAINERS and kind in {"audio", "video"}:
                return f"{kind}/{form}"
            if usual.startswith(f"{family}/"):
                return name
    return usual
