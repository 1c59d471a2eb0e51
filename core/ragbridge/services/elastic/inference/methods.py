"""Methods that run models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ragbridge.client.arguments import check_texts, listed
from ragbridge.client.lookup import Manner
from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan
from ragbridge.ground.numbers import check_whole
from ragbridge.models import Role
from ragbridge.rules.endpoints import InputType
from ragbridge.services.elastic.content import Input, read_inputs
from ragbridge.services.elastic.inference import rerank, sparse
from ragbridge.services.elastic.inference.options import DenseTask, check_dense_task, check_options
from ragbridge.services.elastic.session import ElasticMethods
from ragbridge.values.embeddings import Embeddings
from ragbridge.values.partial import OnError
from ragbridge.values.rankings import Document, Ranking
from ragbridge.values.sparse import SparseEmbeddings


class InferenceMethods(ElasticMethods):
    """Dense and sparse embeddings, and reranking, by inference endpoints.

    Elasticsearch does not cut long texts into chunks here, as it does for ``semantic_text`` fields: the model cuts them
    off, or refuses them. See ``ragbridge.chunking`` for the same chunks on this side.
    """

    def _embed(
        self,
        texts: Sequence[Input],
        *,
        inference_id: str,
        role: Role | None = None,
        input_type: InputType | str | None = None,
        task_type: DenseTask = "text_embedding",
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
    ) -> Plan[Embeddings]:
        """One vector for each input, in the order of the inputs.

        Inputs are cut into requests within what the endpoint's service takes: 2048 of ``jinaai``, 16 of ``elastic``, 10
        of ``elasticsearch`` and of others. The endpoint is asked which it is, once, and not for 10 inputs or fewer.

        Args:
            texts: What to embed: strings, or chunks of ``ragbridge.chunking``; for an endpoint of the type ``embedding`` also
                ``Image`` (9.4 and later), ``Audio``, ``Video``, ``Pdf`` and ``Group`` (9.5), as far as its model takes them,
                each of which gives one vector. Elasticsearch's own objects (``{"content": ...}``) are taken as well. Media
                travel in the request, and are no addresses. An empty list sends nothing.
            inference_id: The inference endpoint.
            role: What the texts are for: ``"query"`` becomes ``search``, ``"document"`` becomes ``ingest``. Services that
                embed both alike, such as ``openai``, are not told.
            input_type: Elasticsearch's own word instead: ``search``, ``ingest``, ``classification`` or ``clustering``.
            task_type: ``"embedding"`` for an endpoint of this type (9.4 and later, several modalities).
            task_settings: The service's own settings, for this call before those of the endpoint.
            timeout: Seconds that Elasticsearch waits for the model; its own figure is 30.
            progress: Called with the number of inputs of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names inputs that fail in ``failed`` and embeds the others. ``"raise"`` ends the call with
                the error, whose ``partial`` has the inputs that were done by then.

        Returns:
            ``Embeddings``: ``vectors`` is float32 of shape (number of inputs, dimensions). Of an endpoint whose vectors are
            ``byte`` it is int8; of ``bit`` it is int8 of shape (number of inputs, dimensions / 8), as the service
            gave it and as a ``dense_vector`` field of bits takes it. ``embedding_type`` says which; ``model`` is the
            endpoint's id. Elasticsearch does not tell what was billed: ``usage`` counts no tokens.

        Raises:
            ConfigurationError: An argument is wrong or a file is missing; nothing was sent. Or a file vanished since.
            InvalidRequestError: There is no such endpoint, or it refuses an input.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        from ragbridge.services.elastic.inference.dense import embed  # brings NumPy

        options = check_options(
            check_dense_task(task_type),
            inference_id,
            role=role,
            input_type=input_type,
            task_settings=task_settings,
            timeout=timeout,
        )
        found = read_inputs(texts, options.task)
        return embed(
            self._channel, found, options, batch_size=self._batch_size, manner=Manner(progress, on_error)
        )

    embed = Blocking(_embed)
    aembed = Awaitable(_embed)

    def _sparse_embed(
        self,
        texts: Sequence[str],
        *,
        inference_id: str,
        role: Role | None = None,
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
    ) -> Plan[SparseEmbeddings]:
        """The tokens that stand for each text with their weights, in the order of the texts.

        Args:
            texts: What to embed: strings, or chunks of ``ragbridge.chunking``. An empty list sends nothing.
            inference_id: The inference endpoint, of the type ``sparse_embedding``.
            role: What the texts are for, as for other services. Elasticsearch's sparse endpoints embed queries and documents
                alike, so it changes nothing.
            task_settings: The service's own settings, for this call before those of the endpoint.
            timeout: Seconds that Elasticsearch waits for the model; its own figure is 30.
            progress: Called with the number of texts of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names texts that fail in ``failed`` and embeds the others. ``"raise"`` ends the call with
                the error, whose ``partial`` has the texts that were done by then.

        Returns:
            ``SparseEmbeddings``: for each text a mapping of tokens to weights, and whether the text was cut off.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: There is no such endpoint, or it refuses a text.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = sparse.check_options(inference_id, role=role, task_settings=task_settings, timeout=timeout)
        found = check_texts(texts)
        return sparse.sparse_embed(
            self._channel, found, options, batch_size=self._batch_size, manner=Manner(progress, on_error)
        )

    sparse_embed = Blocking(_sparse_embed)
    asparse_embed = Awaitable(_sparse_embed)

    def _rerank(
        self,
        query: Document,
        documents: Sequence[Document],
        *,
        inference_id: str,
        top_n: int | None = None,
        return_documents: bool = False,
        task_settings: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Plan[Ranking]:
        """Documents by their relevance to a query, best first.

        All documents go in one call, since scores of different calls need not be comparable.

        Args:
            query: What is asked: a text, or an ``Image``.
            documents: Texts, images, or objects with ``text`` or ``image``. An empty list sends nothing. Images are for
                multimodal models of the Elastic Inference Service (9.5).
            inference_id: The inference endpoint.
            top_n: How many to return; None for all, whatever the endpoint is set to.
            return_documents: Whether each row carries the caller's document; nothing travels for it.
            task_settings: The service's own settings, for this call before those of the endpoint.
            timeout: Seconds that Elasticsearch waits for the model; its own figure is 30.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: There is no such endpoint, or it refuses a document.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        if top_n is not None:
            top_n = check_whole("top_n", top_n, "a positive int, or None for all documents")
        options = check_options(rerank.TASK, inference_id, task_settings=task_settings, timeout=timeout)
        rerank.check_settings(options)
        found = listed(documents, "documents", of="texts and images")
        asked = rerank.read_query(query)
        inputs = rerank.read_documents(found)
        return rerank.rerank(
            self._channel, asked, found, inputs, options, top_n=top_n, return_documents=return_documents
        )

    rerank = Blocking(_rerank)
    arerank = Awaitable(_rerank)
