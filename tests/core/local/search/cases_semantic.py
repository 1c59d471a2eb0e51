"""``semantic_text`` searched: by ``semantic``, ``match``, ``sparse_vector``, ``knn``, ``multi_match``, ``exists``."""

from __future__ import annotations

from typing import Any

from judging import ABSENT, ask, case, create, near, put, search
from services import DENSE, SPARSE

QUERY = "inference test"
TWO = ["inference test", "another inference test"]
"""Values whose published scores Elastic's tests give."""


def sparse_endpoint(name: str) -> Any:
    return ask(f"PUT /_inference/sparse_embedding/{name}", _config(SPARSE))


def dense_endpoint(name: str, dimensions: int = 10, **settings: Any) -> Any:
    config = _config(DENSE, dimensions=dimensions, similarity="cosine", **settings)
    return ask(f"PUT /_inference/text_embedding/{name}", config)


def _config(service: str, **settings: Any) -> dict[str, Any]:
    return {"service": service, "service_settings": {"model": "a-model", "api_key": "a-key", **settings}}


def semantic_text(endpoint: str, **more: Any) -> dict[str, Any]:
    return {"type": "semantic_text", "inference_id": endpoint, **more}


def semantic(field: str = "inference_field", query: str = QUERY, **more: Any) -> dict[str, Any]:
    return {"query": {"semantic": {"field": field, "query": query, **more}}}


def knn(**more: Any) -> dict[str, Any]:
    return {"query": {"knn": {"field": "inference_field", "k": 10, "num_candidates": 100, **more}}}


def built(text: str = "test", endpoint: str | None = None) -> dict[str, Any]:
    builder = {"model_text": text, **({"model_id": endpoint} if endpoint else {})}
    return {"text_embedding": builder}


SP = sparse_endpoint("sparse-1")
DE = dense_endpoint("dense-1")
SPARSE_INDEX = [SP, create("sparse-index", inference_field=semantic_text("sparse-1"), plain="text")]
DENSE_INDEX = [DE, create("dense-index", inference_field=semantic_text("dense-1"), plain="text")]
SPARSE_DOC = [*SPARSE_INDEX, put("sparse-index", "doc_1", inference_field=TWO, plain="no test")]
DENSE_DOC = [*DENSE_INDEX, put("dense-index", "doc_1", inference_field=TWO, plain="no test")]
BOTH = [*SPARSE_INDEX, *DENSE_INDEX]
SEVERAL = "Field [inference_field] has multiple inference IDs associated with it"

