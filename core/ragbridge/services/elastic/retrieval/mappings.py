"""Mappings of fields that hold embeddings: plain objects for any client. No I/O.

Each function returns the mapping of one field; ``create_index(mappings={"content": semantic_text_mapping(...)})``
creates an index with such fields. Rules: Elasticsearch's ``SemanticTextFieldMapper`` and ``DenseVectorFieldMapper``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias, get_args

from ragbridge.errors import ConfigurationError
from ragbridge.rules.chunking import ChunkingSettings, checked
from ragbridge.rules.endpoints import E5, E5_DIMS, LINUX
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import Body, given

ElementType = Literal["float", "bfloat16", "byte", "bit"]
FieldSimilarity = Literal["cosine", "dot_product", "l2_norm", "max_inner_product"]

MOST_DIMS = 4096
"""Largest number of values in a ``dense_vector`` (``MAX_DIMS_COUNT``); for type ``bit``, eight times as many bits."""
LEAST_BBQ_DIMS = 64
"""Fewest dimensions of a ``bbq`` index."""
MOST_META, LONGEST_META_NAME, LONGEST_META = 5, 20, 50
"""Entries of a field's ``meta``, and characters of a name and a text (``TypeParsers.parseMeta``)."""

_SEMANTIC, _SEMANTIC_TEXT = ("dense_vector",), ("dense_vector", "sparse_vector")
"""Index options of a semantic field, by what its endpoint may make."""

_ELEMENT_TYPES: tuple[str, ...] = get_args(ElementType)
_SIMILARITIES: tuple[str, ...] = get_args(FieldSimilarity)
_ELEMENTS = {"float": "float", "byte": "byte", "int8": "byte", "bit": "bit", "binary": "bit"}
"""The ``element_type`` of a field for each ``embedding_type`` of an endpoint."""
_INDEXES = (
    *("hnsw", "flat", "int8_hnsw", "int8_flat", "int4_hnsw", "int4_flat"),
    *("bbq_hnsw", "bbq_flat", "bbq_disk"),
)


class HasServiceSettings(Protocol):
    """An endpoint, as ``elastic.endpoints`` returns it."""

    @property
    def service_settings(self) -> Mapping[str, Any]:
        """The endpoint's settings as Elasticsearch shows them."""
        ...


DescribesVectors: TypeAlias = "Mapping[str, Any] | HasServiceSettings"
"""An endpoint, or Elasticsearch's JSON object for it."""


def semantic_text_mapping(
    inference_id: str | None = None,
    *,
    search_inference_id: str | None = None,
    chunking_settings: ChunkingSettings | None = None,
    index_options: Mapping[str, Any] | None = None,
    meta: Mapping[str, str] | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
) -> Body:
    """A field of texts that Elasticsearch chunks and embeds by itself.

    Args:
        inference_id: The endpoint that embeds documents, of type ``text_embedding`` or ``sparse_embedding``. None for
            the server's default, which depends on its version and hosting: name one if results must not change with
            an upgrade.
        search_inference_id: The endpoint that embeds queries; the same by default.
        chunking_settings: How texts are chunked (8.19, 9.1 and later); the endpoint's by default. With the strategy
            ``none`` each text is one chunk: give documents as arrays of chunks (9.1 and later).
        index_options: ``{"dense_vector": {...}}`` (8.19, 9.1) or ``{"sparse_vector": {...}}`` (9.2), depending on what
            the endpoint returns. Of floats Elasticsearch keeps 16 bits from 9.4 on; ``"element_type": "float"`` in
            ``dense_vector`` keeps them whole.
        meta: Up to 5 short texts about the field, for people and tools.
        fields: Further fields of the same values, such as ``{"words": {"type": "text"}}``.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    return given(
        type="semantic_text",
        inference_id=None if inference_id is None else check.text("inference_id", inference_id),
        **_semantic(search_inference_id, chunking_settings, meta),
        index_options=None if index_options is None else _semantic_options(index_options, _SEMANTIC_TEXT),
        fields=None
        if fields is None
        else {
            name: check.entry(f"fields[{name!r}]", one) for name, one in check.entry("fields", fields).items()
        },
    )


def semantic_mapping(
    inference_id: str,
    *,
    search_inference_id: str | None = None,
    chunking_settings: ChunkingSettings | None = None,
    index_options: Mapping[str, Any] | None = None,
    meta: Mapping[str, str] | None = None,
) -> Body:
    """A field of texts, images, sound, films and PDF that Elasticsearch embeds by itself (9.5 and later).

    A document's value is a text, an ``Image``, ``Audio``, ``Video`` or ``Pdf``, or a list of them: ``elastic.bulk`` writes them
    as Elasticsearch takes them. Elasticsearch refuses media of more than 1 MB each unless
    ``indices.inference.max_binary_input_size`` says otherwise. Search with ``match_query`` or ``knn_query(query_input=...)``;
    ``semantic_query`` is for ``semantic_text``.

    Args:
        inference_id: The endpoint that embeds values, of the type ``embedding``.
        search_inference_id: The endpoint that embeds queries; the same by default.
        chunking_settings: How texts are chunked; the endpoint's by default. Other values are one piece each.
        index_options: ``{"dense_vector": {...}}``; ``"element_type": "float"`` in it keeps floats whole, of which
            Elasticsearch keeps 16 bits otherwise.
        meta: Up to 5 short texts about the field, for people and tools.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    return given(
        type="semantic",
        inference_id=check.text("inference_id", inference_id),
        **_semantic(search_inference_id, chunking_settings, meta),
        index_options=None if index_options is None else _semantic_options(index_options, _SEMANTIC),
    )


