"""Writing documents: nothing is lost, nothing is doubled, each outcome is told."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
)
from ragbridge.elastic import BulkError, Elastic
from ragbridge.flow import Request, Response
from ragbridge.testing import VirtualClock

HEADERS = {"x-elastic-product": "Elasticsearch"}
DOCUMENTS = [{"content": f"text {number}"} for number in range(7)]


def answer(body: object, status: int = 200) -> Response:
    """An answer of Elasticsearch."""
    return Response(status, HEADERS, json.dumps(body).encode())


def error(kind: str, reason: str = "no", **more: object) -> dict[str, object]:
    """Elasticsearch's object for what went wrong."""
    return {"type": kind, "reason": reason, **more}


@dataclasses.dataclass
class Point:
    """A document that is no dict."""

    x: int = 1


class Frame:
    """What iterates over the names of its columns, as pandas' frames do."""

    columns = ("a", "b")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


class Index:
    """A transport to an index that keeps documents as Elasticsearch does, with faults by a script.

    Each outcome of the script is for one request: an exception to raise before anything is done, ``("lost", exception)``
    to raise after all is done, a ``Response`` to give instead of doing it, a function of the request and the right
    answer, or a mapping of ids to errors of single documents.
    """

    def __init__(self, *script: object, most_bytes: int | None = None) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.writes: list[str] = []
        self.requests: list[Request] = []
        self._script = iter(script)
        self._most = most_bytes
        self._lock = threading.Lock()

    def send(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            return self._answer(request, next(self._script, None))

    async def send_async(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass

    def _answer(self, request: Request, outcome: object) -> Response:
        if self._most is not None and len(request.body) > self._most:
            return Response(413, {}, b"<html>413 Request Entity Too Large</html>")
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Response):
            return outcome
        refused = outcome if isinstance(outcome, dict) else {}
        right = answer({"took": 1, "errors": bool(refused), "items": [*self._write(request, refused)]})
        if isinstance(outcome, tuple):
            raise outcome[1]
        return outcome(request, right) if callable(outcome) else right

    def _write(self, request: Request, refused: dict[str, Any]) -> Iterator[dict[str, Any]]:
        lines = request.body.decode().split("\n")
        assert lines.pop() == "", "the last line must end as well"
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            ((op, target),) = json.loads(action).items()
            identity = target["_id"]
            row = {"_index": "docs", "_id": identity}
            if identity in refused:
                status, why = refused[identity]
                yield {op: {**row, "status": status, "error": why}}
            elif op == "create" and identity in self.documents:
                yield {op: {**row, "status": 409, "error": error("version_conflict_engine_exception")}}
            else:
                created = identity not in self.documents
                self.documents[identity] = json.loads(document)
                self.writes.append(identity)
                yield {op: {**row, "status": 201 if created else 200}}


@pytest.fixture
def connect(clock: Any) -> Callable[..., Elastic]:
    """Makes a client of an index, on which waiting takes no time."""

    def make(index: Index, **options: Any) -> Elastic:
        return Elastic("http://elasticsearch:9200", transport=index, clock=clock, **options)  # type: ignore[arg-type]

    return make


def ids_sent(index: Index) -> list[list[str]]:
    """The ids in each request."""
    return [
        [json.loads(line)["index"]["_id"] for line in request.body.decode().split("\n")[:-1:2]]
        for request in index.requests
    ]


def test_documents_travel_as_lines(connect: Callable[..., Elastic]) -> None:
    """Two lines a document, the id in the first; parameters are in the address."""
    index = Index()
    result = connect(index).bulk("docs", DOCUMENTS[:2], ids=["a", "b"], pipeline="p 1", refresh="wait_for")
    (request,) = index.requests
    assert request.url == "http://elasticsearch:9200/docs/_bulk?pipeline=p+1&refresh=wait_for"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.body == (
        b'{"index":{"_id":"a"}}\n{"content":"text 0"}\n{"index":{"_id":"b"}}\n{"content":"text 1"}\n'
    )
    assert (result.ids, result.errors, result.succeeded, len(result)) == (("a", "b"), (), 2, 2)


@pytest.mark.parametrize(
    ("options", "sizes"),
    [({"batch_size": 3}, [3, 3, 1]), ({"batch_bytes": 100}, [2, 2, 2, 1]), ({"batch_bytes": 1}, [1] * 7)],
)
def test_batches_are_bounded(
    connect: Callable[..., Elastic], options: dict[str, int], sizes: list[int]
) -> None:
    """By documents and by bytes; a document larger than the bound goes alone; ids keep the caller's order."""
    index = Index()
    ids = list("abcdefg")
    assert connect(index, concurrency=1).bulk("docs", DOCUMENTS, ids=ids, **options).ids == tuple(ids)
    assert [len(sent) for sent in ids_sent(index)] == sizes
    assert [index.documents[one] for one in ids] == DOCUMENTS


def test_documents_are_read_as_batches_are_sent(connect: Callable[..., Elastic]) -> None:
    """An endless source does not end in memory: few batches beyond what was sent are read."""
    read: list[int] = []

    def endless() -> Iterator[dict[str, int]]:
        for number in range(10_000):
            read.append(number)
            yield {"number": number}

    index = Index(None, None, Response(401, {}, b"{}"))
    with pytest.raises(AuthenticationError):
        connect(index, concurrency=1).bulk("docs", endless(), batch_size=10)
    assert len(read) < 100


def test_no_documents_send_nothing(connect: Callable[..., Elastic]) -> None:
    """An empty list is no request."""
    index = Index()
    assert len(connect(index).bulk("docs", [])) == 0
    assert index.requests == []


def test_ids_are_made_of_the_content(connect: Callable[..., Elastic]) -> None:
    """The same documents have the same ids in every run, and copies in one run stay apart."""
    index = Index()
    elastic = connect(index)
    first = elastic.bulk("docs", [{"a": 1}, {"a": 2}, {"a": 1}])
    again = elastic.bulk("docs", [{"a": 1}, {"a": 2}, {"a": 1}])
    assert first.ids == again.ids
    assert len(set(first.ids)) == len(index.documents) == 3


def test_ids_can_stand_in_the_documents(connect: Callable[..., Elastic]) -> None:
    """A field holds them, texts or numbers, and stays where it is."""
    index = Index()
    documents = [{"key": "a", "content": "x"}, {"key": 7, "content": "y"}]
    assert connect(index).bulk("docs", documents, id_field="key").ids == ("a", "7")
    assert index.documents == {"a": documents[0], "7": documents[1]}


def test_vectors_dates_and_ids_are_written_as_elasticsearch_reads_them(
    connect: Callable[..., Elastic],
) -> None:
    """What is no JSON of itself has one form."""
    index = Index()
    document = {
        "vector": np.array([0.5, -1], "float32"),
        "number": np.int64(3),
        "at": datetime(2026, 1, 2, 3, tzinfo=UTC),
        "uuid": UUID(int=1),
    }
    connect(index).bulk("docs", [document], ids=["a"])
    assert index.documents["a"] == {
        "vector": [0.5, -1.0],
        "number": 3,
        "at": "2026-01-02T03:00:00+00:00",
        "uuid": "00000000-0000-0000-0000-000000000001",
    }


def test_each_refused_document_is_told_and_the_others_are_written(connect: Callable[..., Elastic]) -> None:
    """The error names the caller's place, id, status and the innermost cause; nothing else is held up."""
    cause = error("document_parsing_exception", "failed to parse", caused_by=error("x", "not a number"))
    index = Index({"b": (400, cause)}, {"d": (404, error("index_not_found_exception", "no such index"))})
    elastic = connect(index, concurrency=1)
    with pytest.raises(
        BulkError, match=r"2 of 4 documents were not taken: documents\[1\] \(id 'b'\): 400"
    ) as caught:
        elastic.bulk("docs", DOCUMENTS[:4], ids=list("abcd"), batch_size=2)
    assert [(one.index, one.id, one.status, one.type) for one in caught.value.errors] == [
        (1, "b", 400, "document_parsing_exception"),
        (3, "d", 404, "index_not_found_exception"),
    ]
    assert "not a number" in caught.value.errors[0].reason
    assert caught.value.result.succeeded == 2
    assert sorted(index.documents) == ["a", "c"]


def test_errors_can_be_reported_instead(connect: Callable[..., Elastic]) -> None:
    """The result holds them, and raises them when asked to."""
    result = connect(Index({"a": (400, error("x"))})).bulk("docs", [{}], ids=["a"], on_error="report")
    assert len(result.errors) == 1
    with pytest.raises(BulkError) as caught:
        result.raise_for_errors()
    assert pickle.loads(pickle.dumps(caught.value)).result == result


def test_a_document_that_repeats_the_key_does_not_show_it(connect: Callable[..., Elastic]) -> None:
    """What is told of a single document is as free of credentials as any error."""
    key = "a-key-of-nobody"
    refused = {"a": (400, error("x", f"failed for [Authorization: ApiKey {key}]"))}
    result = connect(Index(refused), api_key=key).bulk("docs", [{}], ids=["a"], on_error="report")
    assert "failed for" in result.errors[0].reason
    assert key not in repr(result)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (429, error("es_rejected_execution_exception", "rejected execution of coordinating operation")),
        (503, error("unavailable_shards_exception")),
        (429, error("inference_exception", "Exception when running inference id [jinaai]")),
        (400, error("inference_exception", "m", caused_by=error("x", "Received a server error status code for "
                    "request from inference entity id [jinaai] status [503]"))),
    ],
    ids=["busy", "shards", "limited", "upstream"],
)  # fmt: skip
def test_what_may_pass_is_sent_again_alone(
    connect: Callable[..., Elastic], clock: Any, status: int, why: object
) -> None:
    """Only the rows that were refused for now, after a wait; the others are not written twice."""
    index = Index({"b": (status, why)})
    result = connect(index).bulk("docs", DOCUMENTS[:3], ids=list("abc"))
    assert ids_sent(index) == [["a", "b", "c"], ["b"]]
    assert (result.errors, index.writes) == ((), ["a", "c", "b"])
    assert sum(clock.slept) > 0


