"""``semantic_text`` written: mapping, chunks and their offsets, updates, copies, reindexing, highlights of chunks."""

from __future__ import annotations

from typing import Any

from cases_semantic import DE, SP, TWO, dense_endpoint, semantic, semantic_text
from judging import ABSENT, PRESENT, Size, ask, bulk, case, create, put, search
from services import DENSE

ALL = {"query": {"match_all": {}}, "_source": {"exclude_vectors": False}}
SHOWN = {"query": {"match_all": {}}, "fields": ["_inference_fields"]}
INDEX = [
    SP,
    DE,
    create("index", sparse=semantic_text("sparse-1"), dense=semantic_text("dense-1"), plain="text"),
]


def chunks(field: str, source: str | None = None, hit: int = 0) -> str:
    """Where a hit shows the chunks of a field."""
    return f"hits/hits/{hit}/_source/_inference_fields/{field}/inference/chunks/{source or field}"


def offsets(field: str, *pairs: tuple[int, int], source: str | None = None, hit: int = 0) -> dict[str, Any]:
    """The chunks of a field, each with an embedding."""
    place = chunks(field, source, hit)
    found: dict[str, Any] = {place: Size(len(pairs))}
    for index, (start, end) in enumerate(pairs):
        found[f"{place}/{index}/start_offset"] = start
        found[f"{place}/{index}/end_offset"] = end
        found[f"{place}/{index}/embeddings"] = PRESENT
    return found


def sources(field: str, count: int, hit: int = 0) -> dict[str, Any]:
    """How many fields a semantic_text has chunks of."""
    return {f"hits/hits/{hit}/_source/_inference_fields/{field}/inference/chunks": Size(count)}


DOC = {"sparse": "inference test", "dense": "another inference test", "plain": "no test"}
WHOLE = {
    **offsets("sparse", (0, 14)),
    **offsets("dense", (0, 22)),
    **sources("sparse", 1),
    **sources("dense", 1),
}