def dense_vector_mapping(
    endpoint: DescribesVectors | None = None,
    *,
    dims: int | None = None,
    element_type: ElementType | None = None,
    similarity: FieldSimilarity | None = None,
    index_options: Mapping[str, Any] | None = None,
) -> Body:
    """A field for dense vectors that the client computes, such as those of ``embed``.

    Args:
        endpoint: The endpoint that computes the vectors: it provides ``dims``, ``element_type`` and ``similarity``
            unless they are given here.
        dims: Number of values of a vector. For ``bit`` the number of bits: 8 for each number of Jina's ``binary``
            vectors. If None and without an endpoint, Elasticsearch learns it from the first document.
        element_type: Type of a value; ``"float"`` by default. ``"bit"`` holds Jina's ``binary`` vectors as they are.
            ``"bfloat16"`` is for 9.3 and later.
        similarity: How vectors are compared; ``"cosine"`` by default, ``"l2_norm"``, the only choice, for bits.
        index_options: How they are indexed, such as ``{"type": "bbq_hnsw"}``.

    Raises:
        ConfigurationError: The endpoint does not show its dimensions, an argument contradicts the endpoint, or
            Elasticsearch would refuse the mapping.
    """
    if endpoint is not None:
        known = _of_endpoint(endpoint)
        if "dims" not in known and dims is None:
            raise ConfigurationError("the endpoint does not show its dimensions: pass dims=")
        for name, asked in (("dims", dims), ("element_type", element_type)):
            if asked is not None and asked != known.get(name, asked):
                raise ConfigurationError(
                    f"{name}={asked!r}, but the endpoint makes {known[name]!r}: leave {name}= out"
                )
        dims = known.get("dims", dims)
        element_type = known.get("element_type", element_type)
        similarity = similarity or known.get("similarity")
    for name, value, allowed in (
        ("element_type", element_type, _ELEMENT_TYPES),
        ("similarity", similarity, _SIMILARITIES),
    ):
        if value is not None and value not in allowed:
            raise ConfigurationError(f"{name}={value!r} must be one of {', '.join(allowed)}")
    dims = _check_vectors(dims, element_type or "float", similarity)
    return given(
        type="dense_vector",
        dims=dims,
        element_type=element_type,
        similarity=similarity,
        index_options=None
        if index_options is None
        else _dense_options(index_options, dims, element_type or "float"),
    )


