"""Batch jobs: what is submitted and refused, how they are waited for, and that results find their items."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import (
    BatchStats,
    ConfigurationError,
    InvalidRequestError,
    Jina,
    JobError,
    RagbridgeError,
    RequestError,
    ResponseError,
    Retry,
)
from ragbridge.flow import Response
from ragbridge.services.jina.jobs.answers import collect, read_errors
from ragbridge.services.jina.jobs.batch import status_of

ID = "batch_1"
SIGNED = "https://store.example/out.jsonl?signature=s3cret"


def as_json(body, status=200):
    return Response(status, {}, json.dumps(body).encode())


def job(status="completed", total=3, failed=0, done=None, **fields):
    completed = total - failed if done is None else done
    stats = {"total": total, "completed": completed, "failed": failed, "total_tokens": 30}
    return {
        "batch_id": ID,
        "status": status,
        "model": "jina-embeddings-v5-text-small",
        "created_at": "2026-04-15T10:30:00Z",
        "stats": stats,
        **fields,
    }


def line(custom_id, vector):
    body = {
        "data": [{"embedding": vector, "index": 0}],
        "model": "jina-embeddings-v5-text-small",
        "usage": {"total_tokens": 10},
    }
    return json.dumps({"custom_id": custom_id, "response": {"status_code": 200, "body": body}})


def failure(custom_id, message="too long"):
    return json.dumps({"custom_id": custom_id, "response": {"status_code": 400, "body": {"detail": message}}})


def file(*lines):
    return Response(200, {"content-type": "application/jsonl"}, "\n".join(lines).encode() + b"\n")


THREE = file(line("2", [2.0, 0.5]), line("0", [0.0, 0.5]), line("1", [1.0, 0.5]))


@pytest.fixture
def client(scripted, clock):
    """``client(*answers)``: a client that gets them, and its transport."""

    def make(*answers, **settings):
        transport = scripted(*answers)
        return Jina(
            "k", transport=transport, clock=clock, **{"retry": Retry(attempts=2), **settings}
        ), transport

    return make


def test_a_job_from_texts_to_vectors(client):
    """Submit, wait, results in the order of the texts although the lines have another."""
    jina, transport = client(as_json(job("pending", done=0), 202), as_json(job()), as_json(job()), THREE)
    submitted = jina.submit_batch(["a", "b", "c"], role="document", dimensions=64, normalized=False)
    assert submitted.id == ID
    assert submitted.wait_done().status == "completed"
    found = submitted.results()
    assert found.vectors.dtype == np.float32
    assert found.vectors.tolist() == [[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]]
    assert (found.ids, dict(found.errors), found.usage.tokens) == (("0", "1", "2"), {}, 30)
    assert [(request.method, request.url) for request in transport.requests] == [
        ("POST", "https://api.jina.ai/v1/batch/embeddings"),
        ("GET", f"https://api.jina.ai/v1/batch/{ID}"),
        ("GET", f"https://api.jina.ai/v1/batch/{ID}"),
        ("GET", f"https://api.jina.ai/v1/batch/{ID}/output"),
    ]
    assert json.loads(transport.requests[0].body) == {
        "model": "jina-embeddings-v5-text-small",
        "task": "retrieval.passage",
        "dimensions": 64,
        "normalized": False,
        "input": [{"custom_id": str(n), "body": {"input": text}} for n, text in enumerate("abc")],
    }


def test_a_job_at_the_embedded_engine(clock):
    """The engine takes the same road, and its vectors are those of a request for them."""
    texts = [f"text number {n}" for n in range(12)]
    jina = Jina(base_url="local", clock=clock)
    submitted = jina.submit_batch(texts, role="document", dimensions=64)
    with pytest.raises(JobError, match="it is still running"):
        submitted.results()
    submitted.wait_done()
    expected = jina.embed(texts, role="document", dimensions=64).vectors
    assert np.allclose(jina.batch(submitted.id).results().vectors, expected, atol=1e-6)
    assert submitted.id in [known.id for known in jina.batches()]


def test_another_process_finds_the_job_by_its_id(client):
    """Positions are ids, so that the order needs nothing that the first process knew."""
    jina, _ = client(as_json(job()), THREE)
    assert jina.batch(ID).results().vectors[:, 0].tolist() == [0, 1, 2]


def test_a_handle_goes_to_another_process(monkeypatch):
    """With the ids that it knows, and without the key."""
    monkeypatch.setenv("JINA_API_KEY", "k3y")
    state = pickle.dumps(Jina().batch(ID, ids=["a", "b"]))
    copy = pickle.loads(state)
    assert (copy.id, copy.ids) == (ID, ("a", "b"))
    assert b"k3y" not in state


def test_ids_of_the_callers_own(client):
    """The handle that ``submit_batch`` returns knows their order."""
    lines = file(line("z", [1.0]), line("y", [2.0]))
    jina, transport = client(as_json(job("pending")), as_json(job(total=2)), lines)
    found = jina.submit_batch(["a", "b"], custom_ids=["y", "z"]).results()
    assert (found.ids, found.vectors[:, 0].tolist()) == (("y", "z"), [2.0, 1.0])
    assert [row["custom_id"] for row in json.loads(transport.requests[0].body)["input"]] == ["y", "z"]


def test_ids_that_nobody_knows_the_order_of(client):
    """Rows are never handed out in an order that the caller may take for his own."""
    lines = file(line("z", [1.0]), line("y", [2.0]))
    jina, _ = client(as_json(job(total=2)), lines, as_json(job(total=2)), lines, as_json(job(total=2)), lines)
    with pytest.raises(JobError, match=r"'z'.*results\(ids="):
        jina.batch(ID).results()
    assert jina.batch(ID).results(ids=["y", "z"]).vectors[:, 0].tolist() == [2.0, 1.0]
    with pytest.raises(JobError, match="'z', which is not in ids="):
        jina.batch(ID, ids=["y"]).results()


def test_a_job_over_an_address(client):
    """The service fetches the items; they have ids of their own."""
    jina, transport = client(as_json(job("submitted")))
    jina.submit_batch(input_url="gs://bucket/in.jsonl", task="retrieval", webhook_url="https://me/hook")
    assert json.loads(transport.requests[0].body) == {
        "model": "jina-embeddings-v5-text-small",
        "task": "retrieval",
        "webhook_url": "https://me/hook",
        "input_url": "gs://bucket/in.jsonl",
    }


@pytest.mark.parametrize(
    ("name", "content", "texts", "ids"),
    [
        ("a.txt", "one\n\ntwo  \r\nthree", ["one", "two  ", "three"], None),
        ("a.jsonl", '{"input": "one"}\n\n{"text": "two"}\n', ["one", "two"], None),
        ("a.ndjson", '{"custom_id": "x", "body": {"input": "one"}}', ["one"], ("x",)),
        ("bom.txt", "\ufeffone", ["one"], None),
    ],
)
def test_a_job_from_a_file(client, tmp_path, name, content, texts, ids):
    """A text in each line, or an object; ids where the lines have them."""
    path = tmp_path / name
    path.write_bytes(content.encode())
    jina, transport = client(as_json(job("pending")))
    submitted = jina.submit_batch(path)
    rows = json.loads(transport.requests[0].body)["input"]
    assert [row["body"]["input"] for row in rows] == texts
    assert submitted.ids == ids


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"input": "a"}\n{"input": 7}', "line 2: not an object with a string"),
        (b'{"input": "a"', "line 1: not JSON"),
        (b'{"custom_id": 7, "input": "a"}', "line 1: custom_id is int"),
        (b'{"custom_id": "x", "input": "a"}\n{"input": "b"}', "1 of 2 lines have a custom_id"),
        (b'{"custom_id": "x", "input": "a"}\n{"custom_id": "x", "input": "b"}', r"\[1\] is 'x'"),
        (b"\xff\xfe", "cannot be read"),
        (b"\n", "inputs is empty"),
    ],
)
def test_a_wrong_file_is_refused(client, tmp_path, content, says):
    """By the line that is wrong; nothing is sent."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    jina, transport = client()
    with pytest.raises(ConfigurationError, match=says):
        jina.submit_batch(path)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "either inputs or input_url="),
        ({"inputs": ["a"], "input_url": "https://a"}, "either inputs or input_url="),
        ({"inputs": []}, "inputs is empty"),
        ({"inputs": "text"}, "inputs is one str"),
        ({"inputs": 7}, "inputs is int"),
        ({"inputs": ["a", None]}, r"inputs\[1\] is NoneType"),
        ({"inputs": ["a", "half \ud800 a pair"]}, r"inputs\[1\].*surrogate"),
        ({"inputs": itertools.repeat("a", 10_001)}, "more than 10,000 items.*input_url="),
        ({"inputs": ["a"], "custom_ids": ["x", "y"]}, "2 ids for 1 items"),
        ({"inputs": ["a", "b"], "custom_ids": ["x", "x"]}, r"custom_ids\[1\] is 'x', as is custom_ids\[0\]"),
        ({"inputs": ["a"], "custom_ids": [7]}, r"custom_ids\[0\]"),
        ({"inputs": ["a"], "custom_ids": "x"}, "custom_ids is one str"),
        ({"input_url": "file:///etc/passwd"}, "input_url must start with"),
        ({"input_url": "https://a", "custom_ids": ["x"]}, "custom_ids"),
        ({"inputs": ["a"], "model": "jina-embeddings-v3"}, "cannot batch.*v5-text-small"),
        ({"inputs": ["a"], "model": "jina-embeddings-v5-text-nano", "dimensions": 1024}, "768"),
        ({"inputs": ["a"], "task": "separation"}, "clustering"),
        ({"inputs": ["a"], "role": "query", "task": "retrieval"}, "give one"),
        ({"inputs": ["a"], "webhook_url": "me"}, "webhook_url"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_sending(client, arguments, says):
    """The message names the argument and, where there is one, the way out."""
    jina, transport = client()
    with pytest.raises(ConfigurationError, match=says):
        jina.submit_batch(**arguments)
    assert transport.requests == []


@pytest.mark.parametrize("lost", [RequestError("broken"), Response(200, {}, b"{"), Response(502, {}, b"")])
def test_a_job_is_not_submitted_twice(client, lost):
    """Where the answer was lost there may be a job already, which would be paid for twice."""
    jina, transport = client(lost, as_json(job("pending")))
    with pytest.raises(RagbridgeError):
        jina.submit_batch(["a"])
    assert len(transport.requests) == 1


def test_pauses_grow_up_to_the_longest(client, clock):
    """A short job is noticed soon, a long one is not asked about all the time; progress hears of each look."""
    steps = [as_json(job("processing", total=9, failed=1, done=done)) for done in range(6)]
    jina, _ = client(*steps, as_json(job(total=9, failed=1)), limits=None)
    told = []
    jina.batch(ID).wait_done(poll=5, progress=lambda *counts: told.append(counts))
    assert clock.slept == [1, 2, 4, 5, 5, 5]
    assert told == [(1, 9), (2, 9), (3, 9), (4, 9), (5, 9), (6, 9), (9, 9)]


def test_looks_count_in_the_quota(client, clock):
    """However short the pauses, no more requests are sent than the tier allows."""
    steps = [as_json(job("processing"))] * 150
    jina, transport = client(*steps, as_json(job()), limits="free")
    jina.batch(ID).wait_done(poll=0.01)
    assert len(transport.requests) == 151
    assert clock.now() > 60


def test_time_is_up(client, clock):
    """The job goes on, and the message says how to find it again."""
    jina, _ = client(*[as_json(job("processing"))] * 9, limits=None)
    with pytest.raises(JobError, match=r"processing after 10 s.*jina.batch\('batch_1'\)") as raised:
        jina.batch(ID).wait_done(timeout=10)
    assert (clock.now(), raised.value.status) == (10, "processing")


@pytest.mark.parametrize("state", ["failed", "expired", "cancelled"])
def test_a_job_that_ends_badly(client, state):
    """Is an error that says which, how and why; the signed address of its errors stays out of it."""
    ended = as_json(job(state, error="out of memory", error_file_url=SIGNED))
    jina, _ = client(ended, ended, ended)
    for call in (jina.batch(ID).wait_done, jina.batch(ID).results, jina.batch(ID).output):
        with pytest.raises(JobError, match=rf"{ID} .*{state}: out of memory; .*errors") as raised:
            call()
        assert (raised.value.job, raised.value.status) == (ID, state)
        assert "s3cret" not in str(raised.value)
        copy = pickle.loads(pickle.dumps(raised.value))
        assert (str(copy), copy.job, copy.status) == (str(raised.value), ID, state)


def test_results_of_a_job_that_is_not_done(client):
    """Are an error that names the way to wait."""
    jina, _ = client(as_json(job("processing")))
    with pytest.raises(JobError, match="processing: it is still running; .*wait_done"):
        jina.batch(ID).results()


def test_failed_items_are_an_error_unless_allowed(client):
    """Their rows would be no vectors; with ``partial`` they are NaN and named."""
    answers = [
        as_json(job(failed=1)),
        file(failure("1")),
        file(line("2", [2.0]), line("0", [0.5])),
    ]
    jina, _ = client(*answers, *answers)
    with pytest.raises(JobError, match="1 of 3 items failed, such as '1': too long.*partial=True"):
        jina.batch(ID).results()
    found = jina.batch(ID).results(partial=True)
    assert np.isnan(found.vectors[1]).all()
    assert found.vectors[[0, 2], 0].tolist() == [0.5, 2.0]
    assert {custom_id: (item.status, item.message) for custom_id, item in found.errors.items()} == {
        "1": (400, "too long")
    }


def test_failed_items_among_the_output(client):
    """Wherever the service puts them; there may be no file of errors at all."""
    gone = Response(404, {}, b'{"detail": "none"}')
    jina, _ = client(as_json(job(failed=1)), gone, file(line("2", [2.0]), failure("1"), line("0", [0.0])))
    found = jina.batch(ID).results(partial=True)
    assert list(found.errors) == ["1"]


def test_nothing_but_failed_items(client):
    """Leaves no width to know: rows of no numbers, and an error for each."""
    jina, _ = client(as_json(job(total=2, failed=2)), file(failure("0"), failure("1")), file())
    found = jina.batch(ID).results(partial=True)
    assert (found.vectors.shape, list(found.errors)) == ((2, 0), ["0", "1"])


def test_base64_vectors(client):
    """Are as good as numbers."""
    text = base64.b64encode(np.array([1, 2], "<f4").tobytes()).decode()
    jina, _ = client(as_json(job(total=1)), file(line("0", text)))
    assert jina.batch(ID).results().vectors.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    "lines",
    [
        [line("0", [1.0])],
        [line("0", [1.0]), line("0", [1.0])],
        [line("0", [1.0]), line("1", [1.0, 2.0])],
        [line("0", [1.0]), line("1", [float("nan")])],
        [line("0", [1.0]), line("1", [])],
        [line("0", [1.0]), line("1", "????")],
        [line("0", [1.0]), line("1", None)],
        [line("0", [1.0]), "{"],
        [line("0", [1.0]), "[]"],
        [line("0", [1.0]), '{"response": {}}'],
        [line("0", [1.0]), '{"custom_id": "1", "response": {"status_code": 200}}'],
        [line("0", [1.0]), '{"custom_id": "1", "response": {"body": {"data": []}}}'],
    ],
)
def test_odd_output_is_an_error(client, lines):
    """An item that is missing, double or no vector is never passed over."""
    jina, _ = client(as_json(job(total=2)), file(*lines), file(*lines))
    with pytest.raises(ResponseError):
        jina.batch(ID).results()


