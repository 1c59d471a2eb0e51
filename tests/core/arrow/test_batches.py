"""Arrow batches keep their rows and their order, whatever their sizes, and get their vectors."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from ragbridge import ConfigurationError, Elastic, InvalidRequestError, Jina, Retry
from ragbridge.arrow import embed_batches, vector_column
from ragbridge.flow import Response
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport

pa = pytest.importorskip("pyarrow")

MODEL = "jina-embeddings-v3"
OPTIONS = {"model": MODEL, "role": "document", "dimensions": 64}


class Picky(ScriptedTransport):
    """The embedded engine, which refuses requests that hold ``bad``."""

    def __init__(self):
        super().__init__(default=Engine())

    def send(self, request):
        if "bad" in json.loads(request.body).get("input", ()):
            self.requests.append(request)
            return Response(422, {}, b'{"detail": "something is wrong"}')
        return super().send(request)


def client(**options):
    return Jina(
        "k",
        base_url="http://x",
        transport=Picky(),
        limits=None,
        retry=Retry(attempts=1),
        batch_size=16,
        **options,
    )


def batches(*sizes):
    """Record batches of so many rows each."""
    start = 0
    for size in sizes:
        ids = range(start, start + size)
        yield pa.record_batch(
            {"id": pa.array(ids, pa.int64()), "text": pa.array([f"text {n}" for n in ids], pa.string())}
        )
        start += size


@pytest.mark.parametrize("sizes", [(5,), (0, 3, 0, 0, 40, 1, 0), (0,), (), (1,) * 30, (100,)])
def test_rows_keep_their_batches(sizes):
    """Each batch comes back with its own rows, empty ones in their place; requests are cut across their borders."""
    jina = client()
    out = list(embed_batches(batches(*sizes), client=jina, **OPTIONS))
    assert [batch.num_rows for batch in out] == list(sizes)
    assert [batch.column("id").to_pylist() for batch in out] == [
        b.column("id").to_pylist() for b in batches(*sizes)
    ]
    total = sum(sizes)
    assert jina.usage.requests == -(-total // 16)
    if total:
        right = Jina(base_url="local").embed([f"text {n}" for n in range(total)], **OPTIONS).vectors
        rows = [row for batch in out for row in batch.column("embedding").to_pylist()]
        assert np.allclose(rows, right)
        types = {batch.schema.field("embedding").type for batch in out if batch.num_rows}
        assert types == {pa.list_(pa.float32(), 64)}


def test_a_row_that_fails_ends_the_run_or_is_null():
    """As the caller wants."""
    given = pa.record_batch({"text": ["a", "bad", None, "b"]})
    with pytest.raises(InvalidRequestError, match=r"items\[1\]"):
        list(embed_batches([given], client=client(), **OPTIONS))
    (out,) = embed_batches([given], client=client(), on_error="null", **OPTIONS)
    assert [row is None for row in out.column("embedding").to_pylist()] == [False, True, True, False]


def test_settings_travel_where_clients_do_not():
    """A mapping of settings is a client of the process that embeds; bits are packed bytes."""
    (out,) = embed_batches(
        batches(3), client={"base_url": "local"}, model=MODEL, role="document", embedding_type="ubinary"
    )
    assert out.schema.field("embedding").type == pa.list_(pa.uint8(), 128)
    jina = pickle.loads(pickle.dumps(Jina(base_url="local")))
    assert len(list(embed_batches(batches(3), client=jina, **OPTIONS))) == 1


def test_an_inference_endpoint_embeds_as_well():
    """With its own options."""
    elastic = Elastic("local")
    (out,) = embed_batches(
        batches(3), client=elastic, inference_id=".multilingual-e5-small-elasticsearch", role="document"
    )
    assert out.column("embedding").to_pylist()[2] is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"column": "body"}, r"column='body': the batch has 'id', 'text'"),
        ({"output": "text"}, "output='text': the batch has such a column already"),
        ({"column": "id", "output": "x"}, "column='id' holds int in row 0, not texts"),
        ({"on_error": "skip"}, "on_error='skip' must be"),
    ],
)
def test_settings_are_checked(options, said):
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=said):
        list(embed_batches(batches(3), client=client(), **options))


def test_the_source_is_read_as_it_is_needed():
    """Closing ends the reading."""
    taken = []

    def source():
        for batch in batches(*[8] * 500):
            taken.append(batch)
            yield batch

    out = embed_batches(source(), client=client(), window=16, **OPTIONS)
    next(out)
    out.close()
    assert len(taken) < 20


def test_a_column_of_vectors():
    """Missing ones are null; a column without any has no fixed size unless it is told."""
    column = vector_column([np.ones(4, np.float32), None])
    assert column.to_pylist() == [[1.0] * 4, None]
    assert vector_column([None], 3).type == pa.list_(pa.float32(), 3)
    assert vector_column([None]).to_pylist() == [None]


def test_rows_without_vectors_at_the_start_hold_nothing_up():
    """Batches come as their rows are done, although the width was not known when the first ones had ended."""
    read = []

    def source():
        yield pa.record_batch({"text": pa.array([None, None], pa.string())})
        for number in range(200):
            read.append(number)
            yield pa.record_batch({"text": [f"text {number}", None, "more"]})

    found = embed_batches(source(), client=client(), on_error="null", window=8, **OPTIONS)
    first, second = next(found), next(found)
    assert len(read) < 20
    assert first["embedding"].null_count == 2
    assert [row is None for row in second["embedding"].to_pylist()] == [False, True, False]
    assert sum(batch.num_rows for batch in found) == 199 * 3
