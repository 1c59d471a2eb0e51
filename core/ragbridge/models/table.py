"""What each model can do: the one table that requests are checked against before they are sent.

Source: Jina's published API description of 2026-09-09 and the catalogue of its on-premises server of 2026-08-13,
read on 2026-11-20. Widths beside the default one are the trained Matryoshka sizes; the service takes any integer
up to the default width where a model has sizes at all. Columns about the Elastic Inference Service: Elastic's tables of
August 2026. Prompts: the same server (v5), the models' cards (v3, v4, code), read on 2026-11-29.
"""

from __future__ import annotations

import re
from typing import Any

from ragbridge.errors import ConfigurationError
from ragbridge.models.limits import MAX_DOC_LENGTH
from ragbridge.models.names import DEFAULT_EMBEDDING_MODEL, Role
from ragbridge.models.rows import Model

_RETRIEVAL: dict[Role, str | None] = {"query": "retrieval.query", "document": "retrieval.passage"}
_V5_TASKS = ("text-matching", "retrieval.query", "retrieval.passage", "clustering", "classification")
_V4_TASKS = ("text-matching", "retrieval.query", "retrieval.passage", "code.query", "code.passage")
_V3_TASKS = ("retrieval.query", "retrieval.passage", "text-matching", "classification", "separation")
_CODE_TASKS = tuple(
    f"{kind}.{side}"
    for kind in ("nl2code", "qa", "code2code", "code2nl", "code2completion")
    for side in ("query", "passage")
)
_V5_PROMPTS = {"retrieval.query": "Query: ", "retrieval.passage": "Document: "}
_V4_PROMPTS = {
    "retrieval.query": "Query: ",
    "retrieval.passage": "Passage: ",
    "code.query": "Query: ",
    "code.passage": "Passage: ",
}
_V3_PROMPTS = {
    "retrieval.query": "Represent the query for retrieving evidence documents: ",
    "retrieval.passage": "Represent the document for retrieval: ",
}
_CODE_PROMPTS = {
    "nl2code.query": "Find the most relevant code snippet given the following query:\n",
    "nl2code.passage": "Candidate code snippet:\n",
    "qa.query": "Find the most relevant answer given the following question:\n",
    "qa.passage": "Candidate answer:\n",
    "code2code.query": "Find an equivalent code snippet given the following code snippet:\n",
    "code2code.passage": "Candidate code snippet:\n",
    "code2nl.query": "Find the most relevant comment given the following code snippet:\n",
    "code2nl.passage": "Candidate comment:\n",
    "code2completion.query": "Find the most relevant completion given the following start of code snippet:\n",
    "code2completion.passage": "Candidate completion:\n",
}
_CLASSIFY = frozenset({"embed", "classify", "train"})
_RERANK = frozenset({"rerank"})
_BOTH = frozenset({"normalized", "truncate"})
_SEES = ("text", "image", "pdf")


def _v5(size: str, context: int, width: int) -> Model:
    return Model(
        f"jina-embeddings-v5-text-{size}",
        _CLASSIFY | {"batch"},
        context,
        width,
        (32, 64, 128, 256, 512, width),
        tasks=_V5_TASKS,
        batch_tasks=("retrieval",),  # of some descriptions; for queries and passages alike
        roles=_RETRIEVAL,
        options=_BOTH,
        eis_task="text_embedding",
        eis_endpoint=True,
        prompts=_V5_PROMPTS,
    )


def _omni(size: str, context: int, width: int) -> Model:
    return Model(
        f"jina-embeddings-v5-omni-{size}",
        frozenset({"embed"}),
        context,
        width,
        (32, 64, 128, 256, 512, width),
        tasks=_V5_TASKS,
        roles=_RETRIEVAL,
        options=_BOTH,
        modalities=("text", "image", "audio", "video", "pdf"),
        groups=True,
        eis_task="embedding",
        eis_endpoint=True,
        prompts=_V5_PROMPTS,
    )


def _code(size: str, sizes: tuple[int, ...]) -> Model:
    return Model(
        f"jina-code-embeddings-{size}",
        frozenset({"embed", "classify"}),
        32768,
        sizes[-1],
        sizes,
        tasks=_CODE_TASKS,
        roles={"query": "nl2code.query", "document": "nl2code.passage"},
        options=frozenset({"truncate"}),
        prompts=_CODE_PROMPTS,
    )


def _v2(language: str) -> Model:
    return Model(f"jina-embeddings-v2-base-{language}", _CLASSIFY, 8192, 768, options=_BOTH)


def _colbert(version: str, sizes: tuple[int, ...] = ()) -> Model:
    products = frozenset({"multivector", "rerank"})
    return Model(f"jina-colbert-{version}", products, 8192, 128, sizes, options=frozenset({"input_type"}))


def _listwise(version: str, document_tokens: int) -> Model:
    return Model(
        f"jina-reranker-{version}",
        _RERANK,
        131072,
        options=frozenset({"max_doc_length", "return_embeddings"}),
        window=64,
        document_tokens=document_tokens,
        max_document_tokens=MAX_DOC_LENGTH,
        document_dimensions=512,  # measured on the hosted service
        **_RANKED_BY_ELASTIC,
    )


