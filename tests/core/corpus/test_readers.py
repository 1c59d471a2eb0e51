"""What is read: every kind of file, with all columns, and bad lines by their numbers."""

from __future__ import annotations

import datetime as dt
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ragbridge import ConfigurationError, corpus
from ragbridge.corpus.locked import locked


@pytest.fixture
def rows_of(scripted_client, tmp_path):
    """Embeds files, and gives the rows of the Parquet file that is written, without vectors and errors."""

    def run(*inputs, **options):
        out = tmp_path / "written" / "rows.parquet"
        client, _ = scripted_client()
        corpus.embed(inputs, out, client=client, model="any", restart=True, **options)
        return pq.read_table(out).drop_columns(["embedding", "error"])

    return run


def test_fields_of_csv_are_texts_whatever_they_hold(rows_of, tmp_path):
    """Quotes, line breaks, separators, a mark at the beginning, and fields longer than the csv module's own bound."""
    long = "word " * 40_000
    (tmp_path / "a.csv").write_text(
        f'\ufeffid,text\n007,"two\nlines, and ""quotes"""\n8,{long}\n', encoding="utf-8"
    )
    assert rows_of(tmp_path / "a.csv").to_pylist() == [
        {"id": "007", "text": 'two\nlines, and "quotes"'},
        {"id": "8", "text": long},
    ]


def test_tabs_separate_tsv(rows_of, tmp_path):
    """By the file's name."""
    (tmp_path / "a.tsv").write_text("id\ttext\n1\ta, b\n")
    assert rows_of(tmp_path / "a.tsv").to_pylist() == [{"id": "1", "text": "a, b"}]


def test_columns_of_parquet_keep_their_types(rows_of, tmp_path):
    """Nanoseconds, decimals, lists, and numbers of 8 bits."""
    table = pa.table(
        {
            "text": ["1 a", "2 b"],
            "when": pa.array([1, 2], pa.timestamp("ns")),
            "small": pa.array([1, None], pa.int8()),
            "list": pa.array([[1], []], pa.list_(pa.int16())),
            "day": [dt.date(2026, 1, 1), None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet").replace_schema_metadata(None).equals(table)


def test_a_folder_of_texts_has_a_row_for_each_file(rows_of, tmp_path):
    """With its path as id; hidden files and other kinds are left out."""
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.txt").write_text("2 b")
    (folder / "deep" / "a.md").write_text("# 1 a")
    (folder / ".hidden.txt").write_text("no")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    assert rows_of(folder).to_pylist() == [
        {"id": "b.txt", "text": "2 b"},
        {"id": "deep/a.md", "text": "# 1 a"},
    ]


def test_patterns_are_expanded_in_order_and_a_file_is_read_once(rows_of, corpus_file, tmp_path):
    """Also where it is named again."""
    for name in "ba":
        corpus_file([{"id": name, "text": name}], f"{name}.jsonl")
    found = rows_of(tmp_path / "*.jsonl", tmp_path / "a.jsonl")
    assert found["id"].to_pylist() == ["a", "b"]


def test_a_job_does_not_read_what_it_wrote(corpus_file, scripted_client, tmp_path):
    """Though its output is in the folder that it reads."""
    corpus_file(3)
    for _ in range(2):
        report = corpus.embed(tmp_path, tmp_path / "out", client=scripted_client()[0], model="any")
    assert (report.inputs, report.resumed) == (3, 3)


def test_types_that_change_late_become_one(rows_of, corpus_file):
    """Whole numbers and others are floats, objects get all fields, and what has nothing in common is text."""
    rows = [{"text": f"{n}", "n": n, "id": n, "o": {"a": n}} for n in range(1500)]
    rows += [{"text": "x", "n": 0.5, "id": "x50001", "o": {"b": "c"}, "late": [1]}]
    table = rows_of(corpus_file(rows))
    assert table["n"].to_pylist()[-2:] == [1499.0, 0.5]
    assert table["id"].to_pylist()[-2:] == ["1499", "x50001"]
    assert table["o"].to_pylist()[-1] == {"a": None, "b": "c"}
    assert table["late"].to_pylist()[-2:] == [None, [1]]


def test_the_report_names_columns_that_became_text(corpus_file, scripted_client, tmp_path):
    """Nobody has to find out later."""
    source = corpus_file([{"text": "a", "id": 1}, {"text": "b", "id": "x"}])
    report = corpus.embed(source, tmp_path / "o.parquet", client=scripted_client()[0], model="any")
    assert report.notes == ("column 'id' is written as text: its values have no type in common",)


@pytest.mark.parametrize("value", [{}, [{}], 2**70, "\ud800", {"k\ud800": ["\ud800"]}, None, [None], True])
def test_odd_values_are_no_obstacle(rows_of, corpus_file, value):
    """Objects without fields, numbers beyond 64 bits, half characters."""
    assert rows_of(corpus_file([{"text": "1", "odd": value}])).num_rows == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"text": "a"}\n\n{"text"\n', "a.jsonl:3 is no JSON"),
        ('{"text": "a"}\n["b"]\n', "a.jsonl:2 is list, not an object"),
        ("", "there is no row"),
        ('{"body": "a"}\n', "a.jsonl:1 has no column 'text'; it has 'body'"),
    ],
)
def test_bad_lines_are_named(rows_of, tmp_path, content, says):
    """By file and line."""
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        rows_of(tmp_path / "a.jsonl")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"id,text\n1\n", "a.csv:2 has 1 fields"),
        (b"text,text\n1,2\n", "names the column 'text' twice"),
        (b"text\n\xff\n", "is not UTF-8"),
        (b'text\n"open\n', "is no CSV"),
    ],
)
def test_bad_csv_is_named(rows_of, tmp_path, content, says):
    """By file, and by line where there is one."""
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        rows_of(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read as Parquet"),
        ("a.txt", b"\xff", "is not UTF-8 text"),
        ("a.docx", b"", "is of no kind that is read"),
    ],
)
def test_files_that_are_not_what_their_name_says_are_named(rows_of, tmp_path, name, content, says):
    """Before anything is sent."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=says):
        rows_of(tmp_path / name)


@pytest.mark.parametrize(
    ("given", "says"), [("nowhere.jsonl", "cannot be read"), ("*.nothing", "no file matches")]
)
def test_what_is_not_there_is_named(rows_of, tmp_path, given, says):
    """Files and patterns."""
    with pytest.raises(ConfigurationError, match=says):
        rows_of(tmp_path / given)


def test_texts_and_rows_are_not_mixed(rows_of, corpus_file, tmp_path):
    """A README beside the data is none of it."""
    corpus_file()
    (tmp_path / "README.md").write_text("# Data")
    with pytest.raises(ConfigurationError, match="name one kind"):
        rows_of(tmp_path)


def test_two_jobs_cannot_write_to_one_folder(corpus_file, scripted_client, tmp_path):
    """The second is told who writes."""
    (tmp_path / "out" / ".ragbridge").mkdir(parents=True)
    with (
        locked(tmp_path / "out" / ".ragbridge" / "lock", tmp_path / "out"),
        pytest.raises(ConfigurationError, match=r"another job writes to .* \(process \d+\)"),
    ):
        corpus.embed(corpus_file(), tmp_path / "out", client=scripted_client()[0], model="any")
