"""Every flow of Elastic's guides is one short program.

Each program runs against a server that records what it is sent and answers as Elasticsearch would, and its bodies are
judged by Elasticsearch's published description and by the official client. The ring ``live`` runs the same programs
against a cluster, where ``ELASTICSEARCH_URL`` is set.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema
import pytest
from judge import Judge

from ragbridge import Group, Image
from ragbridge.elastic import (
    E5,
    ELASTIC_RERANK,
    ELSER,
    AdaptiveAllocations,
    Elastic,
    ElasticInferenceService,
    ElasticsearchService,
    JinaAI,
    dense_vector_mapping,
    diversify,
    knn_query,
    knn_retriever,
    linear,
    match_query,
    original_score,
    pinned,
    rank_vectors_mapping,
    rescorer,
    rrf,
    rule,
    search_body,
    semantic_highlight,
    semantic_query,
    semantic_text_mapping,
    sparse_vector_mapping,
    sparse_vector_query,
    standard,
    text_similarity_reranker,
)
from ragbridge.local import Engine
from ragbridge.server import running

QUESTION = "who inspired taking care of the sea?"
DOCUMENTS = [
    {
        "id": "1",
        "content": "A biologist studies how coral reefs recover, and her work is read all over the world.",
    },
    {
        "id": "2",
        "content": "For months at a time she dives far from any harbour and writes down what she sees.",
    },
    {"id": "3", "content": "Her care for the sea has inspired young people to protect what lives in it."},
]
URL = os.environ.get("ELASTICSEARCH_URL")
# Read before tests hide them: the ring "live" needs them.
LIVE = {name: os.environ[name] for name in ("ELASTICSEARCH_URL", "ELASTIC_API_KEY") if name in os.environ}
NEEDED = {
    "jinaai": ("JINA_API_KEY", "key"),
    "eland": ("ELAND_MODEL", "model"),  # the id of a model that Eland has uploaded
    "existing-deployment": ("ELSER_DEPLOYMENT", "deployment"),  # the id of a deployment of ELSER that runs
}
"""What a program needs of a cluster's owner beside the cluster: a variable, and the argument that takes it."""
NEEDS = {
    name: (variable, argument, os.environ.get(variable)) for name, (variable, argument) in NEEDED.items()
}

EIS_PAIRS = [
    ("jina-embeddings-v5-text-small", "jina-reranker-v3"),
    ("jina-embeddings-v5-text-nano", "jina-reranker-v3.5"),
    ("jina-embeddings-v3", "jina-reranker-v2-base-multilingual"),
    ("jina-clip-v2", "jina-reranker-m0"),
]


# The programs. ``tag`` keeps the names of one run apart from those of another.


def jinaai(elastic: Elastic, tag: str, *, key: str = "a-key-for-Jina") -> list[str]:
    """Elastic's guide for the service ``jinaai``."""
    embeddings, reranker, index = f"jinaai-embeddings-{tag}", f"jinaai-rerank-{tag}", f"jinaai-index-{tag}"
    elastic.endpoints.create(embeddings, "text_embedding", JinaAI("jina-embeddings-v3", api_key=key))
    elastic.endpoints.create(
        reranker, "rerank", JinaAI("jina-reranker-v2-base-multilingual", api_key=key, top_n=10)
    )
    return semantic(elastic, index, embeddings, reranker)


def eis(elastic: Elastic, tag: str, *, embedding: str, rerank: str) -> list[str]:
    """Elastic's page on Jina's models, over the Elastic Inference Service."""
    embeddings, reranker, index = f"eis-embeddings-{tag}", f"eis-rerank-{tag}", f"eis-index-{tag}"
    elastic.endpoints.create(embeddings, "text_embedding", ElasticInferenceService(embedding))
    elastic.endpoints.create(reranker, "rerank", ElasticInferenceService(rerank))
    return semantic(elastic, index, embeddings, reranker)


