"""A corpus becomes vectors: every row once, in order, with its columns and its own vector."""

from __future__ import annotations

import gzip
import json
import random
import re
import sys

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from ragbridge import (
    ConfigurationError,
    Jina,
    QuotaExhaustedError,
    RagbridgeError,
    Retry,
    ServiceError,
    corpus,
)
from ragbridge.chunking import Chunker
from ragbridge.elastic import Elastic
from ragbridge.testing import Response

MODEL = "a-model-of-eight"


def embed(source, out, client, **options):
    return corpus.embed(source, out, client=client, **{"model": MODEL, **options})


def numbers(table, column="embedding"):
    """The number that each row's vector carries."""
    return [None if vector is None else int(vector[0]) for vector in table[column].to_pylist()]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_come_out_in_order_with_their_columns_and_their_vectors(corpus_file, scripted_client, tmp_path):
    """Shards of 40 rows, in order, that one reader sees as one table; vectors are of one size."""
    client, _ = scripted_client()
    rows = [{"id": f"x{n}", "text": f"{n} fish", "meta": {"page": n}} for n in range(100)]
    report = embed(corpus_file(rows), tmp_path / "out", client, shard_rows=40)
    assert [path.name for path in report.files] == [f"part-{n:05}.parquet" for n in range(3)]
    table = pa.dataset.dataset(tmp_path / "out").to_table()
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 8)
    assert table.select(["id", "text", "meta"]).to_pylist() == rows
    assert numbers(table) == list(range(100))
    assert (report.inputs, report.rows, report.failed, report.width) == (100, 100, 0, 8)


def test_a_file_says_what_its_vectors_are_of_and_holds_no_key(corpus_file, scripted, tmp_path):
    """Model and role stand in the Parquet schema; the key stands nowhere."""
    client = Jina("the-key", base_url="https://example.com/v1", transport=scripted(), limits=None)
    embed(corpus_file(), tmp_path / "out.parquet", client, dimensions=8)
    about = json.loads(pq.read_schema(tmp_path / "out.parquet").metadata[b"ragbridge"])
    assert about["model"] == MODEL
    assert about["role"] == "document"
    assert about["address"] == "https://example.com/v1"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"the-key" not in written


def test_vectors_are_split_by_bytes_and_compressed(corpus_file, scripted_client, tmp_path):
    """As Parquet's own description of the column says."""
    client, _ = scripted_client()
    embed(corpus_file(), tmp_path / "out.parquet", client)
    group = pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0)
    column = next(
        group.column(i) for i in range(group.num_columns) if "embedding" in group.column(i).path_in_schema
    )
    assert "BYTE_STREAM_SPLIT" in column.encodings
    assert column.compression == "ZSTD"


@pytest.mark.parametrize(("option", "kind"), [({"float16": True}, "halffloat"), ({}, "float")])
def test_numbers_have_the_size_that_was_asked_for(corpus_file, scripted_client, tmp_path, option, kind):
    """float16 halves the vectors."""
    client, _ = scripted_client()
    embed(corpus_file(), tmp_path / "out.parquet", client, **option)
    assert str(pq.read_schema(tmp_path / "out.parquet").field("embedding").type.value_type) == kind


def test_packed_bits_are_bytes(corpus_file, tmp_path):
    """Of 64 dimensions, eight."""
    embed(
        corpus_file(),
        tmp_path / "o.parquet",
        Jina(base_url="local"),
        model="jina-embeddings-v3",
        dimensions=64,
        embedding_type="ubinary",
    )
    assert pq.read_schema(tmp_path / "o.parquet").field("embedding").type == pa.list_(pa.uint8(), 8)


def test_json_lines_hold_the_same(corpus_file, scripted_client, tmp_path):
    """One object a line, with the vector as a list, and with half characters as they came."""
    client, _ = scripted_client()
    rows = [{"id": n, "text": f"{n} fish", "odd": "\ud800", "any": [n, "é"]} for n in range(5)]
    embed(corpus_file(rows), tmp_path / "out.jsonl", client)
    found = lines(tmp_path / "out.jsonl")
    assert [row.pop("embedding")[0] for row in found] == list(range(5))
    assert found == rows


