"""Searches while others write: each sees whole documents, all of them, and none fails."""

from __future__ import annotations

import json
import threading
from typing import Any

from ragbridge.flow import Request
from ragbridge.local import Engine

DOCUMENTS = 20
WRITES = 60
SEARCHES: list[dict[str, Any]] = [
    {"query": {"match_all": {}}, "size": 100},
    {"query": {"match": {"text": "word"}}, "size": 100},
    {
        "query": {"knn": {"field": "vector", "query_vector": [1, 1], "k": 100, "num_candidates": 100}},
        "size": 100,
    },
    {"query": {"range": {"number": {"gte": 0}}}, "size": 100, "sort": [{"number": "desc"}]},
]


def ask(engine: Engine, method: str, path: str, body: Any) -> dict[str, Any]:
    content = json.dumps(body).encode()
    response = engine.handle(Request(method, f"http://localhost:9200{path}", {}, content)).response
    assert response.status < 300, response.body
    answer: dict[str, Any] = json.loads(response.body)
    return answer


def document(number: int) -> dict[str, Any]:
    return {"text": f"word {number}", "number": number, "same": number, "vector": [1.0, number + 1.0]}


def test_searches_see_whole_documents_while_others_write() -> None:
    """Every document is there in every answer, in one of its versions."""
    engine = Engine()
    vector = {"type": "dense_vector", "dims": 2}
    ask(engine, "PUT", "/things", {"mappings": {"properties": {"text": {"type": "text"}, "vector": vector}}})
    for identity in range(DOCUMENTS):
        ask(engine, "PUT", f"/things/_doc/{identity}", document(0))
    failures: list[BaseException] = []
    written = threading.Event()

    def write(first: int) -> None:
        try:
            for number in range(WRITES):
                ask(engine, "PUT", f"/things/_doc/{(first + number) % DOCUMENTS}", document(number))
        except BaseException as error:  # noqa: BLE001 - shown below, by the test's thread
            failures.append(error)

    def search(body: dict[str, Any]) -> None:
        try:
            while not written.is_set():
                hits = ask(engine, "POST", "/things/_search", body)["hits"]["hits"]
                assert len(hits) == DOCUMENTS
                for hit in hits:
                    source = hit["_source"]
                    assert source["number"] == source["same"]
                    assert source["text"] == f"word {source['number']}"
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    writers = [threading.Thread(target=write, args=(first,)) for first in (0, 7)]
    searchers = [threading.Thread(target=search, args=(body,)) for body in SEARCHES]
    for thread in [*searchers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    written.set()
    for thread in searchers:
        thread.join()
    assert not failures, failures[0]
