"""Inputs other than text: images, PDF, audio, video, and groups of them."""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, TypeAlias
from urllib.parse import unquote, urlsplit

from ragbridge.errors import ConfigurationError
from ragbridge.ground.addresses import shown
from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.models.limits import MAX_MEDIA_BYTES

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO"
"""A source of media: an ``http(s)`` address, a data URI, a local path, bytes, or a binary file object."""

_DATA_URI = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Media:
    """Base of ``Image``, ``Pdf``, ``Audio`` and ``Video``.

    Attributes:
        source: An address (``str``), a local file (``Path``), or the content (``bytes``). A file is read when the
            request is built that carries it, and not kept.
        KIND: The service's word for this kind of media.
    """

    source: str | Path | bytes
    KIND: ClassVar[str] = ""

    def __init__(self, source: Source) -> None:
        object.__setattr__(self, "source", _normal(source, type(self).__name__))

    def __repr__(self) -> str:
        match self.source:
            case bytes():
                what = f"{len(self.source)} bytes"
            case str():
                what = f"at {shown(self.source).partition('://')[2].partition('/')[0]}"
            case _:
                what = f"file {self.source.name}"
        return f"{type(self).__name__}(<{what}>)"

    @property
    def address(self) -> str | None:
        """The address that the service fetches it from; None if the content is sent in the request."""
        return self.source if isinstance(self.source, str) else None

    def size(self) -> int:
        """Bytes sent in the request, before base64; 0 for an address.

        Raises:
            ConfigurationError: There is no such file, or it is empty or too large.
        """
        match self.source:
            case bytes():
                return len(self.source)
            case str():
                return 0
        try:
            size = self.source.stat().st_size
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        if not self.source.is_file():
            raise ConfigurationError(f"{self.source} is not a file")
        if not size:
            raise ConfigurationError(f"{self.source} is empty")
        _check_size(size, f"{type(self).__name__}: the file {self.source.name}")
        return size

    def read(self) -> bytes:
        """The content. An address has none here.

        Raises:
            ConfigurationError: The file cannot be read, or is too large.
        """
        match self.source:
            case bytes():
                return self.source
            case str():
                raise ValueError("what stands at an address is not read here")
        try:
            with self.source.open("rb") as file:
                content = file.read(MAX_MEDIA_BYTES + 1)
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        _check_size(len(content), f"{type(self).__name__}: the file {self.source.name}")
        return content

    def _unreadable(self, error: Exception) -> ConfigurationError:
        reason = getattr(error, "strerror", None) or str(error)
        return ConfigurationError(
            f"{type(self).__name__}: cannot read the file {str(self.source)!r}: {reason}"
        )


class Image(Media):
    """A picture, for models that take images.

    Args:
        source: An ``http(s)`` address that the service can reach, a data URI, the path of a local file, the file's
            bytes, or a binary file object such as ``BytesIO``, which is read at once. A ``str`` that is neither an address
            nor a data URI is a path, or a path's ``file://`` address. 256 MB at most.

    Raises:
        ConfigurationError: The source has another type or form, is empty or too large. A file that is missing or too
            large is reported when the image is used.
    """

    __slots__ = ()
    KIND: ClassVar[str] = "image"


class Pdf(Media):
    """A PDF file, for models that take them: one vector per page. See ``Image`` for the sources."""

    __slots__ = ()
    KIND: ClassVar[str] = "pdf"


class Audio(Media):
    """A recording of sound, for omni models. See ``Image`` for the sources."""

    __slots__ = ()
    KIND: ClassVar[str] = "audio"


class Video(Media):
    """A film, for omni models. See ``Image`` for the sources."""

    __slots__ = ()
    KIND: ClassVar[str] = "video"


Member: TypeAlias = str | Image | Audio | Video
"""A part of a group."""


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Group:
    """Several parts that omni models embed as one: all of them give one vector, and their order counts.

    Args:
        parts: Texts, images, recordings and films. No PDF, which gives several vectors by itself.

    Raises:
        ConfigurationError: There is no part, or one is of another type.
    """

    parts: tuple[Member, ...]

    def __init__(self, parts: Sequence[Member]) -> None:
        if isinstance(parts, (str, bytes, Mapping, Media)):
            raise ConfigurationError(f"Group: parts is one {type(parts).__name__}: pass a list")
        members = tuple(parts)
        if not members:
            raise ConfigurationError("Group: parts is empty")
        for index, part in enumerate(members):
            if not isinstance(part, (str, Image, Audio, Video)):
                raise ConfigurationError(
                    f"Group: parts[{index}] is {type(part).__name__}, neither str nor Image, Audio or Video"
                )
        object.__setattr__(self, "parts", members)

    def __repr__(self) -> str:
        return f"Group({len(self.parts)} parts)"


