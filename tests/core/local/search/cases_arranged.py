"""Retrievers that arrange what others have found: diversify, pinned, rescorer; rrf and reranking in each other."""

from __future__ import annotations

from typing import Any

from cases_retrievers import (
    ECLIPSE,
    LAKE,
    MOONS,
    NUMBERS,
    PHASES,
    RERANKER,
    VECTOR,
    constant,
    rerank,
    rrf,
    should,
    standard,
    words,
)
from cases_semantic import SP, dense_endpoint, semantic_text
from judging import Size, ask, bulk, case, create, near, put, search

Y800 = "elasticsearch rank-rrf rrf/800_rrf_with_text_similarity_reranker_retriever.yml: "
SKY = [
    RERANKER,
    create("sky", text="text", topic="keyword", integer="integer"),
    put("sky", "doc_2", text=PHASES, topic=["science"], integer=2),
    put("sky", "doc_3", text=ECLIPSE, topic=["science"], integer=3),
    put("sky", "doc_1", text=LAKE, topic=["geography"], integer=1),
]


def numbered(*boosts: tuple[int, float]) -> dict[str, Any]:
    return standard(
        should(
            *({"constant_score": {"filter": {"term": {"integer": n}}, "boost": boost}} for n, boost in boosts)
        )
    )


TOGETHER = [
    case(
        "a reranked list is joined with another by rrf",
        Y800 + "rrf retriever with a nested text similarity reranker",
        SKY,
        search(
            "sky",
            {
                **rrf(
                    numbered((1, 10.0), (2, 1.0)),
                    rerank(standard({"term": {"topic": "science"}}), "text")["retriever"],
                    rank_window_size=10,
                    rank_constant=1,
                ),
                "size": 10,
            },
            among=["doc_1", "doc_2", "doc_3"],
            total=3,
            scores=[2 / 3, 1 / 2, 1 / 2],
            at={"hits/hits/0/_id": "doc_2"},
        ),
    ),
    case(
        "what rrf has joined is reranked",
        Y800 + "Text similarity reranker on top of an RRF retriever",
        SKY,
        search(
            "sky",
            rerank(
                rrf(
                    numbered((1, 10.0), (3, 1.0)),
                    standard({"term": {"topic": "geography"}}),
                    rank_window_size=10,
                    rank_constant=1,
                )["retriever"],
                "text",
            ),
            ids=["doc_3", "doc_1"],
            total=2,
        ),
    ),
]

Y70D = "elasticsearch 70_semantic_text_diversify_retriever.yml: "
SAME = [0.1, 0.9, 0.5, 0.9]
VECTORS = [
    [0.4, 0.2, 0.4, 0.4],
    *[[0.4, 0.2, 0.3, 0.3]] * 2,
    *[[0.4, 0.1, 0.3, 0.3]] * 2,
    *[SAME] * 2,
    [0.05] * 4,
    *[SAME] * 2,
    [0.05] * 4,
]
BODIES = [
    dense_endpoint("dense-4", 4),
    create("bodies", vector={"type": "dense_vector", "dims": 4}),
    bulk(
        "bodies",
        *(
            row
            for n, vector in enumerate(VECTORS)
            for row in ({"index": {"_id": str(n)}}, {"vector": vector})
        ),
    ),
]
NEAREST = {"knn": {"field": "vector", "query_vector": [0.5, 0.2, 0.4, 0.4], "k": 10, "num_candidates": 10}}


def diversify(**more: Any) -> dict[str, Any]:
    fields = {"type": "mmr", "field": "vector", "lambda": 0.3, "size": 3, "retriever": NEAREST, **more}
    return {"retriever": {"diversify": fields}}


def builder(**more: Any) -> dict[str, Any]:
    return {"text_embedding": {"model_text": "test", **more}}