Y30 = "elasticsearch 30_semantic_text_inference.yml: "
INFERENCE = [
    case(
        "a new document is embedded, each value a chunk of the text that it has",
        Y30 + "Calculates sparse embedding and text embedding results for new documents",
        INDEX,
        put("index", "doc_1", **DOC),
        search("index", ALL, total=1, at=WHOLE),
    ),
    case(
        "the fields API shows the chunks as well",
        "elasticsearch 60_semantic_text_inference_update.yml: fields [_inference_fields]",
        INDEX,
        put("index", "doc_1", **DOC),
        search("index", SHOWN, total=1, at=WHOLE),
    ),
    case(
        "neither shows them unless asked",
        "elasticsearch 90_semantic_text_source_filtering.yml, 9.2",
        INDEX,
        put("index", "doc_1", **DOC),
        search(
            "index",
            {"query": {"match_all": {}}},
            at={
                "hits/hits/0/_source/_inference_fields": ABSENT,
                "hits/hits/0/_source/sparse": "inference test",
            },
        ),
    ),
    case(
        "integers are chunks of their digits",
        Y30 + "Calculates ... results for new documents with integer value",
        INDEX,
        put("index", "doc_1", sparse=75, dense=100),
        search("index", ALL, at={**offsets("sparse", (0, 2)), **offsets("dense", (0, 3))}),
    ),
    case(
        "booleans are chunks of their word",
        Y30 + "Calculates ... results for new documents with boolean value",
        INDEX,
        put("index", "doc_1", sparse=True, dense=False),
        search("index", ALL, at={**offsets("sparse", (0, 4)), **offsets("dense", (0, 5))}),
    ),
    case(
        "offsets count in the values joined by one character",
        Y30 + "Calculates ... results for new documents with a collection of mixed data types",
        INDEX,
        put(
            "index",
            "doc_1",
            sparse=[False, 75, "inference test", 13.49],
            dense=[True, 49.99, "another inference test", 5654],
        ),
        search(
            "index",
            ALL,
            at={
                **offsets("sparse", (0, 5), (6, 8), (9, 23), (24, 29)),
                **offsets("dense", (0, 4), (5, 10), (11, 33), (34, 38)),
            },
        ),
    ),
    case(
        "embeddings make no fields of their own in the mapping",
        Y30 + "Inference fields do not create new mappings",
        INDEX,
        put("index", "doc_1", **DOC),
        ask(
            "GET /index/_mapping",
            at={
                "index/mappings/properties": Size(3),
                "index/mappings/properties/sparse/type": "semantic_text",
                "index/mappings/properties/dense/type": "semantic_text",
                "index/mappings/properties/plain/type": "text",
            },
        ),
    ),
    case(
        "chunks of a bulk are searched one by one (sparse)",
        Y30 + "Sparse vector results are indexed as nested chunks and searchable",
        INDEX,
        bulk(
            "index",
            {"index": {}},
            {"sparse": ["a first text,", "and its end"]},
            {"index": {}},
            {"sparse": ["x"]},
        ),
        search(
            "index",
            {
                "query": {
                    "nested": {
                        "path": "sparse.inference.chunks",
                        "query": {
                            "sparse_vector": {
                                "field": "sparse.inference.chunks.embeddings",
                                "inference_id": "sparse-1",
                                "query": "a first text,",
                            }
                        },
                    }
                },
                "_source": {"exclude_vectors": False},
            },
            total=2,
            at=offsets("sparse", (0, 13), (14, 25)),
        ),
    ),
    case(
        "chunks of a bulk are searched one by one (dense)",
        Y30 + "Dense vector results are indexed as nested chunks and searchable",
        INDEX,
        bulk(
            "index",
            {"index": {}},
            {"dense": ["a first text,", "and its end"]},
            {"index": {}},
            {"dense": ["x"]},
        ),
        search(
            "index",
            {
                "query": {
                    "nested": {
                        "path": "dense.inference.chunks",
                        "query": {
                            "knn": {
                                "field": "dense.inference.chunks.embeddings",
                                "query_vector_builder": {
                                    "text_embedding": {"model_id": "dense-1", "model_text": "a first text,"}
                                },
                            }
                        },
                    }
                },
                "_source": {"exclude_vectors": False},
            },
            total=2,
            at=offsets("dense", (0, 13), (14, 25)),
        ),
    ),
    case(
        "reindexing takes embeddings along when they are asked for",
        Y30 + "Reindex works for semantic_text fields",
        INDEX,
        put("index", "doc_1", **DOC),
        create("copy", sparse=semantic_text("sparse-1"), dense=semantic_text("dense-1"), plain="text"),
        ask(
            "POST /_reindex?refresh=true",
            {"source": {"index": "index", "_source": {"exclude_vectors": False}}, "dest": {"index": "copy"}},
            at={"created": 1, "updated": 0, "version_conflicts": 0, "failures": []},
        ),
        ask("GET /copy/_doc/doc_1", at={"_source/sparse": "inference test", "_source/plain": "no test"}),
        search("copy", ALL, total=1, at=WHOLE),
    ),
    case(
        "reindexing embeds again by default, with the endpoints of the new index",
        Y30 + "Reindex recomputes embeddings by default",
        INDEX,
        put("index", "doc_1", **DOC),
        create("copy", sparse=semantic_text("dense-1"), dense=semantic_text("sparse-1"), plain="text"),
        ask(
            "POST /_reindex?refresh=true",
            {"source": {"index": "index"}, "dest": {"index": "copy"}},
            at={"created": 1, "failures": []},
        ),
        search("copy", ALL, total=1, at=WHOLE),
    ),
    case(
        "a document whose endpoint is missing is refused, one without the field is not",
        Y30 + "Fails for non-existent inference",
        create("index", sparse=semantic_text("nobody"), plain="text"),
        ask(
            "PUT /index/_doc/doc_1",
            {"sparse": "inference test", "plain": "no test"},
            status=404,
            reason="Inference id [nobody] not found for field [sparse]",
        ),
        put("index", "doc_1", plain="no test"),
    ),
    case(
        "copy_to makes chunks of each source",
        Y30 + "semantic_text copy_to calculates embeddings for source fields",
        SP,
        create(
            "index",
            sparse=semantic_text("sparse-1"),
            one={"type": "text", "copy_to": "sparse"},
            two={"type": "text", "copy_to": "sparse"},
        ),
        put(
            "index",
            "doc_1",
            one="copy_to inference test",
            sparse="inference test",
            two="another copy_to inference test",
        ),
        search(
            "index",
            ALL,
            at={
                **sources("sparse", 3),
                **offsets("sparse", (0, 14)),
                **offsets("sparse", (0, 22), source="one"),
                **offsets("sparse", (0, 30), source="two"),
            },
        ),
    ),
    case(
        "a bulk embeds like a single document",
        Y30 + "Calculates embeddings for bulk operations - index",
        INDEX,
        bulk(
            None,
            {"index": {"_index": "index", "_id": "doc_1"}},
            DOC,
            at={"errors": False, "items/0/index/result": "created"},
        ),
        ask("GET /index/_doc/doc_1", at={"_source/dense": "another inference test"}),
        search("index", ALL, total=1, at=WHOLE),
    ),
    case(
        "update by query embeds fields that have become semantic_text",
        Y30 + "Update by query picks up new semantic_text fields",
        SP,
        DE,
        ask("PUT /index", {"mappings": {"dynamic": False, "properties": {"plain": {"type": "text"}}}}),
        put("index", "doc_1", **DOC),
        ask(
            "PUT /index/_mapping",
            {"properties": {"sparse": semantic_text("sparse-1"), "dense": semantic_text("dense-1")}},
        ),
        ask("POST /index/_update_by_query?refresh=true", at={"updated": 1}),
        search("index", ALL, total=1, at=WHOLE),
    ),
    case(
        "a semantic_text in an object is shown by its dotted name",
        Y30 + "Can be used inside an object field",
        SP,
        DE,
        create(
            "index",
            level={"properties": {"sparse": semantic_text("sparse-1"), "dense": semantic_text("dense-1")}},
        ),
        put("index", "doc_1", level={"sparse": "inference test", "dense": "another inference test"}),
        ask("GET /index/_doc/doc_1", at={"_source/level/sparse": "inference test"}),
        search("index", ALL, at={**offsets("level.sparse", (0, 14)), **offsets("level.dense", (0, 22))}),
    ),
    case(
        "a bulk deletes and changes in its order",
        Y30 + "Deletes on bulk operation",
        INDEX,
        bulk(
            "index",
            {"index": {"_id": "1"}},
            {"dense": TWO},
            {"index": {"_id": "2"}},
            {"dense": ["one more", "two"]},
        ),
        search("index", semantic("dense"), ids=["1", "2"], total=2),
        bulk("index", {"delete": {"_id": "2"}}, {"update": {"_id": "1"}}, {"doc": {"dense": "now another"}}),
        search(
            "index", semantic("dense"), ids=["1"], total=1, at={"hits/hits/0/_source/dense": "now another"}
        ),
    ),
    case(
        "a text field may have semantic_text as multi-fields, each highlighted by itself",
        Y30 + "Multi-fields support",
        SP,
        DE,
        create(
            "index",
            field={"type": "text", "fields": {"s": semantic_text("sparse-1"), "d": semantic_text("dense-1")}},
        ),
        bulk("index", {"index": {"_id": "1"}}, {"field": ["you know, for tests", "now with chunks"]}),
        *(
            search(
                "index",
                {
                    **semantic(f"field.{name}", "you know, for tests"),
                    "highlight": {
                        "fields": {f"field.{name}": {"type": "semantic", "number_of_fragments": 2}}
                    },
                },
                ids=["1"],
                at={f"hits/hits/0/highlight/field.{name}": ["you know, for tests", "now with chunks"]},
            )
            for name in ("s", "d")
        ),
        search(
            "index",
            {
                "query": {"match": {"field": "you know chunks, with texts"}},
                "highlight": {"fields": {"field": {"number_of_fragments": 2}}},
            },
            at={
                "hits/hits/0/highlight/field": [
                    "<em>you</em> <em>know</em>, for tests",
                    "now <em>with</em> <em>chunks</em>",
                ]
            },
        ),
    ),
    case(
        "empty and blank values are not embedded",
        Y30 + "Empty semantic_text field skips embedding generation",
        INDEX,
        put("index", "doc_1", sparse=""),
        put("index", "doc_2", sparse="   "),
        search(
            "index",
            ALL,
            total=2,
            at={
                "hits/hits/0/_source/sparse": "",
                "hits/hits/1/_source/sparse": "   ",
                "hits/hits/0/_source/_inference_fields": ABSENT,
                "hits/hits/1/_source/_inference_fields": ABSENT,
            },
        ),
    ),
    case(
        "a blank value among others keeps its place",
        Y30 + "Multi chunks skips empty input embedding generation",
        INDEX,
        put("index", "doc_1", sparse=["some test data", "    ", "now with chunks"]),
        search("index", ALL, total=1, at=offsets("sparse", (0, 14), (20, 35))),
    ),
    case(
        "an endpoint may be created after the index that names it",
        Y30 + "inference endpoint late creation",
        create("index", inference_field=semantic_text("sparse-1")),
        SP,
        put("index", "doc_1", inference_field="inference test"),
        search("index", semantic(), ids=["doc_1"], total=1),
    ),
    case(
        "an object is no value of a semantic_text",
        "elasticsearch SemanticTextUtils.nodeStringValues",
        INDEX,
        ask(
            "PUT /index/_doc/doc_1",
            {"sparse": {"key": "value"}},
            status=400,
            kind="status_exception",
            says="Invalid format for field [sparse], expected [String|Number|Boolean] got [",
        ),
    ),
]