def test_chunks_have_their_number_their_place_and_their_own_text(corpus_file, scripted_client, tmp_path):
    """Rows become chunks: the other columns are repeated."""
    client, _ = scripted_client()
    chunker = Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0})
    texts = [" ".join(["One two three four five six seven eight nine."] * (4 + n)) for n in range(3)]
    source = corpus_file([{"id": n, "text": text, "url": f"u{n}"} for n, text in enumerate(texts)])
    report = embed(source, tmp_path / "out", client, chunker=chunker, shard_rows=2)
    rows = pa.dataset.dataset(tmp_path / "out").to_table().to_pylist()
    assert report.inputs == 3
    assert report.rows == len(rows) > 3
    for row in rows:
        assert row["text"] == texts[row["id"]][row["start"] : row["end"]]
        assert row["url"] == f"u{row['id']}"
        assert row["embedding"][0] == len(row["text"])
    numbers = [row["chunk"] for row in rows if row["id"] == 1]
    assert numbers == list(range(len(numbers)))


def test_a_text_that_cannot_be_cut_is_named_by_its_row(corpus_file, scripted_client, tmp_path, monkeypatch):
    """By file and line, whichever rows are cut together with it; a dry run says the same."""
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    client, _ = scripted_client()
    chunker = Chunker.from_settings({"strategy": "word", "max_chunk_size": 10, "overlap": 1})
    source = corpus_file([{"text": "plain"}, {"text": "plain"}, {"text": "naïve"}, {"text": "plain"}])
    message = rf"^[^\[]*{source.name}:3: the text is not ASCII.*ragbridge\[icu\]"
    with pytest.raises(ConfigurationError, match=message):
        embed(source, tmp_path / "out", client, chunker=chunker)
    with pytest.raises(ConfigurationError, match=message):
        corpus.estimate(source, client=client, model=MODEL, chunker=chunker)


def test_late_chunking_writes_what_embed_documents_gives(corpus_file, tmp_path):
    """Each chunk in the light of its document."""
    text = " ".join(f"Sentence {n} tells of the sea and of the fish in it." for n in range(6))
    chunker = Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0})
    options = {"model": "jina-embeddings-v3", "dimensions": 64}
    client = Jina(base_url="local")
    embed(
        corpus_file([{"id": 1, "text": text}]),
        tmp_path / "o.parquet",
        client,
        chunker=chunker,
        late_chunking=True,
        **options,
    )
    table = pq.read_table(tmp_path / "o.parquet")
    (expected,) = client.embed_documents([chunker.chunk(text)], late_chunking=True, **options).documents
    assert len(expected) > 1
    assert np.array_equal(np.stack(table["embedding"].to_pylist()), expected)


def test_an_endpoint_of_elasticsearch_embeds_as_well(corpus_file, tmp_path):
    """With inference_id, an Elastic."""
    client, endpoint = Elastic("local"), ".jina-embeddings-v5-text-small"
    corpus.embed(corpus_file(3), tmp_path / "o.parquet", client=client, inference_id=endpoint)
    texts = [f"{n} is a number" for n in range(3)]
    expected = client.embed(texts, inference_id=endpoint, role="document").vectors
    assert np.array_equal(np.stack(pq.read_table(tmp_path / "o.parquet")["embedding"].to_pylist()), expected)


def test_a_job_that_is_done_sends_nothing_more(corpus_file, scripted_client, tmp_path):
    """The same call again returns its report."""
    source = corpus_file(30)
    first = embed(source, tmp_path / "out", scripted_client()[0])
    client, transport = scripted_client()
    again = embed(source, tmp_path / "out", client)
    assert transport.requests == []
    assert (again.rows, again.resumed, again.files) == (first.rows, 30, first.files)
    assert not (tmp_path / "out" / ".ragbridge" / "journal.db").exists()


