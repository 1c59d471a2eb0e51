"""Ingest pipelines, and inference by the name of a model."""

from __future__ import annotations

import pytest

MODEL = ".multilingual-e5-small"
SPARSE = ".elser_model_2"


def put(ask, name, *processors):
    assert ask("PUT", f"/_ingest/pipeline/{name}", {"processors": list(processors)})[0] == 200


def infer(model, *pairs):
    rows = [{"input_field": source, "output_field": target} for source, target in pairs]
    return {"inference": {"model_id": model, "input_output": rows if len(rows) > 1 else rows[0]}}


def test_a_pipeline_embeds_what_is_written(ask):
    """Dense and sparse, by one object or a list; the document is found by both."""
    put(
        ask,
        "p",
        infer(MODEL, ("title", "title_vector"), ("body", "body.vector")),
        infer(SPARSE, ("title", "tokens")),
    )
    fields = {"title_vector": {"type": "dense_vector", "dims": 384}, "tokens": {"type": "sparse_vector"}}
    ask("PUT", "/a", {"settings": {"default_pipeline": "p"}, "mappings": {"properties": fields}})
    assert (
        ask("PUT", "/a/_doc/1", {"title": "the sea", "body": "waves"})[0] == 400
    )  # body is a text and an object
    put(
        ask,
        "p",
        infer(MODEL, ("title", "title_vector"), ("body", "body_vector")),
        infer(SPARSE, ("title", "tokens")),
    )
    assert ask("PUT", "/a/_doc/1", {"title": "the sea", "body": "waves"})[0] == 201
    assert ask("GET", "/a/_doc/1")[1]["_source"] == {"title": "the sea", "body": "waves"}
    [vector] = ask("POST", f"/_ml/trained_models/{MODEL}/_infer", {"docs": [{"text_field": "the sea"}]})[1][
        "inference_results"
    ]
    knn = {"field": "title_vector", "query_vector": vector["predicted_value"], "k": 1, "num_candidates": 1}
    assert ask("POST", "/a/_search", {"knn": knn})[1]["hits"]["max_score"] == pytest.approx(1, abs=1e-5)
    mapped = ask("GET", "/a/_mapping")[1]["a"]["mappings"]["properties"]
    assert mapped["body_vector"] == {"type": "dense_vector", "similarity": "cosine", "dims": 384}


def test_processors_run_in_order(ask):
    """``set`` by value, with fields in it, and as a copy; ``remove`` of one field and of several."""
    put(
        ask,
        "p",
        {"set": {"field": "label", "value": "{{title}} of {{{o.year}}}"}},
        {"set": {"field": "title", "value": "kept", "override": False}},
        {"set": {"field": "o.copy", "copy_from": "tags"}},
        {"remove": {"field": ["o.year", "none"], "ignore_missing": True}},
    )
    ask("PUT", "/a/_doc/1?pipeline=p", {"title": "waves", "o": {"year": 1999}, "tags": ["x"]})
    assert ask("GET", "/a/_doc/1")[1]["_source"] == {
        "title": "waves",
        "label": "waves of 1999",
        "o": {"copy": ["x"]},
        "tags": ["x"],
    }


def test_the_write_chooses_its_pipeline(ask):
    """Its own, the request's, the index's default or none; the final one runs last for all."""
    for name in ("own", "asked", "default", "final"):
        put(ask, name, {"set": {"field": "by", "value": "{{by}}" + name[0]}})
    ask("PUT", "/a", {"settings": {"default_pipeline": "default", "final_pipeline": "final"}})
    lines = [
        {"index": {"_id": "1", "pipeline": "own"}}, {"by": ""},
        {"index": {"_id": "2"}}, {"by": ""},
        {"index": {"_id": "3", "pipeline": "_none"}}, {"by": ""},
        {"update": {"_id": "4"}}, {"doc": {"x": 1}, "upsert": {"by": ""}},
    ]  # fmt: skip
    ask("POST", "/a/_bulk?pipeline=asked", lines)
    ask("PUT", "/a/_doc/5", {"by": ""})
    docs = ask("POST", "/a/_mget", {"ids": list("12345")})[1]["docs"]
    assert [doc["_source"]["by"] for doc in docs] == ["of", "af", "f", "af", "df"]