_RANKED_BY_ELASTIC: dict[str, Any] = {"eis_task": "rerank", "eis_endpoint": True}

_ROWS = (
    _v5("small", 32768, 1024),
    _v5("nano", 8192, 768),
    _omni("small", 32768, 1024),
    _omni("nano", 8192, 768),
    Model(
        "jina-embeddings-v4",
        _CLASSIFY | {"multivector"},
        32768,
        2048,
        (128, 256, 512, 1024, 2048),
        token_dimensions=128,
        tasks=_V4_TASKS,
        roles=_RETRIEVAL,
        options=frozenset({"truncate", "late_chunking", "return_multivector"}),
        modalities=_SEES,
        image_tile=28,
        tile_tokens=10,
        prompts=_V4_PROMPTS,
    ),
    Model(
        "jina-embeddings-v3",
        _CLASSIFY,
        8192,
        1024,
        (32, 64, 128, 256, 512, 768, 1024),
        tasks=_V3_TASKS,
        roles=_RETRIEVAL,
        options=_BOTH | {"late_chunking"},
        eis_task="text_embedding",
        eis_endpoint=True,
        prompts=_V3_PROMPTS,
        open_tasks=("text-matching",),  # vLLM loads that adapter alone (docs/models/pooling_models/embed.md)
    ),
    _code("1.5b", (128, 256, 512, 1024, 1536)),
    _code("0.5b", (64, 128, 256, 512, 896)),
    Model(
        "jina-clip-v2",
        _CLASSIFY,
        8192,
        1024,
        (64, 128, 256, 512, 768, 1024),
        tasks=("retrieval.query",),
        roles={"query": "retrieval.query", "document": None},
        options=_BOTH,
        modalities=_SEES,
        image_tile=512,
        tile_tokens=4000,
        eis_task="embedding",
        eis_endpoint=True,
    ),
    Model(
        "jina-clip-v1",
        _CLASSIFY,
        8192,
        768,
        options=_BOTH,
        modalities=_SEES,
        image_tile=224,
        tile_tokens=1000,
    ),
    *(_v2(language) for language in ("en", "zh", "de", "es", "code")),
    _colbert("v2", (64, 96, 128)),
    _colbert("v1-en"),
    Model(
        "elser-v2",
        frozenset({"sparse"}),
        512,
        tasks=("retrieval.query", "retrieval.passage"),
        roles=_RETRIEVAL,
    ),
    _listwise("v3.5", 8192),
    _listwise("v3", 2048),
    Model(
        "jina-reranker-m0",
        _RERANK,
        10240,
        modalities=("text", "image"),
        media_tokens={
            "image": 768
        },  # 768 patches of 28 x 28 pixels at most (model card), each a token of its base model
        **_RANKED_BY_ELASTIC,
    ),
    Model("jina-reranker-v2-base-multilingual", _RERANK, 1024, **_RANKED_BY_ELASTIC),
    Model("jina-reranker-v1-base-en", _RERANK, 8192),
    Model("jina-reranker-v1-turbo-en", _RERANK, 8192),
    Model("jina-reranker-v1-tiny-en", _RERANK, 8192),
)

MODELS: dict[str, Model] = {model.name: model for model in _ROWS}
"""Every known model by its name."""


PUBLISHERS = ("jina-ai/", "jinaai/")
"""What stands before a model's name in lists of the service, and on the hub of its weights."""

_VARIANT = re.compile(
    r"(?:-vllm)?-(?:retrieval|text-matching|classification|clustering|code)(?:-GGUF)?$|-GGUF$", re.IGNORECASE
)
"""The end of a repository that has the same model with one adapter merged, or in another format."""


def lookup(name: str) -> Model | None:
    """The row of ``name``; None where the table has none.

    Names of the hub (``jinaai/jina-embeddings-v5-text-small-retrieval``) and of lists (``jina-ai/jina-embeddings-v3``) find
    the row of their model.
    """
    plain = name
    for publisher in PUBLISHERS:
        plain = plain.removeprefix(publisher)
    return MODELS.get(plain) or MODELS.get(_VARIANT.sub("", plain))


def row_of(name: str) -> Model | None:
    """The row of what a caller gave as ``model=``; None for an unknown model, which is then sent as it is.

    Raises:
        ConfigurationError: ``name`` is not a str, or is empty.
    """
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(
            f"model={name!r} must be a model's name, such as {DEFAULT_EMBEDDING_MODEL!r}"
        )
    return lookup(name)


def find(name: str, product: str) -> Model | None:
    """``row_of``, for a model that has to serve ``product``.

    Raises:
        ConfigurationError: The model is known and does not serve ``product``; or ``name`` is not a str, or is empty.
    """
    model = row_of(name)
    if model is not None and product not in model.products:
        able = ", ".join(row.name for row in MODELS.values() if product in row.products)
        raise ConfigurationError(f"model={name!r} cannot {product}; models that can: {able}")
    return model
