"""Retrievers: standard, knn, rrf, linear, text_similarity_reranker, and their windows, filters and failures."""

from __future__ import annotations

from typing import Any

from cases_semantic import SP, dense_endpoint, semantic, semantic_text
from judging import ABSENT, Below, Part, Size, ask, bulk, case, create, near, put, search
from services import RERANK


def constant(field: str, value: str, boost: float) -> dict[str, Any]:
    return {"constant_score": {"filter": {"term": {field: value}}, "boost": boost}}


def should(*queries: dict[str, Any]) -> dict[str, Any]:
    return {"bool": {"should": list(queries)}}


def standard(query: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"standard": {"query": query, **more}}


def boosted(field: str, *values: str) -> dict[str, Any]:
    """A query whose hits come in the order of the values."""
    return should(*({"term": {field: {"value": value, "boost": 10.0 - n}}} for n, value in enumerate(values)))


def nearest(vector: list[float], k: int, candidates: int | None = None, **more: Any) -> dict[str, Any]:
    return {
        "knn": {"field": "vector", "query_vector": vector, "k": k, "num_candidates": candidates or k, **more}
    }


def rrf(*retrievers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"retriever": {"rrf": {"retrievers": list(retrievers), **more}}}


Y300 = "elasticsearch rank-rrf rrf/300_rrf_retriever.yml: "
VECTOR = {"type": "dense_vector", "dims": 1, "index": True, "similarity": "l2_norm"}
TERMS = [
    create("index", text="text", keyword="keyword", vector=VECTOR),
    put("index", "1", text="term term", keyword="other", vector=[0.0]),
    put("index", "2", text="other", keyword="other", vector=[1.0]),
    put("index", "3", text="term", keyword="keyword", vector=[2.0]),
]
TERM = standard({"term": {"text": "term"}})
KEYWORD = standard({"match": {"keyword": "keyword"}})
WIDE = {"rank_window_size": 100, "rank_constant": 1}
RRF = [
    case(
        "rrf joins neighbours and words",
        Y300 + "rrf retriever with a standard retriever and a knn retriever",
        TERMS,
        search(
            "index",
            {
                **rrf(nearest([0.0], 3), TERM, **WIDE),
                "fields": ["text", "keyword"],
                "track_total_hits": False,
            },
            ids=["1", "3", "2"],
            at={
                "hits/hits/0/fields/text": ["term term"],
                "hits/hits/0/fields/keyword": ["other"],
                "hits/hits/2/fields/text": ["other"],
                "hits/total": ABSENT,
            },
        ),
    ),
    case(
        "rrf joins two standard retrievers",
        Y300 + "rrf retriever with multiple standard retrievers",
        TERMS,
        search(
            "index",
            rrf(TERM, KEYWORD, **WIDE),
            ids=["3", "1"],
            total=2,
            scores=[1 / 3 + 1 / 2, 1 / 2],
        ),
    ),
    case(
        "rrf joins three retrievers; its total is what any of them matches",
        Y300 + "rrf retriever with multiple standard retrievers and a knn retriever",
        TERMS,
        search("index", rrf(nearest([0.0], 3), TERM, KEYWORD, **WIDE), ids=["3", "1", "2"], total=3),
    ),
    case(
        "a window cuts each list before they are joined, the total counts beyond it",
        Y300 + "rrf retriever with multiple standard retrievers and multiple knn retriever",
        TERMS,
        ask(
            "POST /index/_search?size=1",
            rrf(
                nearest([0.0], 3),
                nearest([1.0], 3),
                TERM,
                KEYWORD,
                rank_window_size=2,
                rank_constant=1,
            ),
            ids=["1"],
            total=3,
        ),
    ),
    case(
        "a filter goes to every inner retriever",
        Y300 + "rrf retriever with ... and a filter",
        TERMS,
        search(
            "index",
            rrf(
                nearest([0.0], 3), nearest([1.0], 3), TERM, KEYWORD, filter=[{"term": {"keyword": "keyword"}}]
            ),
            ids=["3"],
            total=1,
        ),
    ),
    case(
        "rrf in rrf; from skips the best",
        Y300 + "rrf retriever with nested rrf retriever and pagination",
        TERMS,
        search(
            "index",
            {
                **rrf(
                    rrf(nearest([0.0], 3), TERM, KEYWORD, **WIDE)["retriever"],
                    nearest([0.0], 2),
                    rank_window_size=10,
                    rank_constant=1,
                ),
                "size": 10,
                "from": 1,
            },
            at={"hits/hits": Size(2)},
            total=3,
        ),
    ),
]

Y350 = "elasticsearch rank-rrf rrf/350_rrf_retriever_pagination.yml: "
LETTERS = [
    create("index", number="keyword", letter="keyword"),
    *(put("index", str(n + 1), number=str(n + 1), letter="ABCDE"[n]) for n in range(5)),
]


