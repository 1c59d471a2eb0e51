"""Indexes, documents, bulks, pipelines, queries by words and their scores, and Elasticsearch's own sentences."""

from __future__ import annotations

import math
from typing import Any

from cases_semantic import DE
from judging import ABSENT, PRESENT, Part, Size, ask, bulk, case, create, lines, near, put, search

CLIENTS = "elastic/elasticsearch-clients-tests tests/"

INDEXES = [
    case(
        "an index is created, is there, is shown and deleted",
        CLIENTS + "indices/create.yml, exists.yml, get.yml, delete.yml",
        ask("HEAD /index", status=404),
        ask("PUT /index", at={"acknowledged": True, "shards_acknowledged": True, "index": "index"}),
        ask("HEAD /index"),
        ask("GET /index", at={"index/aliases": {}, "index/mappings": {}}),
        ask("DELETE /index", at={"acknowledged": True}),
        ask("GET /index", status=404, kind="index_not_found_exception", reason="no such index [index]"),
    ),
    case(
        "a missing index is named in its error",
        "elasticsearch IndexNotFoundException",
        ask(
            "POST /nowhere/_search",
            {"query": {"match_all": {}}},
            status=404,
            at={
                "error/root_cause/0/type": "index_not_found_exception",
                "error/index": "nowhere",
                "error/index_uuid": "_na_",
                "error/resource.type": "index_or_alias",
                "error/resource.id": "nowhere",
            },
        ),
    ),
    case(
        "an index is not created twice",
        "elasticsearch ResourceAlreadyExistsException",
        create("index"),
        ask(
            "PUT /index",
            status=400,
            kind="resource_already_exists_exception",
            at={"error/reason": Part("index [index/"), "error/index": "index"},
            says="] already exists",
        ),
    ),
    case(
        "an index's name is in lower case",
        "elasticsearch MetadataCreateIndexService.validateIndexOrAliasName",
        ask(
            "PUT /Index",
            status=400,
            kind="invalid_index_name_exception",
            reason="Invalid index name [Index], must be lowercase",
        ),
    ),
    case(
        "fields are added to a mapping, analyzers are shown",
        CLIENTS + "indices/mapping.yml",
        ask("PUT /index"),
        ask(
            "PUT /index/_mapping",
            {
                "properties": {
                    "one": {"type": "text", "analyzer": "whitespace"},
                    "object.inside": {"type": "text"},
                }
            },
            at={"acknowledged": True},
        ),
        ask(
            "GET /index/_mapping",
            at={
                "index/mappings/properties/one/type": "text",
                "index/mappings/properties/one/analyzer": "whitespace",
                "index/mappings/properties/object/properties/inside/type": "text",
            },
        ),
    ),
    case(
        "a field's type does not change",
        "elasticsearch FieldMapper.Conflicts",
        create("index", field="text"),
        ask(
            "PUT /index/_mapping",
            {"properties": {"field": {"type": "keyword"}}},
            status=400,
            kind="illegal_argument_exception",
            reason="mapper [field] cannot be changed from type [text] to [keyword]",
        ),
    ),
    case(
        "a type that is not known is named",
        "elasticsearch MapperRegistry",
        ask(
            "PUT /index",
            {"mappings": {"properties": {"field": {"type": "nothing"}}}},
            status=400,
            kind="mapper_parsing_exception",
            says="mapper type [nothing] declared on field [field] does not exist",
        ),
    ),
    case(
        "an alias is made, found and removed",
        CLIENTS + "indices/alias.yml",
        create("one"),
        create("two"),
        ask("PUT /one/_alias/other", at={"acknowledged": True}),
        ask("GET /_alias/other", at={"one/aliases/other": {}}),
        ask("HEAD /_alias/other"),
        ask(
            "POST /_aliases",
            {"actions": [{"add": {"index": "two", "alias": "other"}}]},
            at={"acknowledged": True},
        ),
        put("one", "1", field=1),
        put("two", "2", field=1),
        search("other", {"query": {"match_all": {}}}, among=["1", "2"], total=2),
        ask("DELETE /*/_alias/other", at={"acknowledged": True}),
        ask("HEAD /_alias/other", status=404),
    ),
    case(
        "patterns and lists name several indexes, and none that is not there",
        "elasticsearch docs, multi-target syntax",
        put("logs-1", "1", field=1),
        put("logs-2", "2", field=1),
        search("logs-*", {}, among=["1", "2"], total=2),
        search("logs-1,logs-2", {}, total=2),
        search("nothing-*", {}, total=0, at={"_shards/total": 0}),
    ),
    case(
        "dynamic templates map by names and by types of values",
        "elasticsearch docs, dynamic templates; elasticsearch-haystack's default mapping",
        ask(
            "PUT /index",
            {
                "mappings": {
                    "dynamic_templates": [
                        {
                            "strings": {
                                "path_match": "*",
                                "match_mapping_type": "string",
                                "mapping": {"type": "keyword"},
                            }
                        }
                    ],
                    "properties": {"content": {"type": "text"}},
                }
            },
        ),
        put("index", "1", content="Some words", tag="Some Tag"),
        ask("GET /index/_mapping", at={"index/mappings/properties/tag/type": "keyword"}),
        search("index", {"query": {"term": {"tag": "Some Tag"}}}, ids=["1"]),
        search("index", {"query": {"term": {"tag": "some"}}}, ids=[]),
    ),
    case(
        "values map themselves",
        "elasticsearch docs, dynamic field mapping",
        put("index", "1", text="words", whole=1, real=1.5, flag=True, day="2024-05-01", object={"inside": 2}),
        ask(
            "GET /index/_mapping",
            at={
                "index/mappings/properties/text/type": "text",
                "index/mappings/properties/text/fields/keyword/type": "keyword",
                "index/mappings/properties/text/fields/keyword/ignore_above": 256,
                "index/mappings/properties/whole/type": "long",
                "index/mappings/properties/real/type": "float",
                "index/mappings/properties/flag/type": "boolean",
                "index/mappings/properties/day/type": "date",
                "index/mappings/properties/object/properties/inside/type": "long",
            },
        ),
        search("index", {"query": {"term": {"text.keyword": "words"}}}, ids=["1"]),
    ),
    case(
        "a strict mapping takes no further field",
        "elasticsearch StrictDynamicMappingException",
        ask("PUT /index", {"mappings": {"dynamic": "strict", "properties": {"one": {"type": "text"}}}}),
        ask(
            "PUT /index/_doc/1",
            {"two": 1},
            status=400,
            kind="strict_dynamic_mapping_exception",
            says="mapping set to strict, dynamic introduction of [two] within [_doc] is not allowed",
        ),
    ),
]

