"""Chooses how the boundaries of a text are found: by the ASCII rules, ICU or, if allowed, the approximation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragbridge.chunking.boundaries import ascii_sentences
from ragbridge.chunking.boundaries.long import ascii_segments
from ragbridge.chunking.boundaries.words import Segmenter
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

SentenceEnds: TypeAlias = Callable[[str], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Functions that find the word boundaries of a block and the ends of a text's sentences."""

    segmenter: Segmenter
    sentence_ends: SentenceEnds


_ASCII = Boundaries(ascii_segments, ascii_sentences.sentence_ends)


def _icu() -> Boundaries | None:
    """ICU's boundaries; None if icu4py is not installed."""
    try:
        import icu4py.breakers  # noqa: F401
    except ImportError:
        return None
    from ragbridge.chunking.boundaries import icu

    return Boundaries(icu.segments, icu.sentence_ends)


def boundaries_for(text: str, *, strict: bool) -> Boundaries:
    """The boundaries to use for a text.

    Raises:
        ConfigurationError: The text is not ASCII, icu4py is missing, and ``strict`` is true.
    """
    if text.isascii():
        return _ASCII
    if icu := _icu():
        return icu
    if strict:
        raise ConfigurationError(
            "the text is not ASCII, and its word and sentence boundaries need icu4py: install it with "
            '`pip install "ragbridge[icu]"`, or pass strict=False for an approximation'
        )
    from ragbridge.chunking.boundaries import approximate

    return Boundaries(approximate.ApproximateSegments, approximate.sentence_ends)