def two_lists(numbers: str, letters: str, window: int, start: int, size: int) -> dict[str, Any]:
    inner = (standard(boosted("number", *numbers)), standard(boosted("letter", *letters)))
    return {**rrf(*inner, rank_window_size=window, rank_constant=10), "from": start, "size": size}


def page(promise: str, name: str, request: dict[str, Any], ids: list[str], total: int) -> Any:
    return case(promise, Y350 + name, LETTERS, search("index", request, ids=ids, total=total))


INTERLEAVED = "Pagination within interleaved results"
UNEQUAL = INTERLEAVED + ", different result set sizes"
PAGES = [
    page("pages are cut from the window", "Standard pagination within rank_window_size", two_lists("1234", "ABCD", 10, 1, 10), ["2", "3", "4"], 4),
    page("beyond the window there is nothing", "Standard pagination outside rank_window_size", two_lists("1234", "ABCD", 2, 10, 2), [], 4),
    page("a page ends at the window", "Standard pagination partially outside rank_window_size", two_lists("1234", "ABCD", 3, 2, 2), ["3"], 4),
    page("first page of two orders", INTERLEAVED, two_lists("1234", "DCAB", 10, 0, 2), ["1", "4"], 4),
    page("second page of two orders", INTERLEAVED, two_lists("1234", "DCAB", 10, 2, 2), ["3", "2"], 4),
    page("first page of lists of two lengths", UNEQUAL, two_lists("51", "DCAB", 10, 0, 2), ["1", "4"], 5),
    page("second page of them", UNEQUAL, two_lists("51", "DCAB", 10, 2, 2), ["5", "3"], 5),
    page("last page of them", UNEQUAL, two_lists("51", "DCAB", 10, 4, 2), ["2"], 5),
    page("a narrow window gives another order", UNEQUAL + ", rank_window_size not covering all results", two_lists("51", "DCAB", 2, 0, 2), ["4", "5"], 5),
]  # fmt: skip

Y320 = "elasticsearch rank-rrf rrf/320_rrf_weighted_retriever.yml: "
PLACES = [
    create("places", name="keyword", about="text", city="keyword", region="keyword"),
    put("places", "1", name="One", about="Best bread in town", city="Vienna", region="Austria"),
    put("places", "2", name="Two", about="Sweet cakes", city="Graz", region="Austria"),
    put("places", "3", name="Three", about="Fresh fish", city="Linz", region="Austria"),
]
REGION = standard({"multi_match": {"query": "Austria", "fields": ["city", "region"]}})
BREAD, CAKES = (standard({"match": {"about": word}}) for word in ("bread", "cakes"))


def weighed(retriever: dict[str, Any], weight: float, **more: Any) -> dict[str, Any]:
    return {"retriever": retriever, "weight": weight, **more}


WEIGHTS = [
    case(
        "weights multiply what a rank counts",
        Y320 + "Weighted RRF retriever returns correct results",
        PLACES,
        search(
            "places", rrf(weighed(REGION, 0.3), weighed(BREAD, 0.7)), total=3, at={"hits/hits/0/_id": "1"}
        ),
    ),
    case(
        "a retriever without a weight weighs 1",
        Y320 + "Weighted RRF retriever allows optional weight field",
        PLACES,
        search("places", rrf(REGION, weighed(BREAD, 0.7)), total=3, at={"hits/hits/0/_id": "1"}),
    ),
    case(
        "weights change the order",
        Y320 + "Weighted RRF retriever changes result order",
        PLACES,
        search(
            "places",
            rrf(weighed(BREAD, 0.1), weighed(CAKES, 0.9)),
            ids=["2", "1"],
            total=2,
            scores=[0.9 / 61, 0.1 / 61],
        ),
    ),
    case(
        "a negative weight is refused",
        Y320 + "Weighted RRF retriever errors on negative weight",
        PLACES,
        search(
            "places",
            rrf(weighed(REGION, -0.5), weighed(BREAD, 0.7)),
            status=400,
            kind="x_content_parse_exception",
            at={"error/caused_by/reason": Part("[weight] must be non-negative, found [-0.5]")},
        ),
    ),
]