def elser(elastic: Elastic, tag: str) -> list[str]:
    """ELSER on the cluster's own nodes, its allocations following the load."""
    settings = ElasticsearchService(ELSER, num_threads=1, adaptive_allocations=AdaptiveAllocations(1, 4))
    elastic.endpoints.create(f"my-elser-model-{tag}", "sparse_embedding", settings)
    return semantic(elastic, f"elser-index-{tag}", f"my-elser-model-{tag}")


def e5(elastic: Elastic, tag: str) -> list[str]:
    """E5 on the cluster's own nodes."""
    settings = ElasticsearchService(E5, num_threads=1, num_allocations=1)
    elastic.endpoints.create(f"my-e5-model-{tag}", "text_embedding", settings)
    return semantic(elastic, f"e5-index-{tag}", f"my-e5-model-{tag}")


def elastic_rerank(elastic: Elastic, tag: str) -> list[str]:
    """Search by words, reordered by Elastic Rerank."""
    index, reranker = f"rerank-index-{tag}", f"my-elastic-rerank-{tag}"
    settings = ElasticsearchService(
        ELASTIC_RERANK, num_threads=1, adaptive_allocations=AdaptiveAllocations(1, 4)
    )
    elastic.endpoints.create(reranker, "rerank", settings)
    elastic.create_index(index, {"content": {"type": "text"}})
    elastic.bulk(index, DOCUMENTS, id_field="id", refresh="wait_for")
    words = standard(match_query("content", QUESTION))
    found = elastic.search(
        index,
        retriever=text_similarity_reranker(
            words, field="content", inference_text=QUESTION, inference_id=reranker, rank_window_size=20
        ),
    )
    return [hit.id for hit in found]


def eland(elastic: Elastic, tag: str, *, model: str = "msmarco-MiniLM-L12-cos-v5") -> list[str]:
    """A model that Eland has uploaded."""
    settings = ElasticsearchService(model, num_threads=1, num_allocations=1)
    elastic.endpoints.create(f"my-minilm-{tag}", "text_embedding", settings)
    return semantic(elastic, f"minilm-index-{tag}", f"my-minilm-{tag}")


def existing_deployment(elastic: Elastic, tag: str, *, deployment: str = ".elser_model_2") -> list[str]:
    """A deployment that runs already."""
    settings = ElasticsearchService(deployment_id=deployment)
    elastic.endpoints.create(f"use-existing-{tag}", "sparse_embedding", settings)
    return semantic(elastic, f"existing-index-{tag}", f"use-existing-{tag}")


def semantic(elastic: Elastic, index: str, inference_id: str, reranker: str | None = None) -> list[str]:
    """What follows in every guide: the index, the documents, a search without and with the reranker."""
    elastic.create_index(index, {"content": semantic_text_mapping(inference_id)})
    elastic.bulk(index, DOCUMENTS, id_field="id", refresh="wait_for")
    question = semantic_query("content", QUESTION)
    found = elastic.search(index, query=question, highlight=semantic_highlight("content"))
    if reranker is not None:
        found = elastic.search(
            index,
            retriever=text_similarity_reranker(
                standard(question),
                field="content",
                inference_text=QUESTION,
                inference_id=reranker,
                rank_window_size=10,
            ),
        )
        assert all(original_score(hit.score or 0) <= (hit.score or 0) for hit in found)
    return [hit.id for hit in found]


