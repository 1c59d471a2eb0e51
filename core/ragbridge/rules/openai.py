"""Service ``openai``: OpenAI, or any server with its API, such as a Jina server of one's own, at ``url``.

Sources: ``OpenAiEmbeddingsServiceSettings``, ``OpenAiServiceSettings``, ``OpenAiTaskSettings`` in Elasticsearch's inference
plugin, and the specification's ``OpenAIServiceSettings``; Jina's pages on its server on premises name ``url`` for it, which
ends in ``/v1/embeddings``.
"""

from __future__ import annotations

from typing import Final

from ragbridge.rules.endpoints import SIMILARITIES
from ragbridge.rules.remote import address, anything, rate_limits
from ragbridge.rules.table import Asked, ServiceRules, Setting, count, secret, text, word

NAME: Final = "openai"
EMBEDDINGS: Final = ("text_embedding", "embedding")
REQUESTS_PER_MINUTE: Final = 3000
"""What Elasticsearch sends at most where ``rate_limit`` is left out: OpenAI's first tier, by its source. Chats have another figure."""
_OAUTH: Final = ("client_id", "client_secret", "scopes", "token_url")


def _check(asked: Asked) -> None:
    if not asked.scope.has("api_key") and not any(map(asked.scope.has, _OAUTH)):
        asked.scope.miss("api_key")


RULES: Final = ServiceRules(
    NAME,
    tasks=("text_embedding", "completion", "chat_completion", "embedding"),
    service_settings=(
        Setting("model_id", text, required=True),
        Setting("api_key", secret, changeable=True, shown=False),
        Setting("client_id", text, changeable=True),
        Setting("client_secret", secret, changeable=True, shown=False),
        Setting("scopes", anything, changeable=True),
        Setting("token_url", address, changeable=True),
        Setting("url", address),
        Setting("organization_id", text, changeable=True),
        Setting("similarity", word, EMBEDDINGS, choices=SIMILARITIES, default="dot_product"),
        Setting("dimensions", count, EMBEDDINGS),
        Setting("max_input_tokens", count, changeable=True),
        rate_limits(NAME, REQUESTS_PER_MINUTE),
    ),
    task_settings=(Setting("user", text), Setting("headers", anything)),
    check=_check,
    roles=False,  # OpenAiService.validateInputType
)
