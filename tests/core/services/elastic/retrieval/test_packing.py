"""NumPy's vectors travel as base64 where the server and the field take it, and as JSON everywhere else: never as a wrong text."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError, Embeddings, RequestError, Retry
from ragbridge.elastic import Elastic, dense_vector_mapping, knn_query
from ragbridge.testing import Request, Response

pack_dense_vector: Any = getattr(pytest.importorskip("elasticsearch.helpers"), "pack_dense_vector", None)
if pack_dense_vector is None:
    pytest.skip("the official client packs vectors since 9.3", allow_module_level=True)

PRODUCT = {"x-elastic-product": "Elasticsearch"}
VECTOR = np.array([0.1, 0.5, -1.0], np.float32)
TEXT = pack_dense_vector(VECTOR)
LIST = VECTOR.astype(float).tolist()
DENSE: dict[str, Any] = {"type": "dense_vector", "dims": 3}


def answer(body: object, status: int = 200) -> Response:
    """An answer of Elasticsearch."""
    return Response(status, PRODUCT, json.dumps(body).encode())


def info(number: object, **more: object) -> Response:
    """What ``GET /`` says."""
    return answer({"version": {"number": number, **more}})


def refusal(kind: str, status: int) -> Response:
    """An error of Elasticsearch."""
    return answer({"error": {"type": kind, "reason": "no"}, "status": status}, status)


def described(vector: object, **levels: Any) -> dict[str, Any]:
    """What an index says of itself whose field ``vector`` is this."""
    return {"mappings": {"properties": {"vector": vector, "text": {"type": "text"}}}, **levels}


class Cluster:
    """A transport to an index that keeps what it was sent.

    Args:
        root: The answer to ``GET /``, or an exception.
        index: The answer to ``GET /docs``, or an exception.
        outcomes: Answers of the first bulk requests in place of right ones.
    """

    def __init__(self, root: Any = None, index: Any = None, *outcomes: Any) -> None:
        self.root = info("9.5.0") if root is None else root
        self.index = answer({"docs": described(DENSE)}) if index is None else index
        self.requests: list[Request] = []
        self.documents: dict[str, Any] = {}
        self._outcomes = iter(outcomes)
        self._lock = threading.Lock()

    def send(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            if request.method == "GET":
                found = self.root if request.place == "http://es/" else self.index
            else:
                found = next(self._outcomes, None) or self._write(request)
        if isinstance(found, Exception):
            raise found
        return found

    async def send_async(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass

    def _write(self, request: Request) -> Response:
        lines = request.body.decode().split("\n")[:-1]
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            identity = json.loads(action)["index"]["_id"]
            self.documents[identity] = json.loads(document)
            items.append({"index": {"_index": "docs", "_id": identity, "status": 201}})
        return answer({"items": items})

    @property
    def paths(self) -> list[str]:
        """What was asked, without the host."""
        return [f"{r.method} {r.place.removeprefix('http://es')}" for r in self.requests]


def connect(cluster: Cluster, **options: Any) -> Elastic:
    """A client of it that tries once."""
    settings: dict[str, Any] = {"limits": None, "retry": Retry(attempts=1), "concurrency": 1, **options}
    return Elastic("http://es", transport=cluster, **settings)


def written(cluster: Cluster, value: Any = VECTOR, **options: Any) -> Any:
    """What became of one vector."""
    connect(cluster).bulk("docs", [{"vector": value}], ids=["a"], **options)
    return cluster.documents["a"]["vector"]


def test_a_vector_is_written_as_elasticsearchs_own_client_packs_it() -> None:
    """Float32, big-endian, base64: field for field what ``pack_dense_vector`` gives."""
    cluster = Cluster()
    assert written(cluster) == TEXT
    assert cluster.paths == ["GET /", "GET /docs", "POST /docs/_bulk"]
    assert np.array_equal(np.frombuffer(base64.b64decode(TEXT), ">f4"), VECTOR)


def test_rows_of_embeddings_are_taken_as_they_are() -> None:
    """Views of one array; whatever their order in memory is."""
    rows = np.asfortranarray(np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32))
    cluster = Cluster()
    documents = [{"vector": row} for row in Embeddings(rows, "m")]
    found = connect(cluster).bulk("docs", documents)
    sent = [base64.b64decode(cluster.documents[name]["vector"]) for name in found.ids]
    assert np.array_equal(np.array([np.frombuffer(text, ">f4") for text in sent]), rows)


TAKES = {
    "9.3": info("9.3.0"),
    "9.5": info("9.5.1"),
    "a snapshot": info("9.4.0-SNAPSHOT"),
    "10": info("10.0.0"),
    "serverless": info("8.11.0", build_flavor="serverless"),
}
TAKES_NOT = {
    "9.2": info("9.2.7"),
    "8.19": info("8.19.3"),
    "no version": answer({}),
    "a version that is none": info(9.5),
    "a list": answer([]),
    "no right to ask": refusal("security_exception", 403),
    "another product": Response(200, {}, b'{"version": {"number": "9.5.0"}}'),
    "a gateway that is down": Response(502, {}, b"<html>"),
    "no JSON": Response(200, PRODUCT, b"{"),
    "silence": RequestError("silence"),
    "too many requests": Response(429, {"retry-after": "3600"}, b"{}"),
}


@pytest.mark.parametrize("release", TAKES)
def test_base64_is_sent_to_what_takes_it(release: str) -> None:
    """9.3 and later; serverless calls itself 8.11 and is always newest."""
    assert written(Cluster(TAKES[release])) == TEXT


@pytest.mark.parametrize("release", TAKES_NOT)
def test_json_is_sent_to_everything_else(release: str) -> None:
    """A question that fails is no failure of the call, and is not asked twice in it."""
    cluster = Cluster(TAKES_NOT[release])
    assert written(cluster) == LIST
    assert cluster.paths == ["GET /", "POST /docs/_bulk"]


def test_the_release_is_asked_for_once_by_a_client() -> None:
    """Whatever it writes then; a refusal is remembered as well, what may pass is not."""
    for root, times in (
        (info("9.5.0"), 1),
        (info("9.2.0"), 1),
        (refusal("x", 403), 1),
        (Response(502, {}, b""), 2),
    ):
        cluster = Cluster(root)
        elastic = connect(cluster)
        for _ in range(2):
            elastic.bulk("docs", [{"vector": VECTOR}], batch_size=1)
        assert cluster.paths.count("GET /") == times


@pytest.mark.parametrize("face", ["sync", "async"])
def test_batches_at_once_ask_once(face: str) -> None:
    """The others wait for the answer, and the index is asked once in each call."""
    cluster = Cluster()
    elastic = connect(cluster, concurrency=4)
    documents = [{"n": n, "vector": VECTOR} for n in range(8)]
    if face == "sync":
        elastic.bulk("docs", documents, batch_size=2)
    else:
        asyncio.run(elastic.abulk("docs", documents, batch_size=2))
    assert sorted(cluster.paths) == ["GET /", "GET /docs"] + ["POST /docs/_bulk"] * 4
    assert [document["vector"] for document in cluster.documents.values()] == [TEXT] * 8


@pytest.mark.parametrize("value", [LIST, [1, 2], 0.5, np.float32(0.5), np.array([1, 2]), np.array([1, 2], np.int8), np.array([True]), np.ones((2, 3), np.float32), np.array(0.5), np.array([], np.float32), np.array(["a"])], ids=repr)  # fmt: skip
def test_what_is_no_array_of_floats_is_written_as_ever_and_nobody_is_asked(value: Any) -> None:
    """Lists too: they may be of any field."""
    cluster = Cluster()
    expected = value.tolist() if hasattr(value, "tolist") else value
    assert written(cluster, value) == expected
    assert cluster.paths == ["POST /docs/_bulk"]


FIELDS = {
    "a vector of any width": ({"type": "dense_vector"}, TEXT),
    "elements of two bytes": ({**DENSE, "element_type": "bfloat16"}, TEXT),
    "floats by name": ({**DENSE, "element_type": "float", "index": True, "similarity": "cosine"}, TEXT),
    "two bytes of any width": ({"type": "dense_vector", "element_type": "bfloat16"}, LIST),
    "another width": ({**DENSE, "dims": 4}, LIST),
    "bytes": ({**DENSE, "element_type": "byte"}, LIST),
    "bits": ({**DENSE, "element_type": "bit", "dims": 24}, LIST),
    "copied to another field": ({**DENSE, "copy_to": "all"}, LIST),
    "floats": ({"type": "float"}, LIST),
    "a vector for each token": ({"type": "rank_vectors"}, LIST),
    "sparse": ({"type": "sparse_vector"}, LIST),
    "not indexed": ({"type": "object", "enabled": False}, LIST),
    "odd": ("dense_vector", LIST),
}


@pytest.mark.parametrize("what", FIELDS)
def test_the_field_decides(what: str) -> None:
    """Base64 in a field that is no vector of floats would be a text, and nobody would say so."""
    field, expected = FIELDS[what]
    assert written(Cluster(None, answer({"docs": described(field)}))) == expected


INDICES: dict[str, tuple[Any, Any]] = {
    "not there yet: its fields are guessed": (refusal("index_not_found_exception", 404), LIST),
    "may not be read": (refusal("security_exception", 403), LIST),
    "too busy to tell": (Response(503, {}, b""), LIST),
    "silent": (RequestError("silence"), LIST),
    "has no such field": (answer({"docs": {"mappings": {}}}), LIST),
    "has odd fields": (answer({"docs": {"mappings": {"properties": []}}}), LIST),
    "keeps what it is sent": (answer({"docs": described(DENSE, settings={"index": {"mapping": {"exclude_source_vectors": "false"}}})}), LIST),
    "keeps it by default, being old": (answer({"docs": described(DENSE, defaults={"index": {"mapping": {"exclude_source_vectors": "false"}}})}), LIST),
    "makes it anew by default": (answer({"docs": described(DENSE, settings={"index": {}}, defaults={"index": {"mapping": {"exclude_source_vectors": "true"}}})}), TEXT),
    "an alias of two alike": (answer({"a": described(DENSE), "b": described(DENSE)}), TEXT),
    "an alias of two that differ": (answer({"a": described(DENSE), "b": described({"type": "float"})}), LIST),
    "a gateway that lets nothing but _bulk through": (Response(404, {}, b"<html>"), TEXT),
    "says something else": (answer({"tagline": "You Know, for Search"}), TEXT),
}  # fmt: skip


@pytest.mark.parametrize("what", INDICES)
def test_the_index_decides(what: str) -> None:
    """What keeps documents as they were sent would give texts back in the place of lists."""
    index, expected = INDICES[what]
    assert written(Cluster(None, index)) == expected


def test_where_no_index_tells_only_the_floats_of_vectors_are_packed() -> None:
    """Doubles may be anything."""
    assert written(Cluster(None, Response(404, {}, b"")), VECTOR.astype(float)) == LIST


def test_fields_are_found_in_objects_and_in_lists_of_them() -> None:
    """Each by its path; a field of the same name elsewhere is another one."""
    nested = {"type": "nested", "properties": {"vector": DENSE}}
    properties = {"a": {"properties": {"vector": DENSE}}, "chunks": nested, "vector": {"type": "float"}}
    cluster = Cluster(None, answer({"docs": {"mappings": {"properties": properties}}}))
    other = VECTOR * 2
    document = {
        "vector": VECTOR.copy(),
        "a": {"vector": VECTOR},
        "chunks": [{"vector": other, "n": 1}, {"vector": VECTOR.copy()}],
        "b": {"vector": VECTOR.copy()},
    }
    connect(cluster).bulk("docs", [document], ids=["a"])
    assert cluster.documents["a"] == {
        "vector": LIST,
        "a": {"vector": TEXT},
        "chunks": [{"vector": pack_dense_vector(other), "n": 1}, {"vector": TEXT}],
        "b": {"vector": LIST},
    }


def test_an_array_that_stands_in_two_fields_is_a_list_in_both() -> None:
    """Which of them is meant where cannot be told from the array."""
    cluster = Cluster()
    connect(cluster).bulk("docs", [{"vector": VECTOR, "other": VECTOR}], ids=["a"])
    assert cluster.documents["a"] == {"vector": LIST, "other": LIST}


def test_the_caller_may_settle_it() -> None:
    """Nobody is asked then."""
    for cluster, settled, expected in ((Cluster(info("8.0.0")), True, TEXT), (Cluster(), False, LIST)):
        assert written(cluster, pack_vectors=settled) == expected
        assert cluster.paths == ["POST /docs/_bulk"]
    with pytest.raises(ConfigurationError, match="pack_vectors='yes' must be True, False, or None"):
        written(Cluster(), pack_vectors="yes")


def test_a_pipeline_gets_numbers() -> None:
    """It may compute with them."""
    cluster = Cluster()
    assert written(cluster, pipeline="p") == LIST
    assert written(cluster, pipeline="p", pack_vectors=True) == TEXT


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f4", ">f8"])
def test_floats_of_any_size_are_the_same_numbers_in_both_forms(kind: str) -> None:
    """As base64 they are rounded to what the field holds."""
    values = np.array([0.1, -2.5, 3.0], kind)
    assert written(Cluster(info("9.2.0")), values) == values.astype(float).tolist()
    assert written(Cluster(), values) == pack_dense_vector(values.astype(np.float32))


def test_a_number_too_large_for_the_field_is_a_list() -> None:
    """Elasticsearch then says which number it is."""
    assert written(Cluster(), np.array([1e300, 0, 0])) == [1e300, 0.0, 0.0]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_not_finite_is_refused_by_its_path(number: float) -> None:
    """In both forms; base64 would hide it."""
    for settled in (None, True, False):
        with pytest.raises(
            ConfigurationError, match=r"documents\[0\]\.vector\[1\] cannot be written as JSON"
        ):
            written(Cluster(), np.array([1, number], np.float32), pack_vectors=settled)


def test_ids_made_of_the_content_are_the_same_whatever_is_sent() -> None:
    """So that a job that is repeated after an upgrade writes no document twice; other numbers are another document."""
    documents: list[Any] = [
        {"vector": VECTOR},
        {"vector": VECTOR * 2},
        {"vector": [1.0]},
        {"a": VECTOR},
        {"vector": VECTOR.astype(float)},  # the same numbers
        {"vector": np.array([0.1, 0.5, -1.0])},  # 0.1 as a double is another number
    ]
    ids = [connect(Cluster(root)).bulk("docs", documents).ids for root in (info("9.5.0"), info("8.19.0"))]
    assert ids[0] == ids[1]
    assert len({name.partition("-")[0] for name in ids[0]}) == len(documents) - 1
    assert ids[0][4] == f"{ids[0][0]}-2"


def test_requests_stay_within_their_bytes_in_either_form() -> None:
    """What was cut for base64 is cut again where it must be JSON; no document is lost or doubled."""
    vectors = np.random.default_rng(2).standard_normal((20, 64)).astype(np.float32)
    documents = [{"vector": row} for row in vectors]
    for release in ("9.5.0", "9.2.0"):
        cluster = Cluster(info(release), answer({"docs": described({"type": "dense_vector", "dims": 64})}))
        found = connect(cluster).bulk("docs", documents, batch_bytes=3000)
        bodies = [request.body for request in cluster.requests if request.method == "POST"]
        assert len(found.ids) == len(cluster.documents) == 20
        assert all(len(body) <= 3000 for body in bodies)
        assert len(bodies) == 3 if release == "9.5.0" else len(bodies) > 9
        firsts = [
            json.loads(line)["index"]["_id"] for body in bodies for line in body.decode().split("\n")[:-1:2]
        ]
        assert firsts == list(found.ids)


def test_retries_send_what_was_sent() -> None:
    """A lost answer, a document that was refused for now, a request that is too large for what is between."""
    busy = {
        "items": [
            {
                "index": {
                    "_index": "docs",
                    "_id": "a",
                    "status": 429,
                    "error": {"type": "busy", "reason": "no"},
                }
            }
        ]
    }
    for first in (RequestError("lost"), answer(busy), Response(503, PRODUCT, b"{}")):
        cluster = Cluster(None, None, first)
        elastic = connect(cluster, retry=Retry(attempts=2, initial=0.0))
        elastic.bulk("docs", [{"vector": VECTOR}], ids=["a"])
        assert cluster.documents == {"a": {"vector": TEXT}}
        first_body, second_body = (r.body for r in cluster.requests if r.method == "POST")
        assert first_body == second_body
        assert cluster.paths.count("GET /docs") == 1
    cluster = Cluster(None, None, Response(413, {}, b"<html>"))
    connect(cluster).bulk("docs", [{"vector": VECTOR}] * 2, ids=["a", "b"])
    assert cluster.documents == {"a": {"vector": TEXT}, "b": {"vector": TEXT}}


@settings(max_examples=25)
@given(
    st.lists(
        st.one_of(
            st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=5).map(
                lambda row: np.array(row, np.float32)
            ),
            st.text(max_size=5),
            st.integers(-9, 9),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_whatever_stands_beside_vectors_arrives(values: list[Any], packs: bool) -> None:
    """Texts of any kind, several arrays in one document, in their places."""
    cluster = Cluster()
    document = {f"f{n}": value for n, value in enumerate(values)}
    connect(cluster).bulk("docs", [document], ids=["a"], pack_vectors=packs)
    expected = {
        name: (pack_dense_vector(value) if packs else value.astype(float).tolist())
        if isinstance(value, np.ndarray)
        else value
        for name, value in document.items()
    }
    assert cluster.documents["a"] == expected


def test_json_is_the_same_with_orjson_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Number by number, to the last digit of a double."""
    from ragbridge.services.elastic.retrieval import vectors

    rows = np.random.default_rng(3).standard_normal((20, 50)).astype(np.float32) * np.float32(1e-20)
    plain: Callable[[Any], bytes] = lambda array: json.dumps(array.tolist()).encode()  # noqa: E731
    for row in rows:
        assert (
            json.loads(vectors._write(row.astype(float)))
            == json.loads(plain(row.astype(float)))
            == row.tolist()
        )


def test_the_engine_finds_what_came_packed() -> None:
    """Its index tells which field takes it; vectors come back as lists."""
    elastic = Elastic("local")
    elastic.create_index("docs", {"vector": dense_vector_mapping(dims=3, similarity="cosine")})
    rows = np.eye(3, dtype=np.float32)
    ids = ["a", "b", "c"]
    elastic.bulk("docs", [{"vector": row} for row in rows], ids=ids, refresh=True)
    found = elastic.search("docs", knn=knn_query("vector", query_vector=[0.1, 1.0, 0.2], k=3))
    assert [hit.id for hit in found.hits] == ["b", "c", "a"]
    shown = elastic.search("docs", query={"match_all": {}}, body={"_source": {"exclude_vectors": False}})
    assert {hit.id: hit.source["vector"] for hit in shown.hits} == dict(zip(ids, rows.tolist(), strict=True))
