"""How many bytes an answer can have, from what was asked. Transports read no more.

The figures are bounds, not estimates: several times what services send, so that no right answer is refused, and far below
what a broken or hostile server could send. JSON takes up to 28 times its bytes once it is read (a list of empty lists).
"""

from __future__ import annotations

BESIDE = 1_000_000
"""What stands beside the rows: the model's name, usage, messages, and slack for small answers."""

ROW = 4_096
"""One row beside its numbers: index, kind, indentation, and the few words that some hosts add."""

NUMBER = 32
"""One number: 24 characters at most as JSON writes doubles, with a separator and indentation. Base64 takes 5.4."""

CBOR_NUMBER = 9
"""One number in CBOR at most: a double behind its mark. Elasticsearch's floats take 5 (RFC 8949, 3.3)."""

WIDEST = 8_192
"""Numbers of a vector whose model is not in our table; the widest on record have 4,096 (Elasticsearch's own bound for
``dense_vector``, 2026), some research models 8,192."""

LABEL = 64
"""One label's score, beside its name."""

ESCAPED = 6
"""Characters that JSON may take for one byte of a text: ``\\u0061``."""

SEGMENTED = 64
"""Bytes for one of a text that is segmented: each may be a token, with its text, its number and their brackets."""

WEIGHTS = 100_000
"""The tokens and weights of one sparse vector: 2,000 of 50 bytes; ELSER gives some hundred, of 512 tokens of text."""

SPECIAL = 64
"""Tokens beside those of a text that have a vector of their own: markers, and the masks that pad queries to 32."""

MEDIUM = 32_768
"""Tokens of a picture, a recording or a film at most: the longest context of a model."""

PAGE = 100_000_000
"""A page, or what was found: pages with pictures as data URIs are the longest, and the reader fetches no more than that;
Elasticsearch takes 100 MB in one request by default (``http.max_content_length``)."""

FILE = BESIDE + 50_000 * (ROW + 2_048 * NUMBER)
"""A job's output: as many lines as a job takes (``models/limits.py``), each with the widest vector in our table."""

OTHERS = 16_000_000
"""Everything else: a job's status, lists of models, jobs, classifiers and endpoints."""


def of_vectors(count: int, width: int | None, *, number: int = NUMBER) -> int:
    """An answer with ``count`` vectors of ``width`` numbers; None where the width is not known.

    What is asked for as CBOR may come as JSON, so that transports are told JSON's bound. Of what has come as CBOR, no more than
    CBOR's is parsed: an empty list is one byte there, and takes 64 times that once it is read.
    """
    return BESIDE + count * (ROW + (width or WIDEST) * number)


def of_token_vectors(texts: list[str], others: int, width: int | None) -> int:
    """An answer with a vector for each token of ``texts`` and of as many pictures; no tokenizer makes more than one a byte."""
    tokens = sum(len(text.encode(errors="replace")) + SPECIAL for text in texts) + others * MEDIUM
    return of_vectors(len(texts), 1) + tokens * ((width or WIDEST) + 1) * NUMBER


def of_rows(count: int, *, each: int = 0, repeated: bytes = b"") -> int:
    """An answer with ``count`` rows of a few words and numbers.

    Args:
        count: Rows.
        each: Bytes that a row may have beside.
        repeated: What of the request the answer may hold again.
    """
    return BESIDE + count * (ROW + each) + ESCAPED * len(repeated)