def test_a_cut_download_is_fetched_again(client):
    """What is missing in one answer may be whole in the next."""
    cut = Response(200, {}, THREE.body[:-30])
    jina, transport = client(as_json(job()), cut, THREE)
    assert jina.batch(ID).results().vectors.shape == (3, 2)
    assert len(transport.requests) == 3


@pytest.mark.parametrize("way", ["redirect", "gone"])
def test_signed_addresses_get_no_key(client, caplog, way):
    """The store is another host: it needs none, and must not learn it. The signature shows nowhere."""
    caplog.set_level(logging.DEBUG, "ragbridge")
    first = (
        Response(302, {"location": SIGNED}, b"")
        if way == "redirect"
        else Response(404, {}, b'{"detail": "gone"}')
    )
    status = as_json(job(output_url=None if way == "redirect" else SIGNED))
    jina, transport = client(status, first, THREE, headers={"X-Tenant": "mine"})
    assert jina.batch(ID).results().vectors.shape == (3, 2)
    here, there = transport.requests[1:]
    assert here.headers["authorization"] == "Bearer k"
    assert here.headers["x-tenant"] == "mine"
    assert "x-tenant" not in there.headers
    assert there.url == SIGNED
    assert "authorization" not in there.headers
    assert "s3cret" not in caplog.text + repr(there) + repr(status_of(job(output_url=SIGNED)))