def test_a_row_that_stays_refused_is_reported(connect: Callable[..., Elastic]) -> None:
    """After all attempts the last status is the row's, and the job goes on."""
    busy = {"b": (429, error("es_rejected_execution_exception", "queue is full"))}
    index = Index(*[busy] * 3)
    result = connect(index, retry=Retry(attempts=3)).bulk(
        "docs", DOCUMENTS[:2], ids=["a", "b"], on_error="report"
    )
    assert ids_sent(index) == [["a", "b"], ["b"], ["b"]]
    assert [(one.index, one.status, one.reason) for one in result.errors] == [(1, 429, "queue is full")]


@pytest.mark.parametrize("op", ["index", "create"])
@pytest.mark.parametrize(
    "fault",
    [
        ("lost", RequestError("the connection broke")),
        lambda _, right: Response(200, HEADERS, right.body[:-5]),
        lambda _, right: Response(502, {}, b"<html>Bad Gateway</html>"),
        lambda _, right: answer({"items": json.loads(right.body)["items"][:-1]}),
    ],
    ids=["lost", "truncated", "gateway", "short"],
)
def test_a_lost_answer_doubles_nothing(connect: Callable[..., Elastic], op: Any, fault: object) -> None:
    """The request is repeated with the same ids; what the first one made is no conflict of the second."""
    index = Index(fault)
    result = connect(index).bulk("docs", DOCUMENTS, op=op)
    assert result.errors == ()
    assert [index.documents[one] for one in result.ids] == DOCUMENTS
    assert len(index.documents) == len(DOCUMENTS)