def test_a_failure_of_one_document_stops_no_other(ask):
    """Its item says why; ``ignore_failure`` and ``on_failure`` save it."""
    put(ask, "p", {"remove": {"field": "x"}})
    put(ask, "ignoring", {"remove": {"field": "x", "ignore_failure": True}})
    put(ask, "saved", {"remove": {"field": "x", "on_failure": [{"set": {"field": "bad", "value": "y"}}]}})
    lines = [{"index": {}}, {"x": 1}, {"index": {}}, {"y": 1}]
    good, bad = ask("POST", "/a/_bulk?pipeline=p", lines)[1]["items"]
    assert good["index"]["status"] == 201
    assert bad["index"]["error"]["reason"] == "field [x] not present as part of path [x]"
    assert ask("PUT", "/a/_doc/1?pipeline=ignoring", {"y": 1})[0] == 201
    ask("PUT", "/a/_doc/2?pipeline=saved", {"y": 1})
    assert ask("GET", "/a/_doc/2")[1]["_source"] == {"y": 1, "bad": "y"}


@pytest.mark.parametrize(
    ("processor", "status", "reason"),
    [
        ({"grok": {"field": "t"}}, 501, "[ingest processor grok] is not offered"),
        ({"set": {"field": "x", "value": 1, "if": "ctx.t == 1"}}, 501, "[condition [if] of processor set]"),
        ({"set": {"value": 1}}, 400, "[field] required property is missing"),
        ({"inference": {"model_id": MODEL}}, 501, "[processor inference without input_output]"),
        (infer("none", ("t", "x")), 404, "No known model or inference endpoint [none]"),
        (infer(MODEL, ("none", "x")), 400, "[none] is not in the document"),
        (infer(MODEL, ("t", "n.x")), 400, "cannot set [x] with parent object"),
        ({"set": {"field": "n.x", "value": 1}}, 400, "cannot set [x] with parent object"),
    ],
)
def test_what_cannot_run_is_refused(ask, refused, processor, status, reason):
    """And no document is written."""
    put(ask, "p", processor)
    found, _, sentence = refused("PUT", "/a/_doc/1?pipeline=p", {"t": "text", "n": 1})
    assert found == status
    assert reason in sentence
    assert ask("GET", "/a/_doc/1")[0] == 404


def test_a_missing_pipeline_is_named(refused):
    """As Elasticsearch does."""
    reason = "pipeline with id [none] does not exist"
    assert refused("PUT", "/a/_doc/1?pipeline=none", {"t": 1}) == (400, "illegal_argument_exception", reason)


def test_models_are_inferred_by_their_names(ask, refused):
    """By the name of an endpoint, of a deployment's model, and of Elastic's own models."""
    documents = {"docs": [{"text_field": "the sea"}, {"text_field": "the sun"}]}
    by_model = ask("POST", f"/_ml/trained_models/{MODEL}/_infer", documents)[1]
    by_endpoint = ask("POST", f"/_ml/trained_models/{MODEL}-elasticsearch/_infer", documents)[1]
    assert by_model == by_endpoint
    assert [len(row["predicted_value"]) for row in by_model["inference_results"]] == [384, 384]
    [sparse, _] = ask("POST", f"/_ml/trained_models/{SPARSE}/_infer", documents)[1]["inference_results"]
    assert set(sparse["predicted_value"]) == {"the", "sea"}
    assert refused("POST", "/_ml/trained_models/none/_infer", documents)[:2] == (
        404,
        "resource_not_found_exception",
    )
    # Elastic's own vector store asks with a dummy to see whether the model is deployed, and expects a 400.
    assert refused("POST", f"/_ml/trained_models/{MODEL}/_infer", {"docs": [{"x": "y"}]})[0] == 400
    config = ask("GET", f"/_ml/trained_models/{MODEL}")[1]["trained_model_configs"][0]
    assert config["inference_config"] == {"text_embedding": {}}
