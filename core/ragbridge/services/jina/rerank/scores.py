"""The scores of documents that are judged each by itself: they depend on nothing else, so that they can be kept."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ragbridge.client.items import Item
from ragbridge.flow import Flow, do
from ragbridge.hosts import JINA
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.keys import content_of, item_keys
from ragbridge.services.jina.rerank.options import PRODUCT, RerankOptions
from ragbridge.services.jina.session import JinaChannel
from ragbridge.values.rankings import RankedDocument

_SCORE = struct.Struct("<d")


class Scores:
    """The rows of a call, by the places of their documents. Where fewer are asked for than there are, the others have none."""

    def __init__(self) -> None:
        self._rows: dict[int, RankedDocument] = {}

    def write(self, rows: Iterable[RankedDocument]) -> None:
        """Add the rows of an answer."""
        self._rows.update((row.index, row) for row in rows)

    def ranked(self, places: Sequence[int] | None = None) -> list[RankedDocument]:
        """The rows, best first; of the documents at ``places`` alone, if given."""
        there = None if places is None else set(places)
        rows = [row for index, row in self._rows.items() if there is None or index in there]
        return sorted(rows, key=lambda row: (-row.score, row.index))

    def kept(self, places: Sequence[int]) -> list[bytes]:
        """The scores at ``places`` as a cache has them."""
        return [_SCORE.pack(self._rows[place].score) for place in places]

    def take(self, places: Sequence[int], values: Sequence[bytes]) -> Sequence[int]:
        """Read what a cache had. Returns the places whose value could be read."""
        taken = []
        for place, value in zip(places, values, strict=True):
            if len(value) == _SCORE.size and math.isfinite(score := _SCORE.unpack(value)[0]):
                self._rows[place] = RankedDocument(place, score)
                taken.append(place)
        return taken

    def copy(self, place: int, places: Sequence[int]) -> None:
        """Give the documents at ``places`` the row of the one at ``place``."""
        for each in places:
            self._rows[each] = replace(self._rows[place], index=each)

    def leave_out(self, place: int) -> None:
        """There is no row for ``place``."""
        self._rows.pop(place, None)


def score_keys(
    channel: JinaChannel,
    query: Item,
    documents: Items,
    options: RerankOptions,
    places: Sequence[int],
) -> Flow[Sequence[bytes | None]]:
    """The key of each document's score; None where the content of the query or of the document is not known here."""
    content = yield from do(lambda: content_of(query))
    if content is None:
        return [None] * len(places)
    asked = {**options.payload("", Items([], {}, {}), None), "documents": None}
    if options.host is not JINA:
        asked["host"] = options.host.name
    asked["query"] = ["text", content] if isinstance(content, str) else ["media", content.hex()]
    return (yield from item_keys(channel.keys(PRODUCT, asked), documents, places))