FOUND = {"_index": "index", "_id": "1"}
DOCUMENTS = [
    case(
        "a document is written, read and counted up",
        CLIENTS + "index/10_with_id.yml, get/10_basic.yml",
        ask(
            "PUT /index/_doc/1", {"foo": "bar"}, status=201, at={**FOUND, "_version": 1, "result": "created"}
        ),
        ask("GET /index/_doc/1", at={**FOUND, "_version": 1, "found": True, "_source": {"foo": "bar"}}),
        ask(
            "PUT /index/_doc/1",
            {"foo": "baz"},
            status=200,
            at={"_version": 2, "result": "updated", "_seq_no": 1},
        ),
    ),
    case(
        "a document without a name gets one",
        CLIENTS + "index/20_without_id.yml",
        ask("POST /index/_doc?refresh=true", {"foo": "bar"}, status=201, at={"_id": PRESENT, "_version": 1}),
        search("index", {}, total=1),
    ),
    case(
        "a partial update merges objects",
        CLIENTS + "update/10_partial_update.yml",
        put("index", "1", foo="bar", count=1, object={"one": 1, "two": 2}),
        ask(
            "POST /index/_update/1",
            {"doc": {"foo": "baz", "object": {"one": 3}}},
            at={**FOUND, "_version": 2},
        ),
        ask(
            "GET /index/_doc/1",
            at={"_source": {"foo": "baz", "count": 1, "object": {"one": 3, "two": 2}}},
        ),
    ),
    case(
        "a document is created once",
        "elasticsearch VersionConflictEngineException",
        ask("PUT /index/_create/1", {"foo": 1}, status=201, at={"result": "created"}),
        ask(
            "PUT /index/_create/1",
            {"foo": 1},
            status=409,
            kind="version_conflict_engine_exception",
            reason="[1]: version conflict, document already exists (current version [1])",
        ),
    ),
    case(
        "a document that is not there is not updated, read or deleted",
        "elasticsearch DocumentMissingException",
        create("index"),
        ask(
            "POST /index/_update/9",
            {"doc": {"foo": 1}},
            status=404,
            kind="document_missing_exception",
            reason="[9]: document missing",
        ),
        ask("GET /index/_doc/9", status=404, at={"found": False}),
        ask("DELETE /index/_doc/9", status=404, at={"result": "not_found"}),
    ),
    case(
        "an upsert creates what is not there",
        "elasticsearch docs, update API",
        create("index"),
        ask(
            "POST /index/_update/1",
            {"doc": {"a": 1}, "doc_as_upsert": True},
            status=201,
            at={"result": "created"},
        ),
        ask("POST /index/_update/2", {"doc": {"a": 1}, "upsert": {"b": 2}}, status=201),
        ask("GET /index/_doc/2", at={"_source": {"b": 2}}),
    ),
    case(
        "a document is deleted",
        CLIENTS + "delete/10_basic.yml, exists/10_basic.yml",
        put("index", "1", foo="bar"),
        ask("HEAD /index/_doc/1"),
        ask("DELETE /index/_doc/1?refresh=true", at={"result": "deleted", "_version": 2}),
        ask("HEAD /index/_doc/1", status=404),
    ),
    case(
        "a document's source is read alone",
        CLIENTS + "get_source/10_basic.yml",
        put("index", "1", foo="bar"),
        ask("GET /index/_source/1", at={"foo": "bar"}),
    ),
    case(
        "several documents are read at once",
        CLIENTS + "mget.yml",
        put("index", "1", foo="bar"),
        put("index", "2", foo="baz"),
        ask(
            "POST /_mget",
            {"docs": [{"_index": "index", "_id": "2"}, {"_index": "index", "_id": "9"}]},
            at={"docs/0/_source/foo": "baz", "docs/1/found": False},
        ),
        ask("POST /index/_mget", {"ids": ["1", "2"]}, at={"docs": Size(2), "docs/0/_source/foo": "bar"}),
    ),
    case(
        "a bulk writes, and its documents are counted",
        CLIENTS + "bulk/10_basic.yml, count/10_basic.yml",
        bulk(
            None,
            {"index": {"_index": "index", "_id": "1"}},
            {"f": "a value"},
            {"create": {"_index": "index", "_id": "2"}},
            {"f": "another"},
            at={"errors": False, "items/0/index/status": 201, "items/1/create/result": "created"},
        ),
        ask("GET /index/_count", at={"count": 2, "_shards/failed": 0}),
        ask("POST /index/_count", {"query": {"match": {"f": "value"}}}, at={"count": 1}),
    ),
    case(
        "one action of a bulk fails without the others",
        "elasticsearch docs, bulk API",
        bulk("index", {"create": {"_id": "1"}}, {"a": 1}),
        bulk(
            "index",
            {"create": {"_id": "1"}},
            {"a": 1},
            {"index": {"_id": "2"}},
            {"a": 2},
            {"delete": {"_id": "9"}},
            {"update": {"_id": "8"}},
            {"doc": {"a": 1}},
            at={
                "errors": True,
                "items/0/create/status": 409,
                "items/0/create/error/type": "version_conflict_engine_exception",
                "items/1/index/status": 201,
                "items/2/delete/status": 404,
                "items/2/delete/error": ABSENT,
                "items/3/update/status": 404,
                "items/3/update/error/type": "document_missing_exception",
            },
        ),
    ),
    case(
        "a line that is no action ends a whole bulk",
        "elasticsearch BulkRequestParser",
        ask(
            "POST /_bulk",
            lines({"nothing": {"_index": "index"}}, {"a": 1}),
            status=400,
            kind="illegal_argument_exception",
        ),
        ask("GET /index/_count", status=404),
    ),
    case(
        "a value that does not fit its field is quoted",
        "elasticsearch DocumentParsingException",
        create("index", number="long"),
        ask(
            "PUT /index/_doc/1",
            {"number": "abc"},
            status=400,
            kind="document_parsing_exception",
            says="failed to parse field [number] of type [long] in document with id '1'. Preview of field's value: 'abc'",
        ),
    ),
    case(
        "documents are deleted by a query",
        CLIENTS + "delete_by_query/10_stack.yml",
        put("index", "1", name="one"),
        put("index", "2", name="two"),
        ask(
            "POST /index/_delete_by_query?refresh=true",
            {"query": {"term": {"name": "one"}}},
            at={"deleted": 1, "total": 1, "failures": []},
        ),
        search("index", {}, ids=["2"]),
    ),
    case(
        "documents are copied into another index, by a query",
        CLIENTS + "reindex; elasticsearch docs, reindex API",
        put("index", "1", name="one"),
        put("index", "2", name="two"),
        ask(
            "POST /_reindex?refresh=true",
            {"source": {"index": "index", "query": {"term": {"name": "two"}}}, "dest": {"index": "copy"}},
            at={"created": 1, "total": 1},
        ),
        search("copy", {}, ids=["2"]),
    ),
    case(
        "several searches go in one request, each with its own failure",
        CLIENTS + "msearch.yml",
        put("index", "1", name="Bestiary"),
        ask(
            "POST /index/_msearch",
            lines(
                {},
                {"query": {"match": {"name": "bestiary"}}},
                {"index": "nowhere"},
                {"query": {"match_all": {}}},
            ),
            at={
                "responses/0/hits/hits/0/_id": "1",
                "responses/0/status": 200,
                "responses/1/status": 404,
                "responses/1/error/type": "index_not_found_exception",
            },
        ),
    ),
]

