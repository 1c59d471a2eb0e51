"""Batch and bulk jobs of the embedded engine."""

from __future__ import annotations

import json
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest

from ragbridge.local import Engine, Faults

MODEL = "jina-embeddings-v5-text-small"
TEXTS = {"one": "The capital of France is Paris.", "two": "Bananas", "three": "A cat"}
CSV = b'text,note\r\n"The capital of France, is Paris.",x\r\nBananas,y\r\n'


def lines(texts=TEXTS):
    return [{"custom_id": name, "body": {"input": text}} for name, text in texts.items()]


class Client:
    """One key's requests to one engine."""

    def __init__(self, ask, engine, key="a"):
        self.ask, self.engine, self.key = ask, engine, key

    def raw(self, path, body=None, method="GET", headers=None):
        return self.ask(self.engine, path, body, method=method, key=self.key, headers=headers).response

    def __call__(self, path, body=None, method="GET", headers=None):
        response = self.raw(path, body, method, headers)
        return response.status, json.loads(response.body)

    def submit(self, given=None, **fields):
        return self("/v1/batch/embeddings", {"model": MODEL, "input": given or lines(), **fields}, "POST")

    def done(self, **fields):
        """The status of a batch job that has completed."""
        name = self.submit(**fields)[1]["batch_id"]
        return [self(f"/v1/batch/{name}")[1] for _ in range(2)][-1]

    def bulk(self, content=CSV, model=MODEL, boundary="xyz"):
        body = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="input.csv"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        body += content + f"\r\n--{boundary}--\r\n".encode()
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return self("/v1/bulk-embeddings", body, "POST", kind)


@pytest.fixture
def client(ask):
    return Client(ask, Engine())


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def jsonl(response):
    return [json.loads(line) for line in response.body.splitlines()]


def test_a_batch_runs(client, embed):
    """A job is pending, then processing, then completed; its output holds the vectors that a request would get."""
    _, job = client.submit(dimensions=64)
    path = f"/v1/batch/{job['batch_id']}"
    assert (job["status"], job["stats"]["total"], job["output_url"]) == ("pending", 3, None)
    assert client(f"{path}/output")[0] == 404
    assert client(path)[1]["status"] == "processing"
    job = client(path)[1]
    assert (job["status"], job["model"], job["error_file_url"]) == ("completed", MODEL, None)
    assert (job["stats"]["completed"], job["stats"]["failed"]) == (3, 0)
    assert job["completed_at"] >= job["created_at"]

    found = {line["custom_id"]: line["response"] for line in jsonl(client.raw(f"{path}/output"))}
    right = embed([*TEXTS.values()], model=MODEL, dimensions=64)
    assert list(found) == list(TEXTS)
    for response, row in zip(found.values(), right["data"], strict=True):
        assert response["status_code"] == 200
        assert np.allclose(response["body"]["data"][0]["embedding"], row["embedding"], atol=1e-6)
    assert job["stats"]["total_tokens"] == right["usage"]["total_tokens"]
    assert (
        sum(response["body"]["usage"]["total_tokens"] for response in found.values())
        == right["usage"]["total_tokens"]
    )
    assert client.raw(f"{path}/errors").body == b""


def test_lines_that_fail(client):
    """A line that is wrong fails alone, and stands among the errors with what was wrong."""
    texts = {"good": "a", "long": "word " * 33_000, "odd": 5, "media": {"image": "AAAA"}}
    job = client.done(given=[*lines(texts), {"custom_id": "none"}])
    path = f"/v1/batch/{job['batch_id']}"
    assert (job["stats"]["completed"], job["stats"]["failed"]) == (1, 4)
    assert [line["custom_id"] for line in jsonl(client.raw(f"{path}/output"))] == ["good"]
    errors = {line["custom_id"]: line for line in jsonl(client.raw(f"{path}/errors"))}
    assert list(errors) == ["long", "odd", "media", "none"]
    assert errors["long"]["response"]["status_code"] == 400
    assert errors["odd"]["response"]["status_code"] == 422
    assert all(line["error"]["message"] for line in errors.values())


def test_signed_addresses_need_no_key(ask):
    """The addresses in a status open the result without a key, where keys are demanded; changed ones do not."""
    client = Client(ask, Engine(api_keys=["a", "b"]))
    job = client.done(given=[*lines(), {"custom_id": "bad"}])
    for name, count in (("output_url", 3), ("error_file_url", 1)):
        assert job[name].startswith("https://api.jina.ai/v1/batch/")
        response = ask(client.engine, path_of(job[name]), method="GET").response
        assert (response.status, len(jsonl(response))) == (200, count)
        assert ask(client.engine, path_of(job[name])[:-1] + "!", method="GET").response.status == 403
        assert ask(client.engine, urlsplit(job[name]).path, method="GET").response.status == 401


