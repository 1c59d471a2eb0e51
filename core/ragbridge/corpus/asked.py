"""What is asked of the service for each text, whichever service it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ragbridge.errors import ConfigurationError
from ragbridge.ground.numbers import check_whole
from ragbridge.ground.records import dataclass
from ragbridge.limiter.limits import RateLimit, RateLimiter
from ragbridge.limiter.tokens import TokenEstimator
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, Role, row_of
from ragbridge.services.elastic.client import Elastic
from ragbridge.services.elastic.inference.options import DenseTask, check_dense_task, check_options
from ragbridge.services.jina.client import Jina
from ragbridge.values.embeddings import EmbeddingType

if TYPE_CHECKING:
    from ragbridge.chunking import Chunker
    from ragbridge.client.session import Channel
    from ragbridge.corpus.items import Item

Client: TypeAlias = Jina | Elastic


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of all vectors of a job; see ``Jina.embed_stream`` and ``Elastic.embed_stream``.

    Attributes:
        model: Of Jina; None for its default.
        role: What the texts are for.
        task: Jina's own word instead.
        dimensions: Width of the vectors.
        truncate: Cut texts that are longer than the model's context.
        normalized: Whether vectors get unit length.
        embedding_type: ``"float"``, ``"ubinary"`` or ``"binary"``.
        inference_id: The endpoint, of Elasticsearch.
        task_type: Its type.
        chunker: Cuts documents; None where each row is one text.
        late_chunking: Embed each chunk in the light of its document.
    """

    model: str | None = None
    role: Role | None = None
    task: str | None = None
    dimensions: int | None = None
    truncate: bool | None = None
    normalized: bool | None = None
    embedding_type: EmbeddingType = "float"
    inference_id: str | None = None
    task_type: DenseTask = "text_embedding"
    chunker: Chunker | None = None
    late_chunking: bool = False

    def __post_init__(self) -> None:
        if self.dimensions is not None:  # it goes into the manifest, as JSON
            object.__setattr__(
                self, "dimensions", check_whole("dimensions", self.dimensions, "a positive int")
            )

    def check(self, client: Client) -> None:
        """Refuse what ``client`` has not, before a file is read.

        Raises:
            ConfigurationError: An option is wrong.
        """
        if self.late_chunking and self.chunker is None:
            raise ConfigurationError("late_chunking=True needs chunks: pass chunker= as well")
        if self.late_chunking and self.role == "query":
            raise ConfigurationError("late_chunking=True: a query is no document; embed queries without it")
        if isinstance(client, Elastic):
            if self.inference_id is None:
                raise ConfigurationError(
                    "inference_id=None: an Elastic client embeds by an inference endpoint"
                )
            for name in ("model", "task", "dimensions", "truncate", "normalized"):
                if getattr(self, name) is not None:
                    raise ConfigurationError(
                        f"{name}={getattr(self, name)!r}: the endpoint of Elasticsearch decides that; leave it out"
                    )
            if self.embedding_type != "float" or self.late_chunking:
                raise ConfigurationError("embedding_type= and late_chunking= are Jina's; leave them out")
        elif self.inference_id is not None:
            raise ConfigurationError(
                f"inference_id={self.inference_id!r} is Elasticsearch's: pass an Elastic"
            )
        cast("Any", self.stream(client, [], lambda item: item.text, 1)).close()

    def stream(
        self,
        client: Client,
        items: Iterable[Item],
        pick: Callable[[Item], Any],
        window: int,
    ) -> Iterator[tuple[Item, Any]]:
        """Pairs of an item and its vector, or an error in its place; of late chunking, an array of its chunks' vectors.

        Raises:
            ConfigurationError: An option is wrong; nothing was sent.
        """
        if isinstance(client, Elastic):
            return client.embed_stream(
                items,
                inference_id=self.inference_id or "",
                text=pick,
                role=self.role,
                task_type=self.task_type,
                errors="yield",
                window=window,
            )
        model = self.model or DEFAULT_EMBEDDING_MODEL
        if self.late_chunking:
            return client.embed_documents_stream(
                items,
                chunks=pick,
                model=model,
                task=self.task,
                dimensions=self.dimensions,
                truncate=self.truncate,
                normalized=self.normalized,
                late_chunking=True,
                embedding_type=self.embedding_type,
                errors="yield",
                window=max(1, window // 8),
            )
        return client.embed_stream(
            items,
            text=pick,
            model=model,
            role=self.role if self.task is None else None,
            task=self.task,
            dimensions=self.dimensions,
            truncate=self.truncate,
            normalized=self.normalized,
            embedding_type=self.embedding_type,
            errors="yield",
            window=window,
        )

    def described(self, client: Client) -> dict[str, Any]:
        """All that the vectors depend on, for the manifest; no key."""
        chunking = None if self.chunker is None else self.chunker.settings
        shared = {"address": address_of(client), "role": self.role, "chunking": chunking}
        if isinstance(client, Elastic):
            return {
                "service": "elastic",
                "inference_id": self.inference_id,
                "task_type": self.task_type,
                **shared,
            }
        return {
            "service": "jina",
            "model": self.model or DEFAULT_EMBEDDING_MODEL,
            "task": self.task,
            "dimensions": self.dimensions,
            "truncate": self.truncate,
            "normalized": self.normalized,
            "embedding_type": self.embedding_type,
            "late_chunking": self.late_chunking,
            **{name: value for name, value in client.hosted.items() if value is not None},
            **shared,
        }

    def expected(self) -> tuple[int, str] | None:
        """How many numbers a vector will have, and of which type, where that is known beforehand."""
        if self.inference_id is not None:
            return None
        row = row_of(self.model or DEFAULT_EMBEDDING_MODEL)
        width = self.dimensions or (row.dimensions if row is not None else None)
        if width is None:
            return None
        return (width, "float32") if self.embedding_type == "float" else (width // 8, "uint8")

    def limiter(self, client: Client) -> RateLimiter | None:
        """Whose quota the job's requests use."""
        if isinstance(client, Elastic):
            options = check_options(check_dense_task(self.task_type), self.inference_id or "", role=self.role)
            return _channel(client).limiter(options.product)
        return _channel(client).limiter("embeddings")

    def estimator(self, client: Client) -> TokenEstimator:
        """Estimates what texts are billed."""
        model = self.inference_id if isinstance(client, Elastic) else self.model or DEFAULT_EMBEDDING_MODEL
        return _channel(client).tokens(model or "")


def limit_of(limiter: RateLimiter | None) -> RateLimit | None:
    """What a limiter keeps to, where it says so."""
    limit = getattr(limiter, "limit", None)
    return limit if isinstance(limit, RateLimit) else None


def batch_size_of(client: Client) -> int:
    """Items in one request at most."""
    return client._batch_size  # noqa: SLF001 - of this package


def in_flight(client: Client) -> int:
    """Texts that are under way at most."""
    return client._concurrency * batch_size_of(client)  # noqa: SLF001 - of this package


def address_of(client: Client) -> str:
    """Where the service is. Clients refuse addresses with a password or a query."""
    return client.url if isinstance(client, Elastic) else client.base_url


def _channel(client: Client) -> Channel:
    return client._channel  # noqa: SLF001 - of this package