Y40 = "elasticsearch 40_semantic_text_query.yml: "
SEMANTIC = [
    case(
        "a sparse score is the published one, of the better of two chunks",
        Y40 + "Query using a sparse embedding model",
        SPARSE_DOC,
        search("sparse-index", semantic(), ids=["doc_1"], total=1, scores=[near(3.7837332e17, 1e10)]),
    ),
    case(
        "a text is its own nearest neighbour",
        Y40 + "Query using a dense embedding model",
        DENSE_DOC,
        search("dense-index", semantic(), ids=["doc_1"], total=1, scores=[near(1.0, 1e-4)]),
    ),
    case(
        "numbers are embedded as their text (sparse)",
        Y40 + "Numeric query using a sparse embedding model",
        SPARSE_INDEX,
        put("sparse-index", "doc_1", inference_field=[40, 49.678]),
        search("sparse-index", semantic(query="40"), ids=["doc_1"], total=1),
    ),
    case(
        "booleans are embedded as their text (sparse)",
        Y40 + "Boolean query using a sparse embedding model",
        SPARSE_INDEX,
        put("sparse-index", "doc_1", inference_field=True),
        search("sparse-index", semantic(query="true"), ids=["doc_1"], total=1),
    ),
    case(
        "numbers are embedded as their text (dense)",
        Y40 + "Numeric query using a dense embedding model",
        DENSE_INDEX,
        put("dense-index", "doc_1", inference_field=[45.1, 100]),
        search("dense-index", semantic(query="45.1"), ids=["doc_1"], total=1, scores=[near(1.0, 1e-4)]),
    ),
    case(
        "booleans are embedded as their text (dense)",
        Y40 + "Boolean query using a dense embedding model",
        DENSE_INDEX,
        put("dense-index", "doc_1", inference_field=False),
        search("dense-index", semantic(query="false"), ids=["doc_1"], total=1, scores=[near(1.0, 1e-4)]),
    ),
    case(
        "byte embeddings score like floats",
        Y40 + "Query using a dense embedding model that uses byte embeddings",
        dense_endpoint("bytes", element_type="byte"),
        create("byte-index", inference_field=semantic_text("bytes")),
        put("byte-index", "doc_1", inference_field=TWO),
        search("byte-index", semantic(), ids=["doc_1"], total=1, scores=[near(1.0, 1e-4)]),
    ),
    case(
        "a sparse query goes to the search endpoint, which a mapping may change",
        Y40 + "Query using a sparse embedding model via a search inference ID",
        SPARSE_INDEX,
        sparse_endpoint("sparse-2"),
        ask(
            "PUT /sparse-index/_mapping",
            {
                "properties": {
                    "inference_field": semantic_text("sparse-1", search_inference_id="sparse-2"),
                }
            },
        ),
        put("sparse-index", "doc_1", inference_field=TWO),
        search("sparse-index", semantic(), ids=["doc_1"], scores=[near(3.7837332e17, 1e10)]),
    ),
    case(
        "a dense query goes to the search endpoint",
        Y40 + "Query using a dense embedding model via a search inference ID",
        DENSE_INDEX,
        dense_endpoint("dense-2"),
        ask(
            "PUT /dense-index/_mapping",
            {"properties": {"inference_field": semantic_text("dense-1", search_inference_id="dense-2")}},
        ),
        put("dense-index", "doc_1", inference_field=TWO),
        search("dense-index", semantic(), ids=["doc_1"], total=1, scores=[near(1.0, 1e-4)]),
    ),
    case(
        "a boost multiplies, and a query's name comes back",
        Y40 + "Apply boost and query name",
        SPARSE_DOC,
        search(
            "sparse-index",
            semantic(boost=100.0, _name="mine"),
            ids=["doc_1"],
            scores=[near(3.783733e19, 1e13)],
            at={"hits/hits/0/matched_queries": ["mine"]},
        ),
    ),
    case(
        "an alias is searched like its index",
        Y40 + "Query an index alias",
        SPARSE_DOC,
        ask("PUT /sparse-index/_alias/other-name"),
        search("other-name", semantic(), ids=["doc_1"], scores=[near(3.7837332e17, 1e10)]),
    ),
    case(
        "a text field takes no semantic query",
        Y40 + "Query the wrong field type",
        SPARSE_DOC,
        search(
            "sparse-index",
            semantic("plain"),
            status=400,
            kind="search_phase_execution_exception",
            at={
                "error/root_cause/0/type": "illegal_argument_exception",
                "error/root_cause/0/reason": "Field [plain] of type [text] does not support semantic queries",
            },
        ),
    ),
    case(
        "a field that is not there has no hits",
        Y40 + "Query a missing field",
        SPARSE_DOC,
        search("sparse-index", semantic("nowhere"), total=0, ids=[]),
    ),
    case(
        "an index that is not there is an error unless that is allowed",
        Y40 + "Query a missing index",
        search(
            "nowhere",
            semantic(),
            status=404,
            kind="index_not_found_exception",
            reason="no such index [nowhere]",
        ),
        ask("POST /nowhere/_search?ignore_unavailable=true", semantic(), total=0, ids=[]),
    ),
    case(
        "indexes whose fields have different endpoints cannot be searched together",
        Y40 + "Query multiple indices",
        BOTH,
        search(
            "sparse-index,dense-index",
            semantic(),
            status=400,
            kind="illegal_argument_exception",
            reason=SEVERAL,
        ),
    ),
    case(
        "nor by a pattern of names",
        Y40 + "Query multiple indices (wildcard)",
        BOTH,
        search("*-index", semantic(), status=400, kind="illegal_argument_exception", reason=SEVERAL),
    ),
    case(
        "nor by an alias for both",
        Y40 + "Query multiple indices (alias)",
        BOTH,
        ask("PUT /sparse-index,dense-index/_alias/both"),
        search("both", semantic(), status=400, kind="illegal_argument_exception", reason=SEVERAL),
    ),
    case(
        "indexes with one endpoint are searched together, the best hit first",
        Y40 + "Query multiple indices (one inference ID)",
        SPARSE_INDEX,
        create("sparse-index-2", inference_field=semantic_text("sparse-1")),
        put("sparse-index", "doc_1", inference_field="inference test"),
        put("sparse-index-2", "doc_2", inference_field="another inference test"),
        search("sparse-index*", semantic(), ids=["doc_2", "doc_1"], total=2),
    ),
    case(
        "where nothing is indexed yet there are no hits (sparse)",
        Y40 + "Query a field that has no indexed inference results",
        SPARSE_INDEX,
        search("sparse-index", semantic(), total=0, ids=[]),
    ),
    case(
        "where nothing is indexed yet there are no hits (dense)",
        Y40 + "Query a field that has no indexed inference results",
        DENSE_INDEX,
        search("dense-index", semantic(), total=0, ids=[]),
    ),
    case(
        "an index may name an endpoint that is not there, a search may not",
        Y40 + "Query a field with an invalid inference ID",
        create("index", inference_field=semantic_text("nobody")),
        search(
            "index",
            semantic(),
            status=404,
            kind="resource_not_found_exception",
            reason="Inference endpoint not found [nobody]",
        ),
    ),
    case(
        "a search endpoint must have the task type of what is indexed",
        Y40 + "Query a field with a search inference ID that uses the wrong task type",
        SPARSE_INDEX,
        DE,
        ask(
            "PUT /sparse-index/_mapping",
            {"properties": {"inference_field": semantic_text("sparse-1", search_inference_id="dense-1")}},
        ),
        put("sparse-index", "doc_1", inference_field=TWO),
        search(
            "sparse-index",
            semantic(),
            status=400,
            at={
                "error/caused_by/type": "illegal_argument_exception",
                "error/caused_by/reason": "Field [inference_field] expected query inference results to be of type "
                "[text_expansion_result], got [text_embedding_result]. Is the search inference endpoint [dense-1] "
                "compatible with the inference endpoint [sparse-1]?",
            },
        ),
    ),
    case(
        "a search endpoint must have the width of what is indexed",
        Y40 + "Query a field with a search inference ID that uses the wrong dimension count",
        DENSE_INDEX,
        dense_endpoint("wide", 20),
        ask(
            "PUT /dense-index/_mapping",
            {"properties": {"inference_field": semantic_text("dense-1", search_inference_id="wide")}},
        ),
        put("dense-index", "doc_1", inference_field=TWO),
        search(
            "dense-index",
            semantic(),
            status=400,
            at={
                "error/caused_by/type": "illegal_argument_exception",
                "error/caused_by/reason": "Field [inference_field] expected query inference results with 10 "
                "dimensions, got 20 dimensions. Is the search inference endpoint [wide] compatible with the inference "
                "endpoint [dense-1]?",
            },
        ),
    ),
    case(
        "a search endpoint that is not there is named",
        Y40 + "Query a field with an invalid search inference ID",
        DENSE_INDEX,
        ask(
            "PUT /dense-index/_mapping",
            {"properties": {"inference_field": semantic_text("dense-1", search_inference_id="nobody")}},
        ),
        put("dense-index", "doc_1", inference_field=TWO),
        search(
            "dense-index",
            semantic(),
            status=404,
            kind="resource_not_found_exception",
            reason="Inference endpoint not found [nobody]",
        ),
    ),
    case(
        "a field in an object is written with a dotted name and found",
        Y40 + "Query semantic text field in object with inner hits (query)",
        SP,
        create("index", container={"properties": {"inside": semantic_text("sparse-1")}}),
        put("index", "doc_1", **{"container.inside": TWO}),
        search("index", semantic("container.inside"), ids=["doc_1"], scores=[near(3.7837332e17, 1e10)]),
    ),
    case(
        "a sum of two semantic queries must match both",
        Y40 + "Query multiple semantic text fields with inner hits (query)",
        SP,
        create("index", one=semantic_text("sparse-1"), two=semantic_text("sparse-1")),
        put("index", "doc_1", one=TWO, two=TWO),
        search(
            "index",
            {"query": {"bool": {"must": [semantic("one")["query"], semantic("two")["query"]]}}},
            ids=["doc_1"],
            scores=[near(2 * 3.7837332e17, 1e11)],
        ),
    ),
]