def test_cancel(client):
    """A job that has not ended can be cancelled, and stays so; one that has ended cannot."""
    name = client.submit()[1]["batch_id"]
    assert client(f"/v1/batch/{name}", method="DELETE")[1]["status"] == "cancelled"
    assert [client(f"/v1/batch/{name}")[1]["status"] for _ in range(3)] == ["cancelled"] * 3
    done = client.done()["batch_id"]
    assert client(f"/v1/batch/{done}", method="DELETE")[0] == 409


def test_list(client, ask):
    """The key's own jobs are listed, newest first, as many as are asked for."""
    names = [client.submit()[1]["batch_id"] for _ in range(3)]
    assert [job["batch_id"] for job in client("/v1/batches")[1]] == names[::-1]
    assert [job["batch_id"] for job in client("/v1/batches?limit=1")[1]] == names[2:]
    assert client("/v1/batches?limit=0")[0] == client("/v1/batches?limit=x")[0] == 422
    other = Client(ask, client.engine, key="b")
    assert other("/v1/batches") == (200, [])
    for path in (f"/v1/batch/{names[0]}", f"/v1/batch/{names[0]}/output"):
        assert other(path)[1]["code"] == "RESOURCE_NOT_FOUND"
    assert other(f"/v1/batch/{names[0]}", method="DELETE")[0] == 404


def test_old_jobs_make_room(client):
    """64 jobs are kept; the oldest is forgotten."""
    names = [client.submit()[1]["batch_id"] for _ in range(65)]
    assert client(f"/v1/batch/{names[0]}")[0] == 404
    assert client(f"/v1/batch/{names[1]}")[0] == 200


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"input": None}, "input", "missing"),
        ({"input": []}, "input", "too_short"),
        ({"input": "text"}, "input", "list_type"),
        ({"input": [{"body": {"input": "a"}}]}, "input.0.custom_id", "string_type"),
        ({"input": ["text"]}, "input.0.custom_id", "string_type"),
        ({"input": lines() + lines({"one": "again"})}, "input.3.custom_id", "value_error"),
        ({"input": None, "input_url": "https://example.com/x.jsonl"}, "input_url", "value_error"),
        ({"webhook_url": "https://example.com/hook"}, "webhook_url", "value_error"),
        ({"dimensions": 2000}, "dimensions", "less_than_equal"),
        ({"task": "separation"}, "task", "literal_error"),
    ],
)
def test_validation(client, fields, field, kind):
    """A wrong job is answered with 422 that names the field."""
    status, answer = client("/v1/batch/embeddings", {"model": MODEL, "input": lines(), **fields}, "POST")
    assert status == 422
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [(field, kind)]


def test_too_many_lines(client):
    """10,000 lines at most."""
    given = lines({str(number): "a" for number in range(10_001)})
    assert client.submit(given)[1]["errors"][0]["type"] == "too_long"


def test_models_of_batches(client):
    """Only v5 text models take batches; the task may be called ``retrieval`` there."""
    assert client.submit(model="jina-embeddings-v3")[1]["code"] == "INPUT_MODEL_NOT_FOUND"
    assert client.submit(task="retrieval")[0] == 200


@pytest.mark.parametrize("kind", ["missing", "duplicate", "nan", "width", "shuffle"])
def test_faults_of_output(ask, kind):
    """Faults of rows strike a job's lines."""
    client = Client(ask, Engine(faults=Faults(rate=1, kinds=[kind])))
    job = client.done(dimensions=8)
    found = jsonl(client.raw(f"/v1/batch/{job['batch_id']}/output"))
    names = [line["custom_id"] for line in found]
    vectors = [np.array(line["response"]["body"]["data"][0]["embedding"], dtype=float) for line in found]
    match kind:
        case "missing":
            assert len(names) == 2
        case "duplicate":
            assert (len(names), len(set(names))) == (3, 2)
        case "nan":
            assert np.isnan(np.concatenate(vectors)).any()
        case "width":
            assert sorted(map(len, vectors)) == [4, 8, 8]
        case "shuffle":
            assert (names != list(TEXTS), set(names)) == (True, set(TEXTS))