def own_vectors(elastic: Elastic, tag: str) -> list[str]:
    """Without ``semantic_text``: vectors and token weights by ``_inference``, stored and searched by the client."""
    dense, sparse, index = f"dense-{tag}", f"sparse-{tag}", f"vectors-{tag}"
    endpoint = elastic.endpoints.create(
        dense, "text_embedding", ElasticInferenceService("jina-embeddings-v5-text-nano")
    )
    elastic.endpoints.create(sparse, "sparse_embedding", ElasticInferenceService("elser_model_2"))
    elastic.create_index(
        index,
        {
            "content": {"type": "text"},
            "vector": dense_vector_mapping(endpoint, index_options={"type": "int8_hnsw"}),
            "tokens": sparse_vector_mapping(),
        },
    )
    texts = [document["content"] for document in DOCUMENTS]
    vectors = elastic.embed(texts, inference_id=dense, role="document").vectors
    rows = [
        {**document, "vector": vector, "tokens": tokens}
        for document, vector, tokens in zip(
            DOCUMENTS, vectors, elastic.sparse_embed(texts, inference_id=sparse), strict=True
        )
    ]
    elastic.bulk(index, rows, id_field="id", refresh="wait_for")
    question = elastic.embed([QUESTION], inference_id=dense, role="query").vectors[0]
    elastic.search(
        index, knn=knn_query("vector", query_vector=question, k=3, num_candidates=50), source=["content"]
    )
    elastic.search(
        index,
        retriever=rrf(
            [
                standard(match_query("content", QUESTION)),
                knn_retriever("vector", query_text=QUESTION, inference_id=dense, k=10),
                standard(sparse_vector_query("tokens", inference_id=sparse, query=QUESTION)),
            ]
        ),
    )
    found = elastic.search(
        index,
        retriever=linear(
            [
                standard(match_query("content", QUESTION)),
                knn_retriever("vector", query_vector=question, k=10),
            ],
            weights=[1, 2],
        ),
    )
    return [hit.id for hit in found]


PROGRAMS: dict[str, Callable[[Elastic, str], list[str]]] = {
    "jinaai": jinaai,
    **{
        f"eis-{embedding}": partial(eis, embedding=embedding, rerank=rerank)
        for embedding, rerank in EIS_PAIRS
    },
    "elser": elser,
    "e5": e5,
    "elastic-rerank": elastic_rerank,
    "eland": eland,
    "existing-deployment": existing_deployment,
    "own-vectors": own_vectors,
}


# The server that records.


class Recorded:
    """What a server of this kind has been sent, and what it holds."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.indexes: dict[str, dict[str, dict[str, Any]]] = {}
        self.lock = threading.Lock()

    def bodies(self, method: str, end: str) -> list[Any]:
        """The bodies of requests by ``method`` whose path ends like this."""
        return [body for m, path, _, body in self.requests if m == method and path.endswith(end)]

    def answer(self, method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["_inference", task, name] if method == "PUT":
                settings = {key: value for key, value in body["service_settings"].items() if key != "api_key"}
                width = {"dimensions": 64, "similarity": "cosine"} if task == "text_embedding" else {}
                shown = {
                    **body,
                    "inference_id": name,
                    "task_type": task,
                    "service_settings": {**width, **settings},
                }
                self.endpoints[name] = shown
                return 200, shown
            case ["_inference", *_, name] if method == "GET" and name in self.endpoints:
                return 200, {"endpoints": [self.endpoints[name]]}
            case ["_inference", "text_embedding", _]:
                return 200, {"text_embedding": [{"embedding": vector(text)} for text in body["input"]]}
            case ["_inference", "sparse_embedding", _]:
                rows = [
                    {"is_truncated": False, "embedding": dict.fromkeys(words(text), 1.5)}
                    for text in body["input"]
                ]
                return 200, {"sparse_embedding": rows}
            case [index] if method == "PUT" and index not in self.indexes:
                self.indexes[index] = {}
                return 200, {"acknowledged": True, "shards_acknowledged": True, "index": index}
            case [index, "_bulk"] if index in self.indexes:
                return 200, {"took": 1, "errors": False, "items": [*self.write(index, body)]}
            case [index, "_search"] if index in self.indexes:
                return 200, self.search(index, body)
        why = {"type": "illegal_argument_exception", "reason": f"no handler for {method} {path}"}
        return 400, {"error": {**why, "root_cause": [why]}, "status": 400}

    def write(self, index: str, lines: list[Any]) -> Iterator[dict[str, Any]]:
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            ((op, target),) = action.items()
            self.indexes[index][target["_id"]] = document
            yield {op: {"_index": index, "_id": target["_id"], "status": 201, "result": "created"}}

    def search(self, index: str, body: dict[str, Any]) -> dict[str, Any]:
        """Hits by words in common, whatever the search: no engine, but the shape of one's answer."""
        asked = words(QUESTION)
        hits = [
            {
                "_index": index,
                "_id": name,
                "_score": 1.0 + len(asked & words(document["content"])),
                "_source": document,
                **({"highlight": {"content": [document["content"]]}} if "highlight" in body else {}),
            }
            for name, document in self.indexes[index].items()
        ]
        hits = sorted(hits, key=lambda hit: -hit["_score"])[: body.get("size", 10)]
        total = {"value": len(hits), "relation": "eq"}
        return {
            "took": 1,
            "timed_out": False,
            "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
            "hits": {"total": total, "max_score": hits[0]["_score"], "hits": hits},
        }


