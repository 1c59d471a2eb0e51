"""What is given to be embedded, read before anything is sent. A list of strings is only looked at for being one."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ragbridge.client.arguments import check_texts, listed, texts_of
from ragbridge.client.batching import Load
from ragbridge.errors import ConfigurationError
from ragbridge.models import Model
from ragbridge.services.jina.items import Item, check_modality, media_of, read_item, text_of, to_wire
from ragbridge.values.inputs import Audio, Group, Image, Pdf, Video
from ragbridge.values.media import CAUTION_BYTES, bytes_of, tokens_of


class HasText(Protocol):
    """A chunk of any kind: of ``ragbridge.chunking``, or of Jina's segmenter."""

    @property
    def text(self) -> str:
        """What is embedded."""
        ...


Text: TypeAlias = str | HasText
"""What is embedded: a string, or a chunk, whose text is."""

Input: TypeAlias = Text | Image | Audio | Video | Pdf | Group | Mapping[str, Any]
"""What models embed, each what it can: texts, images and other media, or the service's own objects."""

KINDS = "texts or other inputs"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is embedded in one job.

    Attributes:
        texts: The text of each item; empty where it has none.
        others: The items that are more than a text, by their place.
        single: Whether the only item is sent as it is, in no list: it is a PDF, which gives a vector for each page.
    """

    texts: list[str]
    others: Mapping[int, Item]
    single: bool = False

    def to_wire(self, start: int, stop: int) -> object:
        """The items ``[start:stop]`` as they stand in a request. Files are read now.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        if self.single:
            return to_wire(self.others[0])
        part: list[Any] = self.texts[start:stop]
        if self.others:
            part = [to_wire(self.others.get(index, self.texts[index])) for index in range(start, stop)]
        return part

    def load(self, index: int, row: Model | None) -> Load | None:
        """What an item is beside its text: tokens it will probably be billed, bytes as they travel."""
        media = media_of(self.others.get(index, ""))
        if not media:
            return None
        return Load(sum(tokens_of(part, row) for part in media), sum(map(bytes_of, media)))


def check_documents(documents: Sequence[Sequence[Text]]) -> list[list[str]]:
    """``documents`` as lists of strings.

    Raises:
        ConfigurationError: It is no list of lists; the document or chunk is named.
    """
    found = listed(documents, "documents", of="documents, each a list of its chunks")
    return [check_texts(chunks, f"documents[{index}]", of=KINDS) for index, chunks in enumerate(found)]


def check_inputs(texts: Sequence[Input] | Pdf, row: Model | None, *, late_chunking: bool = False) -> Inputs:
    """``texts`` as a job has them, all of them such that the model of ``row`` takes them.

    Raises:
        ConfigurationError: It is no list, an item is nothing that can be embedded or nothing for this model, a file is
            missing, or a PDF is not alone.
    """
    found = texts_of([texts] if isinstance(texts, Pdf) else texts, "texts", of=KINDS)
    others: dict[int, Item] = {}
    for index, given in enumerate(found):
        if not isinstance(given, str):
            item = _checked(given, row, index, late_chunking=late_chunking)
            found[index] = text_of(item)
            if not isinstance(item, str):
                others[index] = item
    pdf = next((index for index, item in others.items() if isinstance(item, Pdf)), None)
    if pdf is not None and len(found) > 1:
        raise ConfigurationError(
            f"texts[{pdf}] is a Pdf beside others: it gives a vector for each page, so it goes alone, one call each"
        )
    return Inputs(found, others, single=pdf is not None)


def _checked(given: object, row: Model | None, index: int, *, late_chunking: bool) -> Item:
    where = f"texts[{index}]"
    item = read_item(given, where)
    check_modality(item, row, where)
    if late_chunking and not isinstance(item, str):
        raise ConfigurationError(f"{where} is no text: late chunking is for texts alone")
    for part in media_of(item):
        caution = CAUTION_BYTES.get(part.KIND)
        if caution is not None and part.size() > caution:
            warnings.warn(
                f"{where}: {part!r} has {part.size() / 1e6:.1f} MB; the service may take no more than "
                f"{caution / 1e6:.0f} MB",
                stacklevel=2,
            )
    return item