def test_threads(ask):
    """Jobs of many threads do not mix."""
    client = Client(ask, Engine())
    names = []

    def work(number):
        texts = {f"{number}-{place}": f"text {number}" for place in range(3)}
        names.append((number, client.done(given=lines(texts), dimensions=32)["batch_id"]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names) == 6
    for number, name in names:
        found = jsonl(client.raw(f"/v1/batch/{name}/output"))
        assert [line["custom_id"] for line in found] == [f"{number}-{place}" for place in range(3)]


def test_bulk(ask, embed):
    """A file becomes a job that waits, is in progress and completes; its result is fetched without a key."""
    client = Client(ask, Engine(api_keys=["a"]))
    _, job = client.bulk()
    path = f"/v1/bulk-embeddings/{job['_id']}"
    assert (job["status"], job["file_name"], job["model_name"]) == ("waiting", "input.csv", MODEL)
    assert client(f"{path}/download-result", b"", "POST")[0] == 404
    assert client(path)[1]["status"] == "in-progress"
    job = client(path)[1]
    assert job["status"] == "completed"
    url = client(f"{path}/download-result", b"", "POST")[1]["download_url"]
    response = ask(client.engine, path_of(url), method="GET").response
    right = embed(["The capital of France, is Paris.", "Bananas"], model=MODEL)
    assert [row["index"] for row in jsonl(response)] == [0, 1]
    assert [row["embedding"] for row in jsonl(response)] == [row["embedding"] for row in right["data"]]
    assert job["used_token_count"] == right["usage"]["total_tokens"]
    assert ask(client.engine, path_of(url)[:-2], method="GET").response.status == 403


@pytest.mark.parametrize(
    ("content", "model", "status"),
    [
        (b"", MODEL, 422),
        (b"text\n", MODEL, 422),
        (b"\xff\xfe", MODEL, 422),
        (b'"open', MODEL, 422),
        (b"word " * 9_000, "jina-embeddings-v5-text-nano", 400),
        (b"a", "jina-reranker-v3", 400),
    ],
)
def test_files_that_are_refused(client, content, model, status):
    """A file that is no CSV, without rows or with a text that is too long makes no job."""
    assert client.bulk(content, model)[0] == status


@pytest.mark.parametrize(
    "kind", ["", "multipart/form-data", "text/plain", "multipart/form-data; boundary=\r\nx: y"]
)
def test_forms_that_are_none(client, kind):
    """A body that is no form is refused as a form without fields."""
    status, answer = client("/v1/bulk-embeddings", b"--x\r\n\r\na", "POST", {"content-type": kind})
    assert (status, answer["errors"][0]["field"]) == (422, "model")


def part(head, content=b"a"):
    return b"\r\n".join([b"--B", *head, b"", content, b""])


DISPOSITION = b'Content-Disposition: form-data; name="file"; filename="a.csv"'


def nested(depth):
    """A form whose part is a form whose part is a form."""
    body = b"a\r\n"
    for level in range(depth):
        body = b"--B%d\r\nContent-Type: multipart/mixed; boundary=B%d\r\n%b\r\n\r\n%b\r\n--B%d--\r\n" % (
            level,
            level - 1,
            DISPOSITION,
            body,
            level,
        )
    return body


@pytest.mark.parametrize(
    ("boundary", "body", "says"),
    [
        ("B2999", nested(3000), "must not be multipart itself"),
        ("B", part([DISPOSITION]) * 101, "at most 100 fields"),
        ("B", part([DISPOSITION]) * 20_000, "at most 100 fields"),
        ("B", part([DISPOSITION, b"Content-Transfer-Encoding: base64"]), "must not be encoded"),
        ("B", part([DISPOSITION, b"Content-Transfer-Encoding: \xff"]), "must not be encoded"),
        ("B", part([b"Content-Disposition: form-data"]), "has no name"),
        ("B", part([DISPOSITION, b"X: " + b"a" * 9000]), "do not end"),
        ("B", b"--B\r\n" + DISPOSITION, "do not end"),
    ],
    ids=["nested", "101 parts", "20,000 parts", "base64", "odd encoding", "no name", "long head", "cut"],
)
def test_forms_that_are_refused(client, boundary, body, says):
    """A form is a flat list of few named parts; whatever else it is, it is refused in words, without much work."""
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    status, answer = client("/v1/bulk-embeddings", body, "POST", kind)
    assert (status, answer["errors"][0]["field"]) == (422, "body")
    assert says in answer["detail"]
