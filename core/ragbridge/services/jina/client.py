"""The Jina AI API as one object: ``Jina``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from ragbridge._errors import ConfigurationError
from ragbridge._faces import Awaitable, Blocking
from ragbridge._flow import Plan
from ragbridge._inprocess import InProcessTransport
from ragbridge._limits import DEFAULT_TIER, RateLimit, RateLimiter
from ragbridge._results import Document, DocumentEmbeddings, Embeddings, Ranking, Segments, Tokenizer
from ragbridge._retry import Retry
from ragbridge._secret import find_key
from ragbridge._service import Service
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, DEFAULT_RERANK_MODEL, EmbeddingModel, RerankModel, Role
from ragbridge.services.jina import _wire, embeddings, rerank, segment
from ragbridge.services.jina._channel import KEY_VARIABLES, PUBLIC_HOST, Channel, MissingKeyError
from ragbridge.services.jina._embedding_options import Text, check_documents, check_options, check_texts

if TYPE_CHECKING:
    from ragbridge._drivers import Clock, Transport

DEFAULT_CONCURRENCY = 8
MAX_CONCURRENCY = 64
"""Requests in flight unless asked for more: beyond it, connections cost more than they bring."""


class Jina(Service):
    """Embeddings, reranking and segmenting by Jina AI, or by the embedded engine.

    One object serves any number of threads and event loops; make one and keep it. Objects with the same key share
    one quota, so several of them together stay within it.

    Args:
        api_key: The key; else the environment's ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN``. Needed
            at ``api.jina.ai``, optional elsewhere.
        base_url: Where the API is, with or without ``/v1``; ``"local"`` for the embedded engine, which needs neither
            key nor network (extra ``local``).
        limits: A published tier (``"free"``, ``"paid"``, ``"premium"``), a ``RateLimit``, a limiter of your own,
            or None for no limiter. The embedded engine is limited only when something other than the default is given.
        retry: How often and how patiently failures are retried.
        timeout: Seconds to wait for an answer's data. Cold starts and late chunking take many.
        concurrency: Requests in flight at most; the limiter's own figure applies as well. None for 8, or for the
            limiter's.
        batch_size: Items in one request at most, up to 512.
        http_client: Your own ``httpx.Client``; never closed here.
        async_http_client: Your own ``httpx.AsyncClient``; it belongs to one event loop; never closed here.
        count_tokens: A real tokenizer's count of one text, for the limiter; None for estimates that calibrate themselves.
        transport: Something else that answers requests, such as an embedded engine with settings of its own.
        clock: Time, for tests that wait.

    Attributes:
        BASE_URL: The service's address.
        LOCAL: The embedded engine's.
        KEY_VARIABLES: Environment variables that hold a key, in the order in which they are looked up.
        TIMEOUT: Seconds to wait for an answer's data unless asked otherwise.
        BATCH_SIZE: Items in one request unless asked otherwise: within the plateau of throughput (64 to 512), and cheap
            to send again.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
    """

    BASE_URL: ClassVar[str] = f"https://{PUBLIC_HOST}"
    LOCAL: ClassVar[str] = "local"
    KEY_VARIABLES: ClassVar[tuple[str, ...]] = KEY_VARIABLES
    TIMEOUT: ClassVar[float] = 60.0
    BATCH_SIZE: ClassVar[int] = 128

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str = BASE_URL,
        limits: RateLimit | RateLimiter | str | None = DEFAULT_TIER,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = TIMEOUT,
        concurrency: int | None = None,
        batch_size: int = BATCH_SIZE,
        http_client: object | None = None,
        async_http_client: object | None = None,
        count_tokens: Callable[[str], int] | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        _check(timeout=timeout, concurrency=concurrency, batch_size=batch_size)
        self._settings: dict[str, Any] = {
            "base_url": base_url,
            "limits": limits,
            "retry": retry,
            "timeout": timeout,
            "concurrency": concurrency,
            "batch_size": batch_size,
            "count_tokens": count_tokens,
        }
        self._bound = any(part is not None for part in (http_client, async_http_client, transport, clock))
        self._batch_size = batch_size
        local = base_url == self.LOCAL
        base = _wire.normalize_base(f"{self.LOCAL}://{PUBLIC_HOST}" if local else base_url)
        super().__init__(clock=clock)
        self._channel = Channel(
            base=base,
            key=None if local else find_key(api_key, KEY_VARIABLES),
            timeout=timeout,
            retry=retry,
            limits=None if local and limits == DEFAULT_TIER else limits,
            totals=self.usage,
            clock=self._clock,
            virtual=clock is not None,
            count_tokens=count_tokens,
        )
        in_flight = concurrency or _in_flight(self._channel.limiter("embeddings"))
        if transport is None and local:
            transport = InProcessTransport(timeout=timeout)
        elif transport is None:
            import numpy  # noqa: F401, ICN001 - here rather than in the first call, while a quota's window runs

            from ragbridge._transport import over_http

            transport = over_http(
                base,
                timeout=timeout,
                connections=in_flight,
                client=http_client,
                async_client=async_http_client,
            )
        self._connect(transport, in_flight)
        self._channel.check_key()  # last: an object without a key is whole, see _unpickle

    def _embed(
        self,
        texts: Sequence[str],
        *,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> Plan[Embeddings]:
        """One vector for each text, in the order of the texts.

        Texts are cut into requests that fit the quota; requests run side by side as far as it allows.

        Args:
            texts: What to embed. An empty list sends nothing.
            model: The model's name.
            role: What the texts are for: ``"query"`` or ``"document"``. It chooses the model's own task, which
                retrieval needs: without role and task the service takes a default that retrieves less well.
            task: The service's own word instead, such as ``"classification"``.
            dimensions: Width of the vectors, where the model lets it be chosen.
            truncate: Cut texts that are longer than the model's context; else the service refuses them.
            normalized: Whether vectors get unit length; the service's default is True.
            late_chunking: Take the texts as the chunks of one document, in order, each embedded in the light of all.
                Use ``embed_documents`` for several.
            progress: Called with the number of texts of each request that is done, from whichever thread did it.

        Returns:
            ``Embeddings``: ``vectors`` is float32 of shape (number of texts, dimensions).

        Raises:
            ConfigurationError: An argument is wrong, or the model does not have it; nothing was sent.
            InvalidRequestError: The service refuses a text; ``index`` says which.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = check_options(
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
        )
        found = check_texts(texts)
        return embeddings.embed(self._channel, found, options, batch_size=self._batch_size, progress=progress)

    embed = Blocking(_embed)
    aembed = Awaitable(_embed)

    def _embed_documents(
        self,
        documents: Sequence[Sequence[Text]],
        *,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        task: str | None = None,
        dimensions: int | None = None,
        truncate: bool | None = None,
        normalized: bool | None = None,
        late_chunking: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> Plan[DocumentEmbeddings]:
        """One vector for each chunk of each document.

        With late chunking each chunk is embedded in the light of its whole document: one request holds chunks of one
        document only, so documents never mix. A document that is longer than the model's context is cut at chunk
        borders into as few groups as fit, with a warning.

        Args:
            documents: The chunks of each document, in order: strings, or chunks of ``ragbridge.chunking``.
            model: The model's name; late chunking is a matter of ``jina-embeddings-v3`` and ``-v4``.
            task: The service's own word for what the vectors are for; None for the model's task for documents.
            dimensions: Width of the vectors, where the model lets it be chosen.
            truncate: Cut chunks that are longer than the model's context; else the service refuses them.
            normalized: Whether vectors get unit length; the service's default is True.
            late_chunking: Embed each chunk in the light of its document.
            progress: Called with the number of chunks of each request that is done, from whichever thread did it.

        Returns:
            ``DocumentEmbeddings``: for each document a float32 array of shape (number of its chunks, dimensions).

        Raises:
            ConfigurationError: An argument is wrong, or the model does not have it; nothing was sent.
            InvalidRequestError: The service refuses a chunk; the message says which of which document.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = check_options(
            model=model,
            role="document" if task is None else None,
            task=task,
            dimensions=dimensions,
            truncate=truncate,
            normalized=normalized,
            late_chunking=late_chunking,
        )
        found = check_documents(documents)
        return embeddings.embed_documents(
            self._channel, found, options, batch_size=self._batch_size, progress=progress
        )

    embed_documents = Blocking(_embed_documents)
    aembed_documents = Awaitable(_embed_documents)

    def _rerank(
        self,
        query: str,
        documents: Sequence[Document],
        *,
        model: RerankModel = DEFAULT_RERANK_MODEL,
        top_n: int | None = None,
        return_documents: bool = False,
        max_doc_length: int | None = None,
    ) -> Plan[Ranking]:
        """Documents by their relevance to a query, best first.

        All documents go in one call, since scores of different calls are not comparable.

        Args:
            query: What is asked.
            documents: Texts, or objects with ``text``. An empty list sends nothing.
            model: The model's name.
            top_n: How many to return; None for all.
            return_documents: Whether each row carries the caller's document.
            max_doc_length: Tokens of a document that are read, 1 to 8192, where the model has this option.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        found = rerank.check_options(
            query, documents, model=model, top_n=top_n, max_doc_length=max_doc_length
        )
        return rerank.rerank(
            self._channel,
            query,
            found,
            model=model,
            top_n=top_n,
            return_documents=return_documents,
            max_doc_length=max_doc_length,
        )

    rerank = Blocking(_rerank)
    arerank = Awaitable(_rerank)

    def _segment(
        self,
        content: str,
        *,
        tokenizer: str | Tokenizer = segment.DEFAULT_TOKENIZER,
        max_chunk_length: int | None = None,
        head: int | None = None,
        tail: int | None = None,
        return_tokens: bool = False,
    ) -> Plan[Segments]:
        """A text cut at its structure (paragraphs, sentences, headings), with true positions; and its tokens counted.

        Free of charge, and limited by requests alone. The service asks for no key at ``segment.jina.ai``; this goes to
        ``base_url`` + ``/v1/segment``, under this client's key and address.

        Args:
            content: The text. An empty one sends nothing.
            tokenizer: Whose vocabulary counts: ``cl100k_base``, ``o200k_base``, ``p50k_base``, ``r50k_base``,
                ``p50k_edit`` or ``gpt2``; OpenAI's, so that counts are none of Jina's own models.
            max_chunk_length: Characters of a chunk at most; None for the service's 1,000.
            head: Only the first so many tokens of the text.
            tail: Only the last so many; not together with ``head``.
            return_tokens: Whether each chunk carries its tokens.

        Returns:
            ``Segments``: chunks with ``start``, ``end`` and ``text``, which is ``content[start:end]``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ResponseError: A chunk does not stand in the text.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = segment.check_options(
            content,
            tokenizer=tokenizer,
            max_chunk_length=max_chunk_length,
            head=head,
            tail=tail,
            return_tokens=return_tokens,
        )
        return segment.segment(self._channel, options)

    segment = Blocking(_segment)
    asegment = Awaitable(_segment)

    @property
    def base_url(self) -> str:
        """Where the API is, as it was given."""
        return str(self._settings["base_url"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r}, limits={self._settings['limits']!r})"

    def __copy__(self) -> Jina:
        return self

    def __deepcopy__(self, memo: object) -> Jina:
        return self  # shared on purpose, as connections and quota are; a copy by way of pickling would lose the key

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bound:
            raise TypeError(
                f"a {type(self).__name__} with a client, transport or clock of its own cannot be pickled"
            )
        return _unpickle, (type(self), self._settings)


def _unpickle(kind: type[Jina], settings: dict[str, Any]) -> Jina:
    """A client as it was, with the key of the process that unpickles it: keys do not travel.

    Where there is none, the first request says so: an error in here would be lost in a worker of a process pool, and
    the job would wait for it for ever.
    """
    client = kind.__new__(kind)
    with suppress(MissingKeyError):
        kind.__init__(client, **settings)
    return client


def _check(*, timeout: float, concurrency: int | None, batch_size: int) -> None:
    if not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf"):
        raise ConfigurationError(f"timeout={timeout!r} must be a number of seconds above 0")
    if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
        raise ConfigurationError(f"concurrency={concurrency!r} must be a positive int, or None")
    if type(batch_size) is not int or not 1 <= batch_size <= embeddings.MAX_ITEMS:
        raise ConfigurationError(f"batch_size={batch_size!r} must be an int from 1 to {embeddings.MAX_ITEMS}")


def _in_flight(limiter: RateLimiter | None) -> int:
    allowed = limiter.concurrency if limiter else None
    return min(allowed, MAX_CONCURRENCY) if allowed else DEFAULT_CONCURRENCY
