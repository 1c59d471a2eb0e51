"""Mappings: declared, merged, learnt from documents."""

from __future__ import annotations

import pytest
from asking import E5


def mapping(ask, name="a"):
    return ask("GET", f"/{name}/_mapping")[1][name]["mappings"]


def make(ask, properties, **more):
    assert ask("PUT", "/a", {"mappings": {"properties": properties, **more}})[0] == 200


def test_a_mapping_is_shown_as_it_was_declared(ask):
    """Objects, multi-fields, names with dots and parameters."""
    make(
        ask,
        {
            "title": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 5}}},
            "author": {"properties": {"name": {"type": "keyword"}}},
            "place.city": {"type": "keyword"},
        },
        dynamic="strict",
        _meta={"by": "me"},
    )
    assert mapping(ask) == {
        "dynamic": "strict",
        "_meta": {"by": "me"},
        "properties": {
            "author": {"properties": {"name": {"type": "keyword"}}},
            "place": {"properties": {"city": {"type": "keyword"}}},
            "title": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 5}}},
        },
    }


@pytest.mark.parametrize(
    ("declared", "reason"),
    [
        ({"t": {"type": "keyword"}}, "mapper [t] cannot be changed from type [text] to [keyword]"),
        ({"t": {"properties": {}}}, "can't merge a non object mapping [t] with an object mapping"),
        ({"o": {"type": "text"}}, "can't merge an object mapping [o] with a non object mapping"),
        ({"t.x": {"type": "text"}}, "can't merge a non object mapping [t] with an object mapping"),
        ({"t": {"type": "text", "index": False}}, "Cannot update parameter [index] from [true] to [false]"),
        ({"v": {"type": "dense_vector", "dims": 4}}, "Cannot update parameter [dims] from [3] to [4]"),
        (
            {
                "s": {
                    "type": "semantic_text",
                    "inference_id": E5,
                    "model_settings": {"task_type": "sparse_embedding"},
                }
            },
            "Cannot update parameter [model_settings]",
        ),
    ],
)
def test_what_does_not_fit_is_refused_whole(ask, refused, declared, reason):
    """With Elasticsearch's sentence; no other field of the same request is taken."""
    make(
        ask,
        {
            "t": {"type": "text"},
            "o": {"properties": {"x": {"type": "long"}}},
            "v": {"type": "dense_vector", "dims": 3},
            "s": {"type": "semantic_text", "inference_id": E5},
        },
    )
    ask("PUT", "/a/_doc/1", {"s": "some text"})
    before = mapping(ask)
    status, _, found = refused("PUT", "/a/_mapping", {"properties": {"new": {"type": "text"}, **declared}})
    assert status == 400
    assert reason in found
    assert mapping(ask) == before


def test_what_may_change_changes(ask):
    """New fields and multi-fields, ``ignore_above``, endpoints of a field without embeddings."""
    make(
        ask,
        {"k": {"type": "keyword", "ignore_above": 3}, "s": {"type": "semantic_text", "inference_id": "x"}},
    )
    changes = {
        "k": {"type": "keyword", "ignore_above": 9, "fields": {"words": {"type": "text"}}},
        "s": {"type": "semantic_text", "inference_id": E5},
    }
    assert ask("PUT", "/a/_mapping", {"properties": changes})[0] == 200
    assert mapping(ask)["properties"] == changes


@pytest.mark.parametrize(
    ("declared", "status", "reason"),
    [
        ({"type": "foo"}, 400, "The mapper type [foo] declared on field [x] does not exist."),
        ({}, 400, "No type specified for field [x]"),
        ({"type": "text", "dims": 3}, 400, "unknown parameter [dims] on mapper [x] of type [text]"),
        ({"type": "dense_vector", "dims": 5000}, 400, "range [1, 4096] but was [5000]"),
        ({"type": "dense_vector", "dims": 9, "element_type": "bit"}, 400, "multiple of 8 but was [9]"),
        ({"type": "dense_vector", "similarity": "near"}, 400, "Unknown value [near] for field [similarity]"),
        ({"type": "keyword", "ignore_above": "x"}, 400, "[ignore_above] must be a whole number"),
        ({"type": "long", "coerce": "maybe"}, 400, "Could not convert [x.coerce] to boolean"),
        ({"type": "scaled_float"}, 400, "[scaling_factor] of field [x] must be a positive number"),
        ({"type": "geo_point"}, 501, "[field type geo_point, of field x] is not offered"),
        ({"type": "text", "analyzer": "french"}, 501, "french"),
        ({"type": "text", "norms": False}, 501, "[norms: False of field x] is not offered"),
    ],
)
def test_a_field_that_cannot_be_is_refused(refused, declared, status, reason):
    """What Elasticsearch does not have by 400, what this engine does not have by 501."""
    found, _, sentence = refused("PUT", "/a", {"mappings": {"properties": {"x": declared}}})
    assert found == status
    assert reason in sentence


def test_an_index_names_similarities_of_its_own(ask, refused):
    """BM25 with other figures, as LangChain's strategy declares it; any other is refused, and a name that is not declared."""
    settings = {"similarity": {"own": {"type": "BM25", "k1": 2.0, "b": 0.75}}}
    mappings = {"properties": {"t": {"type": "text", "similarity": "own"}}}
    assert ask("PUT", "/a", {"settings": settings, "mappings": mappings})[0] == 200
    assert mapping(ask) == mappings
    shown = ask("GET", "/a/_settings")[1]["a"]["settings"]["index"]["similarity"]
    assert shown == {"own": {"type": "BM25", "k1": "2.0", "b": "0.75"}}
    assert "Unknown Similarity type [own]" in refused("PUT", "/b", {"mappings": mappings})[2]
    for wrong, status in (
        ({"type": "DFR"}, 501),
        ({"type": "BM25", "b": 2}, 400),
        ({"type": "BM25", "k1": -1}, 400),
    ):
        assert refused("PUT", "/b", {"settings": {"similarity": {"own": wrong}}})[0] == status


