"""Elasticsearch's API in this process, with indexes and searches beside inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragbridge.local.elastic import InferenceApi
from ragbridge.local.search.asked import Asked
from ragbridge.local.search.errors import invalid_argument
from ragbridge.local.search.indices import Indices
from ragbridge.local.search.inference import Inference
from ragbridge.local.search.routes import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.local.elastic.api import Outcome
    from ragbridge.local.elastic.http import Query
    from ragbridge.local.model import Embedder


class SearchApi(InferenceApi):
    """The inference API, with the indexes of this engine. It is safe for threads.

    Args:
        embedder: Returns the embedded model; called when vectors or tokens are first needed.
    """

    def __init__(self, embedder: Callable[[], Embedder]) -> None:
        super().__init__(embedder)
        self.indices = Indices()

    def owns(self, method: str, path: str) -> bool:
        """Whether a request belongs to Elasticsearch: as for inference, and ``GET`` of a single index."""
        return super().owns(method, path) or (method == "GET" and path.rstrip("/").count("/") == 1)

    def _answer_other(
        self, method: str, path: str, query: Query, body: bytes, charge: Callable[[int], None] | None
    ) -> Outcome:
        handler, names = find(method, path, query)
        inference = Inference(self._registry, self._embedder, charge)
        asked = Asked(method, path, names, query, body, self.indices, inference, self._pipelines)
        try:
            outcome = handler(asked)
        except RecursionError:
            raise invalid_argument("the request's body is nested too deeply") from None
        return outcome._replace(tokens=outcome.tokens + inference.tokens)

    def _indexes_using(self, inference_id: str) -> list[str]:
        with self.indices.lock:
            return [
                index.name
                for index in self.indices.all()
                if any(inference_id in field.endpoints for field in index.mapping.of_type("semantic_text"))
            ]
