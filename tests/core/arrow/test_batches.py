"""Arrow batches keep their rows and their order, whatever their sizes, and get their vectors."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

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


def texts(values, kind=None):
    return pa.record_batch({"text": pa.array(values, kind or pa.string())})


@pytest.mark.parametrize(
    "given",
    [
        [texts(["a", "b", "a"], pa.large_string())],
        [texts(["a", "b", "a"], pa.string_view())],
        [pa.record_batch({"text": pa.array(["a", "b", "a"]).dictionary_encode()})],
        [pa.table({"text": pa.chunked_array([["a"], [], ["b", "a"]])})],
        pa.table({"text": pa.chunked_array([["a"], [], ["b", "a"]])}),
        texts(["a", "b", "a"]),
        pa.table({"text": ["a", "b", "a"]}).to_reader(max_chunksize=2),
    ],
    ids=["large", "view", "dictionary", "chunked", "table", "batch", "reader"],
)
def test_texts_come_as_each_engine_stores_them(given):
    """Large, as views, as a dictionary, in chunks; one table, one batch or a reader of many."""
    out = pa.concat_tables(
        batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
        for batch in embed_batches(given, client=client(), **OPTIONS)
    )
    right = Jina(base_url="local").embed(["a", "b", "a"], **OPTIONS).vectors
    assert out.column("text").to_pylist() == ["a", "b", "a"]
    assert np.allclose(out.column("embedding").to_pylist(), right)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"dimensions": 64}, pa.list_(pa.float32(), 64)),
        ({}, pa.list_(pa.float32(), 1024)),
        ({"embedding_type": "ubinary"}, pa.list_(pa.uint8(), 128)),
    ],
    ids=["dimensions", "default", "bits"],
)
def test_a_partition_without_vectors_has_the_type_of_the_others(options, kind):
    """Empty, or of nulls alone: a data set's files would otherwise have two schemas."""
    given = [texts([]), texts([None, None])]
    for batch in (*embed_batches(given, client=client(), on_error="null", **options), *embed_batches([texts(["a"])], client=client(), **options)):  # fmt: skip
        assert batch.schema.field("embedding").type == kind


def test_lists_of_no_fixed_size_for_engines_that_know_no_other():
    """Spark refuses lists of a fixed size; the numbers and the missing rows are the same."""
    given = [texts(["a", None, "b"]), texts([])]
    fixed = list(embed_batches(given, client=client(), on_error="null", **OPTIONS))
    free = list(embed_batches(given, client=client(), on_error="null", fixed_size=False, **OPTIONS))
    assert {batch.schema.field("embedding").type for batch in free} == {pa.list_(pa.float32())}
    assert [batch.to_pylist() for batch in free] == [batch.to_pylist() for batch in fixed]


def test_rows_without_a_vector_at_the_beginning_hold_up_nothing():
    """Batches leave once a vector has told their type; the source is not read to its end."""
    taken = []

    def source():
        yield texts([None] * 3)
        for number in range(500):
            taken.append(number)
            yield texts([f"text {number}"] * 8)

    out = embed_batches(source(), client=client(), window=16, on_error="null", **OPTIONS)
    assert next(out).column("embedding").to_pylist() == [None] * 3
    assert len(taken) < 20
    assert None not in next(out).column("embedding").to_pylist()
    out.close()


def test_settings_with_an_address_of_elasticsearch_are_those_of_elastic():
    """As for the workers of Ray."""
    out = embed_batches(
        texts(["sea"]), client={"url": "local"}, inference_id=".multilingual-e5-small-elasticsearch"
    )
    assert next(out).column("embedding").to_pylist()[0] is not None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"text": ["a"]}, r"batches\[0\] is a builtins\.str, .*from_pandas"),
        (pa.array(["a"]), r"batches\[0\] is a pyarrow\.lib\.StringScalar"),
        (["a text"], r"batches\[0\] is a builtins.str"),
        ("a text", "batches is a builtins.str"),
        (None, "batches is a builtins.NoneType"),
        (
            pa.RecordBatch.from_arrays([pa.array(["a"]), pa.array(["b"])], ["text", "text"]),
            "column='text': the batch has 2 columns of this name",
        ),
    ],
    ids=["mapping", "array", "texts", "text", "none", "doubled"],
)
def test_what_is_no_batch_is_refused(given, said):
    """With the way to make one."""
    with pytest.raises(ConfigurationError, match=said):
        list(embed_batches(given, client=client(), **OPTIONS))


def test_a_client_is_no_string():
    """Nor anything else but a client or its settings."""
    with pytest.raises(ConfigurationError, match="client: settings such as .* are wanted, not str"):
        list(embed_batches(batches(1), client="jina", **OPTIONS))


def test_the_extras_are_named_where_pyarrow_is_missing():
    """Whoever imports the modules without it learns how to get it."""
    code = (
        "import importlib, sys; sys.modules['pyarrow'] = None\n"
        "for name in ('arrow', 'ray'):\n"
        "    try: importlib.import_module(f'ragbridge.{name}')\n"
        "    except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    arrow, ray = done.stdout.splitlines()
    assert arrow.startswith("ConfigurationError")
    assert arrow.endswith('pip install "ragbridge[parquet]"')
    assert ray.startswith("ConfigurationError")
    assert ray.endswith('pip install "ragbridge[ray]"')


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