def from_text(text: str, kind: type[Media]) -> Media:
    """What a service's own object holds: an address, a data URI or base64. Never a path, since such objects may come from an untrusted source.

    Raises:
        ConfigurationError: The text has another form.
    """
    if _is_address(text) or _DATA_URI.match(text):
        return kind(text)
    return kind(_decoded(text, kind.__name__, "neither an http(s) address nor a data URI nor base64"))


def _normal(source: object, name: str) -> str | Path | bytes:
    match source:
        case str():
            return _from_str(source, name)
        case bytes() | bytearray() | memoryview():
            content: object = bytes(source)
        case os.PathLike():
            return Path(source)
        case _ if callable(getattr(source, "read", None)):
            content = _all_of(source)
            if content in {b"", ""}:
                raise ConfigurationError(
                    f"{name}: the file object is at its end; call seek(0) to read it from its start"
                )
        case _:
            raise ConfigurationError(
                f"{name}: {type(source).__name__} is not an address, a data URI, a path, bytes or a binary file object"
            )
    if not isinstance(content, bytes):
        raise ConfigurationError(
            f"{name}: the file object gives {type(content).__name__}: open it in binary mode"
        )
    if not content:
        raise ConfigurationError(f"{name}: the content is empty")
    _check_size(len(content), name)
    return content


def _check_size(size: int, name: str) -> None:
    if size > MAX_MEDIA_BYTES:
        raise ConfigurationError(
            f"{name} has {'more than ' if size == MAX_MEDIA_BYTES + 1 else ''}{size / 1e6:,.0f} MB, and a request can hold "
            f"{MAX_MEDIA_BYTES / 1e6:.0f} MB: make it smaller, or pass an http(s) address that the service fetches it from"
        )


def _all_of(source: Any) -> object:
    """What is left in a file object, up to a byte more than it may have; what is no bytes, as it comes."""
    content = source.read(MAX_MEDIA_BYTES + 1)
    while isinstance(content, bytes) and content and len(content) <= MAX_MEDIA_BYTES:
        more = source.read(MAX_MEDIA_BYTES + 1 - len(content))  # pipes give what they have
        if not more:
            break
        content += more
    return content


def _from_str(source: str, name: str) -> str | Path | bytes:
    if _is_address(source):
        if not source.isprintable():
            raise ConfigurationError(f"{name}: the address has characters that are not allowed in addresses")
        return source
    if match := _DATA_URI.match(source):
        return _decoded(source[match.end() :], name, "a data URI whose base64 is broken")
    if source[:7].lower() == "file://":
        return _from_file_uri(source, name)
    if re.match(r"data:|[a-z][a-z0-9+.-]+://", source, re.IGNORECASE):
        raise ConfigurationError(
            f"{name}: addresses begin with http:// or https://, data URIs with data:<type>;base64,"
        )
    if not source:
        raise ConfigurationError(f"{name}: the source is empty")
    return Path(source)


def _from_file_uri(source: str, name: str) -> Path:
    """Where a ``file://`` address points, as ``Path.as_uri`` writes it and frameworks hand it over."""
    place = urlsplit(source)
    if place.netloc not in {"", "localhost"} or not place.path:
        raise ConfigurationError(f"{name}: a file:// address names a file of this machine, file:///...")
    path = unquote(place.path)
    return Path(path[1:] if re.match(r"/[a-z]:", path, re.IGNORECASE) else path)


def _is_address(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))


def _decoded(text: str, name: str, fault: str) -> bytes:
    try:
        content = binascii.a2b_base64("".join(text.split()), strict_mode=True)
    except ValueError:
        raise ConfigurationError(f"{name}: {fault}") from None
    if not content:
        raise ConfigurationError(f"{name}: the content is empty")
    return content


def group_by(keys: Iterable[Hashable]) -> list[list[int]]:
    """The positions of each key: groups in order of first occurrence, positions ascending.

    >>> group_by(["a", "b", "a"])
    [[0, 2], [1]]
    """
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return list(places.values())


publish("ragbridge", [Audio, Group, Image, Pdf, Video, group_by])