def rank_vectors_mapping(
    *, dims: int | None = None, element_type: Literal["float", "byte", "bit"] | None = None
) -> Body:
    """A field for the many vectors of a late-interaction model, such as those of ``Jina.embed_multivector`` (9.0, a trial licence).

    Such a field is not searched by itself: a script scores hits again by ``maxSimDotProduct`` and the like.

    Args:
        dims: Number of values of each vector; for ``bit`` the number of bits. If None, Elasticsearch learns it from the
            first document.
        element_type: Type of a value; ``"float"`` by default.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    if element_type not in {None, "float", "byte", "bit"}:
        raise ConfigurationError(f"element_type={element_type!r} must be one of float, byte, bit")
    dims = _check_vectors(dims, element_type or "float", None)
    return given(type="rank_vectors", dims=dims, element_type=element_type)


def sparse_vector_mapping(*, index_options: Mapping[str, Any] | None = None) -> Body:
    """A field for token weights that the client computes, such as those of ``sparse_embed``.

    Args:
        index_options: ``{"prune": True, "pruning_config": {...}}``, 9.1 and later.

    Raises:
        ConfigurationError: ``index_options`` is not an object, or is empty.
    """
    options = None if index_options is None else check.entry("index_options", index_options)
    return given(type="sparse_vector", index_options=options)


def _semantic(
    search_inference_id: str | None,
    chunking_settings: ChunkingSettings | None,
    meta: Mapping[str, str] | None,
) -> Body:
    """What both kinds of semantic fields have alike."""
    return given(
        search_inference_id=None
        if search_inference_id is None
        else check.text("search_inference_id", search_inference_id),
        chunking_settings=None
        if chunking_settings is None
        else checked(chunking_settings, name="chunking_settings"),
        meta=None if meta is None else _meta(meta),
    )


def _meta(value: Mapping[str, str]) -> Body:
    fields = check.entry("meta", value)
    if len(fields) > MOST_META:
        raise ConfigurationError(f"meta can't have more than {MOST_META} entries, but got {len(fields)}")
    for name, text in fields.items():
        if not isinstance(text, str) or len(text) > LONGEST_META or len(name) > LONGEST_META_NAME:
            raise ConfigurationError(
                f"meta[{name!r}] must be a text of {LONGEST_META} characters at most, under a name of "
                f"{LONGEST_META_NAME} at most"
            )
    return fields


def _semantic_options(value: Mapping[str, Any], kinds: tuple[str, ...]) -> Body:
    options = check.entry("index_options", value)
    if len(options) != 1 or not options.keys() <= {*kinds}:
        field, which = (
            ("semantic_text", ", whichever its endpoint makes") if len(kinds) > 1 else ("semantic", "")
        )
        raise ConfigurationError(
            f"index_options holds {sorted(options)}: a {field} field takes {'either ' if which else ''}"
            f"{' or '.join(map(repr, kinds))}{which}"
        )
    if "dense_vector" in options:
        options["dense_vector"] = _semantic_vectors(options["dense_vector"])
    return options


def _semantic_vectors(value: Mapping[str, Any]) -> Body:
    """The index options of a semantic field, which may say what its vectors' values are."""
    name = "index_options['dense_vector']"
    options = check.entry(name, value)
    element_type = options.get("element_type")
    if element_type not in {None, *_ELEMENT_TYPES}:
        raise ConfigurationError(
            f"{name}['element_type'] is {element_type!r}: choose one of {', '.join(_ELEMENT_TYPES)}"
        )
    if set(options) == {"element_type"}:  # how they are indexed is left to the server
        return options
    return _dense_options(options, None, element_type or "float", "['dense_vector']")


def _dense_options(value: Mapping[str, Any], dims: int | None, element_type: str, where: str = "") -> Body:
    name = f"index_options{where}"
    options = check.entry(name, value)
    kind = options.get("type")
    if kind not in _INDEXES:
        raise ConfigurationError(f"{name}['type'] is {kind!r}: choose one of {', '.join(_INDEXES)}")
    if element_type in {"byte", "bit"} and kind not in {"hnsw", "flat"}:
        raise ConfigurationError(
            f"{name}['type'] is {kind!r}, which quantizes floats: {element_type} vectors take 'hnsw' or 'flat'"
        )
    if dims is not None and kind.startswith("int4") and dims % 2:
        raise ConfigurationError(f"{name}['type'] is {kind!r}, which needs an even dims=, not {dims}")
    if dims is not None and kind.startswith("bbq") and dims < LEAST_BBQ_DIMS:
        raise ConfigurationError(
            f"{name}['type'] is {kind!r}, which needs dims={LEAST_BBQ_DIMS} or more, not {dims}"
        )
    return options


def _check_vectors(dims: int | None, element_type: str, similarity: str | None) -> int | None:
    """``dims`` as a plain int, where the three go together."""
    bits = element_type == "bit"
    if dims is not None:
        dims = check.whole("dims", dims, most=MOST_DIMS * 8 if bits else MOST_DIMS)
        if bits and dims % 8:
            raise ConfigurationError(
                f"dims={dims} must be a multiple of 8 for bit vectors: it counts bits, 8 for each number of a vector"
            )
    if bits and similarity not in {None, "l2_norm"}:
        raise ConfigurationError(
            f"similarity={similarity!r}: bit vectors support 'l2_norm' only (Hamming distance)"
        )
    return dims


def _of_endpoint(endpoint: DescribesVectors) -> Body:
    """``dims``, ``element_type`` and ``similarity`` of an endpoint's vectors, as far as it shows them."""
    settings = (
        endpoint.get("service_settings")
        if isinstance(endpoint, Mapping)
        else getattr(endpoint, "service_settings", None)
    )
    if not isinstance(settings, Mapping):
        raise ConfigurationError(
            "endpoint is neither an endpoint nor Elasticsearch's object for one: it has no service_settings"
        )
    kind = settings.get("element_type") or settings.get("embedding_type")
    if kind is not None and kind not in _ELEMENTS:
        raise ConfigurationError(
            f"the endpoint's embedding_type is {kind!r}: pass dims= and element_type= yourself"
        )
    e5 = settings.get("model_id") in {E5, E5 + LINUX}
    return given(
        dims=E5_DIMS if e5 else settings.get("dimensions"),
        element_type=_ELEMENTS[kind] if kind else None,
        similarity="cosine" if e5 else settings.get("similarity"),
    )