Y45 = "elasticsearch 45_semantic_text_match.yml: "
MATCH_QUERY = {"query": {"match": {"inference_field": {"query": QUERY}}}}
TEXT_INDEX = [
    create("text-index", inference_field="text", plain="text"),
    put("text-index", "doc_2", inference_field=["inference test", "no field of vectors"]),
]
MATCH = [
    case(
        "match on a semantic_text is a semantic query (sparse)",
        Y45 + "Query using a sparse embedding model",
        SPARSE_DOC,
        search("sparse-index", MATCH_QUERY, ids=["doc_1"], total=1, scores=[near(3.7837332e17, 1e10)]),
    ),
    case(
        "match on a semantic_text is a semantic query (dense)",
        Y45 + "Query using a dense embedding model",
        DENSE_DOC,
        search("dense-index", MATCH_QUERY, ids=["doc_1"], total=1, scores=[near(1.0, 1e-4)]),
    ),
    case(
        "match searches a semantic_text under an alias",
        Y45 + "Query an index alias",
        SPARSE_DOC,
        ask("PUT /sparse-index/_alias/other-name"),
        search("other-name", MATCH_QUERY, ids=["doc_1"], total=1),
    ),
    case(
        "one match searches by vectors in one index and by words in another",
        Y45 + "Query indices with both semantic_text and regular text content",
        SPARSE_DOC,
        TEXT_INDEX,
        search("sparse-index,text-index", MATCH_QUERY, ids=["doc_1", "doc_2"], total=2),
        create("sparse-index-2", inference_field=semantic_text("sparse-1")),
        put("sparse-index-2", "doc_3", inference_field="another inference test"),
        search("sparse-index*,text-index", MATCH_QUERY, ids=["doc_1", "doc_3", "doc_2"], total=3),
    ),
    case(
        "match finds nothing in a semantic_text without documents",
        Y45 + "Query a field that has no indexed inference results",
        BOTH,
        search("sparse-index", MATCH_QUERY, total=0),
        search("dense-index", MATCH_QUERY, total=0),
    ),
]

