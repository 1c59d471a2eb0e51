"""The pipeline in Elasticsearch: one index with a ``semantic_text`` field, searched by meaning and reranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbridge.demo.pipelines import RERANKED, RETRIEVED, Answer, Hit
from ragbridge.elastic import (
    original_score,
    semantic_query,
    semantic_text_mapping,
    standard,
    text_similarity_reranker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ragbridge.demo.corpus import Corpus
    from ragbridge.elastic import Elastic

INDEX = "ragbridge-demo"
FIELD = "content"
EMBEDDING = ".jina-embeddings-v5-text-small"
RERANKER = ".jina-reranker-v3"
"""Endpoints that the embedded engine has from the start, as Elastic's cloud has."""


def answers(corpus: Corpus, client: Elastic) -> Iterator[Answer]:
    """Index the passages, then answer the queries one by one."""
    client.create_index(INDEX, {FIELD: semantic_text_mapping(EMBEDDING)})
    client.bulk(
        INDEX,
        ({"_id": passage.id, FIELD: passage.text} for passage in corpus.passages),
        id_field="_id",
        refresh="wait_for",
    )
    for query in corpus.queries:
        question = semantic_query(FIELD, query.text)
        retrieved = client.search(INDEX, query=question, size=RETRIEVED, source=False)
        best = client.search(
            INDEX,
            retriever=text_similarity_reranker(
                standard(question),
                field=FIELD,
                inference_text=query.text,
                inference_id=RERANKER,
                rank_window_size=RETRIEVED,
            ),
            size=RERANKED,
            source=False,
        )
        yield Answer(
            query,
            tuple(hit.id for hit in retrieved),
            tuple(Hit(hit.id, original_score(hit.score or 0.0)) for hit in best),
        )
