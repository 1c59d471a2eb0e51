"""The field types that the engine has, and the parameters of each.

Source: Elasticsearch's reference, "Field data types", 9.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ragbridge.local.search.analysis import analyzer
from ragbridge.local.search.errors import invalid_argument, mapper_parsing, not_offered
from ragbridge.local.search.shapes import a_count, a_name, an_object, some_names

WHOLE: Final = {
    "byte": (-(2**7), 2**7 - 1),
    "short": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsigned_long": (0, 2**64 - 1),
}
"""Whole numbers: the least and the greatest value of each type."""
FLOATING: Final = ("double", "float", "half_float", "scaled_float")
NUMBERS: Final = (*WHOLE, *FLOATING)
ELEMENT_TYPES: Final = ("float", "bfloat16", "byte", "bit")
"""Of vectors; ``bfloat16`` is from 9.3 on."""
SIMILARITIES: Final = ("cosine", "dot_product", "l2_norm", "max_inner_product")
MOST_DIMS: Final = 4096
"""Dimensions of a ``dense_vector``; bits count as dimensions of a byte's eighth (``DenseVectorFieldMapper``)."""

_SHARED = ("copy_to", "doc_values", "fields", "index", "meta", "store", "type")
_NUMERIC = (
    *_SHARED,
    "coerce",
    "ignore_malformed",
    "null_value",
    "time_series_dimension",
    "time_series_metric",
)
_TEXT = (
    *(
        "analyzer",
        "search_analyzer",
        "search_quote_analyzer",
        "norms",
        "similarity",
        "term_vector",
        "fielddata",
    ),
    *(
        "fielddata_frequency_filter",
        "index_options",
        "index_phrases",
        "index_prefixes",
        "position_increment_gap",
    ),
    "eager_global_ordinals",
)
_VECTOR = (
    "type",
    "dims",
    "element_type",
    "index",
    "similarity",
    "index_options",
    "meta",
    "copy_to",
    "fields",
)

PARAMETERS: Final[dict[str, tuple[str, ...]]] = {
    "text": (*_SHARED, *_TEXT),
    "keyword": (
        *(
            *_SHARED,
            "ignore_above",
            "normalizer",
            "norms",
            "null_value",
            "eager_global_ordinals",
            "index_options",
        ),
        *("similarity", "split_queries_on_whitespace", "time_series_dimension"),
    ),
    **dict.fromkeys(NUMBERS, _NUMERIC),
    "scaled_float": (*_NUMERIC, "scaling_factor"),
    "boolean": (*_SHARED, "null_value", "ignore_malformed"),
    "binary": ("type", "doc_values", "store", "meta"),
    "date": (*_SHARED, "format", "locale", "ignore_malformed", "null_value"),
    "object": ("type", "properties", "dynamic", "enabled", "subobjects"),
    "dense_vector": _VECTOR,
    "sparse_vector": ("type", "index_options", "meta", "store", "copy_to", "fields"),
    "rank_vectors": ("type", "dims", "element_type", "meta"),
    "semantic_text": (
        *(
            "type",
            "inference_id",
            "search_inference_id",
            "chunking_settings",
            "model_settings",
            "index_options",
        ),
        *("meta", "fields", "copy_to"),
    ),
}
"""The types that the engine has, and the parameters that each takes."""

ELSEWHERE: Final = frozenset(
    {
        *("aggregate_metric_double", "alias", "annotated_text", "completion", "constant_keyword"),
        *(
            "counted_keyword",
            "date_nanos",
            "date_range",
            "double_range",
            "exponential_histogram",
            "flattened",
        ),
        *("float_range", "geo_point", "geo_shape", "histogram", "integer_range", "ip", "ip_range", "join"),
        *("long_range", "match_only_text", "murmur3", "nested", "passthrough", "pattern_text", "percolator"),
        *("point", "rank_feature", "rank_features", "search_as_you_type", "semantic", "shape", "token_count"),
        *("version", "wildcard"),
    }
)
"""Types of Elasticsearch that the engine does not have."""