INGEST = [
    case(
        "a pipeline is kept, shown and deleted",
        CLIENTS + "ingest/10_basic.yml",
        ask(
            "PUT /_ingest/pipeline/mine", {"description": "mine", "processors": []}, at={"acknowledged": True}
        ),
        ask("GET /_ingest/pipeline/mine", at={"mine/description": "mine"}),
        ask("DELETE /_ingest/pipeline/mine", at={"acknowledged": True}),
    ),
    case(
        "a pipeline sets and removes fields of what it is given",
        "elasticsearch docs, set and remove processors",
        ask(
            "PUT /_ingest/pipeline/mine",
            {"processors": [{"set": {"field": "new", "value": 1}}, {"remove": {"field": "old"}}]},
        ),
        ask("PUT /index/_doc/1?pipeline=mine", {"old": 1, "kept": 2}),
        ask("GET /index/_doc/1", at={"_source": {"kept": 2, "new": 1}}),
    ),
    case(
        "an index's default pipeline runs without being named",
        "elasticsearch docs, index.default_pipeline",
        ask("PUT /_ingest/pipeline/mine", {"processors": [{"set": {"field": "new", "value": "x"}}]}),
        ask("PUT /index", {"settings": {"index": {"default_pipeline": "mine"}}}),
        bulk("index", {"index": {"_id": "1"}}, {"a": 1}),
        ask("GET /index/_doc/1", at={"_source/new": "x"}),
    ),
    case(
        "a pipeline that is not there is named",
        "elasticsearch IngestService",
        ask(
            "PUT /index/_doc/1?pipeline=nobody",
            {"a": 1},
            status=400,
            kind="illegal_argument_exception",
            reason="pipeline with id [nobody] does not exist",
        ),
    ),
    case(
        "an inference processor embeds into a field of vectors",
        "elasticsearch docs, inference processor; elasticsearch-haystack cloud tests",
        DE,
        ask(
            "PUT /_ingest/pipeline/mine",
            {
                "processors": [
                    {
                        "inference": {
                            "model_id": "dense-1",
                            "input_output": [{"input_field": "text", "output_field": "vector"}],
                        }
                    }
                ]
            },
        ),
        create("index", text="text", vector={"type": "dense_vector", "dims": 10}),
        ask("PUT /index/_doc/1?pipeline=mine&refresh=true", {"text": "inference test"}),
        search(
            "index",
            {
                "knn": {
                    "field": "vector",
                    "k": 1,
                    "num_candidates": 10,
                    "query_vector_builder": {
                        "text_embedding": {"model_id": "dense-1", "model_text": "inference test"}
                    },
                }
            },
            ids=["1"],
            scores=[near(1.0, 1e-4)],
        ),
    ),
    case(
        "the trained models API embeds with an endpoint's deployment",
        "elasticsearch docs, infer trained model; langchain-elasticsearch, elasticsearch-py ElasticsearchEmbeddings",
        ask(
            "POST /_ml/trained_models/.multilingual-e5-small/_infer",
            {"docs": [{"text_field": "some words"}]},
            at={"inference_results/0/predicted_value": Size(384)},
        ),
    ),
]