def test_binary_fields_are_kept_alone(ask, refused):
    """They are base64, come back in the source, and are never found."""
    make(ask, {"b": {"type": "binary"}})
    assert "Illegal base64" in refused("PUT", "/a/_doc/1", {"b": "not base64"})[2]
    assert ask("PUT", "/a/_doc/1", {"b": "AAAA"})[0] == 201
    assert ask("GET", "/a/_doc/1")[1]["_source"] == {"b": "AAAA"}
    assert ask("POST", "/a/_search", {"query": {"exists": {"field": "b"}}})[1]["hits"]["total"]["value"] == 0


def test_documents_introduce_fields(ask):
    """By the kind of their values; long lists of floats are vectors, dates are found in texts."""
    document = {
        "text": "a text",
        "whole": 3,
        "float": 0.5,
        "flag": True,
        "date": "2024-05-01T10:00:00Z",
        "year": "2024",
        "object": {"list": [None, 1]},
        "vector": [0.5] * 128,
        "short": [0.5] * 127,
        "nothing": None,
        "empty": [],
    }
    assert ask("PUT", "/a/_doc/1", document)[0] == 201
    words = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
    assert mapping(ask)["properties"] == {
        "text": words,
        "whole": {"type": "long"},
        "float": {"type": "float"},
        "flag": {"type": "boolean"},
        "date": {"type": "date"},
        "year": words,
        "object": {"properties": {"list": {"type": "long"}}},
        "vector": {"type": "dense_vector", "similarity": "cosine", "dims": 128},
        "short": {"type": "float"},
    }


TEMPLATES = [
    {"names": {"path_match": "by.*", "match_mapping_type": "string", "mapping": {"type": "keyword"}}},
    {"ids": {"match_pattern": "regex", "match": "^id_\\d+$", "mapping": {"type": "keyword"}}},
    {"texts": {"match": "t_*", "unmatch": "*_x", "mapping": {"type": "text", "copy_to": "copy_{name}"}}},
    {"vectors": {"match": "v_*", "mapping": {"type": "dense_vector", "dims": 2}}},
    {"others": {"match_mapping_type": "string", "mapping": {"type": "{dynamic_type}"}}},
]


def test_the_first_template_that_a_field_meets_maps_it(ask):
    """By name, path, pattern and kind of value."""
    make(ask, {}, dynamic_templates=TEMPLATES)
    document = {"by": {"name": "x"}, "id_1": 5, "t_a": "x", "t_b_x": "x", "v_a": [1, 2], "other": "x", "n": 1}
    assert ask("PUT", "/a/_doc/1", document)[0] == 201
    properties = mapping(ask)["properties"]
    assert properties["by"] == {"properties": {"name": {"type": "keyword"}}}
    assert properties["id_1"] == {"type": "keyword"}
    assert properties["t_a"] == {"type": "text", "copy_to": "copy_t_a"}
    assert properties["copy_t_a"] == properties["t_b_x"] == properties["other"] == {"type": "text"}
    assert properties["v_a"] == {"type": "dense_vector", "dims": 2}
    assert properties["n"] == {"type": "long"}


def test_dynamic_says_what_becomes_of_new_fields(ask, refused):
    """Strict refuses them, false keeps them in the source alone; objects may say it for themselves."""
    make(ask, {"open": {"type": "object", "dynamic": True}, "x": {"type": "long"}}, dynamic="strict")
    status, kind, reason = refused("PUT", "/a/_doc/1", {"y": 1})
    assert (status, kind) == (400, "strict_dynamic_mapping_exception")
    assert "dynamic introduction of [y] within [_doc] is not allowed" in reason
    assert ask("PUT", "/a/_doc/1", {"open": {"y": 1}})[0] == 201
    ask("PUT", "/a/_mapping", {"dynamic": False})
    assert ask("PUT", "/a/_doc/2", {"y": 1})[0] == 201
    assert "y" not in mapping(ask)["properties"]
    assert ask("GET", "/a/_doc/2")[1]["_source"] == {"y": 1}


def test_a_document_that_is_refused_introduces_nothing(ask, refused):
    """Not even the fields before the one that is wrong."""
    make(ask, {"n": {"type": "long"}})
    assert refused("PUT", "/a/_doc/1", {"new": "x", "n": "abc"})[0] == 400
    assert mapping(ask)["properties"] == {"n": {"type": "long"}}


def test_fields_and_depth_are_bounded(refused):
    """By Elasticsearch's own limits, and by a bound on nested values."""
    wide = {f"f{number}": 1 for number in range(1001)}
    assert refused("PUT", "/a/_doc/1", wide)[2] == "Limit of total fields [1000] has been exceeded"
    deep: dict[str, object] = {}
    for _ in range(21):
        deep = {"a": deep}
    assert "Limit of mapping depth [20] has been exceeded" in refused("PUT", "/a/_doc/1", deep)[2]
    nested = '{"off": ' + "[" * 150 + "]" * 150 + "}"
    assert "more than 100 levels" in refused("PUT", "/a/_doc/1", nested)[2]
