"""What each model can do: the one table that requests are checked against before they are sent.

Source: Jina's published API description of 2026-09-09 and the catalogue of its on-premises server of 2026-08-13,
read on 2026-11-20. Widths beside the default one are the trained Matryoshka sizes; the service takes any integer
up to the default width where a model has sizes at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


Role: TypeAlias = Literal["query", "document"]

EmbeddingModel: TypeAlias = (
    str
    | Literal[
        "jina-embeddings-v5-text-small",
        "jina-embeddings-v5-text-nano",
        "jina-embeddings-v5-omni-small",
        "jina-embeddings-v5-omni-nano",
        "jina-embeddings-v4",
        "jina-embeddings-v3",
        "jina-code-embeddings-1.5b",
        "jina-code-embeddings-0.5b",
        "jina-clip-v2",
        "jina-clip-v1",
        "jina-embeddings-v2-base-en",
        "jina-embeddings-v2-base-zh",
        "jina-embeddings-v2-base-de",
        "jina-embeddings-v2-base-es",
        "jina-embeddings-v2-base-code",
    ]
)
"""A model's name. Any string is taken; the known ones are offered for completion."""

RerankModel: TypeAlias = (
    str
    | Literal[
        "jina-reranker-v3.5",
        "jina-reranker-v3",
        "jina-reranker-m0",
        "jina-reranker-v2-base-multilingual",
        "jina-reranker-v1-base-en",
        "jina-reranker-v1-turbo-en",
        "jina-reranker-v1-tiny-en",
        "jina-colbert-v2",
        "jina-colbert-v1-en",
    ]
)
"""A reranker's name. Any string is taken; the known ones are offered for completion."""

MultiVectorModel: TypeAlias = str | Literal["jina-colbert-v2", "jina-colbert-v1-en", "jina-embeddings-v4"]
"""The name of a model with one vector for each token. Any string is taken; the known ones are offered for completion."""

DEFAULT_EMBEDDING_MODEL = "jina-embeddings-v5-text-small"
DEFAULT_RERANK_MODEL = "jina-reranker-v3"
DEFAULT_MULTIVECTOR_MODEL = "jina-colbert-v2"
DEFAULT_IMAGE_MODEL = "jina-embeddings-v5-omni-small"
"""Its vectors of texts are those of the default model for texts (model cards), so that queries find images."""


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table.

    Attributes:
        name: The service's id of the model.
        products: What it serves: ``embed``, ``multivector``, ``rerank``, ``classify``, ``train``, ``batch``.
        context: Tokens that one input may have.
        dimensions: Width of a vector when none is asked for; None for rerankers.
        sizes: Trained Matryoshka widths, ascending; empty where the width cannot be chosen.
        tasks: Values the service accepts for ``task``.
        roles: The task that serves a query and a document; None where the field is left out for that role.
        options: Optional request fields that the model has.
        modalities: What its inputs may be.
        window: Documents that a listwise reranker compares in one pass; None elsewhere.
        image_tile: Side of the square tiles, in pixels, by which an image is billed; None where no formula is published.
        tile_tokens: Tokens that each tile is billed, begun ones included.
    """

    name: str
    products: frozenset[str]
    context: int
    dimensions: int | None = None
    sizes: tuple[int, ...] = ()
    tasks: tuple[str, ...] = ()
    roles: dict[Role, str | None] = field(default_factory=dict)
    options: frozenset[str] = frozenset()
    modalities: tuple[str, ...] = ("text",)
    window: int | None = None
    image_tile: int | None = None
    tile_tokens: int = 0

    def task_for(self, role: Role) -> str | None:
        """The service's word for ``role``; None where the model takes none."""
        return self.roles.get(role)


_RETRIEVAL: dict[Role, str | None] = {"query": "retrieval.query", "document": "retrieval.passage"}
_V5_TASKS = ("text-matching", "retrieval.query", "retrieval.passage", "clustering", "classification")
_V4_TASKS = ("text-matching", "retrieval.query", "retrieval.passage", "code.query", "code.passage")
_V3_TASKS = ("retrieval.query", "retrieval.passage", "text-matching", "classification", "separation")
_CODE_TASKS = tuple(
    f"{kind}.{side}"
    for kind in ("nl2code", "qa", "code2code", "code2nl", "code2completion")
    for side in ("query", "passage")
)
_EMBED = frozenset({"embed"})
_CLASSIFY = frozenset({"embed", "classify", "train"})
_RERANK = frozenset({"rerank"})
_COLBERT = frozenset({"multivector", "rerank"})
_INPUT_TYPE = frozenset({"input_type"})
_LISTWISE = frozenset({"max_doc_length", "return_embeddings"})
_OMNI = ("text", "image", "audio", "video", "pdf")


def _v5(size: str, kind: str, context: int, width: int) -> Model:
    return Model(
        f"jina-embeddings-v5-{kind}-{size}",
        _EMBED if kind == "omni" else _CLASSIFY | {"batch"},
        context,
        width,
        (32, 64, 128, 256, 512, width),
        _V5_TASKS,
        _RETRIEVAL,
        frozenset({"normalized", "truncate"}),
        _OMNI if kind == "omni" else ("text",),
    )


def _code(size: str, sizes: tuple[int, ...]) -> Model:
    roles: dict[Role, str | None] = {"query": "nl2code.query", "document": "nl2code.passage"}
    name = f"jina-code-embeddings-{size}"
    products = frozenset({"embed", "classify"})
    return Model(name, products, 32768, sizes[-1], sizes, _CODE_TASKS, roles, frozenset({"truncate"}))