def test_a_document_that_was_there_is_a_conflict(connect: Callable[..., Elastic]) -> None:
    """``create`` reports it, and a retry that was surely not done does not hide it."""
    index = Index(None, Response(503, {}, b"{}"), Response(429, {}, b"{}"))
    elastic = connect(index)
    elastic.bulk("docs", DOCUMENTS[:1], ids=["a"])
    result = elastic.bulk("docs", DOCUMENTS[1:3], ids=["a", "b"], op="create", on_error="report")
    assert [(one.id, one.status) for one in result.errors] == [("a", 409)]
    assert index.documents["a"] == DOCUMENTS[0]


def test_a_row_whose_outcome_is_not_known_is_no_conflict_when_it_is_there(
    connect: Callable[..., Elastic],
) -> None:
    """A shard that failed after it wrote is asked again, and says that the document exists."""
    written = {
        "errors": True,
        "items": [{"create": {"_id": "a", "status": 500, "error": error("node_closed")}}],
    }
    index = Index(lambda request, right: answer(written))
    assert connect(index).bulk("docs", DOCUMENTS[:1], ids=["a"], op="create").errors == ()
    assert index.writes == ["a"]


def test_attempts_end(connect: Callable[..., Elastic]) -> None:
    """Answers that stay lost are an error after as many attempts as are allowed."""
    index = Index(*[("lost", RequestError("broken"))] * 9)
    with pytest.raises(RequestError):
        connect(index, retry=Retry(attempts=3)).bulk("docs", DOCUMENTS[:1], op="create")
    assert len(index.requests) == 3