Y700 = "elasticsearch rank-rrf rrf/700_rrf_retriever_search_api_compatibility.yml: "
MANY = [
    create(
        "index",
        text="text",
        shown="text",
        keyword="keyword",
        integer="integer",
        vector=VECTOR,
    ),
    put("index", "1", text="term1", vector=[1.0]),
    put("index", "2", text="term2", shown="search for the truth", keyword="biology", vector=[2.0]),
    put("index", "3", text="term3", shown="nothing related", keyword="technology", vector=[3.0]),
    put("index", "4", text="term4", vector=[4.0]),
    put(
        "index",
        "5",
        text="term5",
        shown="You know, for Search!",
        keyword="technology",
        integer=5,
        vector=[5.0],
    ),
    put("index", "6", text="term6", keyword="biology", integer=6, vector=[6.0]),
    put("index", "7", text="term7", keyword="astronomy", vector=[77.0]),
]
SIX = should(
    *(
        constant("text", f"term{n}", boost)
        for n, boost in ((4, 10.0), (5, 9.0), (1, 8.0), (2, 7.0), (6, 6.0))
    ),
    {"constant_score": {"filter": {"exists": {"field": "text"}}, "boost": 1}},
)
TEN = {"rank_window_size": 5, "rank_constant": 10}
COMPATIBLE = [
    case(
        "rrf scores are sums of 1 / (constant + rank)",
        Y700 + "rrf retriever with aggs (hits)",
        MANY,
        search(
            "index",
            {**rrf(nearest([6.0], 3), standard(SIX), **TEN), "size": 3},
            ids=["4", "5", "6"],
            scores=[near(0.1678, 1e-3), near(0.1666, 1e-3), near(0.1575, 1e-3)],
        ),
    ),
    case(
        "hits of rrf are highlighted by the words that found them",
        Y700 + "rrf retriever highlighting results",
        MANY,
        ask(
            "POST /index/_search?rest_total_hits_as_int=true",
            {
                **rrf(standard({"match": {"shown": "search"}}), standard({"term": {"text": "term5"}}), **TEN),
                "size": 3,
                "highlight": {"fields": {"shown": {"fragment_size": 150, "number_of_fragments": 3}}},
            },
            ids=["5", "2"],
            at={
                "hits/total": 2,
                "hits/hits/0/highlight/shown": ["You know, for <em>Search</em>!"],
                "hits/hits/1/highlight/shown": ["<em>search</em> for the truth"],
            },
        ),
    ),
    case(
        "min_score cuts what rrf has joined",
        Y700 + "rrf retriever with global min_score",
        MANY,
        search(
            "index",
            {
                **rrf(nearest([1.0], 2, 10), standard({"term": {"keyword": "biology"}}), **TEN),
                "size": 3,
                "min_score": 0.1,
            },
            ids=["2"],
            total=1,
        ),
    ),
    case(
        "an inner min_score and a least similarity cut the inner lists",
        Y700 + "rrf retriever with retriever-level min_score",
        MANY,
        search(
            "index",
            rrf(
                nearest([1.0], 10, similarity=0.0),
                standard({"term": {"keyword": "biology"}}, min_score=100),
                rank_window_size=10,
                rank_constant=10,
            ),
            ids=["1"],
        ),
    ),
    case(
        "an inner sort decides the inner ranks",
        Y700 + "rrf retriever with custom nested sort",
        MANY,
        search(
            "index",
            {
                **rrf(
                    standard({"exists": {"field": "text"}}, sort=[{"integer": {"order": "desc"}}]),
                    standard({"term": {"keyword": "biology"}}),
                    rank_window_size=2,
                    rank_constant=10,
                ),
                "size": 2,
            },
            total=7,
            at={"hits/hits": Size(2), "hits/hits/0/_id": "6"},
        ),
    ),
]

Y310 = "elasticsearch rank-rrf rrf/310_rrf_retriever_simplified.yml: "
FAILS = "[rrf] search failed - retrievers '[standard]' returned errors. All failures are attached as suppressed exceptions."
FORMS = [
    SP,
    dense_endpoint("dense-128", 128),
    create(
        "index",
        keyword="keyword",
        dense=semantic_text("dense-128"),
        sparse=semantic_text("sparse-1"),
        text_1="text",
        text_2="text",
        timestamp="date",
        vector=VECTOR,
        features="sparse_vector",
    ),
    bulk(
        "index",
        {"index": {"_id": "1"}},
        {
            "keyword": "keyword match 1",
            "dense": "you know",
            "sparse": "for testing",
            "text_1": "foo match 1",
            "text_2": "x match 2",
            "timestamp": "2000-03-30",
            "vector": [1],
            "features": {"foo": 1.0},
        },
        {"index": {"_id": "2"}},
        {
            "keyword": "keyword match 2",
            "dense": "ElasticSearch is an open source",
            "sparse": "distributed, RESTful, search engine",
            "text_1": "bar match 3",
            "text_2": "y match 4",
            "timestamp": "2010-02-08",
            "vector": [2],
            "features": {"bar": 1.0},
        },
        {"index": {"_id": "3"}},
        {
            "keyword": "keyword match 3",
            "dense": "which is built on top of Lucene internally",
            "sparse": "and enjoys all the features it provides",
            "text_1": "baz match 5",
            "text_2": "z match 6",
            "timestamp": "2024-08-08",
            "vector": [3],
            "features": {"baz": 1.0},
        },
    ),
]
"""Values of Elastic's test where the order that it asserts follows from their hashes."""


def simple(kind: str, **more: Any) -> dict[str, Any]:
    return {"retriever": {kind: more}}