def words(text: str) -> set[str]:
    """The words of a text."""
    return set(text.lower().strip("?.").split())


def vector(text: str) -> list[float]:
    """Some vector of 64 numbers."""
    return [float(ord(text[place % len(text)]) % 7 + 1) for place in range(64)]


@pytest.fixture
def server() -> Iterator[tuple[str, Recorded]]:
    """A server over a socket that answers as Elasticsearch would, and what it was sent."""
    recorded = Recorded()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            text = self.rfile.read(length).decode()
            body = (
                [json.loads(line) for line in text.splitlines()]
                if "ndjson" in str(self.headers.get("content-type"))
                else (json.loads(text) if text else None)
            )
            parts = urlsplit(self.path)
            with recorded.lock:
                recorded.requests.append((self.command, parts.path, dict(parse_qsl(parts.query)), body))
                status, shown = recorded.answer(self.command, parts.path, body)
            data = json.dumps(shown).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("x-elastic-product", "Elasticsearch")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET = do_PUT  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", recorded
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_guide_is_one_short_program(server: tuple[str, Recorded], name: str) -> None:
    """It runs to its end over a socket, writes every document and finds the one that is asked for."""
    url, recorded = server
    with Elastic(url, api_key="a-key") as elastic:
        assert PROGRAMS[name](elastic, "tag")[0] == "3"
    (index,) = recorded.indexes.values()
    assert [index[document["id"]]["content"] for document in DOCUMENTS] == [
        one["content"] for one in DOCUMENTS
    ]


def test_the_guide_for_jinaai_sends_what_elastic_s_page_sends(server: tuple[str, Recorded]) -> None:
    """Endpoints, index, documents and both searches, as the page has them; a window that ``top_n`` has room for."""
    url, recorded = server
    with Elastic(url) as elastic:
        jinaai(elastic, "x", key="secret")
    service = {"model_id": "jina-embeddings-v3", "api_key": "secret"}
    assert recorded.bodies("PUT", "/jinaai-embeddings-x") == [
        {"service": "jinaai", "service_settings": service}
    ]
    assert recorded.bodies("PUT", "/jinaai-index-x") == [
        {
            "mappings": {
                "properties": {"content": {"type": "semantic_text", "inference_id": "jinaai-embeddings-x"}}
            }
        }
    ]
    (lines,) = recorded.bodies("POST", "/_bulk")
    assert lines[::2] == [{"index": {"_id": number}} for number in "123"]
    assert lines[1::2] == DOCUMENTS
    semantic_body = {"semantic": {"field": "content", "query": QUESTION}}
    plain, reranked = recorded.bodies("POST", "/_search")
    assert plain["query"] == semantic_body
    assert reranked == {
        "retriever": {
            "text_similarity_reranker": {
                "retriever": {"standard": {"query": semantic_body}},
                "field": "content",
                "rank_window_size": 10,
                "inference_id": "jinaai-rerank-x",
                "inference_text": QUESTION,
            }
        }
    }


