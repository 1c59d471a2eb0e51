"""Bulk jobs: a file goes in and a file comes out, both as they are; and that they are deprecated."""

from __future__ import annotations

import email
import email.policy
import json

import pytest

from ragbridge import ConfigurationError, Jina, JobError, ResponseError, Retry
from ragbridge.flow import Response

pytestmark = pytest.mark.filterwarnings("ignore:/v1/bulk-embeddings:DeprecationWarning")

SIGNED = "https://store.example/out.csv?signature=s3cret"
CSV = b'id,text\r\n1,"a, b"\r\n'


def as_json(body, status=200):
    return Response(status, {}, json.dumps(body).encode())


def job(status="completed", **fields):
    return {
        "_id": "b1",
        "status": status,
        "model_name": "m",
        "file_name": "in.csv",
        "used_token_count": 9,
        **fields,
    }


@pytest.fixture
def client(scripted, clock):
    """``client(*answers)``: a client that gets them, and its transport."""

    def make(*answers):
        transport = scripted(*answers)
        return Jina("k", transport=transport, clock=clock, limits=None, retry=Retry(attempts=1)), transport

    return make


def form(request):
    """The fields of a form as another library reads them: name -> (file name, bytes)."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    }


def test_a_file_from_submission_to_download(client, tmp_path):
    """The bytes arrive as they were, and those that the job made come back as they are."""
    path = tmp_path / "in.csv"
    path.write_bytes(CSV)
    jina, transport = client(
        as_json(job("waiting")),
        as_json(job("in-progress")),
        as_json(job()),
        as_json({"id": "b1", "download_url": SIGNED}),
        Response(200, {}, b"\x00out"),
    )
    submitted = jina.submit_bulk(path, model="jina-embeddings-v3", email="me@example.com")
    assert submitted.id == "b1"
    status = submitted.wait_done()
    assert (status.status, status.tokens, status.file_name, status.model) == ("completed", 9, "in.csv", "m")
    assert submitted.download() == b"\x00out"
    first, *_, asked, fetched = transport.requests
    assert (first.method, first.url) == ("POST", "https://api.jina.ai/v1/bulk-embeddings")
    assert form(first) == {
        "model": (None, b"jina-embeddings-v3"),
        "email": (None, b"me@example.com"),
        "file": ("in.csv", CSV),
    }
    assert (asked.method, asked.url) == (
        "POST",
        "https://api.jina.ai/v1/bulk-embeddings/b1/download-result",
    )
    assert asked.headers["authorization"] == "Bearer k"
    assert fetched.url == SIGNED
    assert "authorization" not in fetched.headers


def test_bytes_and_the_older_name_of_the_id(client):
    """The example in the service's description has ``id`` where its schema has ``_id``."""
    jina, transport = client(as_json({"id": "b2", "status": "waiting"}))
    assert jina.submit_bulk(CSV, model="m").id == "b2"
    assert form(transport.requests[0])["file"] == ("input.csv", CSV)


def test_a_file_on_the_services_own_host(client):
    """Needs the key, and gets it."""
    own = "https://api.jina.ai/files/out.csv"
    jina, transport = client(as_json({"download_url": own}), Response(200, {}, b"x"))
    assert jina.bulk("b1").download() == b"x"
    assert transport.requests[1].headers["authorization"] == "Bearer k"


@pytest.mark.filterwarnings("always:/v1/bulk-embeddings:DeprecationWarning")
def test_both_ways_in_warn(client):
    """At the caller's own line, with the name of what to use instead."""
    jina, _ = client(as_json(job()))
    with pytest.warns(DeprecationWarning, match="submit_batch") as warned:
        jina.bulk("b1")
    assert warned[0].filename == __file__
    with pytest.warns(DeprecationWarning, match="submit_batch") as warned:
        jina.submit_bulk(CSV, model="m")
    assert warned[0].filename == __file__


def test_a_job_that_fails(client):
    """Is an error that says why; so is one that is not done in time."""
    jina, _ = client(as_json(job("failed", error="no column")), *[as_json(job("waiting"))] * 9)
    with pytest.raises(JobError, match="b1 is failed: no column"):
        jina.bulk("b1").wait_done()
    with pytest.raises(JobError, match="b1 is waiting"):
        jina.bulk("b1").wait_done(timeout=5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"file": "text"}, "file is str"),
        ({"file": b""}, "file is empty"),
        ({"model": "jina-reranker-v3"}, "cannot embed"),
        ({"email": "me"}, "email"),
        ({"email": "a@b\r\nX: 1"}, "email"),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused_before_sending(client, arguments, says):
    """The message names the argument; nothing is sent."""
    jina, transport = client()
    with pytest.raises(ConfigurationError, match=says):
        jina.submit_bulk(**{"file": CSV, "model": "m", **arguments})
    assert transport.requests == []


def test_a_missing_file_is_named(client, tmp_path):
    """By its name."""
    jina, _ = client()
    with pytest.raises(ConfigurationError, match=r"none\.csv cannot be read"):
        jina.submit_bulk(tmp_path / "none.csv", model="m")


@pytest.mark.parametrize(
    "body", [{}, {"_id": "b1"}, {"_id": 7, "status": "x"}, {"_id": "b1", "status": None}]
)
def test_odd_answers_are_errors(client, body):
    """A job without id or state is none, nor is a download without an address."""
    jina, _ = client(as_json(body), as_json(body))
    with pytest.raises(ResponseError):
        jina.bulk("b1").status()
    with pytest.raises(ResponseError):
        jina.bulk("b1").download()


async def test_the_asynchronous_face_does_the_same(client):
    """Submit, wait, download."""
    jina, _ = client(
        as_json(job("waiting")), as_json(job()), as_json({"download_url": SIGNED}), Response(200, {}, b"x")
    )
    submitted = await jina.asubmit_bulk(CSV, model="m")
    assert (await submitted.await_done()).ended
    assert await submitted.adownload() == b"x"