def refused_form(promise: str, name: str, kind: str, says: str, **more: Any) -> Any:
    source = Y310 if kind == "rrf" else Y20
    return case(
        promise,
        source + name,
        create("index", text_1="text", text_2="text", keyword="keyword"),
        search("index", simple(kind, **more), status=400, says=says),
    )


Y20 = "elasticsearch rank-rrf linear/20_linear_retriever_simplified.yml: "
BOTH_TEXTS = ["text_1", "text_2"]
MIXED = [standard({"match": {"keyword": "bar"}})]
SIMPLE = [
    case(
        "one query for all fields (rrf)",
        Y310 + "Query all fields using the simplified format",
        FORMS,
        search("index", simple("rrf", query="match"), among=["1", "2", "3"], total=3),
    ),
    case(
        "fields' weights change the order of words (rrf)",
        Y310 + "Lexical match per-field boosting using the simplified format",
        FORMS,
        search("index", simple("rrf", fields=BOTH_TEXTS, query="foo 1 z"), ids=["1", "3"], total=2),
        search("index", simple("rrf", fields=["text_1", "text_2^3"], query="foo 1 z"), ids=["3", "1"], total=2),
    ),
    case(
        "fields' weights change the order of meanings (rrf)",
        Y310 + "Semantic match per-field boosting using the simplified format",
        FORMS,
        search(
            "index",
            simple("rrf", fields=["dense", "sparse"], query="distributed, RESTful, search engine"),
            ids=["2", "3", "1"],
        ),
        search(
            "index",
            simple("rrf", fields=["dense^3", "sparse"], query="distributed, RESTful, search engine"),
            ids=["3", "2", "1"],
        ),
    ),
    *(
        case(
            f"a query over one {kind} field (rrf)",
            Y310 + f"Can query {kind} fields",
            FORMS,
            search("index", simple("rrf", fields=[field], query=query), ids=ids, total=len(ids)),
        )
        for kind, field, query, ids in (
            ("keyword", "keyword", "keyword match 1", ["1"]),
            ("date", "timestamp", "2010-02-08", ["2"]),
            ("text", "text_*", "foo z", ["1", "3"]),
        )
    ),
    case(
        "an inner retriever's failure stands among the suppressed (rrf)",
        Y310 + "Cannot query dense vector fields",
        FORMS,
        search(
            "index",
            simple("rrf", fields=["vector"], query="foo"),
            status=400,
            at={
                "error/root_cause/0/reason": FAILS,
                "error/root_cause/0/suppressed/0/failed_shards/0/reason/reason": Part(
                    "Field [vector] of type [dense_vector] does not support match queries"
                ),
            },
        ),
    ),
    case(
        "a filter goes to what one query becomes (rrf)",
        Y310 + "Filters are propagated",
        FORMS,
        search("index", simple("rrf", query="match", filter=[{"term": {"keyword": "keyword match 1"}}]), ids=["1"], total=1),
    ),
    case(
        "a pattern that names no index has no hits (rrf)",
        Y310 + "Wildcard index patterns that do not resolve to any index are handled gracefully",
        search("nothing-like-*", simple("rrf", query="match"), ids=[], total=0),
    ),
    case(
        "a pattern that names no field has no hits (rrf)",
        Y310 + "Wildcard field patterns that do not resolve to any field are handled gracefully",
        FORMS,
        search("index", simple("rrf", fields=["nothing-*"], query="match"), ids=[], total=0),
    ),
    refused_form("query beside retrievers is refused (rrf)", "Cannot mix simplified query format with custom sub-retrievers", "rrf", "[rrf] cannot combine [retrievers] and [query]", query="foo", retrievers=MIXED),
    refused_form("fields without a query are refused (rrf)", "Missing required params", "rrf", "[rrf] [query] must be provided when [fields] is specified", fields=BOTH_TEXTS),
    refused_form("an empty query is refused (rrf)", "Missing required params", "rrf", "[rrf] [query] cannot be empty", fields=BOTH_TEXTS, query=""),
    refused_form("no fields are refused (rrf)", "Missing required params", "rrf", "[rrf] [fields] cannot be empty", fields=[], query="foo"),
    refused_form("nothing at all is refused (rrf)", "Missing required params", "rrf", "[rrf] must provide [retrievers] or [query]"),
    refused_form("a negative weight of a field is refused (rrf)", "Negative weight validation", "rrf", "[rrf] per-field weights must be non-negative", fields=["text_1^-1"], query="foo"),
    case(
        "one query for all fields (linear)",
        Y20 + "Query all fields using the simplified format",
        FORMS,
        search("index", simple("linear", query="match", normalizer="minmax"), among=["1", "2", "3"], total=3, at={"hits/hits/0/_score": Below(2.0001)}),
    ),
    case(
        "fields' weights change the order of words (linear)",
        Y20 + "Lexical match per-field boosting using the simplified format",
        FORMS,
        search("index", simple("linear", fields=BOTH_TEXTS, query="foo 1 z", normalizer="minmax"), ids=["1", "3"], scores=[1.0], at={"hits/hits/1/_score": Below(1.0)}),
        search("index", simple("linear", fields=["text_1", "text_2^3"], query="foo 1 z", normalizer="minmax"), ids=["3", "1"], scores=[1.0], at={"hits/hits/1/_score": Below(1.0)}),
    ),
    case(
        "fields' weights change the order of meanings (linear)",
        Y20 + "Semantic match per-field boosting using the simplified format",
        FORMS,
        search("index", simple("linear", fields=["dense", "sparse"], query="distributed, RESTful, search engine", normalizer="minmax"), ids=["2", "3", "1"], scores=[near(1.0, 1e-4)], at={"hits/hits/1/_score": Below(1.0), "hits/hits/2/_score": Below(1.0)}),
        search("index", simple("linear", fields=["dense^3", "sparse"], query="distributed, RESTful, search engine", normalizer="minmax"), ids=["3", "2", "1"], scores=[near(1.0, 1e-4)]),
    ),
    refused_form("query beside retrievers is refused (linear)", "Cannot mix simplified query format with custom sub-retrievers", "linear", "[linear] cannot combine [retrievers] and [query]", query="foo", normalizer="minmax", retrievers=[weighed(MIXED[0], 1.0)]),
    refused_form("a query without a normalizer is refused (linear)", "Missing required params", "linear", "[linear] [normalizer] must be provided when [query] is specified", query="foo"),
    refused_form("fields without a query are refused (linear)", "Missing required params", "linear", "[linear] [query] must be provided when [fields] is specified", fields=BOTH_TEXTS),
    refused_form("nothing at all is refused (linear)", "Missing required params", "linear", "[linear] must provide [retrievers] or [query]"),
]  # fmt: skip

