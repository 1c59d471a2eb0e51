"""What Ray Data's workers run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.arrow.columns import texts_of, vector_column
from ragbridge.arrow.settings import client_of
from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    import pyarrow as pa


class Embedder:
    """Adds a column of vectors. Ray makes one in each worker, which keeps its connections.

    Args:
        client: Settings of the client: of ``Jina``; of ``Elastic`` where they have ``url`` or ``cloud_id``. The key comes from the
            worker's environment. Give all workers one quota (``quotas=``) and one cache.
        column: The column of texts.
        output: The column to add, a ``fixed_size_list``.
        **options: What is asked of the model: those of ``Jina.embed`` or ``Elastic.embed``.
    """

    def __init__(
        self,
        *,
        client: Mapping[str, Any] | None = None,
        column: str = "text",
        output: str = "embedding",
        **options: Any,
    ) -> None:
        self._client = client_of(client)
        self._column = column
        self._output = output
        self._options = options

    async def __call__(self, table: pa.Table) -> AsyncIterator[pa.Table]:
        """The rows with their vectors."""
        texts = texts_of(table, self._column, self._output)
        if None in texts:
            raise ConfigurationError(
                f"column={self._column!r} is null in row {texts.index(None)} of a batch: filter such rows out"
            )
        vectors = (await self._client.aembed(texts, **self._options)).vectors
        yield table.append_column(
            self._output, vector_column(list(vectors), vectors.shape[1] or None, vectors.dtype)
        )


class Reranker:
    """Adds the relevance of each of a row's documents to its query.

    Args:
        client: Settings of the client, see ``Embedder``.
        query: The column of queries.
        documents: The column of their documents, each a list of texts.
        output: The column to add: for each document its score, in the order of the documents.
        **options: What is asked of the model: those of ``Jina.rerank`` or ``Elastic.rerank``, but ``top_n``.
    """

    def __init__(
        self,
        *,
        client: Mapping[str, Any] | None = None,
        query: str = "query",
        documents: str = "documents",
        output: str = "scores",
        **options: Any,
    ) -> None:
        if "top_n" in options:
            raise ConfigurationError(
                "top_n: every document gets its score here; take the best of them afterwards"
            )
        self._client = client_of(client)
        self._columns = query, documents
        self._output = output
        self._options = options

    async def __call__(self, table: pa.Table) -> AsyncIterator[pa.Table]:
        """The rows with their scores."""
        import pyarrow as pa

        query, documents = self._columns
        queries = texts_of(table, query, self._output)
        if documents not in table.schema.names:
            raise ConfigurationError(
                f"documents={documents!r}: the batch has {', '.join(map(repr, table.schema.names))}"
            )
        rows = [
            await self._scores(text, given or [])
            for text, given in zip(queries, table.column(documents).to_pylist(), strict=True)
        ]
        yield table.append_column(self._output, pa.array(rows, pa.list_(pa.float64())))

    async def _scores(self, query: str, documents: list[str]) -> list[float]:
        ranking = await self._client.arerank(query, documents, **self._options)
        scores = {row.index: row.score for row in ranking}
        return [scores[index] for index in range(len(documents))]