Y60 = "elasticsearch 60_semantic_text_inference_update.yml: "
COPIES = [
    SP,
    DE,
    create(
        "index",
        sparse=semantic_text("sparse-1"),
        sparse_source={"type": "text", "copy_to": "sparse"},
        dense=semantic_text("dense-1"),
        dense_source={"type": "text", "copy_to": "dense"},
        plain="text",
    ),
]
SCRIPT = "Cannot apply update with a script on indices that contain [semantic_text] field(s)"


def update(document: dict[str, Any], name: str = "doc_1", **more: Any) -> Any:
    return bulk(
        None,
        {"update": {"_index": "index", "_id": name}},
        {"doc": document, **more},
        at={"errors": False},
    )


UPDATES = [
    case(
        "an update of another field keeps the embeddings",
        Y60 + "Updating non semantic_text fields does not recalculate embeddings",
        INDEX,
        put("index", "doc_1", **DOC),
        ask(
            "POST /index/_update/doc_1?refresh=true", {"doc": {"plain": "another"}}, at={"result": "updated"}
        ),
        search("index", SHOWN, at={**WHOLE, "hits/hits/0/_source/plain": "another"}),
    ),
    case(
        "an update of a semantic_text embeds it again, by _update and by _bulk",
        Y60 + "Updating semantic_text fields recalculates embeddings",
        INDEX,
        put("index", "doc_1", **DOC),
        update({"sparse": "I am a test", "dense": "I am a teapot"}),
        search("index", SHOWN, at={**offsets("sparse", (0, 11)), **offsets("dense", (0, 13))}),
        ask("POST /index/_update/doc_1?refresh=true", {"doc": {"sparse": "updated inference test"}}),
        search("index", SHOWN, at={**offsets("sparse", (0, 22)), **offsets("dense", (0, 13))}),
    ),
    case(
        "a dotted name in an update reaches a source in an object",
        Y60 + "Update logic handles source fields in object fields",
        SP,
        create(
            "index",
            sparse=semantic_text("sparse-1"),
            source={"properties": {"inside": {"type": "text", "copy_to": "sparse"}}},
        ),
        put("index", "doc_1", sparse="sparse data 1"),
        search("index", SHOWN, at=sources("sparse", 1)),
        update({"source.inside": "sparse data two"}),
        search(
            "index", SHOWN, at={**sources("sparse", 2), **offsets("sparse", (0, 15), source="source.inside")}
        ),
        ask("POST /index/_update/doc_1?refresh=true", {"doc": {"source.inside": "sparse data three"}}),
        search(
            "index", SHOWN, at={**sources("sparse", 2), **offsets("sparse", (0, 17), source="source.inside")}
        ),
    ),
    case(
        "an update with an object is refused, in a bulk for its item alone",
        Y60 + "Updates fail when the updated value is invalid",
        INDEX,
        put("index", "doc_1", **DOC),
        bulk(
            "index",
            {"update": {"_id": "doc_1"}},
            {"doc": {"sparse": [{"key": "value"}]}},
            at={"errors": True, "items/0/update/status": 400},
            says="Invalid format for field [sparse]",
        ),
        ask(
            "POST /index/_update/doc_1",
            {"doc": {"sparse": [{"key": "value"}]}},
            status=400,
            kind="status_exception",
            says="Invalid format for field [sparse]",
        ),
    ),
    case(
        "only the source that changed is embedded again",
        Y60 + "Partial updates work when using the update API",
        COPIES,
        put("index", "doc_1", sparse="sparse data 1", sparse_source="sparse data two"),
        ask("POST /index/_update/doc_1?refresh=true", {"doc": {"sparse_source": "sparse data three"}}),
        search(
            "index",
            SHOWN,
            at={
                **sources("sparse", 2),
                **offsets("sparse", (0, 13)),
                **offsets("sparse", (0, 17), source="sparse_source"),
            },
        ),
    ),
    case(
        "a source alone has chunks where the field itself has no value",
        Y60 + "Partial updates work ... and the semantic_text field's original value is null",
        COPIES,
        put("index", "doc_1", sparse_source="sparse data two", dense_source="dense data two"),
        search(
            "index", SHOWN, at={**sources("sparse", 1), **offsets("dense", (0, 14), source="dense_source")}
        ),
        ask("POST /index/_update/doc_1?refresh=true", {"doc": {"dense_source": "dense data three"}}),
        search(
            "index", SHOWN, at={**sources("dense", 1), **offsets("dense", (0, 16), source="dense_source")}
        ),
    ),
    case(
        "a bulk update by script is refused where there is a semantic_text",
        Y60 + "Updates with script via bulk API are not allowed",
        INDEX,
        put("index", "doc_1", **DOC),
        bulk(
            "index",
            {"update": {"_id": "doc_1"}},
            {"script": "ctx._source.sparse = 'other'", "scripted_upsert": True},
            at={"errors": True, "items/0/update/status": 400, "items/0/update/error/reason": SCRIPT},
        ),
    ),
    case(
        "copy_to needs no value of every source",
        Y60 + "semantic_text copy_to does not need values for every source field for bulk updates",
        COPIES,
        put("index", "doc_1", sparse_source="a single source field provided", sparse="inference test"),
        update({"sparse_source": "updated source field value"}),
        search(
            "index",
            SHOWN,
            at={
                **sources("sparse", 2),
                **offsets("sparse", (0, 14)),
                **offsets("sparse", (0, 26), source="sparse_source"),
            },
        ),
    ),
    case(
        "a bulk update embeds what it changes",
        Y60 + "Calculates embeddings for bulk operations - update",
        INDEX,
        bulk(None, {"index": {"_index": "index", "_id": "doc_1"}}, DOC),
        bulk(
            None,
            {"update": {"_index": "index", "_id": "doc_1"}},
            {"doc": {"sparse": "updated inference test", "dense": "another updated inference test"}},
            at={"errors": False, "items/0/update/result": "updated"},
        ),
        search("index", SHOWN, at={**offsets("sparse", (0, 22)), **offsets("dense", (0, 30))}),
    ),
    case(
        "an upsert embeds a document that is not there yet",
        Y60 + "Calculates embeddings for bulk operations - upsert",
        INDEX,
        bulk(
            None,
            {"update": {"_index": "index", "_id": "doc_1"}},
            {"doc": DOC},
            at={"errors": True, "items/0/update/status": 404},
        ),
        bulk(
            None,
            {"update": {"_index": "index", "_id": "doc_1"}},
            {"doc": DOC, "doc_as_upsert": True},
            at={"errors": False, "items/0/update/result": "created"},
        ),
        search("index", SHOWN, at=WHOLE),
        update({"sparse": "updated inference test"}, doc_as_upsert=True),
        search("index", SHOWN, at={**offsets("sparse", (0, 22)), **offsets("dense", (0, 22))}),
    ),
    case(
        "a bulk update of another field leaves values and chunks",
        Y60 + "Bypass inference on bulk update operation",
        INDEX,
        update(DOC, doc_as_upsert=True),
        update({"plain": "another value"}, doc_as_upsert=True),
        search("index", SHOWN, at={**WHOLE, "hits/hits/0/_source/plain": "another value"}),
    ),
    case(
        "null clears the chunks of its source",
        Y60 + "Explicit nulls clear inference results on bulk update operation",
        COPIES,
        put("index", "doc_1", sparse="inference test", sparse_source="sparse source test", plain="text"),
        search("index", SHOWN, at=sources("sparse", 2)),
        update({"sparse": None, "plain": "updated value"}, doc_as_upsert=True),
        search(
            "index",
            SHOWN,
            at={**sources("sparse", 1), **offsets("sparse", (0, 18), source="sparse_source")},
        ),
        update({"sparse_source": None}, doc_as_upsert=True),
        search(
            "index",
            SHOWN,
            at={
                "hits/hits/0/_source/_inference_fields": ABSENT,
                "hits/hits/0/_source/plain": "updated value",
            },
        ),
    ),
    case(
        "an update that changes nothing is none",
        "elasticsearch UpdateHelper, detect_noop",
        INDEX,
        put("index", "doc_1", **DOC),
        ask("POST /index/_update/doc_1", {"doc": {"plain": "no test"}}, at={"result": "noop", "_version": 1}),
    ),
]