YL = "elasticsearch rank-rrf linear/10_linear_retriever.yml: "
NUMBERS = [
    create("index", vector=VECTOR, keyword="keyword", timestamp="date"),
    bulk(
        "index",
        *(
            row
            for n, word in enumerate(("one", "two", "three", "four"), start=1)
            for row in (
                {"index": {"_id": str(n)}},
                {"vector": [n], "keyword": word, "timestamp": f"202{n}-01-01T00:00:00"},
            )
        ),
    ),
]


def linear(*retrievers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"retriever": {"linear": {"retrievers": list(retrievers), **more}}}


def words(**boosts: float) -> dict[str, Any]:
    """A retriever of documents by their keyword, each with its score."""
    queries = [constant("keyword", word, boost) for word, boost in boosts.items()]
    return standard(queries[0] if len(queries) == 1 else should(*queries))


FOURTH = weighed(nearest([4], 1), 2.0)
NORMALISED = weighed(words(one=10.0, two=9.0, three=5.0), 10.0, normalizer="minmax")
LINEAR = [
    case(
        "linear adds weighted scores",
        YL + "basic linear weighted combination of a standard and knn retrievers",
        NUMBERS,
        search(
            "index", linear(weighed(words(one=10.0), 0.5), FOURTH), ids=["1", "4"], total=2, scores=[5.0, 2.0]
        ),
    ),
    case(
        "lists without common hits are interleaved by score",
        YL + "basic linear weighted combination - interleaved results",
        NUMBERS,
        search(
            "index",
            linear(weighed(words(one=10.0, two=5.0), 2), weighed(words(three=5.0, four=4.0), 3)),
            ids=["1", "3", "4", "2"],
            total=4,
            scores=[20.0, 15.0, 12.0, 10.0],
        ),
    ),
    case(
        "minmax brings scores between 0 and 1",
        YL + "should normalize initial scores",
        NUMBERS,
        search(
            "index",
            linear(NORMALISED, FOURTH),
            ids=["1", "2", "4", "3"],
            total=4,
            scores=[10.0, 8.0, 2.0, near(0.0, 1e-3)],
        ),
    ),
    case(
        "a normalizer that is not known is named",
        YL + "should throw on unknown normalizer",
        NUMBERS,
        search(
            "index",
            linear(weighed(words(one=10.0), 1.0, normalizer="aardvark"), FOURTH),
            status=400,
            says="Unknown normalizer [aardvark]",
        ),
    ),
    case(
        "a negative weight is refused (linear)",
        YL + "should throw on negative weights",
        NUMBERS,
        search(
            "index",
            linear(weighed(words(one=10.0), 1.0), weighed(nearest([4], 1), -10)),
            status=400,
            says="[weight] must be non-negative",
        ),
    ),
    case(
        "pages of a linear combination are cut from one order",
        YL + "pagination within a consistent rank_window_size",
        NUMBERS,
        search(
            "index", {**linear(NORMALISED, FOURTH), "from": 2, "size": 1}, ids=["4"], total=4, scores=[2.0]
        ),
        search("index", {**linear(NORMALISED, FOURTH), "from": 3, "size": 1}, ids=["3"], total=4),
    ),
    case(
        "a window below the size is refused (linear)",
        YL + "should throw when rank_window_size less than size",
        NUMBERS,
        search(
            "index",
            {**linear(NORMALISED, FOURTH, rank_window_size=2), "size": 10},
            status=400,
            kind="action_request_validation_exception",
            says="[linear] requires [rank_window_size: 2] be greater than or equal to [size: 10]",
        ),
    ),
    case(
        "the window cuts lists before they are normalised",
        YL + "should respect rank_window_size for normalization and returned hits",
        NUMBERS,
        search(
            "index",
            {
                **linear(
                    weighed(words(one=10.0, two=9.0, three=5.0), 1.0, normalizer="minmax"),
                    FOURTH,
                    rank_window_size=2,
                ),
                "size": 2,
            },
            ids=["4", "1"],
            total=4,
            scores=[2.0, 1.0],
        ),
    ),
    case(
        "linear in linear, weights 1 and no normalizer by default",
        YL + "multiple nested linear retrievers",
        NUMBERS,
        search(
            "index",
            linear(
                weighed(words(one=10.0), 0.5),
                weighed(
                    linear({"retriever": words(two=20.0)}, {"retriever": nearest([4], 1)})["retriever"], 2.0
                ),
            ),
            ids=["2", "1", "4"],
            total=3,
            scores=[40.0, 5.0, 2.0],
        ),
    ),
    case(
        "a filter goes to every inner retriever (linear)",
        YL + "linear retriever with filters",
        NUMBERS,
        search(
            "index",
            linear(weighed(words(one=10.0), 0.5), FOURTH, filter={"term": {"keyword": "four"}}),
            ids=["4"],
            total=1,
            scores=[2.0],
        ),
    ),
    case(
        "an inner retriever has a filter of its own",
        YL + "linear retriever with filters on nested retrievers",
        NUMBERS,
        search(
            "index",
            linear(
                weighed(
                    standard(constant("keyword", "one", 10.0), filter={"term": {"keyword": "four"}}), 0.5
                ),
                FOURTH,
            ),
            ids=["4"],
            total=1,
            scores=[2.0],
        ),
    ),
    case(
        "equal scores are normalised by minmax to themselves",
        YL + "linear retriever with custom sort and score for nested retrievers (comment)",
        NUMBERS,
        search(
            "index",
            linear(weighed(words(one=10.0, two=10.0), 1.0, normalizer="minmax"), FOURTH),
            ids=["1", "2", "4"],
            scores=[10.0, 10.0, 2.0],
        ),
    ),
    case(
        "l2_norm divides by the length of the scores",
        "elasticsearch L2ScoreNormalizer",
        NUMBERS,
        search(
            "index",
            linear(weighed(words(one=3.0, two=4.0), 1.0, normalizer="l2_norm"), FOURTH),
            ids=["4", "2", "1"],
            scores=[2.0, 0.8, 0.6],
        ),
    ),
]

