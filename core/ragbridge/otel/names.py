"""The names of spans, attributes and metrics, and what they follow.

Names that begin with ``gen_ai.`` are those of OpenTelemetry's semantic conventions for generative AI: repository
``open-telemetry/semantic-conventions-genai``, ``docs/gen-ai/client-embeddings.md`` and ``gen-ai-spans.md``, commit 88eccb1
(2026). All of them are still "Development" there and may change; when they do, this module changes and the changelog says
so. ``server.*``, ``error.type`` and ``http.response.status_code`` are stable (semantic conventions 1.44).

Reranking has no convention yet. ``rerank``, ``gen_ai.rerank.candidate.count`` and ``gen_ai.rerank.top_n`` are those of the
open proposal (semantic-conventions-genai#253, June 2026), so they are ours until it is accepted. So is the operation
``sparse_embeddings``. Names that begin with ``ragbridge.`` are ours in any case.
"""

from __future__ import annotations

from typing import Final

CONVENTIONS: Final = "semantic-conventions-genai@88eccb1"

OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
CANDIDATE_COUNT: Final = "gen_ai.rerank.candidate.count"
TOP_N: Final = "gen_ai.rerank.top_n"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
STATUS_CODE: Final = "http.response.status_code"

METHOD: Final = "ragbridge.method"
FRAMEWORK: Final = "ragbridge.framework"
ITEMS: Final = "ragbridge.items"
TASK: Final = "ragbridge.task"
ROLE: Final = "ragbridge.role"
LATE_CHUNKING: Final = "ragbridge.late_chunking"
STREAMED: Final = "ragbridge.streamed"
REQUESTS: Final = "ragbridge.requests"
RETRIES: Final = "ragbridge.retries"
REFUSALS: Final = "ragbridge.refusals"
CACHED: Final = "ragbridge.cached"
FAILED: Final = "ragbridge.failed"
WAIT_DURATION: Final = "ragbridge.wait.duration"
WAIT_CAUSES: Final = "ragbridge.wait.causes"
ERROR_ITEM: Final = "ragbridge.error.item"
PRODUCT: Final = "ragbridge.product"
CAUSE: Final = "ragbridge.wait.cause"
REASON: Final = "ragbridge.refusal.reason"
DELAY: Final = "ragbridge.retry.delay"
ATTEMPT: Final = "ragbridge.attempt"
RETRY_AFTER: Final = "ragbridge.retry_after"
PAUSE_DURATION: Final = "ragbridge.pause.duration"
PARTS: Final = "ragbridge.parts"
STATUS_CLASS: Final = "ragbridge.status_class"

EVENT_WAIT: Final = "ragbridge.wait"
EVENT_RETRY: Final = "ragbridge.retry"
EVENT_REFUSED: Final = "ragbridge.refused"
EVENT_PAUSE: Final = "ragbridge.pause"
EVENT_SPLIT: Final = "ragbridge.split"
EVENT_CACHED: Final = "ragbridge.cached"

EMBEDDINGS_DURATION: Final = "gen_ai.client.embeddings.duration"
EMBEDDINGS_TOKENS: Final = "gen_ai.client.embeddings.operation.input_tokens"
OPERATION_DURATION: Final = "ragbridge.operation.duration"
TOKENS_METRIC: Final = "ragbridge.tokens"
REQUESTS_METRIC: Final = "ragbridge.requests"
RETRIES_METRIC: Final = "ragbridge.retries"
REFUSALS_METRIC: Final = "ragbridge.refusals"
LIMITER_WAIT: Final = "ragbridge.limiter.wait.duration"
TOKENS_AVAILABLE: Final = "ragbridge.limiter.tokens.available"
REQUESTS_AVAILABLE: Final = "ragbridge.limiter.requests.available"
WAITING: Final = "ragbridge.limiter.waiting"

SECONDS: Final = tuple(0.01 * 2**power for power in range(14))
"""Bounds of buckets that the conventions ask for: 0.01 to 81.92 s."""
TOKENS: Final = tuple(4**power for power in range(14))
"""The same for tokens: 1 to 67,108,864."""

EMBEDDINGS: Final = "embeddings"

OPERATIONS: Final = {
    "embed": EMBEDDINGS,
    "embed_documents": EMBEDDINGS,
    "embed_multivector": EMBEDDINGS,
    "embed_stream": EMBEDDINGS,
    "embed_documents_stream": EMBEDDINGS,
    "embed_multivector_stream": EMBEDDINGS,
    "sparse_embed": "sparse_embeddings",
    "sparse_embed_stream": "sparse_embeddings",
    "rerank": "rerank",
    "search": "retrieval",
}
"""What the conventions call a method; others have names of ours, without ``gen_ai.operation.name``."""
