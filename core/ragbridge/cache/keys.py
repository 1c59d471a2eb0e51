"""Names of answers in a cache: made of everything that an answer depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FORMAT = 1
"""Of keys and of values. Another number makes every answer unknown."""
KEY_BYTES = 20


class Keys:
    """Names the answers of one call by all that they depend on.

    Args:
        source: Who answers: a service's address, or an embedded model's own name.
        product: What is asked for, such as ``"embeddings"``.
        asked: Everything that the request holds but its input, so that no option can be forgotten.
        namespace: For what nobody can see, such as a hosted model that was silently renewed.
    """

    def __init__(self, source: str, product: str, asked: Mapping[str, Any], namespace: str = "") -> None:
        text = json.dumps([FORMAT, namespace, source, product, asked], sort_keys=True, separators=(",", ":"))
        self._salt = hashlib.blake2b(text.encode(), digest_size=32).digest()

    def of(self, item: str | bytes) -> bytes:
        """The key of one input: a text, or what stands for another kind of input (a digest)."""
        kind, content = (
            (b"s", item.encode("utf-8", "surrogatepass")) if isinstance(item, str) else (b"b", item)
        )
        return hashlib.blake2b(content, key=self._salt, person=kind, digest_size=KEY_BYTES).digest()
