"""The media type of a file by its first bytes."""

from __future__ import annotations

import pytest

from ragbridge.values.media import media_type


@pytest.mark.parametrize(
    ("content", "kind", "name"),
    [
        (b"\xff\xd8\xff\xe0", "image", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio", "audio/wav"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom", "audio", "audio/mp4"),
        (b"\x00\x00\x00\x20ftypisom", "video", "video/mp4"),
        (b"\x1aE\xdf\xa3", "audio", "audio/webm"),
        (b"OggS", "video", "video/ogg"),
        (b"%PDF-1.7", "pdf", "application/pdf"),
        (b"anything", "pdf", "application/pdf"),
        (b"anything", "image", "image/jpeg"),
        (b"%PDF-1.7", "image", "image/jpeg"),
        (b"", "video", "video/mp4"),
    ],
)
def test_the_type_is_one_of_its_kind(content: bytes, kind: str, name: str) -> None:
    """Told by the bytes where they tell one of this kind, else the usual one."""
    assert media_type(content, kind) == name