# The judges: Elasticsearch's published description, and the official client.


OPERATIONS = {
    "create": "PUT /{index}",
    "bulk": "POST /{index}/_bulk",
    "search": "POST /{index}/_search",
}
"""Elasticsearch's operations that the programs and the builders make bodies for."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_elasticsearch_s_description_knows_every_body(
    server: tuple[str, Recorded], judge: Judge, name: str
) -> None:
    """Index, bulk and search bodies of every program hold nothing but what is described."""
    url, recorded = server
    with Elastic(url) as elastic:
        PROGRAMS[name](elastic, "tag")
    judged = 0
    for method, path, query, body in recorded.requests:
        if path.endswith(("/_search", "/_bulk")):
            operation = OPERATIONS[path.rpartition("/_")[2]]
        elif method == "PUT" and not path.startswith("/_inference"):
            operation = OPERATIONS["create"]
        else:
            continue
        assert {*query} <= judge.parameters(operation)
        for part in body[::2] if path.endswith("/_bulk") else [body]:
            judge.body(operation, part)
        judged += 1
    assert judged >= 3


VECTOR = [0.5] * 64
TERM = {"term": {"lang": {"value": "en"}}}
QUERIES = [
    semantic_query("content", QUESTION, boost=2),
    match_query("content", QUESTION, operator="and", boost=0.5),
    knn_query("v", query_vector=VECTOR, k=5, num_candidates=10, similarity=0.3, filter=[TERM], boost=2),
    knn_query("v", query_text=QUESTION, inference_id="e5", filter=TERM),
    knn_query("v", query_input=QUESTION, rescore_vector={"oversample": 3}, visit_percentage=2.5),
    knn_query("v", query_input=Group(["a", Image(b"a picture")]), inference_id="omni"),
    sparse_vector_query("t", inference_id="elser", query=QUESTION, boost=2),
    sparse_vector_query(
        "t", query_vector={"sea": 1.5}, prune=True, pruning_config={"tokens_weight_threshold": 0.4}
    ),
]
WORDS = standard(match_query("title", QUESTION), filter=[TERM], min_score=0.1)
MEANING = standard(semantic_query("content", QUESTION), filter=TERM)
RETRIEVERS = [
    WORDS,
    knn_retriever("v", query_vector=VECTOR, k=5, similarity=0.3, filter=TERM),
    knn_retriever("v", query_text=QUESTION, inference_id="e5", k=5, num_candidates=10),
    text_similarity_reranker(
        MEANING,
        field="content",
        inference_text=QUESTION,
        inference_id="r",
        rank_window_size=50,
        min_score=0.2,
        filter=[TERM],
        chunk_rescorer={"size": 2, "chunking_settings": {"max_chunk_size": 100}},
    ),
    rrf([WORDS, MEANING], rank_constant=20, rank_window_size=50, filter=TERM, min_score=0.01),
    rrf([WORDS, MEANING], weights=[2, 1]),
    linear(
        [WORDS, MEANING], weights=[2, 1], normalizer=["minmax", "l2_norm"], rank_window_size=50, min_score=0
    ),
    text_similarity_reranker(rrf([WORDS, MEANING]), field="content", inference_text=QUESTION),
    standard(
        TERM,
        sort=["title", {"_score": {"order": "desc"}}],
        collapse="author",
        search_after=["2026", "a"],
        terminate_after=9,
    ),
    knn_retriever(
        "v", query_vector=VECTOR, k=5, rescore_vector={"oversample": 2}, visit_percentage=9, min_score=0
    ),
    linear(query=QUESTION, fields=["title^2", "content"], normalizer="minmax"),
    pinned(MEANING, ids=["1", "2"], rank_window_size=20),
    pinned(MEANING, docs=[{"index": "docs", "id": "1"}], filter=TERM),
    rule(MEANING, ruleset_ids=["mine", "yours"], match_criteria={"query_string": "sea"}, rank_window_size=20),
    rescorer(
        rrf([WORDS, MEANING], rank_window_size=50),
        rescore=[
            {"window_size": 20, "query": {"rescore_query": TERM, "score_mode": "max"}},
            {"window_size": 10, "learning_to_rank": {"model_id": "ltr"}},
        ],
    ),
    diversify(MEANING, field="v", lambda_=0.5, query_vector=VECTOR, size=5, rank_window_size=20),
    diversify(MEANING, field="v", lambda_=1, query_text=QUESTION, inference_id="e5"),
]
MAPPINGS = {
    "a": semantic_text_mapping(),
    "b": semantic_text_mapping(
        "e",
        search_inference_id="s",
        chunking_settings={"strategy": "recursive", "max_chunk_size": 200, "separator_group": "markdown"},
        index_options={"dense_vector": {"type": "bbq_hnsw", "m": 16}},
    ),
    "c": semantic_text_mapping("e", index_options={"sparse_vector": {"prune": True}}),
    "g": semantic_text_mapping("e", meta={"unit": "words"}, fields={"words": {"type": "text"}}),
    "h": rank_vectors_mapping(dims=128, element_type="byte"),
    "d": dense_vector_mapping(
        dims=64, element_type="bit", similarity="l2_norm", index_options={"type": "flat"}
    ),
    "e": dense_vector_mapping(dims=64, element_type="byte"),
    "f": sparse_vector_mapping(index_options={"prune": False}),
}


def test_elasticsearch_s_description_knows_what_every_builder_builds(judge: Judge) -> None:
    """With all of its options."""
    highlight = semantic_highlight("a", "b", number_of_fragments=2)
    searches = [{"query": query} for query in QUERIES]
    searches += [{"retriever": retriever} for retriever in RETRIEVERS]
    ordered = search_body(query=TERM, sort="title", collapse="author")
    for body in [*searches, ordered, {"knn": QUERIES[2]["knn"], "highlight": highlight}]:
        judge.body(OPERATIONS["search"], body)
    judge.body(OPERATIONS["create"], {"mappings": {"properties": MAPPINGS}})


def test_a_query_over_fields_is_joined_by_ranks(judge: Judge) -> None:
    """The description wants ``retrievers`` all the same, where Elasticsearch refuses them beside a query: all else is judged."""
    body = rrf(query=QUESTION, fields=["title^2", "content"], rank_constant=20, rank_window_size=50)
    judge.body(OPERATIONS["search"], {"retriever": {"rrf": {**body["rrf"], "retrievers": []}}})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("search", {"query": {"semantic": {"field": "content", "qery": QUESTION}}}),
        ("search", {"query": {"sematic": {"field": "content", "query": QUESTION}}}),
        ("search", {"retriever": {"rrf": {"retrievers": [WORDS], "rank_windows_size": 3}}}),
        (
            "search",
            {
                "retriever": {
                    "linear": {"retrievers": [{"retriever": WORDS, "normalizer": "max", "weight": 1}]}
                }
            },
        ),
        ("search", {"retriever": {"pinned": {"retriever": WORDS, "id": ["1"]}}}),
        ("search", {"retriever": {"rescorer": {"retriever": WORDS, "rescore": {"window": 2, "query": {}}}}}),
        (
            "search",
            {"retriever": {"diversify": {"retriever": WORDS, "field": "v", "type": "mmr", "lamda": 1}}},
        ),
        ("search", {"retriever": {"rule": {"retriever": WORDS, "ruleset_ids": ["a"]}}}),
        (
            "search",
            {"query": {"knn": {"field": "v", "query_vector_builder": {"embedding": {"inputs": "a"}}}}},
        ),
        ("search", {"qery": {}}),
        ("create", {"mappings": {"properties": {"a": {"type": "semantic_text", "inference": "e"}}}}),
        ("bulk", {"index": {"id": "a"}}),
    ],
)
def test_the_judge_refuses_what_is_wrong(judge: Judge, kind: str, body: Any) -> None:
    """A mistyped name does not pass: the judgements above mean something."""
    with pytest.raises(jsonschema.ValidationError):
        judge.body(OPERATIONS[kind], body)


def test_the_official_client_takes_every_body(server: tuple[str, Recorded]) -> None:
    """Its typed methods accept what is built and pass it on as it is."""
    elasticsearch = pytest.importorskip("elasticsearch")
    url, recorded = server
    with elasticsearch.Elasticsearch(url) as es:
        es.indices.create(index="docs", mappings={"properties": MAPPINGS})
        es.bulk(index="docs", operations=[{"index": {"_id": "1"}}, DOCUMENTS[0]])
        for query in QUERIES:
            es.search(index="docs", query=query)
        for retriever in RETRIEVERS:
            es.search(index="docs", retriever=retriever)
        es.search(index="docs", knn=QUERIES[2]["knn"], highlight=semantic_highlight("a", "b"))
    assert recorded.bodies("PUT", "/docs") == [{"mappings": {"properties": MAPPINGS}}]
    searches = recorded.bodies("POST", "/_search")
    assert searches[: len(QUERIES)] == [{"query": query} for query in QUERIES]
    assert searches[len(QUERIES) : -1] == [{"retriever": retriever} for retriever in RETRIEVERS]
    assert searches[-1] == {"knn": QUERIES[2]["knn"], "highlight": semantic_highlight("a", "b")}


def test_the_official_client_reads_what_ragbridge_wrote(server: tuple[str, Recorded]) -> None:
    """Both stand side by side on one index; the connection can be taken over from it."""
    elasticsearch = pytest.importorskip("elasticsearch")
    url, _ = server
    with elasticsearch.Elasticsearch(url, api_key="a-key") as es, Elastic.from_client(es) as elastic:
        elastic.create_index("docs", {"content": {"type": "text"}})
        elastic.bulk("docs", DOCUMENTS, id_field="id")
        answer = es.search(index="docs", query=match_query("content", QUESTION))
    assert answer["hits"]["hits"][0]["_id"] == "3"


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """The embedded engine over a socket, as ``ragbridge serve`` runs it."""
    pytest.importorskip("model2vec")
    with running(Engine()) as url:
        yield url


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_guide_runs_on_the_embedded_engine(engine: str, name: str) -> None:
    """From the endpoints to the reranked search, it finds the document that is asked for, without a cluster."""
    with Elastic(engine) as elastic:
        assert PROGRAMS[name](elastic, uuid.uuid4().hex[:8])[0] == "3"


# Against a cluster.


@pytest.mark.live
@pytest.mark.skipif(URL is None, reason="ELASTICSEARCH_URL is not set")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_guide_runs_on_a_cluster(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same programs find the same document; what they made is deleted."""
    elasticsearch = pytest.importorskip("elasticsearch")
    for variable, value in LIVE.items():
        monkeypatch.setenv(variable, value)
    program = PROGRAMS[name]
    if name in NEEDS:
        variable, argument, value = NEEDS[name]
        if value is None:
            pytest.skip(f"{variable} is not set")
        program = partial(program, **{argument: value})
    tag = uuid.uuid4().hex[:8]
    with (
        Elastic(timeout=600) as elastic,
        elasticsearch.Elasticsearch(URL, api_key=LIVE.get("ELASTIC_API_KEY")) as es,
    ):
        try:
            assert program(elastic, tag)[0] == "3"
        finally:
            for index in es.indices.get(index=f"*-{tag}"):
                es.indices.delete(index=index)
            for endpoint in elastic.endpoints.list():
                if endpoint.inference_id.endswith(f"-{tag}"):
                    elastic.endpoints.delete(endpoint.inference_id, force=True)