@pytest.mark.parametrize(
    "place",
    [
        "",
        "/v1/batch/x/output",
        "http://store.example/x",
        "https://api.jina.ai/v1/x",
        "ftp://store/x",
        "https://[x",
        "https://a..invalid/x",
        "https://store.example:99999/x",
        "https://" + "a" * 64 + ".example/x",
    ],
)
def test_redirects_to_odd_places_are_not_followed(client, place):
    """No plain HTTP from HTTPS, no loop, no other scheme."""
    jina, transport = client(as_json(job()), Response(302, {"location": place}, b""))
    with pytest.raises(ResponseError, match="not a store"):
        jina.batch(ID).results()
    assert len(transport.requests) == 2


def test_a_store_does_not_send_on(client):
    """One signed address is enough."""
    jina, _ = client(
        as_json(job()), Response(302, {"location": SIGNED}, b""), Response(302, {"location": SIGNED}, b"")
    )
    with pytest.raises(ResponseError, match="redirects again"):
        jina.batch(ID).results()


def test_the_output_as_it_is(client):
    """Byte by byte."""
    jina, _ = client(as_json(job()), THREE)
    assert jina.batch(ID).output() == THREE.body


def test_cancelling(client):
    """By the job's own address; what the service refuses is an error."""
    jina, transport = client(as_json(job("cancelled")), as_json({"detail": "no such job"}, 404))
    assert jina.batch(" odd/id ").cancel().status == "cancelled"
    assert (transport.requests[0].method, transport.requests[0].url) == (
        "DELETE",
        "https://api.jina.ai/v1/batch/odd%2Fid",
    )
    with pytest.raises(InvalidRequestError):
        jina.batch(ID).cancel()


