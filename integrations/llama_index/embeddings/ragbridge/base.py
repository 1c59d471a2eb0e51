"""``JinaEmbedding``: the core's embeddings as LlamaIndex wants them."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer

from ragbridge import ConfigurationError, Jina, RateLimit, Retry
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, EmbeddingModel, Role

MAX_EMBED_BATCH_SIZE = 2048
"""The largest batch that LlamaIndex makes. It is the default: the core cuts it into requests and runs them side by side."""

_CONNECTION = ("api_key", "base_url", "limits", "retry", "timeout", "concurrency", "batch_size")
_DEFAULTS = {name: inspect.signature(Jina).parameters[name].default for name in _CONNECTION}


class JinaEmbedding(BaseEmbedding):
    """Embeddings by Jina AI, or by the embedded engine (``base_url="local"``).

    Queries and texts are embedded with the task that the model has for each. Every setting is a public field, so
    pickles, ``to_dict`` and the cache of an ``IngestionPipeline`` hold them all. The key is in none of these: what is
    unpickled or made by ``from_dict`` takes it from the environment of its own process.

    Args:
        model: Another spelling of ``model_name``.
        model_name: The model's name.
        api_key: The key; else the environment's ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN``.
        base_url: Where the API is, with or without ``/v1``; ``"local"`` for the embedded engine.
        task: The service's own word for what vectors are for, for queries and texts alike; None to choose by role.
        dimensions: Width of the vectors, where the model lets it be chosen.
        truncate: Cut texts that are longer than the model's context; else the service refuses them.
        normalized: Whether vectors get unit length; the service's default is True.
        limits: A published tier (``"free"``, ``"paid"``, ``"premium"``), a ``RateLimit``, or None for no limiter.
        retry: How often and how patiently failures are retried.
        timeout: Seconds to wait for an answer's data.
        concurrency: Requests in flight at most.
        batch_size: Texts in one request at most.
        embed_batch_size: Texts that LlamaIndex hands over at once, up to 2048.
        client: A ready ``Jina`` instead of the settings of the connection.
        **framework: Fields of ``BaseEmbedding``: ``callback_manager``, ``num_workers``, ``rate_limiter``.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    api_key: SecretStr | None = Field(exclude=True, repr=False)
    base_url: str
    task: str | None
    dimensions: int | None
    truncate: bool | None
    normalized: bool | None
    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    concurrency: int | None
    batch_size: int
    client: Jina | None

    _made: tuple[dict[str, Any], Jina] | None = PrivateAttr(default=None)

    def __init__(
        self,
        *,
        model: EmbeddingModel | None = None,
        model_name: EmbeddingModel | None = None,
        api_key: str | SecretStr | None = None,
        base_url: str = Jina.BASE_URL,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        limits: RateLimit | str | None = "free",
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = Jina.TIMEOUT,
        concurrency: int | None = None,
        batch_size: int = Jina.BATCH_SIZE,
        embed_batch_size: int = MAX_EMBED_BATCH_SIZE,
        client: Jina | None = None,
        **framework: Any,
    ) -> None:
        if None not in {model, model_name} and model != model_name:
            raise ConfigurationError(f"model={model!r} and model_name={model_name!r}: give one of them")
        if framework.get("embeddings_cache") is not None:
            raise ConfigurationError(
                "embeddings_cache= finds vectors by their text alone, so a query would get a passage's vector, or "
                "another model's; use the cache of an IngestionPipeline, which knows all settings"
            )
        if isinstance(client, str):
            raise ConfigurationError(
                f"client={client!r}: a dict holds only a client's address; from_dict(data, client=Jina(...)) restores it"
            )
        settings: dict[str, Any] = {
            "model_name": model_name or model or DEFAULT_EMBEDDING_MODEL,
            "api_key": api_key,
            "base_url": base_url,
            "task": task,
            "dimensions": dimensions,
            "truncate": truncate,
            "normalized": normalized,
            "limits": limits,
            "retry": retry,
            "timeout": timeout,
            "concurrency": concurrency,
            "batch_size": batch_size,
            "embed_batch_size": embed_batch_size,
            "client": client,
        }
        super().__init__(**settings, **framework)
        # Sends nothing, refuses what the model does not have.
        self._jina().embed([], **self._options("document"))

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "JinaEmbedding"

    def to_payload(self) -> dict[str, Any]:
        """What events and callbacks tell of this component."""
        return {**super().to_payload(), "task": self.task, "dimensions": self.dimensions}

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._jina().embed([query], **self._options("query")).tolist()[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._jina().aembed([query], **self._options("query"))).tolist()[0]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._jina().embed(texts, **self._options("document")).tolist()

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self._jina().aembed(texts, **self._options("document"))).tolist()

    def _options(self, role: Role) -> dict[str, Any]:
        return {
            "model": self.model_name,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
            **({"role": role} if self.task is None else {"task": self.task}),
        }

    def _jina(self) -> Jina:
        """The client that was given, else one for the connection's settings as they are now."""
        settings = {name: getattr(self, name) for name in _CONNECTION}
        if self.client is not None:
            doubled = [name for name in _CONNECTION if settings[name] != _DEFAULTS[name]]
            if doubled:
                raise ConfigurationError(f"client= has its own connection: leave out {', '.join(doubled)}")
            return self.client
        if self._made is None or self._made[0] != settings:
            key = self.api_key.get_secret_value() if self.api_key else None
            self._made = settings, Jina(**{**settings, "api_key": key})
        return self._made[1]

    @field_serializer("client")
    def _describe(self, client: Jina | None) -> str | None:
        # Part of what identifies this component in caches, since vectors depend on where they come from.
        return None if client is None else client.base_url

    def __getstate__(self) -> dict[str, Any]:
        # Fails where the framework would leave the client out and use the default service instead.
        pickle.dumps(self.client)
        # The framework deletes from the object itself what it cannot pickle: it gets a copy, which has no key.
        bare = self.model_copy(update={"api_key": None})
        bare._made = None  # noqa: SLF001 - of its own kind
        return super(JinaEmbedding, bare).__getstate__()
