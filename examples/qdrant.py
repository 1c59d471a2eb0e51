"""Reads shards of ``ragbridge embed`` into a collection of Qdrant: ``python qdrant.py OUT URL COLLECTION``."""

from __future__ import annotations

import sys

import shards
from qdrant_client import QdrantClient, models


def load(client: QdrantClient, out: str, collection: str) -> int:
    """Write all rows, and return how many there are. Running it again replaces rows with themselves."""
    count = 0
    for numbers, vectors, rows in shards.read(out):
        if not client.collection_exists(collection):
            size = models.VectorParams(size=vectors.shape[1], distance=models.Distance.COSINE)
            client.create_collection(collection, vectors_config=size)
        points = models.Batch(ids=numbers, vectors=vectors.tolist(), payloads=rows)
        client.upsert(collection, points, wait=True)
        count += len(numbers)
    return count


if __name__ == "__main__":
    out, url, collection = sys.argv[1:]
    print(f"{load(QdrantClient(url=url), out, collection):,} rows")