def bm25(n: int, df: int, tf: int, length: float, mean: float, boost: float = 1.0) -> float:
    """Elasticsearch's default similarity, with k1 1.2 and b 0.75 (``LegacyBM25Similarity``)."""
    idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
    return boost * 2.2 * idf * tf / (tf + 1.2 * (0.25 + 0.75 * length / mean))


FARM = [
    create("farm", title="text", body="text", kind="keyword", size="integer", born="date", tame="boolean"),
    put("farm", "1", title="The cow", body="a cow eats grass and gives milk", kind="mammal", size=5, born="2020-01-01", tame=True),
    put("farm", "2", title="The hen", body="a hen eats grain", kind="bird", size=1, born="2021-06-01", tame=True),
    put("farm", "3", title="The wolf", body="a wolf eats the cow, the hen and no grass", kind="mammal", size=3, born="2019-03-01", tame=False),
    put("farm", "4", title="The cow shed", kind="house", size=9),
]  # fmt: skip
BODY_MEAN = (7 + 4 + 10) / 3


def farm(promise: str, source: str, query: dict[str, Any], *ids: str, **expected: Any) -> Any:
    return case(promise, source, FARM, search("farm", {"query": query}, ids=ids, total=len(ids), **expected))


DOCS = "elasticsearch docs, "
BM25 = "Lucene BM25Similarity, "
QUERIES = [
    farm(
        "words are scored by BM25 among the documents that have the field",
        BM25 + "scores",
        {"match": {"body": "cow"}},
        "1",
        "3",
        scores=[bm25(3, 2, 1, 7, BODY_MEAN), bm25(3, 2, 1, 10, BODY_MEAN)],
    ),
    farm(
        "scores of several words add up",
        BM25 + "scores",
        {"match": {"body": "grass cow"}},
        "1",
        "3",
        scores=[2 * bm25(3, 2, 1, 7, BODY_MEAN), 2 * bm25(3, 2, 1, 10, BODY_MEAN)],
    ),
    farm(
        "a word counts as often as it stands in the text",
        BM25 + "scores",
        {"match": {"body": "the"}},
        "3",
        scores=[bm25(3, 1, 2, 10, BODY_MEAN)],
    ),
    farm("all words, if the operator says so", DOCS + "match", {"match": {"body": {"query": "cow milk", "operator": "and"}}}, "1"),
    farm("as many words as minimum_should_match says", DOCS + "match", {"match": {"body": {"query": "cow milk hen", "minimum_should_match": 2}}}, "1", "3"),
    farm("words with a slip, where fuzziness allows it", DOCS + "match", {"match": {"body": {"query": "mlik", "fuzziness": "AUTO"}}}, "1"),
    farm("a phrase is words in their order", DOCS + "match_phrase", {"match_phrase": {"body": "hen eats"}}, "2"),
    farm("a phrase in another order is none", DOCS + "match_phrase", {"match_phrase": {"body": "eats hen"}}),
    farm("a keyword's score is its idf", BM25 + "keyword without norms", {"term": {"kind": "bird"}}, "2", scores=[bm25(4, 1, 1, 1, 1)]),
    farm("terms score 1", DOCS + "terms", {"terms": {"kind": ["bird", "house"]}}, "2", "4", scores=[1.0, 1.0]),
    farm("a range of numbers", DOCS + "range", {"range": {"size": {"gte": 3, "lt": 9}}}, "1", "3", scores=[1.0, 1.0]),
    farm("a range of dates", DOCS + "range", {"range": {"born": {"gte": "2020-01-01", "lte": "2020-12-31"}}}, "1"),
    farm("what exists", DOCS + "exists", {"exists": {"field": "body"}}, "1", "2", "3"),
    farm("documents by their names", DOCS + "ids", {"ids": {"values": ["4", "2"]}}, "2", "4"),
    farm("words by their beginning", DOCS + "prefix", {"prefix": {"kind": "mam"}}, "1", "3"),
    farm("words by a pattern", DOCS + "wildcard", {"wildcard": {"kind": {"value": "*i*d"}}}, "2"),
    farm("a boolean", DOCS + "term", {"term": {"tame": False}}, "3"),
    farm("everything scores 1", DOCS + "match_all", {"match_all": {}}, "1", "2", "3", "4", scores=[1.0] * 4),
    farm("nothing", DOCS + "match_none", {"match_none": {}}),
    farm("filters do not score", DOCS + "bool", {"bool": {"filter": {"term": {"kind": "mammal"}}}}, "1", "3", scores=[0.0, 0.0]),
    farm("must_not leaves out", DOCS + "bool", {"bool": {"must": {"match": {"body": "cow"}}, "must_not": {"term": {"tame": True}}}}, "3"),
    farm("should beside must only adds", DOCS + "bool", {"bool": {"must": {"term": {"kind": "mammal"}}, "should": {"match": {"body": "wolf"}}}}, "3", "1"),
    farm("should alone must match once", DOCS + "bool", {"bool": {"should": [{"match": {"body": "milk"}}, {"match": {"body": "grain"}}]}}, "2", "1"),
    farm("the best of several", DOCS + "dis_max", {"dis_max": {"queries": [{"constant_score": {"filter": {"term": {"kind": "bird"}}, "boost": 3}}, {"constant_score": {"filter": {"match": {"body": "grain"}}, "boost": 2}}]}}, "2", scores=[3.0]),
    farm("a constant for all that a filter lets through", DOCS + "constant_score", {"constant_score": {"filter": {"exists": {"field": "tame"}}, "boost": 2.5}}, "1", "2", "3", scores=[2.5] * 3),
    farm("the best field counts", DOCS + "multi_match", {"multi_match": {"query": "shed", "fields": ["title", "body"]}}, "4", scores=[bm25(4, 1, 1, 3, 2.25)]),
    farm("a boosted field counts more", DOCS + "multi_match", {"multi_match": {"query": "shed", "fields": ["title^3", "body"]}}, "4", scores=[bm25(4, 1, 1, 3, 2.25, 3.0)]),
    case(
        "long texts count by Lucene's rounded length",
        "Lucene SmallFloat.intToByte4",
        create("index", text="text"),
        put("index", "1", text=" ".join(["word", *["other"] * 60])),
        put("index", "2", text="something short"),
        search("index", {"query": {"match": {"text": "word"}}}, ids=["1"], scores=[bm25(2, 1, 1, 60, 31.5)]),
    ),
    case(
        "a text is cut into words as Unicode says, in lower case",
        DOCS + "standard analyzer",
        create("index", text="text"),
        put("index", "1", text="The QUICK-fox's 2.5 bones"),
        search("index", {"query": {"term": {"text": "quick"}}}, ids=["1"]),
        search("index", {"query": {"term": {"text": "fox's"}}}, ids=["1"]),
        search("index", {"query": {"term": {"text": "QUICK"}}}, ids=[]),
        search("index", {"query": {"match": {"text": "2.5"}}}, ids=["1"]),
    ),
]  # fmt: skip

