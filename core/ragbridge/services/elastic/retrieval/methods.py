"""Methods that make indexes, write documents and search."""

# ruff: noqa: A002 - "filter" is Elasticsearch's word
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan
from ragbridge.services.elastic.arguments import Filter
from ragbridge.services.elastic.retrieval import bulk, indices, search
from ragbridge.services.elastic.session import ElasticMethods
from ragbridge.values.search import BulkResult, SearchHits


class RetrievalMethods(ElasticMethods):
    """Semantic retrieval by Elasticsearch's own index. Bodies are built by the functions of ``ragbridge.elastic``."""

    def _create_index(
        self,
        index: str,
        mappings: Mapping[str, Any] | None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
    ) -> Plan[bool]:
        """Make an index.

        Args:
            index: Its name, in lower case.
            mappings: Its fields by name, such as ``{"content": semantic_text_mapping("my-endpoint")}``; or a whole
                mapping, an object with ``properties``.
            settings: Shards, replicas, analysis, ...
            exist_ok: An index of this name may be there. Its fields are not compared with ``mappings``.

        Returns:
            Whether it was made; False where there was one already.

        Raises:
            ConfigurationError: The name or a field is not what it should be; nothing was sent.
            InvalidRequestError: Elasticsearch refuses it; ``code`` is ``resource_already_exists_exception`` where there
                is one already.
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
        progress: Callable[[int], object] | None = None,
    ) -> Plan[BulkResult]:
        """Write documents, in batches side by side. None is lost, and none is doubled by a retry.

        Each document's own outcome is read. What Elasticsearch is too busy for (429, 503, and models that fail for a
        while) is sent again, alone. Every document has its id before it is first sent, so that sending it again after
        a lost answer, or running the whole call again after it was stopped, replaces it with itself.

        Args:
            index: Where to: an index, an alias that can be written to, or (with ``op="create"``) a data stream.
            documents: Objects (dicts); NumPy arrays, dates and UUIDs in them are written as Elasticsearch reads them.
                Any iterable, read while batches are sent; only ids are kept.
            ids: An id each; or
            id_field: the field of each document that holds it, which stays where it is. Without both, ids are made of
                the documents' content: the same document has the same id in every call, and further copies of it in one
                call are numbered.
            op: ``"index"`` replaces a document of the same id. ``"create"`` refuses the new one, with the status 409.
            batch_size: Documents in one request at most.
            batch_bytes: Bytes in one request at most, 100 MB as Elasticsearch is set up. A batch that something in
                between refuses as too large is halved.
            pipeline: The ingest pipeline that documents go through.
            refresh: When they can be found: ``True`` at once, which costs a refresh for each batch, ``"wait_for"`` to
                come back when they can, ``False`` (the default) within the index's own interval of a second.
            on_error: ``"raise"`` an error in the end where a document was not taken, or only ``"report"`` it.
            progress: Called with the number of documents of each batch that is done, from whichever thread did it.

        Returns:
            ``BulkResult``: ids in the order of the documents, and which of them were not taken, why.

        Raises:
            BulkError: Documents were not taken; all others are written. ``result`` says which.
            ConfigurationError: An argument is wrong; or a document is, which is found when its turn comes.
            RagbridgeError: A whole request failed, and with it the job. Documents of other batches may be written:
                call again, with the same documents.
        """
        options = bulk.check_options(
            index,
            op=op,
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            pipeline=pipeline,
            refresh=refresh,
            on_error=on_error,
        )
        found = bulk.check_ids(documents, ids, id_field)
        return bulk.bulk(self._channel, found, options, ids=ids, id_field=id_field, progress=progress)

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
        body: Mapping[str, Any] | None = None,
    ) -> Plan[SearchHits]:
        """Search.

        Args:
            index: Names or patterns.
            query: Such as ``semantic_query("content", "who inspired taking care of the sea?")``.
            retriever: Several stages instead, such as ``text_similarity_reranker(standard(query), ...)``.
            knn: Neighbours of a vector, beside ``query`` or alone: what ``knn_query`` builds, one or several.
            filter: Queries that every hit must match; scores stay as they are.
            size: Hits to return; 10 by default. Retrievers that join or rerank need a ``rank_window_size`` of as many.
            from_: Hits to leave out at the beginning.
            source: Which fields of the documents to return: names or patterns, True or False for all or none.
            highlight: Which passages to return, such as ``semantic_highlight("content")``.
            min_score: Least score of a hit.
            body: Anything else that a search may have (``aggs``, ``sort``, ``fields``, ...), or all of it.

        Returns:
            ``SearchHits``: the hits, best first.

        Raises:
            ConfigurationError: An argument is wrong, or two of them cannot go together; nothing was sent.
            InvalidRequestError: Elasticsearch refuses the search, or there is no such index or endpoint.
            ResponseError: The answer does not hold what was promised.
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
            body=body,
        )
        return search.search(self._channel, index, fields)

    search = Blocking(_search)
    asearch = Awaitable(_search)
