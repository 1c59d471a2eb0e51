"""Pictures of documents: what they carry, files that their meta names, pages of PDFs."""

from __future__ import annotations

import mimetypes
import os
from asyncio import to_thread
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from haystack import Document
from haystack.dataclasses import ByteStream, ImageContent

from ragbridge import ConfigurationError, Image, group_by

PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class _Source:
    """Where one picture is.

    Attributes:
        name: What the caller knows the document by.
        content: A file, or what the document itself carries.
        page: The page of a PDF, from 1; None for an image.
    """

    name: str
    content: Path | ByteStream
    page: int | None

    @property
    def place(self) -> Path | int:
        """The same for all pages of one PDF."""
        return self.content if isinstance(self.content, Path) else id(self.content)


@dataclass(frozen=True, slots=True)
class Pictures:
    """How a component finds the pictures of documents.

    Attributes:
        file_path_meta_field: The meta field that names a file; None where files are left alone.
        root_path: The folder that such files are in, and which they cannot lead out of; None where no file is opened.
        size: Width and height into which pictures are fitted; None for as they are.
    """

    file_path_meta_field: str | None
    root_path: str | None
    size: tuple[int, int] | None

    def of(self, documents: Sequence[Document], places: Iterable[int]) -> dict[int, Image]:
        """The pictures of the documents at these places, by place. A file that is sent as it is, is read only then.

        Raises:
            ConfigurationError: A document has no picture, or one that cannot be read; or what draws it is not installed.
        """
        sources = {place: self._source(documents[place], place) for place in places}
        images = {place: self._image(source) for place, source in sources.items() if source.page is None}
        pages = [place for place, source in sources.items() if source.page is not None]
        for group in group_by(sources[place].place for place in pages):
            images |= self._drawn({pages[index]: sources[pages[index]] for index in group})
        return images

    def of_textless(self, documents: Sequence[Document], texts: Sequence[str]) -> dict[int, Image]:
        """The pictures of those documents that have one and no text, by place.

        Raises:
            ConfigurationError: A picture cannot be read; or what draws it is not installed.
        """
        return self.of(documents, self._textless(documents, texts))

    async def of_textless_async(
        self, documents: Sequence[Document], texts: Sequence[str]
    ) -> dict[int, Image]:
        """The same beside the running event loop: in a thread, where there is a picture at all."""
        places = self._textless(documents, texts)
        return await to_thread(self.of, documents, places) if places else {}

    def _textless(self, documents: Sequence[Document], texts: Sequence[str]) -> list[int]:
        if all(texts):
            return []
        bare = [place for place, text in enumerate(texts) if not text]
        return [place for place in bare if self._has_picture(documents[place])]

    def _has_picture(self, document: Document) -> bool:
        if document.blob is not None:
            return _is_picture(document.blob.mime_type)
        return self.file_path_meta_field is not None and self.file_path_meta_field in document.meta

    def _source(self, document: Document, place: int) -> _Source:
        name = f"documents[{place}] (id {document.id})"
        content = self._file(document, name) if document.blob is None else document.blob
        if isinstance(content, ByteStream):
            mime_type = content.mime_type
            if mime_type is None and content.data.startswith(b"%PDF-"):
                mime_type = PDF
        else:
            mime_type = document.meta.get("mime_type") or mimetypes.guess_type(content)[0]
        if not _is_picture(mime_type):
            raise ConfigurationError(f"{name} is {mime_type}, neither an image nor a PDF")
        return _Source(name, content, _page(document, name) if mime_type == PDF else None)

    def _file(self, document: Document, name: str) -> Path:
        field = self.file_path_meta_field
        given = document.meta.get(field) if field is not None else None
        if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
            raise ConfigurationError(f"{name} has no blob, and no path of a file in meta[{field!r}]")
        if self.root_path is None:
            raise ConfigurationError(
                f"{name}: meta[{field!r}] names a file, and none is opened without root_path=: set it to the folder that "
                'the files are in ("/" for any)'
            )
        path = Path(self.root_path, given)
        try:
            inside = path.resolve().is_relative_to(Path(self.root_path).resolve())
            present = path.is_file()
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigurationError(f"{name}: {str(path)!r} is no path of a file: {error}") from None
        if not inside:
            raise ConfigurationError(f"{name}: {str(given)!r} leads out of root_path={self.root_path!r}")
        if not present:
            raise ConfigurationError(
                f"{name}: there is no file {str(path)!r}; relative paths start at root_path"
            )
        return path

    def _image(self, source: _Source) -> Image:
        if self.size is not None:
            from haystack.components.converters.image import ImageFileToImageContent

            try:
                found = ImageFileToImageContent(size=self.size).run([source.content])["image_contents"]
            except ImportError as error:
                raise ConfigurationError(f"image_size= needs pillow: pip install pillow ({error})") from error
            except ValueError as error:  # a format that Haystack does not know
                raise ConfigurationError(f"{source.name} cannot be resized: {error}") from None
            if not found:
                raise ConfigurationError(f"{source.name} cannot be resized; a warning of Haystack says why")
            return _read(found[0])
        content = source.content
        try:
            return Image(content.data if isinstance(content, ByteStream) else content)
        except ConfigurationError as error:
            raise ConfigurationError(f"{source.name}: {error}") from None

    def _drawn(self, sources: Mapping[int, _Source]) -> dict[int, Image]:
        """Pages of one PDF, which is opened once."""
        from haystack.components.converters.image import PDFToImageContent

        first = next(iter(sources.values()))
        wanted: list[str | int] = [*sorted({source.page for source in sources.values() if source.page})]
        try:
            drawer = PDFToImageContent(size=self.size)
        except ImportError as error:
            raise ConfigurationError(
                f"{first.name} is a page of a PDF, which is drawn by pypdfium2 and pillow: "
                f"pip install pypdfium2 pillow ({error})"
            ) from error
        found = drawer.run([first.content], page_range=wanted)["image_contents"]
        drawn = {content.meta["page_number"]: content for content in found}
        for source in sources.values():
            if source.page not in drawn:
                raise ConfigurationError(
                    f"{source.name}: page {source.page} of the PDF cannot be drawn; a warning of Haystack says why"
                )
        return {place: _read(drawn[source.page]) for place, source in sources.items()}


def check_size(size: object) -> tuple[int, int] | None:
    """Returns ``size`` as a tuple; YAML has only lists.

    Raises:
        ConfigurationError: It is no width and height.
    """
    if size is None:
        return None
    match size:
        case (int(width), int(height)) if width > 0 and height > 0:
            return width, height
    raise ConfigurationError(f"image_size={size!r} must be (width, height) in pixels, or None")


def _is_picture(mime_type: str | None) -> bool:
    return mime_type is None or mime_type == PDF or mime_type.startswith("image/")


def _page(document: Document, name: str) -> int:
    page = document.meta.get("page_number")
    if type(page) is not int or page < 1:
        raise ConfigurationError(
            f"{name} is a PDF: meta['page_number'] must say which of its pages, from 1, and is {page!r}"
        )
    return page


def _read(content: ImageContent) -> Image:
    return Image(b64decode(content.base64_image))