Y70 = "elasticsearch 70_text_similarity_rank_retriever.yml: "
RERANKER = ask(
    "PUT /_inference/rerank/reranker",
    {"service": RERANK, "service_settings": {"model_id": "a-model", "api_key": "a-key"}},
)
ECLIPSE = (
    "As seen from Earth, an eclipse of the Sun happens when the Moon stands between the Earth and the Sun."
)
PHASES = "The phases of the Moon come from the place of the Moon relative to the Earth and the Sun."
LAKE = "Moon Lake is the largest lake of an island, and looks like the Sun on one side."
MOONS = [
    RERANKER,
    SP,
    create(
        "moons",
        text={"type": "text", "copy_to": "meaning"},
        topic="keyword",
        subtopic="keyword",
        score="text",
        meaning=semantic_text(
            "sparse-1", chunking_settings={"strategy": "word", "max_chunk_size": 10, "overlap": 1}
        ),
    ),
    put("moons", "doc_2", text=PHASES, topic=["science"], subtopic=["astronomy"], score="0"),
    put("moons", "doc_3", text=LAKE, topic=["geography"], score="1"),
    put("moons", "doc_1", text=ECLIPSE, topic=["science"], subtopic=["technology"], score="-1"),
]
SUBTOPICS = standard(should(constant("subtopic", "technology", 10.0), constant("subtopic", "astronomy", 1.0)))
SCIENCE = standard({"term": {"topic": "science"}})
EVERYTHING = standard({"match_all": {}})


def rerank(
    retriever: dict[str, Any], field: str = "score", endpoint: str = "reranker", **more: Any
) -> dict[str, Any]:
    fields = {
        "retriever": retriever,
        "field": field,
        "inference_id": endpoint,
        "inference_text": "How often does the moon hide the sun?",
        "rank_window_size": 10,
        **more,
    }
    return {"retriever": {"text_similarity_reranker": fields}, "size": 10, "track_total_hits": True}


