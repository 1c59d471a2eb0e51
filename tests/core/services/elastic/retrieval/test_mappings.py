"""Mappings of fields for embeddings."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker
from ragbridge.elastic import (
    dense_vector_mapping,
    rank_vectors_mapping,
    semantic_mapping,
    semantic_text_mapping,
    sparse_vector_mapping,
)


def test_the_server_s_defaults_are_left_to_the_server() -> None:
    """What is not given is not in the body, neither as a value nor as null."""
    assert semantic_text_mapping() == {"type": "semantic_text"}
    assert dense_vector_mapping() == {"type": "dense_vector"}
    assert sparse_vector_mapping() == {"type": "sparse_vector"}


def test_a_semantic_field_has_all_that_is_given() -> None:
    """Endpoints, chunking and index options arrive where Elasticsearch reads them."""
    assert semantic_text_mapping(
        "jinaai-embeddings",
        search_inference_id="jinaai-search",
        chunking_settings={"strategy": "word", "max_chunk_size": 250, "overlap": 100},
        index_options={"dense_vector": {"type": "bbq_hnsw"}},
    ) == {
        "type": "semantic_text",
        "inference_id": "jinaai-embeddings",
        "search_inference_id": "jinaai-search",
        "chunking_settings": {"strategy": "word", "max_chunk_size": 250, "overlap": 100},
        "index_options": {"dense_vector": {"type": "bbq_hnsw"}},
    }


def test_a_chunker_stands_for_its_settings() -> None:
    """The chunker that previews the chunks also configures the field."""
    chunker = Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 100, "sentence_overlap": 0})
    assert semantic_text_mapping(chunking_settings=chunker)["chunking_settings"] == {
        "strategy": "sentence",
        "max_chunk_size": 100,
        "sentence_overlap": 0,
    }


def test_the_caller_s_objects_are_not_changed_and_not_shared() -> None:
    """A mapping is a copy: changing it later changes nothing of the caller's."""
    settings = {"strategy": "none"}
    mapping = semantic_text_mapping("a", chunking_settings=settings)
    mapping["chunking_settings"]["strategy"] = "word"
    assert settings == {"strategy": "none"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"inference_id": ""}, "inference_id is empty"),
        ({"inference_id": 3}, "inference_id is int, not str"),
        ({"chunking_settings": {}}, "chunking_settings is empty"),
        ({"chunking_settings": "word"}, "chunking_settings is str"),
        (
            {"chunking_settings": {"strategy": "none", "max_chunk_size": 20}},
            r"When chunking is disabled \(none\), settings can not have the following: \[max_chunk_size\]",
        ),
        ({"index_options": {"type": "bbq_hnsw"}}, "either 'dense_vector' or 'sparse_vector'"),
        (
            {"index_options": {"dense_vector": {"type": "hsnw"}}},
            r"index_options\['dense_vector'\]\['type'\] is 'hsnw'",
        ),
        ({"index_options": {"dense_vector": {}, "sparse_vector": {}}}, "either"),
    ],
)
def test_a_wrong_semantic_field_is_refused_by_name(wrong: dict[str, object], message: str) -> None:
    """The error names the setting that is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        semantic_text_mapping(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"model_id": "jina-embeddings-v3", "dimensions": 1024, "similarity": "cosine"},
            {"dims": 1024, "similarity": "cosine"},
        ),
        (
            {"dimensions": 1024, "similarity": "l2_norm", "embedding_type": "binary"},
            {"dims": 1024, "similarity": "l2_norm", "element_type": "bit"},
        ),
        (
            {"dimensions": 1024, "similarity": "dot_product", "embedding_type": "float"},
            {"dims": 1024, "similarity": "dot_product", "element_type": "float"},
        ),
        ({"model_id": ".multilingual-e5-small", "num_threads": 1}, {"dims": 384, "similarity": "cosine"}),
        (
            {"model_id": "my-minilm", "dimensions": 384, "similarity": "cosine", "element_type": "byte"},
            {"dims": 384, "similarity": "cosine", "element_type": "byte"},
        ),
    ],
    ids=["eis", "bits", "float", "e5", "eland"],
)
def test_a_vector_field_fits_its_endpoint(settings: dict[str, object], expected: dict[str, object]) -> None:
    """Width, type and similarity are those of the endpoint's vectors; bits are counted as bits."""
    endpoint = {"inference_id": "x", "service": "jinaai", "service_settings": settings}
    assert dense_vector_mapping(endpoint) == {"type": "dense_vector", **expected}


def test_a_similarity_of_one_s_own_wins_over_the_endpoint_s() -> None:
    """The similarity is the field's choice; the width is not."""
    endpoint = {"service_settings": {"dimensions": 1024, "similarity": "dot_product"}}
    assert dense_vector_mapping(endpoint, similarity="cosine")["similarity"] == "cosine"
    with pytest.raises(ConfigurationError, match="dims=512, but the endpoint makes 1024"):
        dense_vector_mapping(endpoint, dims=512)