def test_what_an_interrupted_job_was_answered_is_not_asked_again(
    corpus_file, scripted_client, right_answer, tmp_path
):
    """The account is empty after three requests; topped up, the same call sends the texts that are left, and no other."""
    source = corpus_file(100)
    empty = Response(402, {}, json.dumps({"detail": "Insufficient balance"}).encode())
    client, transport = scripted_client(
        *[right_answer] * 3, default=lambda _: empty, batch_size=10, concurrency=1
    )
    with pytest.raises(QuotaExhaustedError):
        embed(source, tmp_path / "out", client, shard_rows=20)
    client, transport = scripted_client(batch_size=10)
    report = embed(source, tmp_path / "out", client, shard_rows=20)
    asked = [text for request in transport.requests for text in json.loads(request.body)["input"]]
    assert sorted(int(text.split()[0]) for text in asked) == list(range(30, 100))
    assert report.cached == 10 or report.resumed + report.cached == 30
    assert numbers(pa.dataset.dataset(tmp_path / "out").to_table()) == list(range(100))


def test_nothing_that_was_answered_is_asked_again_however_often_a_job_ends(
    corpus_file, scripted_client, right_answer, tmp_path, monkeypatch
):
    """Shards of some 90 rows, windows of 50, and an account that is empty again and again: each text is answered once."""
    from ragbridge.corpus import job

    monkeypatch.setattr(job, "WINDOW", 50)
    monkeypatch.setattr(job, "LEAST_WINDOW", 50)
    source, answered, chance = corpus_file(1500), [], random.Random(3)

    def answer(request):
        answered.extend(json.loads(request.body)["input"])
        return right_answer(request)

    def empty(_):
        return Response(402, {}, json.dumps({"detail": "Insufficient balance"}).encode())

    ended = 0
    while True:
        script = [answer] * chance.randrange(5, 40)
        client, _ = scripted_client(*script, default=empty, batch_size=10, concurrency=4)
        try:
            report = embed(source, tmp_path / "out", client, shard_rows=90)
        except QuotaExhaustedError:
            ended += 1
            continue
        break
    assert ended > 3
    assert len(answered) == len(set(answered)) == report.rows == 1500
    assert numbers(pa.dataset.dataset(tmp_path / "out").to_table()) == list(range(1500))


def test_shards_without_any_vector_have_the_columns_of_the_others(corpus_file, tmp_path):
    """Their width is known beforehand."""
    rows = [{"text": None}] * 5 + [{"text": "a"}] * 5
    options = {"model": "jina-embeddings-v3", "dimensions": 64, "shard_rows": 5, "on_error": "record"}
    report = embed(corpus_file(rows), tmp_path / "out", Jina(base_url="local"), **options)
    first, second = (pq.read_schema(path) for path in report.files)
    assert first.equals(second)


def test_the_journal_forgets_what_is_in_finished_shards(corpus_file, scripted_client, tmp_path, monkeypatch):
    """It never holds more than a shard and what is read ahead."""
    from ragbridge.corpus import job

    monkeypatch.setattr(job, "WINDOW", 50)
    monkeypatch.setattr(job, "LEAST_WINDOW", 50)
    held = []
    real = job.Pruned.safe

    def safe(journal, position):
        real(journal, position)
        held.append(journal._file.info().answers)

    monkeypatch.setattr(job.Pruned, "safe", safe)
    client, _ = scripted_client(batch_size=10, concurrency=2)
    embed(corpus_file(3000), tmp_path / "out", client, shard_rows=100)
    assert len(held) == 31
    assert max(held) <= 100 + 2 * 4 * 50


def test_a_cache_of_the_client_is_the_journal_and_keeps_everything(corpus_file, scripted_client, tmp_path):
    """Another job finds there what the first one was answered."""
    source = corpus_file(20)
    cache = tmp_path / "cache.db"
    embed(source, tmp_path / "a", scripted_client(cache=cache)[0])
    client, transport = scripted_client(cache=cache)
    report = embed(source, tmp_path / "b", client)
    assert transport.requests == []
    assert report.cached == 20