Y46 = "elasticsearch 46_semantic_text_sparse_vector.yml: "
FEATURES = {f"feature_{number}": number + 1 for number in range(5)}
SPARSES = [
    SP,
    sparse_endpoint("sparse-2"),
    create("semantic-1", inference_field=semantic_text("sparse-1")),
    create("semantic-2", inference_field=semantic_text("sparse-2")),
    create("vectors", inference_field="sparse_vector"),
    put("semantic-1", "doc_1", inference_field=TWO),
    put("semantic-2", "doc_3", inference_field=TWO),
    put("vectors", "doc_2", inference_field=FEATURES),
]


def sparse_query(field: str = "inference_field", **more: Any) -> dict[str, Any]:
    return {"query": {"sparse_vector": {"field": field, **more}}}


def old_nested(inner: dict[str, Any], field: str = "inference_field") -> dict[str, Any]:
    return {"query": {"nested": {"path": f"{field}.inference.chunks", "query": inner["query"]}}}


CHUNKS = "inference_field.inference.chunks.embeddings"
SPARSE_VECTOR = [
    case(
        "the old nested form still searches chunks by an endpoint (sparse)",
        Y46 + "Nested sparse_vector queries using the old format on semantic_text embeddings and inference",
        SPARSES,
        search(
            "semantic-1",
            old_nested(sparse_query(CHUNKS, inference_id="sparse-1", query="test")),
            ids=["doc_1"],
            total=1,
        ),
    ),
    case(
        "the old nested form still searches chunks by weights (sparse)",
        Y46
        + "Nested sparse_vector queries using the old format on semantic_text embeddings and query vectors",
        SPARSES,
        search("semantic-1", old_nested(sparse_query(CHUNKS, query_vector=FEATURES)), ids=["doc_1"], total=1),
    ),
    case(
        "a sparse_vector query takes an endpoint of its own",
        Y46 + "sparse_vector query against semantic_text field using a specified inference ID",
        SPARSES,
        search("semantic-1", sparse_query(inference_id="sparse-1", query=QUERY), ids=["doc_1"], total=1),
    ),
    case(
        "without one it takes the field's",
        Y46 + "sparse_vector query against semantic_text field using inference ID configured in it",
        SPARSES,
        search("semantic-1", sparse_query(query=QUERY), ids=["doc_1"], scores=[near(3.7837332e17, 1e10)]),
    ),
    case(
        "a sparse_vector query takes weights",
        Y46 + "sparse_vector query against semantic_text field using query vectors",
        SPARSES,
        search("semantic-1", sparse_query(query_vector=FEATURES), ids=["doc_1"], total=1),
    ),
    case(
        "semantic_text and sparse_vector fields are searched together by one endpoint",
        Y46 + "sparse_vector query against combined fields using inference",
        SPARSES,
        search(
            "semantic-1,vectors",
            sparse_query(inference_id="sparse-1", query=QUERY),
            among=["doc_1", "doc_2"],
            total=2,
        ),
    ),
    case(
        "searched together without an endpoint they are refused",
        Y46 + "sparse_vector query against combined fields still requires inference ID",
        SPARSES,
        search(
            "semantic-1,vectors",
            sparse_query(query=QUERY),
            status=400,
            kind="illegal_argument_exception",
            reason="inference_id required to perform vector search on query string",
        ),
    ),
    case(
        "semantic_text and sparse_vector fields are searched together by weights",
        Y46 + "sparse_vector query against combined fields using query vectors",
        SPARSES,
        search(
            "semantic-1,vectors",
            sparse_query(query_vector=FEATURES),
            ids=["doc_1", "doc_2"],
            total=2,
            at={"hits/hits/1/_score": near(55.0)},
        ),
    ),
    case(
        "each index's own endpoint embeds the query (sparse)",
        Y46 + "sparse_vector query against multiple semantic_text fields with multiple inference IDs",
        SPARSES,
        search("semantic-1,semantic-2", sparse_query(query=QUERY), among=["doc_1", "doc_3"], total=2),
    ),
    case(
        "sparse scores, boosts and names are the published ones",
        Y46 + "Apply boost and query name",
        SPARSES,
        create("sports", inference_field=semantic_text("sparse-1")),
        put("sports", "doc_1", inference_field=["It was a beautiful game", "Very competitive"]),
        search(
            "semantic-1",
            sparse_query(query="soccer"),
            ids=["doc_1"],
            scores=[near(6.9606755e18, 1e15)],
            at={"hits/hits/0/matched_queries": ABSENT},
        ),
        search(
            "sports",
            sparse_query(query="soccer", boost=5.0, _name="mine"),
            ids=["doc_1"],
            scores=[near(2.8501142e19, 1e15)],
            at={"hits/hits/0/matched_queries": ["mine"]},
        ),
    ),
]