Y25 = "elasticsearch 25_semantic_text_field_mapping_chunking.yml: "
WORDS = {"strategy": "word", "max_chunk_size": 10, "overlap": 1}
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
PIECES = [
    "One two three four five six seven eight nine ten",
    " ten eleven twelve thirteen fourteen fifteen sixteen.",
]


def highlighted(field: str, count: int, query: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    asked = query or semantic(field)["query"]
    return {
        "query": asked,
        "highlight": {"fields": {field: {"type": "semantic", "number_of_fragments": count, **more}}},
    }


def refused_chunking(promise: str, name: str, settings: dict[str, Any], says: str) -> Any:
    return case(
        promise,
        Y25 + name,
        SP,
        ask(
            "PUT /index",
            {"mappings": {"properties": {"field": semantic_text("sparse-1", chunking_settings=settings)}}},
            status=400,
            says=says,
        ),
    )


CHUNKING = [
    case(
        "a mapping shows the chunking that it was given, and no other",
        Y25 + "We return chunking configurations with mappings",
        SP,
        create(
            "index", default=semantic_text("sparse-1"), own=semantic_text("sparse-1", chunking_settings=WORDS)
        ),
        ask(
            "GET /index/_mapping",
            at={
                "index/mappings/properties/default/chunking_settings": ABSENT,
                "index/mappings/properties/own/chunking_settings/strategy": "word",
                "index/mappings/properties/own/chunking_settings/max_chunk_size": 10,
                "index/mappings/properties/own/chunking_settings/overlap": 1,
            },
        ),
    ),
    case(
        "null and empty settings are none",
        Y25 + "We do not set custom chunking settings for null or empty specified chunking settings",
        SP,
        create(
            "index",
            null=semantic_text("sparse-1", chunking_settings=None),
            empty=semantic_text("sparse-1", chunking_settings={}),
        ),
        ask(
            "GET /index/_mapping",
            at={
                "index/mappings/properties/null/chunking_settings": ABSENT,
                "index/mappings/properties/empty/chunking_settings": ABSENT,
            },
        ),
    ),
    case(
        "a field's own chunking wins over the endpoint's (sparse)",
        Y25 + "We return different chunks based on configured chunking overrides (sparse)",
        SP,
        create(
            "index", default=semantic_text("sparse-1"), own=semantic_text("sparse-1", chunking_settings=WORDS)
        ),
        put("index", "doc_1", default=LONG, own=LONG),
        search("index", highlighted("default", 3), at={"hits/hits/0/highlight/default": [LONG]}),
        search("index", highlighted("own", 3), at={"hits/hits/0/highlight/own": PIECES}),
    ),
    case(
        "a field's own chunking wins over the endpoint's (dense)",
        Y25 + "We return different chunks based on configured chunking overrides (dense)",
        DE,
        create(
            "index", default=semantic_text("dense-1"), own=semantic_text("dense-1", chunking_settings=WORDS)
        ),
        put("index", "doc_1", default=LONG, own=LONG),
        search("index", highlighted("default", 2), at={"hits/hits/0/highlight/default": [LONG]}),
        search("index", highlighted("own", 2), at={"hits/hits/0/highlight/own": PIECES}),
    ),
    case(
        "the endpoint's chunking is used where the field has none",
        "elasticsearch ShardBulkInferenceActionFilter",
        ask(
            "PUT /_inference/text_embedding/dense-1",
            {
                "service": DENSE,
                "service_settings": {"model": "m", "dimensions": 10, "api_key": "k", "similarity": "cosine"},
                "chunking_settings": WORDS,
            },
        ),
        create("index", field=semantic_text("dense-1")),
        put("index", "doc_1", field=LONG),
        search("index", highlighted("field", 2), at={"hits/hits/0/highlight/field": PIECES}),
    ),
    case(
        "each index of a bulk chunks by its own settings",
        Y25 + "Bulk requests are handled appropriately",
        SP,
        create("index-1", field=semantic_text("sparse-1", chunking_settings=WORDS)),
        create("index-2", field=semantic_text("sparse-1")),
        bulk(
            None,
            {"index": {"_index": "index-1", "_id": "1"}},
            {"field": LONG},
            {"index": {"_index": "index-2", "_id": "2"}},
            {"field": LONG},
        ),
        search("index-1", highlighted("field", 3), at={"hits/hits/0/highlight/field": PIECES}),
        search("index-2", highlighted("field", 3), at={"hits/hits/0/highlight/field": [LONG]}),
    ),
    refused_chunking(
        "a chunking setting that is not known is named",
        "Invalid chunking settings will result in an error (extra)",
        {**WORDS, "extra": "stuff"},
        "hunking settings can not have the following settings",
    ),
    refused_chunking(
        "a chunking setting that is missing is named",
        "Invalid chunking settings will result in an error (missing)",
        {"strategy": "word"},
        "[chunking_settings] does not contain the required setting [max_chunk_size]",
    ),
    refused_chunking(
        "a strategy that is not known is refused",
        "Invalid chunking settings will result in an error (strategy)",
        {"strategy": "invalid", "max_chunk_size": 100, "overlap": 1},
        "Invalid chunkingStrategy",
    ),
]

Y10 = "elasticsearch 10_semantic_text_field_mapping.yml: "
GIVEN = {
    "field": "a first sentence. a second one",
    "_inference_fields.field": {
        "inference": {
            "inference_id": "nobody",
            "model_settings": {"task_type": "sparse_embedding"},
            "chunks": {
                "field": [
                    {"start_offset": 0, "end_offset": 18, "embeddings": {"one": 1.0, "two": 2.0}},
                    {"start_offset": 18, "end_offset": 30, "embeddings": {"three": 0.5}},
                ]
            },
        }
    },
}
GIVEN_DENSE = {
    "field": "a first sentence. a second one",
    "_inference_fields.field": {
        "inference": {
            "inference_id": "nobody",
            "model_settings": {
                "task_type": "text_embedding",
                "dimensions": 4,
                "similarity": "cosine",
                "element_type": "float",
            },
            "chunks": {
                "field": [
                    {"start_offset": 0, "end_offset": 18, "embeddings": [0.5, -0.5, 0.5, 0.5]},
                    {"start_offset": 18, "end_offset": 30, "embeddings": [0.25, 0.0, -0.5, 0.5]},
                ]
            },
        }
    },
}
FIELD = "index/mappings/properties/field"
MAPPING = [
    case(
        "the first document's ready-made chunks set the model's settings (sparse)",
        Y10 + "Indexes sparse vector document",
        create("index", field=semantic_text("nobody")),
        ask("GET /index/_mapping", at={FIELD: Size(2), f"{FIELD}/inference_id": "nobody"}),
        put("index", "doc_1", **GIVEN),
        ask(
            "GET /index/_mapping",
            at={FIELD: Size(3), f"{FIELD}/model_settings/task_type": "sparse_embedding"},
        ),
    ),
    case(
        "the first document's ready-made chunks set the model's settings (dense)",
        Y10 + "Indexes dense vector document",
        create("index", field=semantic_text("nobody")),
        put("index", "doc_1", **GIVEN_DENSE),
        ask(
            "GET /index/_mapping",
            at={FIELD: Size(3), f"{FIELD}/model_settings/task_type": "text_embedding"},
        ),
    ),
    case(
        "an embedded document shows width, similarity and type of its model",
        "elasticsearch SemanticTextFieldMapper, model_settings",
        DE,
        create("index", field=semantic_text("dense-1")),
        put("index", "doc_1", field="some text"),
        ask(
            "GET /index/_mapping",
            at={
                f"{FIELD}/model_settings/dimensions": 10,
                f"{FIELD}/model_settings/similarity": "cosine",
                f"{FIELD}/model_settings/element_type": "float",
                f"{FIELD}/model_settings/task_type": "text_embedding",
            },
        ),
    ),
    case(
        "a semantic_text cannot be nested",
        Y10 + "Cannot be used directly as a nested field",
        ask(
            "PUT /index",
            {
                "mappings": {
                    "properties": {"a": {"type": "nested", "properties": {"b": semantic_text("sparse-1")}}}
                }
            },
            status=400,
            says="semantic_text field [a.b] cannot be nested",
        ),
    ),
    case(
        "nor in an object within nested ones",
        Y10 + "Cannot be used as a nested field on nested objects",
        ask(
            "PUT /index",
            {
                "mappings": {
                    "properties": {
                        "a": {
                            "type": "nested",
                            "properties": {
                                "b": {"type": "object", "properties": {"c": semantic_text("sparse-1")}}
                            },
                        }
                    }
                }
            },
            status=400,
            says="semantic_text field [a.b.c] cannot be nested",
        ),
    ),
    case(
        "nor in an object without subobjects",
        Y10 + "Cannot be in an object field with subobjects disabled",
        ask(
            "PUT /index",
            {
                "mappings": {
                    "properties": {
                        "a": {
                            "type": "object",
                            "properties": {
                                "b": {
                                    "type": "object",
                                    "subobjects": False,
                                    "properties": {"c": semantic_text("sparse-1")},
                                }
                            },
                        }
                    }
                }
            },
            status=400,
            kind="illegal_argument_exception",
            reason="semantic_text field [a.b.c] cannot be in an object field with subobjects disabled",
        ),
    ),
    case(
        "a mapping names the default endpoint",
        Y10 + "Mapping always includes inference ID",
        create("index", field="semantic_text"),
        ask("GET /index/_mapping", at={f"{FIELD}/inference_id": PRESENT}),
    ),
]

Y90 = "elasticsearch 90_semantic_text_highlighter.yml: "
LONGER = "A search engine finds texts by their meaning, and shows the part of a text that says most about it."
SHORTER = "You Know, for Search!"
BODIES = [
    SP,
    DE,
    dense_endpoint("dense-64", 64),
    create("sparse-index", body=semantic_text("sparse-1")),
    create("dense-index", title="text", body=semantic_text("dense-1"), other=semantic_text("dense-1")),
    put("sparse-index", "doc_1", body=[LONGER, SHORTER]),
    put("dense-index", "doc_1", title="Engines", body=[LONGER, SHORTER]),
]
BODY = "hits/hits/0/highlight/body"
ASKED = semantic("body", "What is a search engine?")["query"]
EVERYTHING: dict[str, Any] = {"match_all": {}}
OPTIONS = ("flat", "int4_flat", "int8_flat", "bbq_flat", "hnsw", "int4_hnsw", "int8_hnsw", "bbq_hnsw")
HIGHLIGHTS = [
    case(
        "a field without a value has no highlight",
        Y90 + "Highlighting empty field",
        BODIES,
        search(
            "dense-index",
            highlighted("other", 1, EVERYTHING),
            ids=["doc_1"],
            at={"hits/hits/0/highlight": ABSENT},
        ),
    ),
    case(
        "the best chunks are shown, in the order of the text (sparse)",
        Y90 + "Highlighting using a sparse embedding model",
        BODIES,
        search("sparse-index", highlighted("body", 1, ASKED), at={BODY: [SHORTER]}),
        search("sparse-index", highlighted("body", 2, ASKED), at={BODY: [LONGER, SHORTER]}),
    ),
    case(
        "order by score puts the best first (sparse)",
        Y90 + "Highlighting using a sparse embedding model (order)",
        BODIES,
        search("sparse-index", highlighted("body", 2, ASKED, order="score"), at={BODY: [SHORTER, LONGER]}),
    ),
    case(
        "the best chunk is the nearest (dense)",
        Y90 + "Highlighting using a dense embedding model",
        BODIES,
        search(
            "dense-index", highlighted("body", 1, semantic("body", SHORTER)["query"]), at={BODY: [SHORTER]}
        ),
        search("dense-index", highlighted("body", 1, semantic("body", LONGER)["query"]), at={BODY: [LONGER]}),
        search(
            "dense-index",
            highlighted("body", 2, semantic("body", SHORTER)["query"]),
            at={BODY: [LONGER, SHORTER]},
        ),
    ),
    case(
        "order by score puts the nearest first (dense)",
        Y90 + "Highlighting using a dense embedding model (order)",
        BODIES,
        search(
            "dense-index",
            highlighted("body", 2, semantic("body", SHORTER)["query"], order="score"),
            at={BODY: [SHORTER, LONGER]},
        ),
    ),
    case(
        "a semantic_text is highlighted by its meaning without being told to, under match as well",
        Y90 + "Default highlighter for fields",
        BODIES,
        search(
            "dense-index",
            {
                "query": {"match": {"body": SHORTER}},
                "highlight": {"fields": {"body": {"order": "score", "number_of_fragments": 2}}},
            },
            at={BODY: [SHORTER, LONGER]},
        ),
    ),
    case(
        "the semantic highlighter leaves other fields alone",
        Y90 + "semantic highlighter ignores non-inference fields",
        BODIES,
        search(
            "dense-index",
            highlighted("title", 2, {"match": {"title": "engines"}}),
            ids=["doc_1"],
            at={"hits/hits/0/highlight/title": ABSENT},
        ),
    ),
    case(
        "blank values have no highlight",
        Y90 + "Highlighting and multi chunks with empty input",
        SP,
        create("index", field=semantic_text("sparse-1")),
        put("index", "doc_1", field=["some test data", "    ", "now with chunks"]),
        search(
            "index",
            highlighted("field", 3),
            at={"hits/hits/0/highlight/field": ["some test data", "now with chunks"]},
        ),
    ),
    *(
        case(
            f"under match_all every chunk is shown ({name})",
            Y90 + "Highlighting with match_all query",
            BODIES,
            search(f"{name}-index", highlighted("body", 2, EVERYTHING), at={BODY: [LONGER, SHORTER]}),
        )
        for name in ("sparse", "dense")
    ),
    case(
        "the kind of the vectors' index changes no highlight",
        Y90 + "Highlighting with flat quantization, with HNSW quantization index options",
        DE,
        dense_endpoint("dense-64", 64),
        create(
            "index",
            **{
                name: semantic_text(
                    "dense-64" if name.startswith("bbq") else "dense-1",
                    index_options={"dense_vector": {"type": name}},
                )
                for name in OPTIONS
            },
        ),
        put("index", "doc_1", **{name: [LONGER, SHORTER] for name in OPTIONS}),
        search(
            "index",
            {
                "query": EVERYTHING,
                "highlight": {
                    "fields": {name: {"type": "semantic", "number_of_fragments": 1} for name in OPTIONS}
                },
            },
            at={
                "hits/hits/0/highlight": Size(len(OPTIONS)),
                **{f"hits/hits/0/highlight/{name}": [LONGER] for name in OPTIONS},
            },
        ),
    ),
    case(
        "the fields API gives chunks of all sources",
        Y90 + "Retrieve chunks with the fields api",
        SP,
        create("index", field=semantic_text("sparse-1"), source={"type": "text", "copy_to": ["field"]}),
        put("index", "doc_1", field=["some test data", "    ", "now with chunks"], source="text field data"),
        search(
            "index",
            {"query": EVERYTHING, "fields": [{"field": "field", "format": "chunks"}]},
            at={"hits/hits/0/fields/field": ["some test data", "now with chunks", "text field data"]},
        ),
    ),
    case(
        "0 fragments are one",
        "elasticsearch SemanticTextHighlighter.resolveNumberOfFragments",
        BODIES,
        search("dense-index", highlighted("body", 0, semantic("body", SHORTER)["query"]), at={BODY: Size(1)}),
    ),
]

CASES = [*INFERENCE, *UPDATES, *CHUNKING, *MAPPING, *HIGHLIGHTS]