def test_attempts_are_counted_once(connect: Callable[..., Elastic]) -> None:
    """What was surely not done is retried in one place: no attempts of attempts."""
    index = Index(*[Response(503, {}, b"{}")] * 20)
    with pytest.raises(ServiceError):
        connect(index, retry=Retry(attempts=3)).bulk("docs", DOCUMENTS[:1], op="create")
    assert len(index.requests) == 3


def test_a_batch_too_large_for_what_is_between_is_halved(connect: Callable[..., Elastic]) -> None:
    """A proxy's bound is found; a single document above it is that document's error."""
    index = Index(most_bytes=130)
    documents = [*DOCUMENTS, {"content": "x" * 200}]
    result = connect(index).bulk("docs", documents, ids=list("abcdefgh"), on_error="report")
    assert sorted(index.documents) == list("abcdefg")
    assert sorted(index.writes) == list("abcdefg")
    assert [(one.index, one.status) for one in result.errors] == [(7, 413)]


def test_a_request_that_fails_for_good_ends_the_job(connect: Callable[..., Elastic]) -> None:
    """A wrong key is no matter of single documents."""
    index = Index(Response(401, {}, b"{}"))
    with pytest.raises(AuthenticationError):
        connect(index, concurrency=1).bulk("docs", DOCUMENTS, batch_size=1)
    assert len(index.requests) == 1


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "'items' has 0 rows for 1 documents"),
        ([{"index": {"_id": "b", "status": 201}}], "about the id 'b'"),
        ([{"index": {"_id": "a"}}], "no status"),
        ([{"index": {"_id": "a", "status": "201"}}], "no status"),
        ([{}], "no status"),
        ([{"create": {"_id": "a", "status": 201}}], "about the action 'create' where 'index' was asked for"),
        ([{"delete": {"_id": "a", "status": 200}}], "about the action 'delete'"),
        ([{"index": {"_index": 5, "_id": "a", "status": 201}}], "about the index '5' where 'docs'"),
        ([{"index": {"_id": "a", "status": False}}], "no status"),
        (["a"], "no list of objects"),
    ],
)
def test_an_answer_that_does_not_match_is_no_success(
    connect: Callable[..., Elastic], items: list[object], message: str
) -> None:
    """A row that is missing, or another document's, is found out."""
    index = Index(answer({"errors": False, "items": items}))
    with pytest.raises(ResponseError, match=message):
        connect(index, retry=Retry(attempts=1)).bulk("docs", [{}], ids=["a"])


def rows_of(*names: str) -> Response:
    """An answer that says of each document which index holds it."""
    items = [{"index": {"_index": name, "_id": str(n), "status": 201}} for n, name in enumerate(names)]
    return answer({"items": items})


def test_a_row_of_another_index_is_refused(connect: Callable[..., Elastic]) -> None:
    """Where one row has the name that was asked for, no other can be right."""
    index = Index(rows_of("docs", "other"))
    with pytest.raises(ResponseError, match=r"documents\[1\] in 'items' is about the index 'other'"):
        connect(index, retry=Retry(attempts=1)).bulk("docs", DOCUMENTS[:2], ids=["0", "1"])


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("docs-000001", "docs-000001"), {}),
        ((".ds-docs-1", ".ds-docs-2"), {}),
        (("docs", "elsewhere"), {"pipeline": "reroute"}),
    ],
    ids=["alias", "data-stream", "pipeline"],
)
def test_an_index_may_have_another_name_behind_an_alias(
    connect: Callable[..., Elastic], names: tuple[str, ...], options: dict[str, str]
) -> None:
    """Aliases, data streams and pipelines write elsewhere than the name says."""
    assert (
        connect(Index(rows_of(*names))).bulk("docs", DOCUMENTS[:2], ids=["0", "1"], **options).succeeded == 2
    )