def _v2(language: str) -> Model:
    options = frozenset({"normalized", "truncate"})
    return Model(f"jina-embeddings-v2-base-{language}", _CLASSIFY, 8192, 768, options=options)


_ROWS = (
    _v5("small", "text", 32768, 1024),
    _v5("nano", "text", 8192, 768),
    _v5("small", "omni", 32768, 1024),
    _v5("nano", "omni", 8192, 768),
    Model(
        "jina-embeddings-v4",
        _CLASSIFY | {"multivector"},
        32768,
        2048,
        (128, 256, 512, 1024, 2048),
        _V4_TASKS,
        _RETRIEVAL,
        frozenset({"truncate", "late_chunking", "return_multivector"}),
        ("text", "image", "pdf"),
        image_tile=28,
        tile_tokens=10,
    ),
    Model(
        "jina-embeddings-v3",
        _CLASSIFY,
        8192,
        1024,
        (32, 64, 128, 256, 512, 768, 1024),
        _V3_TASKS,
        _RETRIEVAL,
        frozenset({"normalized", "truncate", "late_chunking"}),
    ),
    _code("1.5b", (128, 256, 512, 1024, 1536)),
    _code("0.5b", (64, 128, 256, 512, 896)),
    Model(
        "jina-clip-v2",
        _CLASSIFY,
        8192,
        1024,
        (64, 128, 256, 512, 768, 1024),
        ("retrieval.query",),
        {"query": "retrieval.query", "document": None},
        frozenset({"normalized", "truncate"}),
        ("text", "image", "pdf"),
        image_tile=512,
        tile_tokens=4000,
    ),
    Model(
        "jina-clip-v1",
        _CLASSIFY,
        8192,
        768,
        options=frozenset({"normalized", "truncate"}),
        modalities=("text", "image", "pdf"),
        image_tile=224,
        tile_tokens=1000,
    ),
    *(_v2(language) for language in ("en", "zh", "de", "es", "code")),
    Model("jina-colbert-v2", _COLBERT, 8192, 128, (64, 96, 128), options=_INPUT_TYPE),
    Model("jina-colbert-v1-en", _COLBERT, 8192, 128, options=_INPUT_TYPE),
    Model("jina-reranker-v3.5", _RERANK, 131072, options=_LISTWISE, window=64),
    Model("jina-reranker-v3", _RERANK, 131072, options=_LISTWISE, window=64),
    Model("jina-reranker-m0", _RERANK, 10240, modalities=("text", "image")),
    Model("jina-reranker-v2-base-multilingual", _RERANK, 1024),
    Model("jina-reranker-v1-base-en", _RERANK, 8192),
    Model("jina-reranker-v1-turbo-en", _RERANK, 8192),
    Model("jina-reranker-v1-tiny-en", _RERANK, 8192),
)

MODELS: dict[str, Model] = {model.name: model for model in _ROWS}
"""Every known model by its name."""


def row_of(name: str) -> Model | None:
    """The row of ``name``; None for a model that the table does not know, which is then sent as it is.

    Raises:
        ConfigurationError: It is no name.
    """
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(
            f"model={name!r} must be a model's name, such as {DEFAULT_EMBEDDING_MODEL!r}"
        )
    return MODELS.get(name.removeprefix("jina-ai/"))


def find(name: str, product: str) -> Model | None:
    """``row_of``, where the model is known to serve ``product`` or is not known at all.

    Raises:
        ConfigurationError: The model is known and does not serve ``product``, or it is no name.
    """
    model = row_of(name)
    if model is not None and product not in model.products:
        able = ", ".join(row.name for row in _ROWS if product in row.products)
        raise ConfigurationError(f"model={name!r} cannot {product}; models that can: {able}")
    return model


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


# What one request to Jina's API may hold, and what an account may keep: the client checks it, the engine refuses it.
#
# What a minute has room for stands in ``limiter/tiers.py``.

MAX_ITEMS = 512
"""Items in a request for embeddings: the lowest cap on record (v4, November 2025); newer pages name none."""

MAX_REQUEST_TOKENS = 262_144
"""Tokens in a request for embeddings or classes: no cap is published; this is eight of the longest texts that any
model takes."""

MAX_CLASSIFY_INPUTS = 512
"""Inputs in a request for classes, and examples in one that trains (API description of 2026-04)."""

MAX_LABELS = 256
"""Labels in one list: the lower of the caps on record (jina.ai/classifier, 2024, and the text of the API description of
2026-04; its schema says 512)."""

MAX_GROUPS = 8
MAX_GROUP_LABELS = 64
"""Groups of labels, and labels in each of them (API description of 2026-04)."""

MAX_CLASSES = 16
MAX_CLASSIFIERS = 16
"""Classes of a trained classifier, and classifiers of a key (API description of 2026-04, jina.ai/classifier)."""

MAX_DOC_LENGTH = 8192
"""Tokens of a document that ``max_doc_length`` may have a reranker read (API description of 2026-09)."""

MAX_BATCH_ITEMS = 10_000
MAX_BATCH_LINES = 50_000
"""Items of a batch job in the request's body, and in a file that the service fetches (API description of 2026-04)."""

MAX_PAGE_SECONDS = 180
"""What the reader waits for a page at most (jina-ai/reader, ``crawler-options.ts``, 2026)."""

MIN_MAX_TOKENS = 500
"""The least to which the reader cuts a page (the same)."""

SEARCH_TOKENS = 10_000
"""What a search costs at least (jina.ai/reader, May 2026)."""
