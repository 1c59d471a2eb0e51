"""What is given to be embedded, read before anything is sent. A list of strings is only looked at for being one."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from ragbridge.client.arguments import check_texts, listed
from ragbridge.client.items import Item, media_of
from ragbridge.errors import ConfigurationError
from ragbridge.models import Model
from ragbridge.services.jina.items import Items, check_modality, read_item, read_items
from ragbridge.values.inputs import Audio, Group, Image, Pdf, Video
from ragbridge.values.media import CAUTION_BYTES, tokens_of


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


def check_documents(
    documents: Sequence[Sequence[Text]], numbers: Sequence[int] | None = None
) -> list[list[str]]:
    """``documents`` as lists of strings.

    Args:
        documents: What the caller gave.
        numbers: What number each has in the caller's stream.

    Raises:
        ConfigurationError: It is no list of lists; the document or chunk is named.
    """
    listings = listed(documents, "documents", of="documents, each a list of its chunks")
    named = enumerate(listings) if numbers is None else zip(numbers, listings, strict=True)
    return [check_texts(chunks, f"documents[{number}]", of=KINDS) for number, chunks in named]


def check_inputs(
    texts: Sequence[Input] | Pdf,
    row: Model | None,
    *,
    late_chunking: bool = False,
    numbers: Sequence[int] | None = None,
) -> Items:
    """``texts`` as a job has them, all of them such that the model of ``row`` takes them.

    Args:
        texts: What the caller gave.
        row: The model's row of the table.
        late_chunking: Whether texts alone will do.
        numbers: What number each has in the caller's stream; None of a list.

    Raises:
        ConfigurationError: It is no list, an item is nothing that can be embedded or nothing for this model, a file is
            missing, or a PDF is not alone.
    """
    values = listed([texts] if isinstance(texts, Pdf) else texts, "texts", of=KINDS)
    read = functools.partial(_checked, row, late_chunking=late_chunking, numbers=numbers)
    items = read_items(values, read, functools.partial(tokens_of, row=row))
    if not items.others:
        return items
    pdf = next((index for index, item in items.others.items() if isinstance(item, Pdf)), None)
    if pdf is not None and len(values) > 1:
        raise ConfigurationError(
            f"texts[{pdf}] is a Pdf beside others: it gives a vector for each page, so it goes alone, one call each"
        )
    return items


def is_pdf(items: Items) -> bool:
    """Whether the only item is a PDF: it is sent as it is, in no list, and gives a vector for each page."""
    return isinstance(items.others.get(0), Pdf)


def _checked(
    row: Model | None, given: object, index: int, *, late_chunking: bool, numbers: Sequence[int] | None
) -> Item:
    where = f"texts[{index}]" if numbers is None else f"items[{numbers[index]}]"
    item = read_item(getattr(given, "text", given), where)  # a chunk's text
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