@pytest.mark.parametrize("status", [0, -1, 199, 301])
def test_only_a_status_of_success_is_one(connect: Callable[..., Elastic], status: int) -> None:
    """Whatever else a row says is a failure."""
    index = Index(answer({"items": [{"index": {"_id": "a", "status": status}}]}))
    result = connect(index, retry=Retry(attempts=1)).bulk("docs", [{}], ids=["a"], on_error="report")
    assert len(result.errors) == 1


def test_an_id_in_the_field_of_ids_is_not_sent_inside_the_document(connect: Callable[..., Elastic]) -> None:
    """Elasticsearch refuses documents with ``_id``; another field stays. NumPy's integers are ids as well."""
    documents = [{"_id": np.int64(5), "content": "a"}]
    index = Index()
    assert connect(index).bulk("docs", documents, id_field="_id").ids == ("5",)
    assert index.documents == {"5": {"content": "a"}}
    assert documents == [{"_id": 5, "content": "a"}]
    index = Index()
    connect(index).bulk("docs", [{"key": "a"}], id_field="key")
    assert index.documents == {"a": {"key": "a"}}


def test_a_row_with_an_error_is_no_success_whatever_its_status(connect: Callable[..., Elastic]) -> None:
    """An error beside a status of 200 is an error."""
    items = [{"index": {"_id": "a", "status": 200, "error": error("odd")}}]
    index = Index(*[answer({"items": items})] * 2)
    result = connect(index, retry=Retry(attempts=2)).bulk("docs", [{}], ids=["a"], on_error="report")
    assert [(one.status, one.type) for one in result.errors] == [(500, "odd")]


def test_progress_counts_every_document_once(connect: Callable[..., Elastic]) -> None:
    """Refused ones included, retries not."""
    done: list[int] = []
    index = Index({"b": (429, error("x"))}, {"c": (400, error("x"))})
    connect(index, concurrency=1).bulk(
        "docs", DOCUMENTS, ids=list("abcdefg"), batch_size=3, on_error="report", progress=done.append
    )
    assert done == [3, 3, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"index": ""}, "index is empty"),
        ({"index": "Docs"}, "must be lowercase"),
        ({"index": "docs*"}, r"must not hold '\*'"),
        ({"index": "_docs"}, "must not start with"),
        ({"index": ".."}, "more than dots"),
        ({"index": "d" * 256}, "255 bytes"),
        ({"documents": {"a": 1}}, "documents is one dict"),
        ({"documents": "text"}, "documents is one str"),
        ({"documents": ["text"]}, r"documents\[0\] is str"),
        ({"documents": [{}, {"a": {1, 2}}]}, r"documents\[1\]\.a cannot be written as JSON: set"),
        ({"documents": [{"a": float("nan")}]}, r"documents\[0\]\.a cannot be written as JSON"),
        ({"documents": [{"a": np.array([np.nan])}]}, r"documents\[0\]\.a\[0\] cannot be written as JSON"),
        ({"documents": [{"a": "\ud800"}]}, r"documents\[0\]\.a .*half of a surrogate pair"),
        (
            {"documents": [Point()]},
            r"documents\[0\] is Point, not an object \(a dict\): pass dataclasses.asdict",
        ),
        ({"documents": Frame()}, "documents is one Frame: pass a list of dicts"),
        ({"ids": ["a"]}, r"ids= has 1 ids for 2 documents"),
        ({"ids": ["a", ""]}, r"ids\[1\] is '', no id"),
        ({"ids": ["a", "ä" * 257]}, r"ids\[1\] is longer than 512 bytes"),
        ({"ids": ["a", "a"]}, r"documents\[1\] has the id 'a', which documents\[0\] has already"),
        ({"id_field": "key"}, r"documents\[0\]\['key'\] is None, no id"),
        ({"ids": ["a", "b"], "id_field": "key"}, "not both"),
        ({"op": "update"}, "op='update' must be"),
        ({"refresh": "now"}, "refresh='now'"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_bytes": 200_000_000}, "batch_bytes=200000000 must be an int from 1 to 100000000"),
        ({"pipeline": " "}, "pipeline is empty"),
    ],
)
def test_what_is_wrong_is_refused_by_name(
    connect: Callable[..., Elastic], arguments: dict[str, Any], message: str
) -> None:
    """The error names the document or the argument; nothing was sent."""
    index = Index()
    target, documents = arguments.pop("index", "docs"), arguments.pop("documents", DOCUMENTS[:2])
    with pytest.raises(ConfigurationError, match=message):
        connect(index).bulk(target, documents, **arguments)
    assert index.requests == []


