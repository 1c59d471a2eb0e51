"""Documents: bulk, single writes, reads; what a refused write leaves, what is paid, what is bounded."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from asking import E5, asking

from ragbridge.local import Engine, Quota
from ragbridge.local.search import indices, semantic

SEMANTIC = {"mappings": {"properties": {"text": {"type": "semantic_text", "inference_id": E5}}}}


def test_each_write_of_a_bulk_has_its_outcome(ask):
    """In their order; a failure stops no other write."""
    ask("PUT", "/a", {"mappings": {"properties": {"n": {"type": "long"}}}})
    lines = [
        {"index": {"_id": "1"}}, {"n": 1},
        {"create": {"_id": "1"}}, {"n": 2},
        {"index": {"_id": "2"}}, {"n": "abc"},
        {"update": {"_id": "1"}}, {"doc": {"m": {"x": 1}}},
        {"update": {"_id": "1"}}, {"doc": {"m": {"x": 1}}},
        {"update": {"_id": "3"}}, {"doc": {"n": 1}},
        {"update": {"_id": "3"}}, {"doc": {"n": 3}, "doc_as_upsert": True},
        {"update": {"_id": "4"}}, {"doc": {"n": 5}, "upsert": {"n": 4}},
        {"delete": {"_id": "4"}},
        {"delete": {"_id": "5"}},
        {"delete": {"_id": "6", "_index": "none"}},
        {"index": {"_index": "Bad"}}, {"n": 1},
    ]  # fmt: skip
    status, answer = ask("POST", "/a/_bulk", lines)
    assert (status, answer["errors"]) == (200, True)
    outcomes = [
        (action, item["status"], item.get("result") or item["error"]["type"])
        for row in answer["items"]
        for action, item in row.items()
    ]
    assert outcomes == [
        ("index", 201, "created"),
        ("create", 409, "version_conflict_engine_exception"),
        ("index", 400, "document_parsing_exception"),
        ("update", 200, "updated"),
        ("update", 200, "noop"),
        ("update", 404, "document_missing_exception"),
        ("update", 201, "created"),
        ("update", 201, "created"),
        ("delete", 200, "deleted"),
        ("delete", 404, "not_found"),
        ("delete", 404, "index_not_found_exception"),
        ("index", 400, "invalid_index_name_exception"),
    ]
    shown = ask("GET", "/a/_doc/1")[1]
    assert (shown["_version"], shown["_source"]) == (2, {"n": 1, "m": {"x": 1}})
    assert ask("GET", "/a/_count")[1]["count"] == 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "request body is required"),
        ('{"index":{}}\n{}', "must be terminated by a newline"),
        ("[]\n", "Malformed action/metadata line [1], expected START_OBJECT but found [START_ARRAY]"),
        ('{"index":{}}\n{}\n{"put":{}}\n{}\n', "Malformed action/metadata line [3]"),
        (
            '{"index":{"_type":"x","_foo":1}}\n{}\n',
            "Action/metadata line [1] contains an unknown parameter [_foo]",
        ),
        ('{"delete":{}}\n', "Validation Failed: 1: id is missing;"),
        ('{"index":{"_index":["a"]}}\n{}\n', "[_index] must be a string"),
        ('{"update":{"_id":"1"}}\n{"doc"\n', "Unexpected character"),
    ],
)
def test_a_line_that_cannot_be_read_fails_the_whole_bulk(ask, refused, body, reason):
    """Nothing is written then."""
    status, _, found = refused("POST", "/a/_bulk", body)
    assert status == 400
    assert reason in found
    assert ask("HEAD", "/a")[0] == 404


def test_a_document_that_is_no_json_fails_alone(ask):
    """Its item says so."""
    answer = ask("POST", "/a/_bulk", '{"index":{"_id":"1"}}\n{"a":\n{"index":{"_id":"2"}}\n{"a":1}\n')[1]
    assert [row["index"]["status"] for row in answer["items"]] == [400, 201]
    assert answer["items"][0]["index"]["error"]["reason"] == "[1:1] failed to parse"


def test_the_place_of_a_bad_value_is_named(refused, ask):
    """Line and column, field, type, document and value, as Elasticsearch does."""
    ask("PUT", "/a", {"mappings": {"properties": {"n": {"type": "long"}}}})
    status, answer = ask("PUT", "/a/_doc/1", '{"n":"abc"}')
    assert (status, answer["error"]["reason"]) == (
        400,
        "[1:6] failed to parse field [n] of type [long] in document with id '1'. Preview of field's value: 'abc'",
    )
    assert answer["error"]["caused_by"]["reason"] == 'For input string: "abc"'


def test_a_write_may_depend_on_the_last_one(ask, refused):
    """By ``if_seq_no``, of a single write and in a bulk."""
    number = ask("PUT", "/a/_doc/1", {"n": 1})[1]["_seq_no"]
    assert ask("PUT", f"/a/_doc/1?if_seq_no={number}&if_primary_term=1", {"n": 2})[0] == 200
    status, _, reason = refused("PUT", f"/a/_doc/1?if_seq_no={number}&if_primary_term=1", {"n": 3})
    assert status == 409
    assert f"required seqNo [{number}], primary term [1]. current document has seqNo [{number + 1}]" in reason


def test_versions_go_on_after_a_delete(ask):
    """As in a cluster, which remembers deleted documents for a while."""
    ask("PUT", "/a/_doc/1", {"n": 1})
    assert ask("DELETE", "/a/_doc/1")[1]["_version"] == 2
    assert ask("DELETE", "/a/_doc/1")[1]["_version"] == 3
    again = ask("PUT", "/a/_doc/1", {"n": 1})[1]
    assert (again["_version"], again["result"]) == (4, "created")


def test_documents_come_in_the_order_of_their_last_write(ask):
    """As in Lucene, whose order breaks ties."""
    for name in ("1", "2", "3"):
        ask("PUT", f"/a/_doc/{name}", {"n": 1})
    ask("PUT", "/a/_doc/1", {"n": 2})
    hits = ask("POST", "/a/_search", {})[1]["hits"]["hits"]
    assert [hit["_id"] for hit in hits] == ["2", "3", "1"]


def test_single_documents_are_read(ask, refused):
    """Whole or in part, several at once, with slashes in their ids; vectors where they are asked for."""
    ask("PUT", "/a", {"mappings": {"properties": {"v": {"type": "dense_vector"}}}})
    ask("PUT", "/a/_doc/x%2Fy", {"t": "one", "o": {"p": 1, "q": 2}, "v": [0.1, 0.2]})
    assert ask("GET", "/a/_doc/x%2Fy")[1]["_source"] == {"t": "one", "o": {"p": 1, "q": 2}}
    assert ask("GET", "/a/_source/x%2Fy?_source_exclude_vectors=false")[1]["v"] == [0.1, 0.2]
    assert ask("GET", "/a/_doc/x%2Fy?_source_includes=o&_source_excludes=o.q")[1]["_source"] == {
        "o": {"p": 1}
    }
    assert "_source" not in ask("GET", "/a/_doc/x%2Fy?_source=false")[1]
    assert ask("HEAD", "/a/_doc/none")[0] == 404
    assert ask("GET", "/a/_doc/none")[1] == {"_index": "a", "_id": "none", "found": False}
    assert refused("GET", "/a/_source/none")[:2] == (404, "resource_not_found_exception")
    rows = [{"_id": "x/y", "_source": ["t"]}, {"_id": "none"}, {"_index": "nope", "_id": "1"}]
    first, second, third = ask("POST", "/a/_mget", {"docs": rows})[1]["docs"]
    assert first["_source"] == {"t": "one"}
    assert second == {"_index": "a", "_id": "none", "found": False}
    assert third["error"]["type"] == "index_not_found_exception"


def test_vectors_are_shown_where_the_index_says_so(ask):
    """``index.mapping.exclude_source_vectors: false`` keeps them in ``_source``."""
    settings = {"index.mapping.exclude_source_vectors": False}
    ask("PUT", "/a", {"settings": settings, "mappings": {"properties": {"v": {"type": "dense_vector"}}}})
    ask("PUT", "/a/_doc/1", {"v": [0.1, 0.2]})
    assert ask("GET", "/a/_doc/1")[1]["_source"] == {"v": [0.1, 0.2]}


def test_no_list_of_floats_is_kept(engine, ask):
    """Dense vectors are float32 arrays, in the document and in its source."""
    ask(
        "PUT",
        "/a",
        {"mappings": {"properties": {"v": {"type": "dense_vector"}, **SEMANTIC["mappings"]["properties"]}}},
    )
    ask("PUT", "/a/_doc/1", {"v": [0.1, 0.2], "text": "some text"})
    document = engine._elastic.indices.find("a").documents["1"]
    assert document.source["v"].dtype == document.vectors["v"].dtype == np.float32
    assert document.chunks["text"][0].vector.shape == (384,)


def test_an_update_merges_objects_and_vectors_stay(ask):
    """Members of objects are replaced one by one, lists whole; what is not named stays."""
    ask("PUT", "/a", {"mappings": {"properties": {"v": {"type": "dense_vector"}}}})
    ask("PUT", "/a/_doc/1", {"o": {"p": 1, "q": [1, 2]}, "v": [0.1, 0.2]})
    assert ask("POST", "/a/_update/1", {"doc": {"o": {"q": [3]}}})[1]["result"] == "updated"
    assert ask("POST", "/a/_update/1", {"doc": {"v": [0.1, 0.2]}})[1]["result"] == "noop"
    assert ask("GET", "/a/_doc/1?_source_exclude_vectors=false")[1]["_source"] == {
        "o": {"p": 1, "q": [3]},
        "v": [0.1, 0.2],
    }
    assert (
        ask("POST", "/a/_update/1", {"doc": {"o": {"q": [3]}}, "detect_noop": False})[1]["result"]
        == "updated"
    )


@pytest.mark.parametrize(
    ("most", "bound", "reason"),
    [
        ("MOST_DOCUMENTS", 2, "at most 2 documents"),
        ("MOST_BYTES", 30, "at most 30 bytes of documents and vectors"),
    ],
)
def test_an_index_is_bounded(ask, monkeypatch, most, bound, reason):
    """A write beyond it is refused and says what this is; one in the place of another is not beyond it."""
    monkeypatch.setattr(indices, most, bound)
    lines = [row for name in "123" for row in ({"index": {"_id": name}}, {"n": 123456})]
    items = ask("POST", "/a/_bulk", lines)[1]["items"]
    assert [row["index"]["status"] for row in items] == [201, 201, 400]
    assert reason in items[2]["index"]["error"]["reason"]
    assert "embedded engine of ragbridge" in items[2]["index"]["error"]["reason"]
    assert ask("PUT", "/a/_doc/1", {"n": 654321})[0] == 200
    ask("DELETE", "/a/_doc/2")
    assert ask("PUT", "/a/_doc/3", {"n": 123456})[0] == 201


def test_chunks_of_a_request_are_bounded(ask, monkeypatch):
    """Documents with more are refused, the others are taken."""
    monkeypatch.setattr(semantic, "MOST_PIECES", 3)
    ask("PUT", "/a", SEMANTIC)
    status, answer = ask("PUT", "/a/_doc/1", {"text": ["one", "two", "three", "four"]})
    assert status == 400
    assert "more than 3 chunks to embed" in answer["error"]["reason"]
    assert ask("PUT", "/a/_doc/1", {"text": ["one", "two", "three"]})[0] == 201


def test_what_is_beyond_the_quota_is_not_written():
    """The refusal comes before the first document, so that the bulk can be sent again as it is."""
    ask = asking(Engine(quota=Quota(tokens_per_minute=20)))
    ask("PUT", "/a", SEMANTIC)
    words = "one two three four five six seven eight nine ten"
    lines = [row for name in "12" for row in ({"create": {"_id": name}}, {"text": f"{words} {name}"})]
    status, answer = ask("POST", "/a/_bulk", lines)
    assert (status, answer["error"]["type"]) == (429, "es_rejected_execution_exception")
    assert ask("GET", "/a/_doc/1")[0] == 404
    assert ask("POST", "/a/_bulk", lines[:2])[1]["errors"] is False
    assert ask("POST", "/a/_bulk", lines[2:])[0] == 429


def test_requests_count_once():
    """A write that embeds is one request of the quota, as every other."""
    ask = asking(Engine(quota=Quota(requests_per_minute=4)))
    statuses = [ask("PUT", "/a", SEMANTIC)[0]]
    statuses += [ask("PUT", f"/a/_doc/{number}", {"text": "a word"})[0] for number in range(4)]
    assert statuses == [200, 201, 201, 201, 429]


def test_any_number_of_threads_write_and_search(ask):
    """Each write counts, and no search fails."""
    ask("PUT", "/a", SEMANTIC)
    query = {
        "query": {
            "bool": {"should": [{"match": {"word": "w1"}}, {"semantic": {"field": "text", "query": "w1"}}]}
        }
    }
    failures = []

    def work(number):
        for round_ in range(5):
            lines = [
                row
                for k in range(5)
                for row in ({"index": {}}, {"word": f"w{k}", "text": f"w{number} {round_}"})
            ]
            if ask("POST", "/a/_bulk", lines)[1]["errors"]:
                failures.append("bulk")
            if (
                ask("POST", "/a/_update/shared", {"doc": {f"n{number}_{round_}": 1}, "doc_as_upsert": True})[
                    0
                ]
                > 201
            ):
                failures.append("update")
            if ask("POST", "/a/_search", query)[0] != 200:
                failures.append("search")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert ask("GET", "/a/_count")[1]["count"] == 101
    shared = ask("GET", "/a/_doc/shared")[1]
    assert (shared["_version"], len(shared["_source"])) == (20, 20)