def test_a_journal_that_fails_ends_the_job(corpus_file, scripted_client, tmp_path):
    """What is paid for would not be safe: an error that says so, and no further requests."""

    class Full:
        def get_many(self, keys):
            return {}

        def put_many(self, items):
            raise OSError("No space left on device")

    client, transport = scripted_client(cache=Full(), batch_size=1, concurrency=1)
    with pytest.raises(RagbridgeError, match=r"journal cannot be written.*No space left"):
        embed(corpus_file(50), tmp_path / "out", client)
    assert len(transport.requests) <= 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"dimensions": 8}, "dimensions was None and is 8"),
        ({"model": "another"}, f"model was '{MODEL}' and is 'another'"),
        ({"shard_rows": 7}, "shard_rows was 50000 and is 7"),
        ({"role": "query"}, "role was 'document' and is 'query'"),
        ({"chunker": Chunker.from_settings({})}, "chunking was None"),
    ],
)
def test_a_folder_of_another_job_is_refused_by_what_differs(
    corpus_file, scripted_client, tmp_path, change, named
):
    """And is left as it is."""
    source = corpus_file()
    report = embed(source, tmp_path / "out", scripted_client()[0])
    before = report.files[0].read_bytes()
    with pytest.raises(ConfigurationError, match=re.escape(named)):
        embed(source, tmp_path / "out", scripted_client()[0], **change)
    assert report.files[0].read_bytes() == before


def test_a_changed_or_another_file_is_named(corpus_file, scripted_client, tmp_path):
    """A file that changed since, one that is new, one that is gone."""
    source = corpus_file()
    embed(source, tmp_path / "out", scripted_client()[0])
    other = corpus_file(3, "other.jsonl")
    with pytest.raises(ConfigurationError, match=r"corpus\.jsonl: missing now; .*other\.jsonl: new"):
        embed(other, tmp_path / "out", scripted_client()[0])
    corpus_file(11)
    with pytest.raises(ConfigurationError, match=r"corpus\.jsonl: changed since"):
        embed(source, tmp_path / "out", scripted_client()[0])


def test_restart_begins_anew(corpus_file, scripted_client, tmp_path):
    """No shard of the job before is left, and nothing else of the folder is touched."""
    embed(corpus_file(30), tmp_path / "out", scripted_client()[0], shard_rows=10)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    embed(corpus_file(5), tmp_path / "out", scripted_client()[0], restart=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".ragbridge",
        "notes.txt",
        "part-00000.parquet",
    ]


@pytest.mark.parametrize("out", ["out", "out.parquet"])
@pytest.mark.parametrize("restart", [False, True])
def test_what_nobody_knows_of_is_not_overwritten(corpus_file, scripted_client, tmp_path, out, restart):
    """Shards or a file without a manifest are somebody's, even with restart."""
    taken = tmp_path / out / "part-00000.parquet" if out == "out" else tmp_path / out
    taken.parent.mkdir(exist_ok=True)
    taken.write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match="nothing says which job wrote it"):
        embed(corpus_file(), tmp_path / out, scripted_client()[0], restart=restart)
    assert taken.read_bytes() == b"mine"


def test_a_finished_shard_that_is_gone_is_missed(corpus_file, scripted_client, tmp_path):
    """Rows would be lost without a word."""
    source = corpus_file(30)
    report = embed(source, tmp_path / "out", scripted_client()[0], shard_rows=10)
    report.files[1].unlink()
    with pytest.raises(ConfigurationError, match=r"part-00001\.parquet is missing"):
        embed(source, tmp_path / "out", scripted_client()[0], shard_rows=10)


def test_rows_without_a_text_are_found_before_anything_is_paid(corpus_file, scripted_client, tmp_path):
    """All of them, by their lines; nothing is left in the folder."""
    rows = [{"text": "1 fine"}, {"text": None}, {"id": 3}, {"text": 4}, {"text": "  "}]
    client, transport = scripted_client()
    with pytest.raises(ConfigurationError) as caught:
        embed(corpus_file(rows), tmp_path / "out", client)
    assert "corpus.jsonl:2: 'text' is null, not a text" in str(caught.value)
    assert "(and 1 more)" in str(caught.value)
    assert transport.requests == []
    assert not (tmp_path / "out").exists()