Y47 = "elasticsearch 47_semantic_text_knn.yml: "
COUNTING = list(range(1, 11))
WIDTHS = "failed to create query: The query vector has a different number of dimensions [10] than the document vectors [3]."
DENSES = [
    DE,
    dense_endpoint("dense-5", 5),
    create("semantic-1", keyword="keyword", inference_field=semantic_text("dense-1")),
    create("semantic-2", keyword="keyword", inference_field=semantic_text("dense-5")),
    create(
        "vectors",
        keyword="keyword",
        inference_field={"type": "dense_vector", "dims": 10, "similarity": "cosine"},
    ),
    create(
        "narrow",
        keyword="keyword",
        inference_field={"type": "dense_vector", "dims": 3, "similarity": "cosine"},
    ),
    put("semantic-1", "doc_1", keyword="foo", inference_field=TWO),
    put("semantic-2", "doc_2", keyword="bar", inference_field=TWO),
    put("vectors", "doc_3", keyword="baz", inference_field=COUNTING),
    put("narrow", "doc_4", keyword="qux", inference_field=[1, 2, 3]),
]


def old_knn(**more: Any) -> dict[str, Any]:
    inner = knn(**more)
    inner["query"]["knn"]["field"] = CHUNKS
    return old_nested(inner)


KNN = [
    case(
        "the old nested form still searches chunks by an endpoint (dense)",
        Y47 + "Nested knn queries using the old format on semantic_text embeddings and inference",
        DENSES,
        search(
            "semantic-1",
            old_knn(query_vector_builder=built(endpoint="dense-1")),
            ids=["doc_1"],
            total=1,
        ),
    ),
    case(
        "the old nested form still searches chunks by a vector (dense)",
        Y47 + "Nested knn queries using the old format on semantic_text embeddings and query vectors",
        DENSES,
        search("semantic-1", old_knn(query_vector=COUNTING), ids=["doc_1"], total=1),
    ),
    case(
        "knn on a semantic_text takes an endpoint of its own",
        Y47 + "knn query against semantic_text field using a specified inference ID",
        DENSES,
        search("semantic-1", knn(query_vector_builder=built(endpoint="dense-1")), ids=["doc_1"], total=1),
    ),
    case(
        "without one knn takes the field's",
        Y47 + "knn query against semantic_text field using inference ID configured in it",
        DENSES,
        search("semantic-1", knn(query_vector_builder=built()), ids=["doc_1"], total=1),
    ),
    case(
        "knn on a semantic_text takes a vector",
        Y47 + "knn query against semantic_text field using query vectors",
        DENSES,
        search("semantic-1", knn(query_vector=COUNTING), ids=["doc_1"], total=1),
    ),
    case(
        "knn searches semantic_text and dense_vector fields together by one endpoint",
        Y47 + "knn query against combined dense_vector and semantic_text fields using inference",
        DENSES,
        search(
            "semantic-1,vectors",
            knn(query_vector_builder=built(endpoint="dense-1")),
            among=["doc_1", "doc_3"],
            total=2,
        ),
    ),
    case(
        "searched together without an endpoint knn is refused",
        Y47 + "knn query against combined dense_vector and semantic_text fields still requires inference ID",
        DENSES,
        search(
            "semantic-1,vectors",
            knn(query_vector_builder=built()),
            status=400,
            kind="illegal_argument_exception",
            reason="[model_id] must not be null.",
        ),
    ),
    case(
        "knn searches both kinds of fields together by a vector",
        Y47 + "knn query against combined dense_vector and semantic_text fields using query vectors",
        DENSES,
        search(
            "semantic-1,vectors",
            knn(query_vector=COUNTING),
            ids=["doc_3", "doc_1"],
            total=2,
            scores=[near(1.0, 1e-4)],
        ),
    ),
    case(
        "an index of another width fails alone, beside the hits of the others",
        Y47
        + "knn query against incompatible dense_vector and semantic_text fields returns matches and failures",
        DENSES,
        search(
            "semantic-1,narrow",
            knn(query_vector=COUNTING),
            ids=["doc_1"],
            total=1,
            at={
                "_shards/failures/0/index": "narrow",
                "_shards/failures/0/reason/reason": WIDTHS,
                "_shards/failed": 1,
            },
        ),
    ),
    case(
        "each index's own endpoint embeds the query (dense)",
        Y47 + "knn query against multiple semantic_text fields with multiple inference IDs",
        DENSES,
        search("semantic-1,semantic-2", knn(query_vector_builder=built()), among=["doc_1", "doc_2"], total=2),
    ),
    case(
        "knn searches among what its filter lets through",
        Y47 + "knn query respects filters",
        DENSES,
        search(
            "semantic-1,semantic-2",
            knn(query_vector_builder=built(), filter={"term": {"keyword": "foo"}}),
            ids=["doc_1"],
            total=1,
        ),
    ),
    case(
        "knn gives k hits of each index",
        Y47 + "knn query ... with smaller k returns k for each index",
        DENSES,
        put("semantic-1", "doc_4", inference_field=TWO),
        put("semantic-1", "doc_5", inference_field=TWO),
        put("semantic-2", "doc_6", inference_field=TWO),
        put("semantic-2", "doc_7", inference_field=TWO),
        search("semantic-1,semantic-2", knn(k=2, query_vector_builder=built()), total=4),
    ),
    case(
        "dense scores, boosts and names are the published ones",
        Y47 + "Apply boost and query name",
        DENSES,
        create("sports", inference_field=semantic_text("dense-1")),
        put("sports", "doc_1", inference_field=["It was a beautiful game", "Very competitive"]),
        search(
            "semantic-1",
            knn(k=2, query_vector_builder=built("soccer")),
            ids=["doc_1"],
            scores=[near(0.9984111, 2e-4)],
            at={"hits/hits/0/matched_queries": ABSENT},
        ),
        search(
            "sports",
            knn(k=2, query_vector_builder=built("soccer"), boost=5.0, _name="mine"),
            ids=["doc_1"],
            scores=[near(4.9907494, 1e-3)],
            at={"hits/hits/0/matched_queries": ["mine"]},
        ),
    ),
]

