"""What search needs of inference: vectors and relevance of an endpoint, without JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic import answers, inputs
from ragbridge.local.elastic.endpoints import Endpoint
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.elastic.settings import SERVICES
from ragbridge.rules import elasticsearch
from ragbridge.rules.chunking import check_settings
from ragbridge.rules.endpoints import CHUNKING_TASKS, E5_DIMS, MODEL_TASKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragbridge.local.elastic.endpoints import Registry
    from ragbridge.local.model import Embedder

Purpose: TypeAlias = Literal["ingest", "search"]
"""Elasticsearch's internal input types: for documents, and for queries."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Embeddings of some texts, in their order.

    Attributes:
        vectors: Dense: float32 of shape (texts, dims), bits unpacked to 0 and 1; None for sparse ones.
        tokens: Sparse: weights by token for each text; none for dense ones.
    """

    vectors: NDArray[np.float32] | None = None
    tokens: Sequence[Mapping[str, float]] = ()


class Inference:
    """The endpoints of an engine, as one request of search uses them.

    Attributes:
        tokens: What the request has cost and has not been charged for yet.
    """

    def __init__(
        self,
        registry: Registry,
        embedder: Callable[[], Embedder],
        charge: Callable[[int], None] | None = None,
    ) -> None:
        """Creates the view of one request.

        Args:
            registry: The endpoints.
            embedder: Returns the embedded model.
            charge: Counts tokens; raises what refuses the request. None counts nothing before the end of the request.
        """
        self._registry = registry
        self._embedder = embedder
        self._charge = charge
        self.tokens = 0

    def find(self, inference_id: str) -> Endpoint:
        """One endpoint.

        Raises:
            Failure: 404, ``Inference endpoint not found [id]``.
        """
        return self._registry.find(inference_id)

    def embedding(self, inference_id: str) -> Endpoint:
        """One endpoint that embeds texts.

        Raises:
            Failure: 404; 400, it has another task.
        """
        endpoint = self.find(inference_id)
        if endpoint.chunking_settings is None:
            raise Failure(
                400,
                f"Inference endpoint [{inference_id}] of task type [{endpoint.task_type}] does not embed texts",
            )
        return endpoint

    def model(self, model_id: str) -> Endpoint:
        """The endpoint of this name, or one that runs the trained model of this name.

        Raises:
            Failure: 404.
        """
        known = self._registry.list()
        for endpoint in known:
            if endpoint.inference_id == model_id:
                return endpoint
        for endpoint in known:
            settings = endpoint.service_settings
            if model_id in {settings.get("deployment_id"), settings.get("model_id")} and (
                endpoint.service == elasticsearch.NAME
            ):
                return endpoint
        if model_id in MODEL_TASKS:
            task = MODEL_TASKS[model_id]
            chunking = check_settings({}) if task in CHUNKING_TASKS else None
            return Endpoint(model_id, task, elasticsearch.NAME, {"model_id": model_id}, {}, chunking)
        raise Failure(404, f"No known model or inference endpoint [{model_id}]")

    def embed(self, endpoint: Endpoint, texts: Sequence[str], purpose: Purpose = "ingest") -> Embedded:
        """Embed texts, however many.

        Args:
            endpoint: Of the task ``text_embedding``, ``embedding`` or ``sparse_embedding``.
            texts: The texts.
            purpose: Whether they are documents or queries.

        Raises:
            Failure: As the endpoint itself would answer.
        """
        asked = inputs.Inference(
            endpoint, [(text,) for text in texts], None, self._settings(endpoint, purpose)
        )
        own = SERVICES[endpoint.service].answer
        if endpoint.task_type == "sparse_embedding":
            return Embedded(tokens=[row["embedding"] for row in self._answer(asked)["sparse_embedding"]])
        if own is None:
            numbers, tokens = answers.dense(asked, self._embedder())
            self.tokens += tokens
        else:
            [rows] = own(asked).values()
            numbers = np.array([row["embedding"] for row in rows])
        if element_type(endpoint) == "bit":
            # The bytes as they come, as documents' are read: whoever compares both must find no other bit.
            packed = numbers.astype(np.int8).view(np.uint8)
            return Embedded(np.unpackbits(packed, axis=1).astype(np.float32))
        return Embedded(numbers.astype(np.float32))

    def rerank(self, endpoint: Endpoint, query: str, texts: Sequence[str]) -> list[float]:
        """The relevance of each text, in the order of the texts. The endpoint's ``top_n`` is not applied.

        Raises:
            Failure: 400, it is not a reranker's endpoint; else as the endpoint itself would answer.
        """
        if endpoint.task_type != "rerank":
            raise Failure(
                400,
                f"Incompatible task_type, the requested type [rerank] does not match the model type [{endpoint.task_type}]",
            )
        settings = {**endpoint.task_settings, "top_n": None, "return_documents": False}
        asked = inputs.Inference(endpoint, [(text,) for text in texts], query, settings)
        scores = [0.0] * len(texts)
        for row in self._answer(asked)["rerank"]:
            scores[row["index"]] = row["relevance_score"]
        return scores

    def settle(self) -> None:
        """Have the request pay for what it has used so far, before its effects.

        Raises:
            Refusal: 429, its key has not that many tokens left. Then there must be no effects.
        """
        if self._charge is not None and self.tokens:
            self._charge(self.tokens)
            self.tokens = 0

    def _answer(self, asked: inputs.Inference) -> Mapping[str, Any]:
        """The answer of an endpoint as ``POST _inference`` gives it."""
        own = SERVICES[asked.endpoint.service].answer
        if own is not None:
            return own(asked)
        answer, tokens = answers.answer(asked, self._embedder())
        self.tokens += tokens
        return answer

    def _settings(self, endpoint: Endpoint, purpose: Purpose) -> dict[str, Any]:
        """The endpoint's task settings. Queries are never late-chunked."""
        late = {"late_chunking": False} if purpose == "search" else {}
        return {**endpoint.task_settings, "input_type": purpose, **late}


def element_type(endpoint: Endpoint) -> str:
    """``float``, ``byte`` or ``bit``: of an endpoint's dense vectors."""
    kind = answers.element_type(endpoint)
    return "bit" if kind == "binary" else kind


def model_settings(endpoint: Endpoint) -> dict[str, Any]:
    """What the mapping of a ``semantic_text`` field keeps of its endpoint once a document was embedded."""
    shown: dict[str, Any] = {"service": endpoint.service, "task_type": endpoint.task_type}
    if endpoint.task_type != "sparse_embedding":
        settings = endpoint.service_settings
        kind = element_type(endpoint)
        shown["dimensions"] = settings.get("dimensions", E5_DIMS)
        shown["similarity"] = settings.get("similarity", "l2_norm" if kind == "bit" else "cosine")
        shown["element_type"] = kind
    return shown