VECTORS = [
    case(
        f"{similarity}: {formula}",
        "elasticsearch docs, dense_vector similarity",
        create("index", vector={"type": "dense_vector", "dims": 2, "similarity": similarity}),
        put("index", "1", vector=vectors[0]),
        put("index", "2", vector=vectors[1]),
        search(
            "index",
            {"knn": {"field": "vector", "query_vector": [1.0, 0.0], "k": 2, "num_candidates": 10}},
            ids=["1", "2"],
            scores=[near(score, 5e-3) for score in scores],
        ),
    )
    for similarity, formula, vectors, scores in (
        ("cosine", "(1 + cos) / 2", ([2.0, 0.0], [0.0, 3.0]), (1.0, 0.5)),
        ("dot_product", "(1 + dot) / 2", ([1.0, 0.0], [0.6, 0.8]), (1.0, 0.8)),
        ("l2_norm", "1 / (1 + d²)", ([1.0, 1.0], [1.0, 3.0]), (0.5, 0.1)),
        ("max_inner_product", "1 + dot, or 1 / (1 - dot)", ([3.0, 0.0], [-4.0, 0.0]), (4.0, 0.2)),
    )
]
VECTOR_RULES = [
    case(
        "the default similarity of a dense_vector is cosine, and its width that of its first vector",
        "elasticsearch DenseVectorFieldMapper",
        create("index", vector={"type": "dense_vector"}),
        put("index", "1", vector=[1.0, 2.0, 3.0]),
        ask("GET /index/_mapping", at={"index/mappings/properties/vector/dims": 3}),
        search(
            "index",
            {"knn": {"field": "vector", "query_vector": [2.0, 4.0, 6.0], "k": 1, "num_candidates": 10}},
            scores=[near(1.0, 1e-4)],
        ),
    ),
    case(
        "a query vector of another width is refused",
        "elasticsearch DenseVectorFieldMapper.checkDimensionMatches",
        create("index", vector={"type": "dense_vector", "dims": 2}),
        put("index", "1", vector=[1.0, 2.0]),
        search(
            "index",
            {"knn": {"field": "vector", "query_vector": [1.0, 2.0, 3.0], "k": 1, "num_candidates": 10}},
            status=400,
            says="The query vector has a different number of dimensions [3] than the document vectors [2].",
        ),
    ),
    case(
        "scores of a query and of knn beside it add up",
        DOCS + "combine knn with other features",
        create("index", text="text", vector={"type": "dense_vector", "dims": 1, "similarity": "l2_norm"}),
        put("index", "1", text="one", vector=[0.0]),
        put("index", "2", text="two", vector=[1.0]),
        search(
            "index",
            {
                "query": {"constant_score": {"filter": {"match": {"text": "two"}}, "boost": 3}},
                "knn": {"field": "vector", "query_vector": [0.0], "k": 2, "num_candidates": 10},
            },
            ids=["2", "1"],
            scores=[3.5, 1.0],
        ),
    ),
    case(
        "knn finds among what a filter lets through, and what is similar enough",
        DOCS + "knn filter and similarity",
        create("index", tag="keyword", vector={"type": "dense_vector", "dims": 1, "similarity": "l2_norm"}),
        *(put("index", str(n), tag="odd" if n % 2 else "even", vector=[float(n)]) for n in range(6)),
        search(
            "index",
            {
                "knn": {
                    "field": "vector",
                    "query_vector": [0.0],
                    "k": 2,
                    "num_candidates": 10,
                    "filter": {"term": {"tag": "odd"}},
                }
            },
            ids=["1", "3"],
            total=2,
        ),
        search(
            "index",
            {
                "knn": {
                    "field": "vector",
                    "query_vector": [0.0],
                    "k": 5,
                    "num_candidates": 10,
                    "similarity": 2.0,
                }
            },
            ids=["0", "1", "2"],
        ),
    ),
    case(
        "a sparse_vector scores by the product of weights, the stored one rounded as Lucene does",
        "Lucene FeatureField",
        create("index", weights="sparse_vector"),
        put("index", "1", weights={"a": 1.1, "b": 2.0}),
        put("index", "2", weights={"c": 1.0}),
        search(
            "index",
            {"query": {"sparse_vector": {"field": "weights", "query_vector": {"a": 2.0, "b": 0.5}}}},
            ids=["1"],
            total=1,
            scores=[2.0 * 1.09765625 + 1.0],
        ),
    ),
    case(
        "vectors stay out of the source, unless they are asked for",
        "elasticsearch docs 9.2, index.mapping.exclude_source_vectors",
        create("index", text="text", vector={"type": "dense_vector", "dims": 2}),
        put("index", "1", text="one", vector=[1.0, 2.0]),
        search("index", {}, at={"hits/hits/0/_source": {"text": "one"}}),
        search(
            "index", {"_source": {"exclude_vectors": False}}, at={"hits/hits/0/_source/vector": [1.0, 2.0]}
        ),
        search("index", {"fields": ["vector"]}, at={"hits/hits/0/fields/vector": [1.0, 2.0]}),
    ),
]

