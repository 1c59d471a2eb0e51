"""Answers that are ready in memory, for benchmarks without a network."""

from __future__ import annotations

import base64
import json
import struct

RANKING = json.dumps(
    {
        "model": "m",
        "usage": {"total_tokens": 100},
        "results": [{"index": index, "relevance_score": 1 - index / 100} for index in range(100)],
    }
).encode()
"""All of 100 documents, best first."""

_made: dict[int, bytes] = {}


def vectors(body: bytes) -> bytes:
    """An answer with a vector for each text of a request, made once for each number of texts."""
    count = len(json.loads(body)["input"])
    if count not in _made:
        vector = base64.b64encode(struct.pack("<1024f", *(place / 1024 for place in range(1024)))).decode()
        rows = [{"object": "embedding", "index": index, "embedding": vector} for index in range(count)]
        answer = {"model": "m", "object": "list", "usage": {"total_tokens": count}, "data": rows}
        _made[count] = json.dumps(answer).encode()
    return _made[count]
