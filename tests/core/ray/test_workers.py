"""Ray Data's callable classes, called as Ray calls them; and with a real local Ray where asked for (``-m ray``)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import threading
import time

import numpy as np
import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.local import Engine
from ragbridge.ray import Embedder, Reranker
from ragbridge.server import running

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
    with tempfile.TemporaryDirectory(
        prefix="ray-", ignore_cleanup_errors=True
    ) as folder:  # its logs and sockets
        ray.init(
            num_cpus=4,
            include_dashboard=False,
            logging_level="ERROR",
            _node_ip_address="127.0.0.1",
            _temp_dir=folder,
        )
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


class Counting(Engine):
    """The embedded engine, which takes its time and remembers the texts that it was paid for."""

    def __init__(self):
        super().__init__()
        self.texts: list[str] = []

    def handle(self, request):
        self.texts += json.loads(request.body)["input"]
        time.sleep(0.05)
        return super().handle(request)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore")
def test_a_killed_actor_costs_no_row_and_no_answer_twice(ray, tmp_path):
    """Two actors share a cache; one is killed half-way. Only what was in flight in it is paid for again."""

    class Told(Embedder):  # pickled with its code: workers cannot import a module of tests
        def __init__(self, **settings):
            super().__init__(**settings)
            (pids / str(os.getpid())).touch()

    pids = tmp_path / "pids"
    pids.mkdir()
    engine = Counting()
    killed = []

    def kill():
        while len(engine.texts) < 500:
            time.sleep(0.01)
        killed.append(int(min(pids.iterdir()).name))
        os.kill(killed[0], signal.SIGKILL)

    rows = [{"id": number, "text": f"text {number}"} for number in range(1500)]
    with running(engine) as url:
        client = {
            "api_key": "k",
            "base_url": url,
            "host": "jina",
            "limits": None,
            "batch_size": 20,
            "concurrency": 2,
            "cache": str(tmp_path / "vectors.db"),
        }
        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        out = (
            ray.data.from_items(rows)
            .repartition(15)
            .map_batches(
                Told,
                fn_constructor_kwargs={"client": client, **OPTIONS},
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=2),
            )
            .take_all()
        )
        killer.join()
    out.sort(key=lambda row: row["id"])
    assert killed
    assert [row["id"] for row in out] == list(range(1500))
    right = Jina(base_url="local").embed([row["text"] for row in rows], **OPTIONS).vectors
    assert np.allclose([row["embedding"] for row in out], right)
    assert 1500 <= len(engine.texts) <= 1500 + 2 * 20  # two requests of twenty texts are in flight


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
