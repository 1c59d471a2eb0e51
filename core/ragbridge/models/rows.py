"""The columns of the table of models, and a model as the service itself lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ragbridge.ground.public import publish
from ragbridge.ground.records import dataclass
from ragbridge.models.names import Role

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table. Whatever depends on a model is one of its columns.

    Attributes:
        name: The service's id of the model.
        products: What it serves: ``embed``, ``multivector``, ``sparse``, ``rerank``, ``classify``, ``train``, ``batch``.
        context: Tokens that one input may have.
        dimensions: Width of a vector when none is asked for; None for rerankers.
        sizes: Trained Matryoshka widths, ascending; empty where the width cannot be chosen.
        token_dimensions: Width of each token's vector in a model that also gives one vector for each text; None
            where it is ``dimensions``, or where tokens have no vectors.
        tasks: Values the service accepts for ``task``.
        batch_tasks: Values that batch jobs accept beside ``tasks``.
        roles: The task that serves a query and a document; None where the field is left out for that role.
        options: Optional request fields that the model has.
        modalities: What its inputs may be.
        groups: Whether several inputs may share one vector.
        window: Documents that a listwise reranker compares in one pass; None elsewhere.
        document_tokens: Tokens of each document that a reranker reads unless ``max_doc_length`` says otherwise; None
            where the field is not in ``options``.
        max_document_tokens: The most that ``max_doc_length`` may ask for; None as before.
        document_dimensions: Width of the vectors that ``return_embeddings`` adds; None where it is not in ``options``.
        image_tile: Side of the square tiles, in pixels, by which an image is billed; None where no formula is published.
        tile_tokens: Tokens that each tile is billed, begun ones included.
        media_tokens: Tokens that one ``image``, ``audio`` or ``video`` is taken to cost where no formula is published;
            kinds that are missing weigh what ``ragbridge.values.media`` assumes.
        eis_task: The task type for which the Elastic Inference Service hosts it under this name; None where it does not.
        eis_endpoint: Whether Elasticsearch has an endpoint of it there from the start, called ``.`` and its name.
        prompts: The prefix that the model reads before a text, for each task that has one. Jina's services put it there
            themselves; servers of the open weights do not.
        open_tasks: The tasks that servers of the open weights can serve, where these are fewer than ``tasks``: such a server
            loads one adapter.
    """

    name: str
    products: frozenset[str]
    context: int
    dimensions: int | None = None
    sizes: tuple[int, ...] = ()
    token_dimensions: int | None = None
    tasks: tuple[str, ...] = ()
    batch_tasks: tuple[str, ...] = ()
    roles: Mapping[Role, str | None] = field(default_factory=dict)
    options: frozenset[str] = frozenset()
    modalities: tuple[str, ...] = ("text",)
    groups: bool = False
    window: int | None = None
    document_tokens: int | None = None
    max_document_tokens: int | None = None
    document_dimensions: int | None = None
    image_tile: int | None = None
    tile_tokens: int = 0
    media_tokens: Mapping[str, int] = field(default_factory=dict)
    eis_task: str | None = None
    eis_endpoint: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    open_tasks: tuple[str, ...] = ()

    @property
    def listwise(self) -> bool:
        """Whether a document's score depends on the other documents of its call."""
        return self.window is not None

    def task_for(self, role: Role) -> str | None:
        """The service's word for ``role``; None where the model takes none."""
        return self.roles.get(role)

    def prompt_for(self, task: str | None) -> str | None:
        """The prefix of a text for ``task``; None where the model reads none for it."""
        return self.prompts.get(task) if task is not None else None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as the service lists it. ``ragbridge.models`` has what requests are checked against.

    Attributes:
        id: The model's name as requests have it, without ``jina-ai/``.
        name: Its name for people.
        context: Tokens that one input may have; None where the service did not say.
        input_modalities: What it reads.
        output_modalities: What it gives.
        prices: US dollars for one token (``prompt``, ``completion``) or request, by the service's names.
        raw: All that the service said.
    """

    id: str
    name: str = ""
    context: int | None = None
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


publish("ragbridge", [ModelInfo])