Y48 = "elasticsearch 48_semantic_text_multi_match.yml: "
ARTICLES = [
    SP,
    DE,
    create(
        "articles",
        title=semantic_text("sparse-1"),
        content=semantic_text("sparse-1"),
        summary=semantic_text("dense-1"),
    ),
    put(
        "articles",
        "doc_1",
        title="Machine learning algorithms",
        content="Deep neural networks for computer vision",
        summary="AI and machine learning fundamentals",
    ),
]


def multi_match(query: str, *fields: str, **more: Any) -> dict[str, Any]:
    return {"query": {"multi_match": {"query": query, "fields": list(fields), **more}}}


MULTI_MATCH = [
    case(
        "multi_match searches semantic_text fields, the best field counting",
        Y48 + "Multi-match boost and query name progression (baseline)",
        ARTICLES,
        search(
            "articles",
            multi_match("machine learning", "title", "content"),
            ids=["doc_1"],
            scores=[near(3.398582e18, 1e15)],
            at={"hits/hits/0/matched_queries": ABSENT},
        ),
    ),
    case(
        "a field's boost counts",
        Y48 + "Multi-match boost and query name progression (field)",
        ARTICLES,
        search(
            "articles",
            multi_match("machine learning", "title", "content^2"),
            ids=["doc_1"],
            scores=[near(6.797164e18, 1e15)],
        ),
    ),
    case(
        "the query's boost multiplies the fields', and its name comes back",
        Y48 + "Multi-match boost and query name progression (query)",
        ARTICLES,
        search(
            "articles",
            multi_match("machine learning", "title", "content^2", boost=3.0, _name="mine"),
            ids=["doc_1"],
            scores=[near(2.0391492e19, 1e16)],
            at={"hits/hits/0/matched_queries": ["mine"]},
        ),
    ),
    case(
        "most_fields adds semantic fields of both kinds",
        Y48 + "Multi-match most_fields query on semantic_text",
        ARTICLES,
        search(
            "articles",
            multi_match("machine learning", "title", "content", "summary", type="most_fields"),
            ids=["doc_1"],
            total=1,
        ),
    ),
    case(
        "text and semantic_text fields are searched by one query",
        Y48 + "Multi-match query on mixed semantic_text and text fields",
        SP,
        create("mixed", title="text", content=semantic_text("sparse-1")),
        put("mixed", "doc_1", title="Quantum computing", content="Algorithms for ciphers"),
        put("mixed", "doc_2", title="Medicine advances", content="Vaccines that last"),
        search(
            "mixed", multi_match("quantum algorithms", "title", "content"), among=["doc_1", "doc_2"], total=2
        ),
    ),
    case(
        "fields of one name are semantic in one index and text in another",
        Y48 + "Multi-match query across multiple indices with different field types",
        ARTICLES,
        create("plain-articles", title="text", content="text"),
        put("plain-articles", "doc_2", title="Robots at work", content="Machine tools and learning"),
        search("articles,plain-articles", multi_match("machine", "title", "content"), total=2),
    ),
    *(
        case(
            f"multi_match of type {kind} takes no semantic_text",
            Y48 + "Multi-match query error on unsupported type with multiple fields",
            ARTICLES,
            search(
                "articles",
                multi_match("words", "title", "content", type=kind),
                status=400,
                says=f"multi_match query with type [{kind}] is not supported for semantic_text fields",
            ),
        )
        for kind in ("cross_fields", "phrase", "bool_prefix", "phrase_prefix")
    ),
]