@pytest.mark.parametrize("wrong", ["", " ", None, 7, "a\nb"])
def test_an_id_that_is_none(client, wrong):
    """Is refused when the handle is made."""
    jina, _ = client()
    with pytest.raises(ConfigurationError, match="id"):
        jina.batch(wrong)


@pytest.mark.parametrize("wrong", [{"poll": 0}, {"poll": None}, {"timeout": -1}, {"timeout": "9"}])
def test_waiting_times_that_are_none(client, wrong):
    """Are refused before anything is sent."""
    jina, transport = client()
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        jina.batch(ID).wait_done(**wrong)
    assert transport.requests == []


def test_the_accounts_jobs(client):
    """A bare list, as described, or one in an object."""
    jina, transport = client(as_json([job(), job("pending")]), as_json({"data": [job()]}), as_json([]))
    assert [found.status for found in jina.batches()] == ["completed", "pending"]
    assert transport.requests[0].url == "https://api.jina.ai/v1/batches?limit=20"
    assert len(jina.batches(limit=5)) == 1
    assert jina.batches() == ()
    with pytest.raises(ConfigurationError, match="limit=0"):
        jina.batches(limit=0)


def test_what_a_status_says():
    """All of it, and times as texts, which they have not always been."""
    found = status_of(job(created_at=1234567890, error={"why": "x"}, output_url="/v1/batch/batch_1/output"))
    assert found.stats == BatchStats(3, 3, 0, 30)
    assert (found.created_at, found.error, found.ended) == ("1234567890", '{"why": "x"}', True)
    assert not status_of(job("submitted")).ended


