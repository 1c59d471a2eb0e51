"""The three services of Elastic's test plugin, whose embeddings and scores follow from the text alone.

Source: ``x-pack/plugin/inference/qa/test-service-plugin`` of elastic/elasticsearch. They exist in tests only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ragbridge.local.elastic.settings import SERVICES, Service
from ragbridge.rules import RULES
from ragbridge.rules.table import ServiceRules, Setting, count, secret, text, word

if TYPE_CHECKING:
    from ragbridge.local.elastic.inputs import Inference

SPARSE, DENSE, RERANK = "test_service", "text_embedding_test_service", "test_reranking_service"
FEATURES = 5
"""Tokens of a sparse embedding."""

_KEY = Setting("api_key", secret, shown=False)
_RULES = (
    ServiceRules(SPARSE, ("sparse_embedding",), (Setting("model", text, required=True), _KEY)),
    ServiceRules(
        DENSE,
        ("text_embedding",),
        (
            Setting("model", text, required=True),
            Setting("dimensions", count, required=True),
            Setting(
                "similarity", word, choices=("cosine", "dot_product", "l2_norm"), default=lambda _: "cosine"
            ),
            Setting("element_type", word, choices=("float", "byte")),
            _KEY,
        ),
    ),
    ServiceRules(
        RERANK, ("rerank",), (Setting("model_id", text, required=True), _KEY), (Setting("top_n", count),)
    ),
)


def java_hash(value: str) -> int:
    """``String.hashCode``: a signed integer of 32 bits."""
    units = value.encode("utf-16-be", "surrogatepass")
    total = 0
    for index in range(0, len(units), 2):
        total = (31 * total + int.from_bytes(units[index : index + 2])) & 0xFFFFFFFF
    return total - (1 << 32) if total >> 31 else total


def sparse(value: str) -> dict[str, int]:
    """Five tokens that weigh the text's hash plus 1, 2, ..."""
    weight = abs(java_hash(value)) + 1
    return {f"feature_{position}": weight + position for position in range(FEATURES)}


def dense(value: str, dimensions: int) -> list[int]:
    """The characters of the text's hash in decimal, over and over."""
    characters = str(java_hash(value)).encode()
    return [characters[index % len(characters)] for index in range(dimensions)]


def relevances(values: list[str]) -> list[float]:
    """The numbers that the texts say; where one says none, the later a text comes, the more relevant it is."""
    try:
        return [float(value) for value in values]
    except ValueError:
        return [0.2 * (index + 1) for index in range(len(values))]


def _sparse(inference: Inference) -> dict[str, Any]:
    rows = [{"is_truncated": False, "embedding": sparse(str(item[0]))} for item in inference.inputs]
    return {"sparse_embedding": rows}


def _dense(inference: Inference) -> dict[str, Any]:
    settings = inference.endpoint.service_settings
    rows = [{"embedding": dense(str(item[0]), settings["dimensions"])} for item in inference.inputs]
    return {"text_embedding_bytes" if settings.get("element_type") == "byte" else "text_embedding": rows}


def _rerank(inference: Inference) -> dict[str, Any]:
    scores = relevances([str(item[0]) for item in inference.inputs])
    rows = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
    rows.sort(key=lambda row: -row["relevance_score"])
    return {"rerank": rows[: inference.settings.get("top_n")]}


@contextlib.contextmanager
def offered() -> Iterator[None]:
    """Engines offer the three services meanwhile."""
    answers = {SPARSE: _sparse, DENSE: _dense, RERANK: _rerank}
    for rules in _RULES:
        RULES[rules.name] = rules
        SERVICES[rules.name] = Service(lambda _, values: values, answer=answers[rules.name])
    try:
        yield
    finally:
        for name in answers:
            del RULES[name], SERVICES[name]
