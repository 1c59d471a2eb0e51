"""Methods that create indexes, write documents and search."""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan
from ragbridge.services.elastic.arguments import Filter
from ragbridge.services.elastic.retrieval import bulk, indices, search
from ragbridge.services.elastic.retrieval.sorting import Sort
from ragbridge.services.elastic.session import ElasticMethods
from ragbridge.values.search import BulkResult, SearchHits


class RetrievalMethods(ElasticMethods):
    """Semantic retrieval with Elasticsearch's indexes. The functions of ``ragbridge.elastic`` build the bodies."""

    def _create_index(
        self,
        index: str,
        mappings: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
    ) -> Plan[bool]:
        """Create an index.

        Args:
            index: Its name, in lower case.
            mappings: Its fields by name, such as ``{"content": semantic_text_mapping("my-endpoint")}``; or a whole
                mapping, an object with ``properties``.
            settings: Shards, replicas, analysis, ...
            exist_ok: Accept an existing index of this name. Its fields are not compared with ``mappings``.

        Returns:
            True if it was created, False if there was one already.

        Raises:
            ConfigurationError: The name or a field is wrong; nothing was sent.
            InvalidRequestError: Elasticsearch refuses it; ``code`` is ``resource_already_exists_exception`` if there is
                one already.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return indices.create_index(
            self._channel, index, indices.index_body(mappings, settings), exist_ok=exist_ok
        )

    create_index = Blocking(_create_index)
    acreate_index = Awaitable(_create_index)

    def _bulk(
        self,
        index: str,
        documents: Iterable[Mapping[str, Any]],
        *,
        ids: Sequence[str] | None = None,
        id_field: str | None = None,
        op: bulk.Op = "index",
        batch_size: int = bulk.BATCH_SIZE,
        batch_bytes: int = bulk.BATCH_BYTES,
        pipeline: str | None = None,
        refresh: bulk.Refresh | None = None,
        on_error: bulk.OnError = "raise",
        pack_vectors: bool | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> Plan[BulkResult]:
        """Write documents in concurrent batches. Retries neither lose nor duplicate any.

        The outcome of each document is read. Only documents that were refused temporarily (429, 503, a model that is
        failing) are sent again. Every document has its id before it is first sent, so that sending it again after a
        lost answer, or repeating a call that was stopped, replaces it with itself.

        Args:
            index: An index, an alias that can be written to, or (with ``op="create"``) a data stream.
            documents: Objects (dicts). Dates, decimals, enums, UUIDs, values of NumPy and pandas in them are written as
                the official client does. Any iterable, read while batches are sent; only ids are kept.
            ids: An id for each document.
            id_field: Instead of ``ids``, the field of each document that holds its id. The field stays in the document,
                but for ``_id``, which Elasticsearch refuses there.
                Without both, ids are made of the content: a document has the same id in every call, and further copies
                in one call are numbered.
            op: ``"index"`` replaces a document of the same id. ``"create"`` refuses the new one, with the status 409.
            batch_size: The largest number of documents in one request.
            batch_bytes: The largest number of bytes in one request, up to Elasticsearch's default limit of 100 MB. A
                batch that a proxy refuses as too large is halved.
            pipeline: The ingest pipeline that documents go through.
            refresh: When documents become searchable: ``True`` at once, at the cost of a refresh for each batch;
                ``"wait_for"`` to return once they are; ``False`` (the default) within the index's interval of a second.
            on_error: ``"raise"`` an error at the end if a document was refused, or only ``"report"`` it.
            pack_vectors: Whether NumPy arrays of floats, such as rows of ``Embeddings``, travel as base64, a quarter of the
                bytes. None: where Elasticsearch takes it (9.3 and later) and the index says that the field is a
                ``dense_vector`` of floats, which is asked once a call, and without ``pipeline``. ``True`` for every array of floats
                without asking, where the index may not be read. Lists are JSON always.
            progress: Called with the number of documents of each finished batch, in the thread that sent it.

        Returns:
            ``BulkResult``: ids in the order of the documents, and the documents that were refused, with the reasons.

        Raises:
            BulkError: Some documents were refused; all others are written. ``result`` lists them.
            ConfigurationError: An argument is wrong; or a document is, which is noticed when its turn comes.
            RagbridgeError: A whole request failed, and the call with it. Documents of other batches may be written:
                call again with the same documents.
        """
        options = bulk.check_options(
            index,
            op=op,
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            pipeline=pipeline,
            refresh=refresh,
            on_error=on_error,
            pack_vectors=pack_vectors,
        )
        checked = bulk.check_ids(documents, ids, id_field)
        return bulk.bulk(self._channel, checked, options, ids=ids, id_field=id_field, progress=progress)

    bulk = Blocking(_bulk)
    abulk = Awaitable(_bulk)

    def _search(
        self,
        index: str | Sequence[str],
        *,
        query: Mapping[str, Any] | None = None,
        retriever: Mapping[str, Any] | None = None,
        knn: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        filter: Filter | None = None,
        size: int | None = None,
        from_: int | None = None,
        source: search.Source | None = None,
        highlight: Mapping[str, Any] | None = None,
        min_score: float | None = None,
        sort: Sort | None = None,
        collapse: str | Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Plan[SearchHits]:
        """Search.

        Args:
            index: Names or patterns.
            query: Such as ``semantic_query("content", "who inspired taking care of the sea?")``.
            retriever: A search in several stages instead of ``query``, such as
                ``text_similarity_reranker(standard(query), ...)``.
            knn: One or several results of ``knn_query``: nearest neighbours of a vector, alone or beside ``query``.
            filter: Queries that every hit must match; scores stay as they are.
            size: Hits to return; 10 by default. Retrievers that join or rerank need a ``rank_window_size`` of as many.
            from_: Number of hits to skip.
            source: Which fields of the documents to return: names or patterns, True or False for all or none.
            highlight: Which passages to return, such as ``semantic_highlight("content")``.
            min_score: Lowest score of a hit.
            sort: The order of hits instead of that of scores: a field, ``{"date": "desc"}``, or a list of them. Beside a
                retriever it is the retriever's own, see ``standard``.
            collapse: A field of which only the best hit of each value is returned, or Elasticsearch's object with
                ``field``.
            body: Further parts of the search (``aggs``, ``fields``, ...), or the whole of it.

        Returns:
            ``SearchHits``: the hits, best first.

        Raises:
            ConfigurationError: An argument is wrong, or two of them exclude each other; nothing was sent.
            InvalidRequestError: Elasticsearch refuses the search, or there is no such index or endpoint.
            ResponseError: The answer is incomplete or malformed.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        fields = search.search_body(
            query=query,
            retriever=retriever,
            knn=knn,
            filter=filter,
            size=size,
            from_=from_,
            source=source,
            highlight=highlight,
            min_score=min_score,
            sort=sort,
            collapse=collapse,
            body=body,
        )
        return search.search(self._channel, index, fields)

    search = Blocking(_search)
    asearch = Awaitable(_search)