@pytest.mark.parametrize(
    "body",
    [{}, [], {"batch_id": ID}, {"batch_id": "", "status": "x"}, {"batch_id": ID, "status": 7}, {"detail": "x"},
     job(stats={"total": -1}), job(stats={"total": "3"}),
     job(stats={"total": True}), job(stats={"total": 2**63}), job(stats={"total_tokens": 2**63})],
)  # fmt: skip
def test_odd_states_are_errors(client, body):
    """A job without id or state is none."""
    jina, _ = client(as_json(body), as_json(body))
    with pytest.raises(ResponseError):
        jina.batch(ID).status()


async def test_the_asynchronous_face_does_the_same(client, clock):
    """Submit, wait, results, cancel."""
    jina, _ = client(
        as_json(job("pending")),
        as_json(job("processing")),
        as_json(job()),
        as_json(job()),
        as_json(job()),
        THREE,
    )
    submitted = await jina.asubmit_batch(["a", "b", "c"])
    assert (await submitted.await_done()).status == "completed"
    assert (await submitted.astatus()).ended
    assert (await submitted.aresults()).vectors.shape == (3, 2)
    assert clock.slept == [1]


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 12), seed=st.randoms(use_true_random=False), failing=st.sets(st.integers(0, 11)))
def test_every_item_finds_its_row(count, seed, failing):
    """Whatever the order of the lines, and whoever failed."""
    failing = {str(n) for n in failing if n < count}
    lines = [line(str(n), [float(n), 1.0]) for n in range(count) if str(n) not in failing]
    errors = [failure(custom_id) for custom_id in failing]
    seed.shuffle(lines)
    status = status_of(job(total=count, failed=len(failing)))
    found = collect(file(*lines).body, status=status, ids=None, failed=read_errors(file(*errors).body))
    assert set(found.errors) == failing
    for n in range(count):
        if str(n) in failing:
            assert np.isnan(found.vectors[n]).all()
        else:
            assert found.vectors[n].tolist() == [n, 1.0]