Y50 = "elasticsearch 50_semantic_text_query_inference_endpoint_changes.yml: "
CHANGED = " Has the configuration for inference endpoint [{}] changed?"
ENDPOINT_CHANGES = [
    case(
        "an endpoint that became dense is refused",
        Y50 + "sparse_embedding changed to text_embedding",
        SPARSE_DOC,
        ask("DELETE /_inference/sparse-1?force=true"),
        dense_endpoint("sparse-1"),
        search(
            "sparse-index",
            semantic(),
            status=400,
            at={
                "error/caused_by/type": "illegal_argument_exception",
                "error/caused_by/reason": "Field [inference_field] expected query inference results to be of type "
                "[text_expansion_result], got [text_embedding_result]." + CHANGED.format("sparse-1"),
            },
        ),
    ),
    case(
        "an endpoint that became sparse is refused",
        Y50 + "text_embedding changed to sparse_embedding",
        DENSE_DOC,
        ask("DELETE /_inference/dense-1?force=true"),
        sparse_endpoint("dense-1"),
        search(
            "dense-index",
            semantic(),
            status=400,
            at={
                "error/caused_by/reason": "Field [inference_field] expected query inference results to be of type "
                "[text_embedding_result], got [text_expansion_result]." + CHANGED.format("dense-1"),
            },
        ),
    ),
    case(
        "an endpoint whose width changed is refused",
        Y50 + "text_embedding dimension count changed",
        DENSE_DOC,
        ask("DELETE /_inference/dense-1?force=true"),
        dense_endpoint("dense-1", 20),
        search(
            "dense-index",
            semantic(),
            status=400,
            at={
                "error/caused_by/reason": "Field [inference_field] expected query inference results with 10 "
                "dimensions, got 20 dimensions." + CHANGED.format("dense-1"),
            },
        ),
    ),
    case(
        "an endpoint that a mapping names is not deleted without force",
        "elasticsearch TransportDeleteInferenceEndpointAction, InferenceCrudIT",
        SPARSE_INDEX,
        ask(
            "DELETE /_inference/sparse-1",
            status=409,
            says="Inference endpoint sparse-1 is being used in the mapping for indexes: [sparse-index]. Ensure that "
            "no index mappings are using this inference endpoint, or use force to ignore this warning and delete the "
            "inference endpoint.",
        ),
        ask(
            "DELETE /_inference/sparse-1?dry_run=true",
            at={"acknowledged": False, "indexes": ["sparse-index"]},
        ),
        ask("DELETE /_inference/sparse-1?force=true", at={"acknowledged": True}),
    ),
]

