"""What a job would do, before it is begun: everything is read, nothing is sent unless a sample is asked for."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path

from ragbridge.corpus.asked import Asked, Client, batch_size_of, limit_of
from ragbridge.corpus.items import items
from ragbridge.corpus.progress import ideal_seconds, requests_of
from ragbridge.corpus.readers import read
from ragbridge.corpus.report import Estimate
from ragbridge.corpus.settings import Settings
from ragbridge.corpus.sources import find_sources
from ragbridge.corpus.survey import survey
from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.models import DEFAULT_EMBEDDING_MODEL
from ragbridge.services.elastic.client import Elastic

DOUBT = 0.35
"""Share by which an estimate may be off that nothing has corrected: other scripts than English were off by so much."""
SAMPLED_DOUBT = 0.05
"""The same after one request of the corpus itself: off by 0.6 % in the case that was measured (2026-11-28), of texts that
were all of one kind."""
SAMPLE = 100
"""Texts of that request."""
SPREAD = 10_000
"""Texts from whose beginning, evenly, the sample is taken."""


def estimate(
    inputs: list[str], client: Client, asked: Asked, settings: Settings, *, sample: bool
) -> Estimate:
    """What a job would do; see ``ragbridge.corpus.estimate``."""
    if sample and isinstance(client, Elastic):
        raise ConfigurationError(
            "sample=True: Elasticsearch does not say what is billed, so a sample tells nothing"
        )
    with tempfile.TemporaryDirectory() as folder:
        sources = find_sources(inputs, spool=Path(folder, "input.jsonl"), out=Path(folder))
        names = {"text_column": settings.text_column, "id_column": settings.id_column or "id"}
        surveyed = survey(
            read(sources.files, **names),
            text_column=settings.text_column,
            id_column=settings.id_column,
            columns=settings.columns,
            made=settings.made(asked),
            estimator=asked.estimator(client),
            typed=False,
            chunker=asked.chunker,
        )
        sampled, factor = 0, 1.0
        if sample and surveyed.texts:
            every = max(1, min(surveyed.texts, SPREAD) // SAMPLE)
            texts = items(
                read(sources.files, **names),
                settings.text_column,
                skip=0,
                chunker=asked.chunker,
                together=False,
            )
            whole = (item for item in texts if item.text is not None)
            chosen = list(itertools.islice(whole, 0, SAMPLE * every, every))
            sampled, factor = _sample(client, asked, [item.text or "" for item in chosen])
    estimator = asked.estimator(client)
    tokens = factor * estimator.estimate(surveyed.features)[0]
    limiter = asked.limiter(client)
    requests = requests_of(surveyed.texts, tokens, batch_size_of(client), limiter)
    doubt = SAMPLED_DOUBT if sampled or estimator.calibrated else DOUBT
    return Estimate(
        files=len(sources.files),
        rows=surveyed.rows,
        texts=surveyed.texts,
        without=surveyed.without,
        wrong=tuple(surveyed.wrong),
        tokens=round(tokens),
        low=round(tokens * (1 - doubt)),
        high=round(tokens * (1 + doubt)),
        requests=max(1, round(requests)) if surveyed.texts else 0,
        seconds=ideal_seconds(limit_of(limiter), tokens, requests),
        cost=None if settings.price is None else tokens * settings.price / 1e6,
        sampled=sampled,
        balance=_balance(client) if sampled else None,
        notes=tuple(f"{count:,} {reason}: left out" for reason, count in sorted(sources.left_out.items())),
    )


def _sample(client: Client, asked: Asked, texts: list[str]) -> tuple[int, float]:
    """Pay for one request. Returns how many texts it had, and how much more was billed than is now estimated of them."""
    if isinstance(client, Elastic):
        return 0, 1.0
    limiter = asked.limiter(client)
    budget = limiter.request_budget if limiter is not None else None
    while budget is not None and len(texts) > 1 and _tokens(asked, client, texts) > budget:
        texts = texts[: len(texts) // 2]
    texts = texts[: batch_size_of(client)]
    result = client.embed(
        texts,
        model=asked.model or DEFAULT_EMBEDDING_MODEL,
        role=asked.role if asked.task is None else None,
        task=asked.task,
        dimensions=asked.dimensions,
        truncate=asked.truncate,
        normalized=asked.normalized,
        embedding_type=asked.embedding_type,
    )
    return len(texts), (result.usage.tokens or _tokens(asked, client, texts)) / _tokens(asked, client, texts)


def _tokens(asked: Asked, client: Client, texts: list[str]) -> float:
    estimator = asked.estimator(client)
    return estimator.estimate(estimator.measure_all(texts))[0]


def _balance(client: Client) -> int | None:
    """What the account has left, where the service tells."""
    if isinstance(client, Elastic) or client.base_url == client.LOCAL:
        return None
    try:
        return client.balance()
    except RagbridgeError:
        return None