def rescored(promise: str, name: str, field: str, **rescorer: Any) -> Any:
    return case(
        promise,
        Y70 + name,
        MOONS,
        search("moons", rerank(SCIENCE, field, chunk_rescorer=rescorer), ids=["doc_1", "doc_2"], total=2),
    )


CHUNKED = "Reranking based on rescore_chunks"
RERANKS = [
    case(
        "the reranker decides the order",
        Y70 + "Simple text similarity rank retriever",
        MOONS,
        search("moons", rerank(SUBTOPICS), ids=["doc_2", "doc_1"], total=2),
    ),
    case(
        "a reranker's score s becomes max(s, 0) + min(exp(s), 1)",
        "elasticsearch TextSimilarityRankFeaturePhaseRankCoordinatorContext.normalizeScore",
        MOONS,
        search(
            "moons",
            rerank(EVERYTHING),
            ids=["doc_3", "doc_2", "doc_1"],
            scores=[2.0, 1.0, near(0.36787945, 1e-6)],
        ),
    ),
    case(
        "a filter comes before reranking",
        Y70 + "Simple text similarity rank retriever and filtering",
        MOONS,
        search("moons", rerank(SCIENCE, filter={"term": {"subtopic": "technology"}}), ids=["doc_1"], total=1),
    ),
    case(
        "a reranker that is not there is named",
        Y70 + "Text similarity reranking fails if the inference ID does not exist",
        MOONS,
        search(
            "moons",
            rerank(SCIENCE, endpoint="nobody"),
            status=404,
            says="Inference endpoint not found [nobody]",
        ),
    ),
    case(
        "even where there is nothing to rerank",
        Y70 + "... fails if the inference ID does not exist and result set is empty",
        MOONS,
        search(
            "moons",
            rerank(standard({"term": {"topic": "nothing"}}), endpoint="nobody"),
            status=404,
            says="Inference endpoint not found [nobody]",
        ),
    ),
    case(
        "where failures are allowed the inner order stays, a sort included",
        Y70 + "Text similarity reranking with allowed failure maintains custom sorting",
        MOONS,
        search(
            "moons",
            rerank(
                standard({"term": {"topic": "science"}}, sort=["subtopic"]),
                "text",
                "nobody",
                allow_rerank_failures=True,
            ),
            ids=["doc_2", "doc_1"],
            total=2,
        ),
    ),
    case(
        "a hit is found through an alias for several indexes",
        Y70 + "text similarity reranker properly handles aliases",
        RERANKER,
        create("first", text="text", topic="keyword"),
        create("second", text="text", topic="keyword"),
        ask("PUT /first/_alias/both"),
        ask("PUT /second/_alias/both"),
        put("second", "doc_1", text=ECLIPSE, topic=["science"]),
        search("both", rerank(SCIENCE, "text"), ids=["doc_1"], total=1),
    ),
    case(
        "min_score is compared with the reranker's own score",
        Y70 + "Text similarity reranker respects min_score",
        MOONS,
        put("moons", "doc_2", text=PHASES, topic=["science"], subtopic=["astronomy"], score="10"),
        search("moons", rerank(SUBTOPICS, min_score=10), ids=["doc_2"], total=1),
    ),
    case(
        "a min_score of 0 keeps scores above it",
        Y70 + "Text similarity reranker with min_score zero includes all docs",
        RERANKER,
        create("index", score="keyword"),
        *(put("index", f"doc_{n}", score=str(n)) for n in (1, 2, 3)),
        search("index", rerank(EVERYTHING, min_score=0), ids=["doc_3", "doc_2", "doc_1"], total=3),
    ),
    case(
        "a high min_score keeps nothing",
        Y70 + "Text similarity reranker with high min_score excludes all docs",
        MOONS,
        search("moons", rerank(EVERYTHING, min_score=1000), ids=[], total=0),
    ),
    case(
        "a rescorer of 0 chunks is refused",
        Y70 + "Text similarity reranker specifying number of rescore_chunks must be > 0",
        MOONS,
        search(
            "moons",
            rerank(EVERYTHING, chunk_rescorer={"size": 0}),
            status=400,
            says="size must be greater than 0",
        ),
    ),
    rescored("a document counts by its best chunk", CHUNKED, "text", size=2),
    rescored("a rescorer takes one chunk by default", CHUNKED + " using defaults", "text"),
    rescored(
        "chunks of a semantic_text are reranked", CHUNKED + " on a semantic_text field", "meaning", size=2
    ),
    rescored(
        "a rescorer has chunking settings of its own",
        CHUNKED + " on a semantic_text field specifying chunking settings",
        "meaning",
        chunking_settings={"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0},
    ),
    rescored(
        "settings that a rescorer leaves out have defaults",
        "Reranking based on chunk_rescorer specifying only max chunk size",
        "meaning",
        size=20,
        chunking_settings={"max_chunk_size": 20},
    ),
    case(
        "a rescorer's chunking settings are checked",
        Y70 + CHUNKED + " ... requires valid chunking settings",
        MOONS,
        search(
            "moons",
            rerank(
                SCIENCE,
                "meaning",
                chunk_rescorer={
                    "size": 20,
                    "chunking_settings": {
                        "strategy": "sentence",
                        "max_chunk_size": 10,
                        "sentence_overlap": 20,
                    },
                },
            ),
            status=400,
            says="Invalid value",
        ),
    ),
    case(
        "a top_n below the window is refused, as the guide's own example is",
        "elasticsearch TopNProvider, TextSimilarityRankBuilder",
        ask(
            "PUT /_inference/rerank/jina",
            {
                "service": "jinaai",
                "service_settings": {"model_id": "jina-reranker-v2-base-multilingual", "api_key": "a-key"},
                "task_settings": {"top_n": 10},
            },
        ),
        create("index", text="text"),
        put("index", "1", text="some words"),
        search(
            "index",
            rerank(EVERYTHING, "text", "jina", rank_window_size=100),
            status=400,
            says="Inference endpoint [jina] is configured to return the top [10] results, but rank_window_size is [100]. "
            "Reduce rank_window_size to be less than or equal to the configured top N value.",
        ),
    ),
    case(
        "rrf of a reranked list and another",
        "elasticsearch rank-rrf rrf/800_rrf_with_text_similarity_reranker_retriever.yml",
        MOONS,
        search(
            "moons",
            rrf(rerank(EVERYTHING)["retriever"], standard(constant("subtopic", "technology", 1.0))),
            ids=["doc_1", "doc_3", "doc_2"],
            scores=[1 / 63 + 1 / 61, 1 / 61, 1 / 62],
        ),
    ),
    case(
        "a semantic search is reranked",
        "elasticsearch docs, semantic reranking",
        MOONS,
        search(
            "moons",
            rerank(standard(semantic("meaning", "the moon")["query"])),
            ids=["doc_3", "doc_2", "doc_1"],
        ),
    ),
]

RULES = [
    case(
        "a window below the size is refused (rrf)",
        "elasticsearch CompoundRetrieverBuilder.validate",
        TERMS,
        search(
            "index",
            {**rrf(TERM, KEYWORD, rank_window_size=5), "size": 10},
            status=400,
            kind="action_request_validation_exception",
            reason="Validation Failed: 1: [rrf] requires [rank_window_size: 5] be greater than or equal to [size: 10];",
        ),
    ),
    case(
        "a retriever stands alone",
        "elasticsearch SearchSourceBuilder",
        TERMS,
        search(
            "index",
            {"retriever": TERM, "query": {"match_all": {}}},
            status=400,
            says="cannot specify [retriever] and [query]",
        ),
    ),
    case(
        "a retriever that is not known is named",
        "elasticsearch XContentParser.namedObject",
        TERMS,
        search("index", {"retriever": {"nothing": {}}}, status=400, says="unknown retriever [nothing]"),
    ),
    case(
        "the status of a failed rrf is that of its inner retriever",
        "elasticsearch CompoundRetrieverBuilder.innerStatus, issue 119617",
        SP,
        create("index", text="text", meaning=semantic_text("nobody")),
        search(
            "index",
            rrf(standard(semantic("meaning")["query"]), standard({"match": {"text": "x"}})),
            status=404,
            says="Inference endpoint not found [nobody]",
        ),
    ),
    case(
        "standard has a filter, a least score and a sort",
        "elasticsearch docs, standard retriever",
        NUMBERS,
        search(
            "index",
            {
                "retriever": {
                    "standard": {
                        "query": words(one=1.0, two=2.0, three=3.0)["standard"]["query"],
                        "min_score": 2.0,
                    }
                }
            },
            ids=["3", "2"],
            total=2,
        ),
        search(
            "index",
            {
                "retriever": {
                    "standard": {
                        "filter": {"terms": {"keyword": ["one", "four"]}},
                        "sort": [{"timestamp": "desc"}],
                    }
                }
            },
            ids=["4", "1"],
        ),
    ),
    case(
        "knn as a retriever searches among what its filter lets through",
        "elasticsearch docs, knn retriever",
        NUMBERS,
        search(
            "index",
            {"retriever": nearest([4], 2, 10, filter={"terms": {"keyword": ["one", "two", "three"]}})},
            ids=["3", "2"],
            scores=[0.5, 0.2],
        ),
    ),
    case(
        "fewer candidates than k are refused",
        "elasticsearch KnnVectorQueryBuilder",
        NUMBERS,
        search(
            "index",
            {"retriever": nearest([4], 5, 2)},
            status=400,
            says="[num_candidates] cannot be less than [k]",
        ),
    ),
]

CASES = [*RRF, *PAGES, *WEIGHTS, *COMPATIBLE, *SIMPLE, *LINEAR, *RERANKS, *RULES]