FETCH = [
    case(
        "an answer says what it counted",
        DOCS + "search response",
        FARM,
        search(
            "farm",
            {"query": {"match": {"body": "milk"}}},
            at={
                "timed_out": False,
                "took": PRESENT,
                "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
                "hits/total": {"value": 1, "relation": "eq"},
                "hits/max_score": PRESENT,
                "hits/hits/0/_index": "farm",
                "hits/hits/0/_source/size": 5,
            },
        ),
        search("farm", {"query": {"match_none": {}}}, at={"hits/max_score": None, "hits/hits": []}),
        search("farm", {"track_total_hits": False}, at={"hits/total": ABSENT}),
    ),
    case(
        "from and size cut a page",
        DOCS + "paginate search results",
        FARM,
        search("farm", {"from": 1, "size": 2}, ids=["2", "3"], total=4),
        search("farm", {"size": 0}, ids=[], total=4),
    ),
    case(
        "beyond 10,000 there is no page",
        "elasticsearch DefaultSearchContext",
        FARM,
        search(
            "farm",
            {"from": 10000, "size": 10000},
            status=400,
            says="Result window is too large, from + size must be less than or equal to: [10000] but was [20000].",
        ),
    ),
    case(
        "hits are sorted by fields, and show by what",
        DOCS + "sort",
        FARM,
        search(
            "farm",
            {"sort": [{"size": {"order": "desc"}}]},
            ids=["4", "1", "3", "2"],
            at={"hits/hits/0/sort": [9], "hits/hits/0/_score": None, "hits/max_score": None},
        ),
        search("farm", {"sort": ["kind", {"size": "asc"}]}, ids=["2", "4", "3", "1"]),
        search("farm", {"sort": [{"born": "asc"}]}, ids=["3", "1", "2", "4"]),
    ),
    case(
        "min_score cuts hits and their count",
        DOCS + "min_score",
        FARM,
        search(
            "farm",
            {
                "query": {
                    "bool": {
                        "should": [
                            {"constant_score": {"filter": {"match_all": {}}}},
                            {"constant_score": {"filter": {"term": {"kind": "bird"}}}},
                        ]
                    }
                },
                "min_score": 1.5,
            },
            ids=["2"],
            total=1,
        ),
    ),
    case(
        "post_filter cuts what was found",
        DOCS + "post_filter",
        FARM,
        search(
            "farm",
            {"query": {"match_all": {}}, "post_filter": {"term": {"kind": "bird"}}},
            ids=["2"],
            total=1,
        ),
    ),
    case(
        "parts of the source are shown",
        DOCS + "source filtering",
        FARM,
        search(
            "farm",
            {"size": 1, "_source": ["kind", "s*"]},
            at={"hits/hits/0/_source": {"kind": "mammal", "size": 5}},
        ),
        search(
            "farm",
            {"size": 1, "_source": {"excludes": ["b*", "title"]}},
            at={"hits/hits/0/_source": {"kind": "mammal", "size": 5, "tame": True}},
        ),
        search("farm", {"size": 1, "_source": False}, at={"hits/hits/0/_source": ABSENT}),
    ),
    case(
        "fields are shown as lists",
        DOCS + "fields",
        FARM,
        search(
            "farm",
            {"size": 1, "fields": ["kind", "size"], "_source": False},
            at={"hits/hits/0/fields": {"kind": ["mammal"], "size": [5]}},
        ),
    ),
    case(
        "queries with names are told of",
        DOCS + "named queries",
        FARM,
        search(
            "farm",
            {
                "query": {
                    "bool": {
                        "should": [
                            {"term": {"kind": {"value": "bird", "_name": "by kind"}}},
                            {"match": {"body": {"query": "grain", "_name": "by food"}}},
                        ]
                    }
                }
            },
            ids=["2"],
            at={"hits/hits/0/matched_queries": Size(2)},
        ),
    ),
    case(
        "words that were found are marked, by tags of one's own",
        DOCS + "highlighting",
        FARM,
        search(
            "farm",
            {
                "query": {"match": {"body": "grain"}},
                "highlight": {"pre_tags": ["["], "post_tags": ["]"], "fields": {"body": {}}},
            },
            at={"hits/hits/0/highlight/body": ["a hen eats [grain]"]},
        ),
    ),
    case(
        "an answer holds what filter_path says",
        DOCS + "response filtering",
        FARM,
        ask(
            "GET /farm/_search?filter_path=hits.hits._id",
            at={"hits": {"hits": [{"_id": str(n)} for n in range(1, 5)]}, "took": ABSENT},
        ),
    ),
    case(
        "a search by words in the address",
        CLIENTS + "search/10_basic.yml",
        FARM,
        ask("GET /farm/_search?q=body:grain", ids=["2"], total=1),
        ask("GET /farm/_search?q=grain", ids=["2"], total=1),
    ),
]

