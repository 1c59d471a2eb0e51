"""Service ``elastic``: the Elastic Inference Service.

Source: ``ElasticInferenceService`` in Elasticsearch's inference plugin.
"""

from __future__ import annotations

from typing import Final

from ragbridge.rules.endpoints import CHUNKING_TASKS, SIMILARITIES
from ragbridge.rules.reader import Scope
from ragbridge.rules.table import Asked, ServiceRules, Setting, count, text, unknown, word

NAME: Final = "elastic"
DENSE: Final = ("text_embedding", "embedding")


def _only_in_a_call(scope: Scope, row: Setting) -> None:
    if scope.take(row.name) is not None:
        scope.note(
            unknown([row.name], NAME),
            "ask for it in the call: the client fills the texts in",
            kind="unknown",
        )


def _check(asked: Asked) -> None:
    if asked.scope.take("rate_limit") is not None:
        asked.scope.note(
            f"[{asked.scope.name}] rate limit settings are not permitted for service [{NAME}] and task type "
            f"[{asked.task_type}]"
        )


RULES: Final = ServiceRules(
    NAME,
    tasks=("text_embedding", "sparse_embedding", "embedding", "rerank", "completion", "chat_completion"),
    service_settings=(
        Setting("model_id", text, required=True),
        Setting("similarity", word, DENSE, choices=SIMILARITIES, default="cosine"),
        Setting("dimensions", count, DENSE),
        Setting("max_input_tokens", count, CHUNKING_TASKS, changeable=True),
        Setting("max_batch_size", count, CHUNKING_TASKS),
    ),
    task_settings=(Setting("return_documents", _only_in_a_call),),
    check=_check,
)