Y70E = "elasticsearch 70_semantic_text_exists_query.yml: "
EXISTS_QUERY = {"query": {"exists": {"field": "inference_field"}}}
EXISTS = [
    case(
        "nothing exists in an empty index",
        Y70E + "Exists query with no indexed documents",
        BOTH,
        search("sparse-index", EXISTS_QUERY, total=0),
        search("dense-index", EXISTS_QUERY, total=0),
    ),
    case(
        "null does not exist",
        Y70E + "Exists query with null indexed documents",
        BOTH,
        put("sparse-index", "doc", inference_field=None),
        put("dense-index", "doc", inference_field=None),
        search("sparse-index", EXISTS_QUERY, total=0),
        search("dense-index", EXISTS_QUERY, total=0),
    ),
    case(
        "a value exists, where it is",
        Y70E + "Exists query with indexed documents when semantic text field doesn't have a value",
        BOTH,
        put("sparse-index", "doc1", plain="foo"),
        put("sparse-index", "doc2", inference_field="bar"),
        put("dense-index", "doc1", plain="foo"),
        put("dense-index", "doc2", inference_field="bar"),
        search("sparse-index", EXISTS_QUERY, ids=["doc2"], total=1),
        search("dense-index", EXISTS_QUERY, ids=["doc2"], total=1),
    ),
]

CASES = [*SEMANTIC, *MATCH, *SPARSE_VECTOR, *KNN, *MULTI_MATCH, *ENDPOINT_CHANGES, *EXISTS]
