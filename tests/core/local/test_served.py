"""The engine's products over real sockets: addresses, queries and signed results survive the way."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from ragbridge import Elastic, Jina
from ragbridge.local import Engine
from ragbridge.server import running

PAGES = {"https://example.com/a b?x=1&y=%2F": "# Found\n\nA page."}


@pytest.fixture(scope="module")
def url():
    with running(Engine(pages=PAGES, api_keys=["jina_right"])) as address:
        yield address


@pytest.fixture
def client(url):
    with httpx.Client(base_url=url, headers={"Authorization": "Bearer jina_right"}) as client:
        yield client


def test_a_pages_address_in_the_path(client):
    """The address with its query arrives as it was written."""
    response = client.get("/r/https://example.com/a%20b?x=1&y=%2F")
    assert (response.status_code, "A page." in response.text) == (200, True)
    assert client.get("/r/https://example.com/a%20b?x=2").status_code == 422


def test_signed_addresses_lead_back(client):
    """The address of a job's result is the server's own, and opens without a key."""
    body = {"model": "jina-embeddings-v5-text-nano", "input": [{"custom_id": "1", "body": {"input": "a"}}]}
    name = client.post("/v1/batch/embeddings", json=body).json()["batch_id"]
    job = [client.get(f"/v1/batch/{name}").json() for _ in range(2)][-1]
    assert job["output_url"].startswith(str(client.base_url))
    assert httpx.get(job["output_url"]).json()["custom_id"] == "1"


@pytest.mark.parametrize("host", ["[broken", "a b", "x/y", "user@host", ""])
def test_odd_hosts(host):
    """Where any host is answered for, what is no host stays out of answers."""
    with running(Engine(), hosts=["*"]) as url:
        response = httpx.get(f"{url}/r/", headers={"host": host})
    assert response.status_code == 200
    assert "[Usage 1] http://localhost/r/YOUR_URL" in response.text


def test_our_client_uses_every_product(url):
    """One client reaches all products of one server, with its jobs and classifiers."""
    with Jina("jina_right", base_url=url, limits=None) as jina:
        assert jina.read("https://example.com/a%20b?x=1&y=%2F").title == "Found"
        assert [page.title for page in jina.search("a page")] == ["Found"]
        assert jina.balance() == 10_000_000
        job = jina.submit_batch(["one", "two"], dimensions=64)
        job.wait_done(poll=0.01)
        assert np.allclose(
            job.results().vectors, jina.embed(["one", "two"], dimensions=64).vectors, atol=1e-7
        )
        made = jina.classifiers.train([("a cat", "animal"), ("a loan", "money")])
        assert jina.classify(["a dog"], classifier=made.classifier_id).results[0].label == "animal"
        tokens = jina.embed_multivector(["a text"], role="document").vectors
        assert tokens[0].shape == (2, 128)


def test_an_engine_of_ones_own_answers_a_client() -> None:
    """With its pages, quota and faults, in this process: by Jina's methods and by Elasticsearch's."""
    engine = Engine(pages={"https://example.com/sea": "<title>Sea</title><p>Waves.</p>"})
    assert Jina(base_url="local", transport=engine).read("https://example.com/sea").title == "Sea"
    assert len(Elastic("local", transport=engine).embed(["a"], inference_id=".jina-embeddings-v3")) == 1
