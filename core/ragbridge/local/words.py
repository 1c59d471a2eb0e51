"""Words and their weights: a stand-in for ELSER, which would add related words.

A word's weight is the length of its vector, which grows with importance in mean-pooled training, times 1 + ln(count).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragbridge.local.model import Embedder

WITHOUT_WORDS = "[UNK]"
"""The token of a text without words, so that its sparse vector is not empty."""

_WORD = re.compile(r"\w+")


def weights(text: str, embedder: Embedder, context: int) -> dict[str, float]:
    """The first ``context`` words of a text, each once, the heaviest first."""
    counts = Counter(_WORD.findall(text.lower())[:context]) or Counter([WITHOUT_WORDS])
    lengths = embedder.weights([embedder.ids(word) for word in counts]).tolist()
    weighed = {
        word: round(max(length, 1e-6) * (1 + math.log(count)), 8)
        for (word, count), length in zip(counts.items(), lengths, strict=True)
    }
    return dict(sorted(weighed.items(), key=lambda item: -item[1]))