def test_an_endpoint_that_tells_no_width_needs_one() -> None:
    """Dimensions that nobody knows are not guessed."""
    endpoint = {"service_settings": {"model_id": "my-model"}}
    with pytest.raises(ConfigurationError, match="pass dims="):
        dense_vector_mapping(endpoint)
    assert dense_vector_mapping(endpoint, dims=256)["dims"] == 256


def test_a_sparse_endpoint_is_no_source_of_widths() -> None:
    """What has no service settings is no endpoint."""
    with pytest.raises(ConfigurationError, match="no service_settings"):
        dense_vector_mapping({"dimensions": 3})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dims": 0}, "dims=0 must be an int from 1 to 4096"),
        ({"dims": 4097}, "from 1 to 4096"),
        ({"dims": True}, "dims=True"),
        ({"dims": 1020, "element_type": "bit"}, "multiple of 8"),
        ({"dims": 32776, "element_type": "bit"}, "from 1 to 32768"),
        ({"dims": 8, "element_type": "bit", "similarity": "cosine"}, "'l2_norm' only"),
        ({"element_type": "int8"}, "one of float, bfloat16, byte, bit"),
        ({"similarity": "euclidean"}, "one of cosine"),
        ({"dims": 64, "element_type": "byte", "index_options": {"type": "int8_hnsw"}}, "'hnsw' or 'flat'"),
        ({"dims": 63, "index_options": {"type": "bbq_hnsw"}}, "dims=64 or more, not 63"),
        ({"dims": 63, "index_options": {"type": "int4_flat"}}, "even dims=, not 63"),
        ({"dims": 64, "index_options": {"type": "ivf"}}, r"index_options\['type'\] is 'ivf'"),
    ],
)
def test_a_wrong_vector_field_is_refused_by_name(wrong: dict[str, object], message: str) -> None:
    """What Elasticsearch would refuse is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=message):
        dense_vector_mapping(**wrong)  # type: ignore[arg-type]


def test_a_field_of_several_modalities_has_all_that_is_given() -> None:
    """As on Elastic's page of the type ``semantic`` (9.5); defaults are left to the server."""
    assert semantic_mapping("omni") == {"type": "semantic", "inference_id": "omni"}
    assert semantic_mapping(
        "omni",
        search_inference_id="omni-search",
        chunking_settings={"strategy": "word", "max_chunk_size": 250, "overlap": 50},
        index_options={"dense_vector": {"type": "int8_hnsw", "m": 16, "element_type": "float"}},
        meta={"unit": "pictures"},
    ) == {
        "type": "semantic",
        "inference_id": "omni",
        "search_inference_id": "omni-search",
        "chunking_settings": {"strategy": "word", "max_chunk_size": 250, "overlap": 50},
        "meta": {"unit": "pictures"},
        "index_options": {"dense_vector": {"type": "int8_hnsw", "m": 16, "element_type": "float"}},
    }


def test_vectors_of_a_semantic_field_can_be_kept_whole() -> None:
    """By the type of their values alone, without saying how they are indexed; or beside it."""
    whole = {"dense_vector": {"element_type": "float"}}
    assert semantic_text_mapping("e", index_options=whole)["index_options"] == whole
    both = {"dense_vector": {"type": "bbq_hnsw", "element_type": "bfloat16"}}
    assert semantic_text_mapping("e", index_options=both)["index_options"] == both


def test_many_vectors_have_a_field_of_their_own() -> None:
    """What is not given is the server's."""
    assert rank_vectors_mapping() == {"type": "rank_vectors"}
    assert rank_vectors_mapping(dims=128, element_type="bit") == {
        "type": "rank_vectors",
        "dims": 128,
        "element_type": "bit",
    }


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: semantic_mapping(""), "inference_id is empty"),
        (
            lambda: semantic_mapping("e", index_options={"sparse_vector": {}}),
            "a semantic field takes 'dense_vector'",
        ),
        (
            lambda: semantic_mapping("e", index_options={"dense_vector": {"element_type": "int8"}}),
            r"\['element_type'\] is 'int8': choose one of float, bfloat16",
        ),
        (
            lambda: semantic_mapping(
                "e", index_options={"dense_vector": {"type": "int8_hnsw", "element_type": "byte"}}
            ),
            "byte vectors take 'hnsw' or 'flat'",
        ),
        (lambda: semantic_mapping("e", index_options={"dense_vector": {"m": 16}}), r"\['type'\] is None"),
        (
            lambda: semantic_text_mapping(meta={str(n): "a" for n in range(6)}),
            "more than 5 entries, but got 6",
        ),
        (lambda: semantic_text_mapping(meta={"unit": 3}), r"meta\['unit'\] must be a text of 50"),
        (lambda: semantic_text_mapping(meta={"a" * 21: "b"}), "under a name of 20 at most"),
        (lambda: semantic_text_mapping(fields={"words": "text"}), r"fields\['words'\] is str"),
        (lambda: rank_vectors_mapping(dims=4097), "from 1 to 4096"),
        (lambda: rank_vectors_mapping(dims=9, element_type="bit"), "multiple of 8"),
        (lambda: rank_vectors_mapping(element_type="bfloat16"), "one of float, byte, bit"),
    ],
)
def test_wrong_fields_are_refused_by_name(build, message) -> None:
    """The error names the setting that is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        build()