DIVERSIFIED = [
    case(
        "diversify keeps as many as it is told to, of all that were found",
        Y70D + "MMR diversification using a query_vector_builder",
        BODIES,
        search(
            "bodies",
            diversify(query_vector_builder=builder(model_id="dense-4")),
            total=10,
            at={"hits/hits": Size(3)},
        ),
    ),
    case(
        "diversify takes one query vector",
        Y70D + "Validate query_vector or query_vector_builder but not both",
        BODIES,
        search(
            "bodies",
            diversify(query_vector=[0.4, 0.2, 0.3, 0.3], query_vector_builder=builder(model_id="dense-4")),
            status=400,
            kind="action_request_validation_exception",
            says="[diversify] MMR result diversification can have one of [query_vector] or [query_vector_builder], but "
            "not both",
        ),
    ),
    case(
        "a builder needs the text to embed",
        Y70D + "Validate query_vector_builder validation and proper syntax",
        BODIES,
        search(
            "bodies",
            diversify(query_vector_builder={"text_embedding": {"model_id": "dense-4"}}),
            status=400,
            kind="x_content_parse_exception",
            says="Required [model_text]",
        ),
    ),
    case(
        "weights are nothing to diversify by",
        Y70D + "Validate diversification does not work with sparse vector data",
        SP,
        create("index", content=semantic_text("sparse-1")),
        put("index", "1", content="some text"),
        put("index", "2", content="another text"),
        search(
            "index",
            {
                "retriever": {
                    "diversify": {
                        "type": "mmr",
                        "field": "content",
                        "lambda": 0.9,
                        "size": 3,
                        "retriever": standard({"match": {"content": "words"}}),
                    }
                }
            },
            status=400,
            kind="status_exception",
            says="Is it a [dense_vector] or [semantic_text] field with dense vectors?",
        ),
    ),
]

DOCS = "elasticsearch docs, "
ARRANGED = [
    case(
        "pinned documents come first, the others in their order",
        DOCS + "pinned retriever",
        NUMBERS,
        search(
            "index",
            {"retriever": {"pinned": {"ids": ["3", "1"], "retriever": words(two=3.0, four=2.0, three=1.0)}}},
            ids=["3", "1", "2", "4"],
        ),
    ),
    case(
        "a pinned document of another index is named with it",
        DOCS + "pinned retriever",
        NUMBERS,
        search(
            "index",
            {
                "retriever": {
                    "pinned": {
                        "docs": [{"_index": "index", "_id": "2"}],
                        "retriever": words(one=3.0, two=1.0),
                    }
                }
            },
            ids=["2", "1"],
        ),
    ),
    case(
        "a rescorer adds another query's score to the best hits",
        DOCS + "rescorer retriever",
        NUMBERS,
        search(
            "index",
            {
                "retriever": {
                    "rescorer": {
                        "rescore": {
                            "window_size": 10,
                            "query": {
                                "rescore_query": constant("keyword", "two", 5.0),
                                "query_weight": 1.0,
                                "rescore_query_weight": 2.0,
                            },
                        },
                        "retriever": words(one=3.0, two=1.0),
                    }
                }
            },
            ids=["2", "1"],
            scores=[11.0, 3.0],
        ),
    ),
]

QUERIES = [
    case(
        "a negative query demotes what it matches",
        DOCS + "boosting query",
        NUMBERS,
        search(
            "index",
            {
                "query": {
                    "boosting": {
                        "positive": words(one=4.0, two=3.0)["standard"]["query"],
                        "negative": {"term": {"keyword": "one"}},
                        "negative_boost": 0.5,
                    }
                }
            },
            ids=["2", "1"],
            scores=[3.0, 2.0],
        ),
    ),
    case(
        "the old name of a query by weights works",
        DOCS + "text_expansion query",
        MOONS,
        search(
            "moons",
            {
                "query": {
                    "sparse_vector": {
                        "field": "meaning",
                        "inference_id": "sparse-1",
                        "query": "the moon",
                    }
                }
            },
            total=3,
        ),
    ),
    case(
        "a setting of the index brings vectors into the source",
        "elasticsearch docs 9.2, index.mapping.exclude_source_vectors",
        create("index", {"index": {"mapping": {"exclude_source_vectors": False}}}, vector=VECTOR),
        put("index", "1", vector=[1.5]),
        search("index", {}, at={"hits/hits/0/_source": {"vector": [1.5]}}),
    ),
    case(
        "a text field may have a BM25 of its own",
        "elasticsearch docs, index.similarity; langchain-elasticsearch's BM25Strategy",
        ask(
            "PUT /index",
            {
                "settings": {"similarity": {"mine": {"type": "BM25", "k1": 2.0, "b": 0.0}}},
                "mappings": {"properties": {"text": {"type": "text", "similarity": "mine"}}},
            },
        ),
        put("index", "1", text="word word"),
        put("index", "2", text="other and some more"),
        search(
            "index",
            {"query": {"match": {"text": "word"}}},
            ids=["1"],
            scores=[near(0.6931472 * 3.0 * 2 / (2 + 2.0), 1e-5)],
        ),
    ),
]

CASES = [*TOGETHER, *DIVERSIFIED, *ARRANGED, *QUERIES]
