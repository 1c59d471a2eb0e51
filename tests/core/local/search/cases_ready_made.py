"""Documents that bring their own chunks and embeddings in ``_inference_fields``."""

from __future__ import annotations

from typing import Any

from cases_semantic import semantic_text
from judging import ask, case, create, put, search

Y20 = "elasticsearch 20_semantic_text_field_mapping_incompatible_field_mapping.yml: "
DENSE = {"task_type": "text_embedding", "dimensions": 4, "similarity": "cosine", "element_type": "float"}
SPARSE = {"task_type": "sparse_embedding"}
VECTOR = [0.5, -0.5, 0.5, 0.25]
UNREADABLE = "failed to parse field [_inference_fields] of type [_inference_fields]"


def document(
    field: str, settings: dict[str, Any], chunks: list[dict[str, Any]], endpoint: str | None = None
) -> dict[str, Any]:
    """A value with its chunks."""
    inference = {
        "inference_id": endpoint or f"{field}-endpoint",
        "model_settings": settings,
        "chunks": {field: chunks},
    }
    return {field: "other text", f"_inference_fields.{field}": {"inference": inference}}


def chunk(embeddings: Any = VECTOR) -> dict[str, Any]:
    return {"start_offset": 0, "end_offset": 10, "embeddings": embeddings}


INDEX = [
    create("index", dense=semantic_text("dense-endpoint"), sparse=semantic_text("sparse-endpoint")),
    put("index", "1", **document("dense", DENSE, [chunk()])),
    put("index", "2", **document("sparse", SPARSE, [chunk({"a": 1.0, "b": 2.0})])),
]


def refused(promise: str, name: str, body: dict[str, Any], says: str) -> Any:
    return case(promise, Y20 + name, INDEX, ask("PUT /index/_doc/3", body, status=400, says=says))


def incompatible(promise: str, name: str, **changed: Any) -> Any:
    vector = [0.1] * changed.get("dimensions", 4)
    body = document("dense", {**DENSE, **changed}, [chunk(vector)])
    return refused(promise, name, body, "Incompatible model settings for field [dense]")


CASES = [
    case(
        "ready-made vectors and weights are searched like others",
        Y20 + "setup",
        INDEX,
        search(
            "index",
            {"query": {"knn": {"field": "dense", "query_vector": VECTOR, "k": 3, "num_candidates": 10}}},
            ids=["1"],
            total=1,
        ),
        search(
            "index",
            {"query": {"sparse_vector": {"field": "sparse", "query_vector": {"a": 2.0}}}},
            ids=["2"],
            scores=[2.0],
        ),
    ),
    incompatible("ready-made vectors have the width of those before", "Fails for non-compatible dimensions", dimensions=5),
    incompatible("they are compared like those before", "Fails for non-compatible similarity", similarity="dot_product"),
    incompatible("their numbers are of the same type", "Fails for non-compatible element type", element_type="byte"),
    refused(
        "weights do not follow vectors",
        "Fails for non-compatible task type for dense vectors",
        document("dense", SPARSE, [chunk({"a": 1.0})]),
        "Incompatible model settings for field [dense]",
    ),
    refused(
        "vectors do not follow weights",
        "Fails for non-compatible task type for sparse vectors",
        document("sparse", DENSE, [chunk()]),
        "Incompatible model settings for field [sparse]",
    ),
    refused(
        "a chunk without its vector cannot be read",
        "Fails for missing dense vector inference results in chunks",
        document("dense", DENSE, [{"start_offset": 0, "end_offset": 10}]),
        UNREADABLE,
    ),
    refused(
        "a chunk without its weights cannot be read",
        "Fails for missing sparse vector inference results in chunks",
        document("sparse", SPARSE, [{"start_offset": 0, "end_offset": 10}]),
        UNREADABLE,
    ),
    refused(
        "a chunk without its offsets cannot be read",
        "Fails for missing offsets in chunks",
        document("dense", DENSE, [{"embeddings": VECTOR}]),
        UNREADABLE,
    ),
]  # fmt: skip