SENTENCES = [
    case(
        "a query that is not known is named, with its place",
        "elasticsearch AbstractQueryBuilder.parseInnerQueryBuilder",
        create("index"),
        search(
            "index",
            {"query": {"nothing": {}}},
            status=400,
            kind="parsing_exception",
            reason="unknown query [nothing]",
            at={
                "error/caused_by/type": "named_object_not_found_exception",
                "error/caused_by/reason": Part("unknown field [nothing]"),
            },
        ),
    ),
    case(
        "a body that is no JSON is refused",
        "elasticsearch XContentParseException",
        create("index"),
        ask("POST /index/_search", "{", status=400),
    ),
    case(
        "a parameter that a route does not have is named",
        "elasticsearch BaseRestHandler.unrecognized",
        create("index"),
        ask(
            "GET /index/_search?nothing=1",
            status=400,
            kind="illegal_argument_exception",
            reason="request [/index/_search] contains unrecognized parameter: [nothing]",
        ),
    ),
]
LIMITS = [
    case(
        f"{what} says that it is not offered",
        "ragbridge: a stand-in for development, not a search engine",
        create("index"),
        ask(request, body, status=501, kind="unsupported_operation_exception"),
    )
    for what, request, body in (
        ("an aggregation", "POST /index/_search", {"aggs": {"a": {"terms": {"field": "b"}}}}),
        (
            "a script",
            "POST /index/_search",
            {"query": {"script_score": {"query": {"match_all": {}}, "script": "1"}}},
        ),
        ("explain", "POST /index/_search", {"explain": True}),
        ("profile", "POST /index/_search", {"profile": True}),
        ("scroll", "POST /index/_search?scroll=1m", {}),
        ("SQL", "POST /_sql", {"query": "SELECT 1"}),
        ("ES|QL", "POST /_query", {"query": "ROW a = 1"}),
    )
]
"""Of the engine alone: a cluster offers all of these."""

CASES = [
    *INDEXES,
    *DOCUMENTS,
    *INGEST,
    *QUERIES,
    *VECTORS,
    *VECTOR_RULES,
    *FETCH,
    *SENTENCES,
]