LINES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "custom_id": st.sampled_from(["0", "1", "01", "x", 7, None]),
            "error": st.sampled_from([None, "bad", {"message": {"message": "bad"}}, 7]),
            "response": st.sampled_from(
                [None, 7, {}, {"status_code": 500}, {"body": {"data": [{"embedding": [1.0]}]}}, {"body": 7}]
            ),
        },
    ).map(json.dumps)
    | st.text(max_size=5),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(lines=LINES, errors=LINES)
def test_any_file_is_results_or_a_typed_error(lines, errors):
    """No error of another kind comes out, and no row without a vector or an error."""
    try:
        failed = read_errors(file(*errors).body)
        found = collect(file(*lines).body, status=status_of(job(total=2)), ids=None, failed=failed)
    except RagbridgeError:
        return
    assert len(found) == 2
    for row, custom_id in enumerate(found.ids):
        assert (custom_id in found.errors) != (
            found.vectors[row].size and np.isfinite(found.vectors[row]).all()
        )


def test_lines_in_a_random_order_of_a_larger_job():
    """A thousand rows of a real width land where they belong."""
    rows = [line(str(n), [float(n)] * 64) for n in range(1000)]
    random.Random(7).shuffle(rows)
    found = collect(file(*rows).body, status=status_of(job(total=1000)), ids=None, failed={})
    assert (found.vectors[:, 0] == np.arange(1000)).all()
    assert found.usage.tokens == 30