def test_rows_that_fail_are_recorded_when_asked(corpus_file, scripted_client, tmp_path):
    """With no vector and with the reason; an interrupted job may go on this way."""
    rows = [{"text": "1 fine"}, {"text": None}, {"text": "3 fine"}]
    report = embed(corpus_file(rows), tmp_path / "out", scripted_client()[0], on_error="record")
    table = pa.dataset.dataset(tmp_path / "out").to_table()
    assert numbers(table) == [1, None, 3]
    assert table["error"].to_pylist() == [None, "'text' is null, not a text", None]
    assert report.failed == 1


def test_a_text_that_the_service_refuses_is_named_by_its_line(
    corpus_file, scripted_client, right_answer, tmp_path
):
    """By default it ends the job; the same job goes on without it by on_error="record"."""

    def refusing(request):
        texts = json.loads(request.body)["input"]
        if any(text.startswith("7 ") for text in texts):
            return Response(422, {}, json.dumps({"detail": "This text is not acceptable"}).encode())
        return right_answer(request)

    source = corpus_file(10)
    with pytest.raises(RagbridgeError, match=r"corpus\.jsonl:8: "):
        embed(source, tmp_path / "out", scripted_client(default=refusing)[0])
    report = embed(source, tmp_path / "out", scripted_client(default=refusing)[0], on_error="record")
    table = pa.dataset.dataset(tmp_path / "out").to_table()
    assert numbers(table) == [0, 1, 2, 3, 4, 5, 6, None, 8, 9]
    assert "not acceptable" in table["error"].to_pylist()[7]
    assert report.failed == 1


def test_an_outage_is_no_fault_of_the_rows(corpus_file, scripted_client, tmp_path):
    """Though rows may fail, a service that answers nothing ends the job, which can go on later."""
    source, down = corpus_file(30), Response(503, {}, b"")
    client, _ = scripted_client(default=lambda _: down, retry=Retry(attempts=1))
    with pytest.raises(ServiceError):
        embed(source, tmp_path / "out", client, on_error="record")
    report = embed(source, tmp_path / "out", scripted_client()[0], on_error="record")
    assert report.failed == 0


def test_a_column_that_the_job_adds_may_not_be_there(corpus_file, scripted_client, tmp_path):
    """Unless it is left out, or the job's own is named otherwise."""
    source = corpus_file([{"text": "1", "embedding": "old", "error": "none"}])
    with pytest.raises(ConfigurationError, match="column 'embedding'"):
        embed(source, tmp_path / "out", scripted_client()[0])
    embed(source, tmp_path / "a.parquet", scripted_client()[0], columns=["text"])
    assert pq.read_schema(tmp_path / "a.parquet").names == ["text", "embedding", "error"]
    embed(source, tmp_path / "b.parquet", scripted_client()[0], vector_column="new", error_column="why")
    assert pq.read_schema(tmp_path / "b.parquet").names == ["text", "embedding", "error", "new", "why"]


def test_a_report_shows_itself_in_a_notebook(corpus_file, scripted_client, tmp_path):
    """As a table, with what is between angle brackets as text; it is frozen."""
    report = embed(corpus_file(), tmp_path / "<b>", scripted_client()[0], price=1e6)
    shown = report._repr_html_()
    assert "<table" in shown
    assert "&lt;b&gt;" in shown
    assert report.cost == report.tokens > 0
    with pytest.raises(AttributeError):
        report.rows = 0


def test_a_gzipped_file_is_read(scripted_client, tmp_path):
    """By its name."""
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write('{"text": "5 fish"}\n')
    embed(tmp_path / "a.jsonl.gz", tmp_path / "o.parquet", scripted_client()[0])
    assert numbers(pq.read_table(tmp_path / "o.parquet")) == [5]
