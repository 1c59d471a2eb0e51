"""Ray Data's callable classes, called as Ray calls them; and with a real local Ray where asked for (``-m ray``)."""

from __future__ import annotations

import asyncio
import os

import numpy as np
import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.ray import Embedder, Reranker

pa = pytest.importorskip("pyarrow")

OPTIONS = {"role": "document", "dimensions": 64}
LOCAL = {"base_url": "local"}


def called(worker, table):
    """What a worker makes of a table."""

    async def gather():
        return [out async for out in worker(table)]

    (out,) = asyncio.run(gather())
    return out


def test_an_embedder_adds_a_column():
    """Of float32 lists of one size, row by row."""
    out = called(Embedder(client=LOCAL, **OPTIONS), pa.table({"id": [1, 2], "text": ["sea", "bread"]}))
    right = Jina(base_url="local").embed(["sea", "bread"], **OPTIONS).vectors
    assert np.allclose(out.column("embedding").to_pylist(), right)
    assert out.column("id").to_pylist() == [1, 2]


def test_an_embedder_of_an_inference_endpoint():
    """Settings with ``url`` are Elastic's."""
    worker = Embedder(client={"url": "local"}, inference_id=".multilingual-e5-small-elasticsearch")
    assert called(worker, pa.table({"text": ["sea"]})).num_columns == 2


def test_a_reranker_gives_each_document_its_score():
    """In the order of the documents; a row without documents has no scores."""
    table = pa.table({"query": ["the sea", "bread"], "documents": [["bread", "the sea"], []]})
    scores = called(Reranker(client=LOCAL), table).column("scores").to_pylist()
    assert scores[0][1] > scores[0][0]
    assert scores[1] == []


def test_what_is_wrong_is_named():
    """A null, a column that is not there, and an option that would lose documents."""
    with pytest.raises(ConfigurationError, match="column='text' is null in row 1"):
        called(Embedder(client=LOCAL), pa.table({"text": ["a", None]}))
    with pytest.raises(ConfigurationError, match="documents='documents': the batch has 'query'"):
        called(Reranker(client=LOCAL), pa.table({"query": ["a"]}))
    with pytest.raises(ConfigurationError, match="top_n"):
        Reranker(client=LOCAL, top_n=3)


@pytest.fixture(scope="module")
def ray():
    """A Ray of this machine alone, which ends with the tests."""
    os.environ["RAY_AUTH_MODE"] = "disabled"
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=4, include_dashboard=False, logging_level="ERROR", _node_ip_address="127.0.0.1")
    yield ray
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_a_dataset_is_embedded_once_and_whole(ray):
    """Every row once with its own vector; the order is not promised."""
    rows = [{"id": number, "text": f"text {number}"} for number in range(500)]
    dataset = ray.data.from_items(rows).repartition(4)
    settings = {"client": LOCAL, **OPTIONS}
    out = dataset.map_batches(
        Embedder,
        fn_constructor_kwargs=settings,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=2),
    ).take_all()
    out.sort(key=lambda row: row["id"])
    assert [row["id"] for row in out] == list(range(500))
    right = Jina(base_url="local").embed([row["text"] for row in rows], **OPTIONS).vectors
    assert np.allclose([row["embedding"] for row in out], right)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_a_dataset_is_reranked(ray):
    """Each row by itself."""
    dataset = ray.data.from_items([{"query": "the sea", "documents": ["bread", "the sea"]}] * 4)
    out = dataset.map_batches(
        Reranker,
        fn_constructor_kwargs={"client": LOCAL},
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=1),
    ).take_all()
    assert len(out) == 4
    assert all(row["scores"][1] > row["scores"][0] for row in out)
