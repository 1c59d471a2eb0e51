"""``_ml/trained_models``: inference by the name of a model, as ``ElasticsearchEmbeddings`` of several libraries asks for it.

A model's name may be that of an inference endpoint, that of its deployment, or that of one of Elastic's own models.
"""

from __future__ import annotations

from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import Failure, bad_argument
from ragbridge.local.search.asked import TIMES, Asked
from ragbridge.local.search.documents import plain
from ragbridge.local.search.errors import not_offered

INPUT = "text_field"
"""The field of a document that the models read."""
_TASKS = {
    "text_embedding": "text_embedding",
    "embedding": "text_embedding",
    "sparse_embedding": "text_expansion",
}


def infer(asked: Asked) -> Outcome:
    """``POST /_ml/trained_models/{model}/_infer``."""
    asked.check(*TIMES)
    endpoint = asked.inference.model(asked.name("model"))
    body = asked.body
    for name in body:
        if name not in {"docs", "inference_config"}:
            raise bad_argument(f"[infer_trained_model_request] unknown field [{name}]")
    documents = body.get("docs")
    if not isinstance(documents, list) or not documents:
        raise bad_argument("[docs] must be a list of at least one document")
    if endpoint.task_type not in _TASKS:
        raise not_offered(f"_infer of a model of task {endpoint.task_type}")
    texts = [document.get(INPUT) if isinstance(document, dict) else None for document in documents]
    for text in texts:
        if not isinstance(text, str):
            raise Failure(400, f"no value could be found for input field [{INPUT}]", kind="status_exception")
    embedded = asked.inference.embed(endpoint, [str(text) for text in texts], "ingest")
    values = embedded.tokens if embedded.vectors is None else embedded.vectors
    return Outcome({"inference_results": [{"predicted_value": plain(value)} for value in values]})


def show(asked: Asked) -> Outcome:
    """``GET /_ml/trained_models/{model}``."""
    asked.check(
        "allow_no_match", "decompress_definition", "exclude_generated", "from", "include", "size", "tags"
    )
    endpoint = asked.inference.model(asked.name("model"))
    task = _TASKS.get(endpoint.task_type, "text_similarity")
    config: dict[str, Any] = {
        "model_id": asked.name("model"),
        "model_type": "pytorch",
        "created_by": "api_user",
        "input": {"field_names": [INPUT]},
        "inference_config": {task: {}},
    }
    return Outcome({"count": 1, "trained_model_configs": [config]})