def check_type(path: str, kind: str) -> None:
    """Refuse a type that Elasticsearch or this engine does not have.

    Raises:
        Failure: 400; 501 for types of Elasticsearch only.
    """
    if kind in PARAMETERS:
        return
    if kind in ELSEWHERE:
        raise not_offered(f"field type {kind}, of field {path}")
    raise mapper_parsing(
        f"The mapper type [{kind}] declared on field [{path}] does not exist. It might have been created within a future "
        "version or requires a plugin to be installed. Check the documentation."
    )


def check_similarity(path: str, name: str) -> None:
    """Refuse a text field's similarity that is none of the index's own.

    Raises:
        Failure: 400, there is no such; 501, Elasticsearch has it.
    """
    if name == "boolean":
        raise not_offered(f"similarity boolean of field {path}")
    if name != "BM25":
        raise mapper_parsing(f"Unknown Similarity type [{name}] for field [{path.rpartition('.')[2]}]")


def check_parameters(path: str, kind: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that a type does not have, and values that they do not take.

    Raises:
        Failure: 400; 501, the parameter would change what searches find, and the engine does not know how.
    """
    for name, value in parameters.items():
        if name not in PARAMETERS[kind]:
            raise mapper_parsing(f"unknown parameter [{name}] on mapper [{path}] of type [{kind}]")
        if str(value).lower() not in _FIXED.get((kind, name), {str(value).lower()}):
            raise not_offered(f"{name}: {value} of field {path}")
        if name in _FLAGS and str(value).lower() not in {"true", "false"}:
            raise invalid_argument(f"Could not convert [{path}.{name}] to boolean")
        if name in _CHECKS:
            _CHECKS[name](name, value)
    _check_kind(path, kind, parameters)


_CHECKS: dict[str, Callable[[str, object], object]] = {
    "copy_to": some_names,
    "fields": an_object,
    "format": a_name,
    "ignore_above": a_count,
}
_FLAGS = ("coerce", "doc_values", "enabled", "ignore_malformed", "index", "store", "subobjects")
_FIXED = {
    ("text", "norms"): {"true"},
    ("keyword", "normalizer"): {"lowercase"},
    ("keyword", "similarity"): {"bm25"},
    ("keyword", "split_queries_on_whitespace"): {"false"},
}
"""Parameters of types that take only these values here."""


def _check_kind(path: str, kind: str, parameters: Mapping[str, Any]) -> None:
    """What holds of one type only."""
    if kind == "text":
        for name in ("analyzer", "search_analyzer"):
            if name in parameters:
                analyzer(str(parameters[name]))
    elif kind == "scaled_float":
        factor = parameters.get("scaling_factor")
        if isinstance(factor, bool) or not isinstance(factor, int | float) or factor <= 0:
            raise mapper_parsing(
                f"[scaling_factor] of field [{path}] must be a positive number, got [{factor}]"
            )
    elif kind in {"dense_vector", "rank_vectors"}:
        _check_vector(parameters)


def _check_vector(parameters: Mapping[str, Any]) -> None:
    element, dims = parameters.get("element_type", "float"), parameters.get("dims")
    if element not in ELEMENT_TYPES:
        names = ", ".join(ELEMENT_TYPES)
        raise mapper_parsing(f"invalid element_type [{element}]; available types are [{names}]")
    if dims is not None:
        most = MOST_DIMS * (8 if element == "bit" else 1)
        if type(dims) is not int or not 1 <= dims <= most:
            raise mapper_parsing(
                f"The number of dimensions should be in the range [1, {most}] but was [{dims}]"
            )
        if element == "bit" and dims % 8:
            raise mapper_parsing(f"The number of dimensions for should be a multiple of 8 but was [{dims}]")
    similarity = parameters.get("similarity")
    if similarity is None:
        return
    if similarity not in SIMILARITIES:
        raise mapper_parsing(
            f"Unknown value [{similarity}] for field [similarity] - accepted values are "
            f"[{', '.join(SIMILARITIES)}]"
        )
    if element == "bit" and similarity != "l2_norm":
        raise mapper_parsing(f"The [{similarity}] similarity is not supported for bit vectors")
