"""What one request to Jina's API may hold, and what an account may keep. The client checks it, the engine refuses it.

What a minute has room for stands in ``limiter/tiers.py``.
"""

from __future__ import annotations

MAX_ITEMS = 512
"""Items in a request for embeddings: the lowest cap on record (v4, November 2025); newer pages name none."""

MAX_REQUEST_TOKENS = 262_144
"""Tokens in a request for embeddings or classes: no cap is published; this is eight of the longest texts that any
model takes."""

MAX_MEDIA_BYTES = 256_000_000
"""Bytes of a picture, PDF, recording or film, or of all in one group: 32 times the largest that any page of the service
names (8 MB, 2025), for hosts that take films. A request holds the content as base64 in JSON: building it takes 3.7 times
the bytes, and beyond 2 GB encoders fail (orjson 3.13 by a segmentation fault)."""

MAX_UPLOAD_BYTES = 1_000_000_000
"""Bytes of a bulk job's file. Nobody publishes a cap; the request is built in memory, of twice the bytes."""

MAX_CLASSIFY_INPUTS = 512
"""Inputs in a request for classes, and examples in one that trains (API description of 2026-04)."""

MAX_LABELS = 256
"""Labels in one list: the lower of the caps on record (jina.ai/classifier, 2024, and the text of the API description of
2026-04; its schema says 512)."""

MAX_GROUPS = 8
MAX_GROUP_LABELS = 64
"""Groups of labels, and labels in each of them (API description of 2026-04)."""

MAX_CLASSES = 16
MAX_CLASSIFIERS = 16
"""Classes of a trained classifier, and classifiers of a key (API description of 2026-04, jina.ai/classifier)."""

MAX_DOC_LENGTH = 8192
"""Tokens of a document that ``max_doc_length`` may have a reranker read (API description of 2026-09)."""

MAX_BATCH_ITEMS = 10_000
MAX_BATCH_LINES = 50_000
"""Items of a batch job in the request's body, and in a file that the service fetches (API description of 2026-04)."""

MAX_PAGE_SECONDS = 180
"""What the reader waits for a page at most (jina-ai/reader, ``crawler-options.ts``, 2026)."""

MIN_MAX_TOKENS = 500
"""The least to which the reader cuts a page (the same)."""

COLD_MODELS = frozenset({"jina-ocr-v1"})
COLD_START = 90.0
"""Models of the reader that rest when nobody uses them, and seconds within which they answer again: 30 to 60 of status 503
were seen by a community client (dsh-jina 0.12, September 2026), and half as much again is granted."""

SEARCH_TOKENS = 10_000
"""What a search costs at least (jina.ai/reader, May 2026)."""