@pytest.mark.parametrize("count", [1, 3])
def test_ids_beside_an_iterator_must_be_as_many(connect: Callable[..., Elastic], count: int) -> None:
    """A count that shows only in the end is not passed over."""
    with pytest.raises(ConfigurationError, match="ids= has"):
        connect(Index()).bulk("docs", iter(DOCUMENTS[:2]), ids=list("abc")[:count])


def faults() -> st.SearchStrategy[list[object]]:
    """Scripts of what may go wrong."""
    whole: Sequence[object] = (
        None,
        RequestError("refused"),
        ("lost", RequestError("broken")),
        Response(429, {"retry-after": "1"}, b"{}"),
        Response(503, {}, b"{}"),
        lambda request, right: Response(200, HEADERS, right.body[:-3]),
        lambda request, right: Response(504, {}, b""),
    )
    rows = st.dictionaries(
        st.sampled_from([str(number) for number in range(7)]),
        st.tuples(st.sampled_from([429, 500, 503]), st.just(error("busy"))),
        max_size=4,
    )
    return st.lists(st.one_of(st.sampled_from(whole), rows), max_size=8)


@given(
    script=faults(), op=st.sampled_from(["index", "create"]), size=st.integers(1, 7), blocking=st.booleans()
)
def test_whatever_fails_for_a_while_each_document_is_there_once(
    script: list[object], op: Any, size: int, blocking: bool
) -> None:
    """Under any script of passing faults all documents arrive, each under its own id, without an error."""
    index = Index(*script)
    clock = VirtualClock()
    elastic = Elastic(
        "http://elasticsearch:9200", transport=index, clock=clock, retry=Retry(attempts=20), concurrency=2
    )
    ids = [str(number) for number in range(7)]
    if blocking:
        result = elastic.bulk("docs", DOCUMENTS, ids=ids, op=op, batch_size=size)
    else:
        result = asyncio.run(elastic.abulk("docs", DOCUMENTS, ids=ids, op=op, batch_size=size))
    assert result.ids == tuple(ids)
    assert [index.documents[one] for one in ids] == DOCUMENTS
    if op == "create":
        assert sorted(index.writes) == ids


async def test_the_asynchronous_method_does_the_same(connect: Callable[..., Elastic]) -> None:
    """Errors of single documents included."""
    index = Index({"b": (400, error("x"))})
    with pytest.raises(BulkError):
        await connect(index).abulk("docs", DOCUMENTS[:3], ids=list("abc"))
    assert sorted(index.documents) == ["a", "c"]


def test_a_model_that_is_down_for_long_is_the_documents_error(connect: Callable[..., Elastic]) -> None:
    """Not the whole job's: documents without that field are written."""
    down = (500, error("inference_exception", "m"))
    index = Index(*[{"a": down}] * 5)
    result = connect(index).bulk("docs", DOCUMENTS[:2], ids=["a", "b"], on_error="report")
    assert [(one.id, one.status) for one in result.errors] == [("a", 500)]
    assert index.writes == ["b"]


def test_a_failing_cluster_is_the_jobs_error(connect: Callable[..., Elastic]) -> None:
    """After all attempts of a whole request."""
    with pytest.raises(ServiceError):
        connect(Index(*[Response(503, {}, b"{}")] * 5)).bulk("docs", DOCUMENTS)
