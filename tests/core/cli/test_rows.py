"""Rows: arguments, or standard input as it comes."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ragbridge.cli.options import Form
from ragbridge.cli.rows import MOST_BYTES, Reading, Row, gathered
from ragbridge.errors import ConfigurationError


def read(data: bytes, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> list[Row]:
    """The rows of a standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    settings = {"column": "text", "taken": {}, "whole": True, **settings}
    return list(Reading("texts", **settings).rows(None))


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\n\r\n  \ntwo", ["one", "two"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        ("Grüße\n日本\n".encode(), ["Grüße", "日本"]),
        (b'one\n{"text": "two"}\n', ["one", '{"text": "two"}']),
        (b'{"text": "one"}\n\n{"id": 7, "text": "two"}\n', ["one", "two"]),
        (b"", []),
    ],
    ids=repr,
)
def test_lines_and_objects_are_told_apart_by_the_first(
    monkeypatch: pytest.MonkeyPatch, data: bytes, texts: list[str]
) -> None:
    """Blank lines are passed over; a byte order mark and line ends are no text; all is UTF-8."""
    rows = read(data, monkeypatch)
    assert [row.text for row in rows] == texts
    assert not any(row.error for row in rows)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b'{"text": "one"}\n{"text": \n', ("standard input:2", "it is not JSON")),
        (b'{"text": "one"}\n\n[1]\n', ("standard input:3", "it is not a JSON object")),
        (b'{"text": null}\n', ("standard input:1", "'text' is null, not a text")),
        (b'{"text": 7}\n', ("standard input:1", "'text' is no text, not a text")),
        (b'{"text": " "}\n', ("standard input:1", "'text' is empty")),
        (b'{"body": "one"}\n', ("standard input:1", "(its keys: 'body')")),
        (b'{"text": "one", "score": 1}\n', ("standard input:1", "it has 'score' already: --score-column")),
        (b"caf\xe9\n", ("standard input:1", "it is not UTF-8: byte 3")),
        (b"{one\n", ("standard input:1", "if lines are texts, say --input lines")),
        (b"{" * 100_000, ("standard input:1", "it is not JSON")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_row_is_named_by_its_line(
    monkeypatch: pytest.MonkeyPatch, data: bytes, wrong: tuple[str, str]
) -> None:
    """And what is wrong with it."""
    (row,) = [row for row in read(data, monkeypatch, taken={"score": "--score-column"}) if row.error]
    assert row.where == wrong[0]
    assert wrong[1] in str(row.error)


def test_nothing_is_read_after_a_row_that_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless such rows are recorded."""
    data = b'{"text": "one"}\n{}\n{"text": "three"}\n'
    assert [row.text for row in read(data, monkeypatch, whole=False)] == ["one", ""]
    assert [row.text for row in read(data, monkeypatch)] == ["one", "", "three"]


def test_a_form_can_be_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that look like objects stay texts; objects that begin later are objects."""
    assert [row.text for row in read(b"{one}\n", monkeypatch, form=Form.LINES)] == ["{one}"]
    (row,) = read(b"one\n", monkeypatch, form=Form.JSONL)
    assert "it is not JSON" in str(row.error)


def test_a_line_without_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no text of lines, such as a picture, fills no memory."""
    with pytest.raises(ConfigurationError, match="standard input:2: a line of more than 8 MiB"):
        read(b"one\n" + b"x" * (MOST_BYTES + 2**17), monkeypatch)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["a", "-"], "stands alone"), (["a"], "--input is for standard input")],
    ids=str,
)
def test_arguments_and_standard_input_exclude_each_other(arguments: list[str], says: str) -> None:
    """None of them is dropped without a word."""
    with pytest.raises(ConfigurationError, match=says):
        list(Reading("texts", "text", {}, Form.LINES).rows(arguments))


def test_a_window_does_not_wait_until_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has come is worked on while the next line is not there; what comes together goes together."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", buffering=0) as other:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        windows = Reading("texts", "text", {}).windows(None)
        other.write(b"one\ntwo\nthr")
        assert [row.text for row in next(windows)] == ["one", "two"]
        other.write(b"ee\n")
        assert [row.text for row in next(windows)] == ["three"]
        other.close()
        assert list(windows) == []


def test_closed_windows_leave_no_thread_behind() -> None:
    """Of an endless source no more is held than a window and its queue, and nothing after it is closed."""
    taken = []

    def endless() -> Iterator[Row]:
        while True:
            taken.append(1)
            yield Row("somewhere", "a text", {})

    before = threading.active_count()
    windows = gathered(endless(), 8)
    assert len(next(windows)) == 8
    windows.close()
    for thread in threading.enumerate():
        if thread.name == "ragbridge-rows":
            thread.join(10)
    assert threading.active_count() == before
    assert len(taken) <= 3 * 8


def test_errors_of_the_source_are_raised_behind_its_rows() -> None:
    """Where the rows are used, not in the background."""

    def broken() -> Iterator[Row]:
        yield Row("somewhere", "a text", {})
        raise ConfigurationError("it broke")

    windows = gathered(broken(), 8)
    assert len(next(windows)) == 1
    with pytest.raises(ConfigurationError, match="it broke"):
        next(windows)
