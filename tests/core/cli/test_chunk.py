"""``ragbridge chunk``: where a text is cut."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ragbridge.chunking import Chunker

TEXT = "One two three. " * 10 + "\r\n" + "Four five six seven eight nine ten. " * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A text whose lines end as on Windows."""
    path = tmp_path / "text.md"
    path.write_bytes(TEXT.encode())
    return path


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ([], {}),
        (["--max-chunk-size", "20"], {"strategy": "sentence", "max_chunk_size": 20}),
        (
            ["--max-chunk-size", "20", "--sentence-overlap", "0"],
            {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0},
        ),
        (["--strategy", "word"], {"strategy": "word", "max_chunk_size": 250, "overlap": 100}),
        (
            ["--strategy", "word", "--max-chunk-size", "12", "--overlap", "5"],
            {"strategy": "word", "max_chunk_size": 12, "overlap": 5},
        ),
        (["--strategy", "none"], {"strategy": "none"}),
        (
            ["--strategy", "recursive", "--max-chunk-size", "10", "--separator-group", "markdown"],
            {"strategy": "recursive", "max_chunk_size": 10, "separator_group": "markdown"},
        ),
        (
            [
                "--strategy",
                "recursive",
                "--max-chunk-size",
                "10",
                "--separator",
                "\\n",
                "--separator",
                "eight",
            ],
            {"strategy": "recursive", "max_chunk_size": 10, "separators": ["\\n", "eight"]},
        ),
    ],
    ids=str,
)
def test_json_is_what_the_chunker_gives(
    in_process: Any, file: Path, options: list[str], settings: Any
) -> None:
    """An array of start, end and text, in code points of the file as it is, carriage returns included."""
    done = in_process("chunk", file, *options, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [
        {"start": chunk.start, "end": chunk.end, "text": chunk.text}
        for chunk in Chunker.from_settings(settings).chunk(TEXT)
    ]


def test_every_chunk_has_a_heading(in_process: Any, file: Path) -> None:
    """Not on a terminal: number, offsets and what it repeats, then its text, without a control character."""
    shown = in_process("chunk", file, "--max-chunk-size", "20").stdout
    chunks = Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 20}).chunk(TEXT)
    headings = [line for line in shown.splitlines() if line.startswith("--- ")]
    assert headings[0] == f"--- 1: 0-{chunks[0].end} ---"
    second = chunks[1]
    assert headings[1] == f"--- 2: {second.start}-{second.end}, repeats {second.start}-{chunks[0].end} ---"
    assert len(headings) == len(chunks)
    assert "\x1b" not in shown
    assert "\r" not in shown
    body = shown.split("\n", 1)[1].split("\n--- 2")[0]
    assert body == chunks[0].text.removesuffix("\n").replace("\r\n", "\n")


def test_overlaps_are_coloured_on_a_terminal(ragbridge: Any, file: Path) -> None:
    """What a chunk repeats stands in a colour of its own, and nothing else does."""
    done = ragbridge(
        "chunk", file, "--max-chunk-size", "20", env={"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    )
    first, second, *_ = Chunker.from_settings({"strategy": "sentence", "max_chunk_size": 20}).chunk(TEXT)
    repeated = TEXT[second.start : first.end]
    assert repeated
    before, found, _ = done.stdout.partition(f"\x1b[30;43m{repeated}\x1b[0m")
    assert found
    assert "\x1b[30;43m" not in before


def test_standard_input(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads it; a byte order mark is no text."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfHello.")))
    done = in_process("chunk", "-", "--json")
    assert json.loads(done.stdout) == [{"start": 0, "end": 6, "text": "Hello."}]


def test_an_empty_file_is_one_empty_chunk(in_process: Any, tmp_path: Path) -> None:
    """As Elasticsearch has it."""
    (tmp_path / "empty").touch()
    assert json.loads(in_process("chunk", tmp_path / "empty", "--json").stdout) == [
        {"start": 0, "end": 0, "text": ""}
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n", "is not UTF-8"),
        ("café".encode("latin-1"), "is not UTF-8"),
        (b"text\0text", "is binary"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_text_is_one_line(
    in_process: Any, tmp_path: Path, content: bytes | None, says: str
) -> None:
    """The file and what is wrong with it, and exit code 1."""
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    done = in_process("chunk", path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"{path} {says}" in done.stderr


def test_a_folder_is_no_text(in_process: Any, tmp_path: Path) -> None:
    """It is named, in one line."""
    done = in_process("chunk", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path} cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--overlap", "3"],
            "Sentence based chunking settings can not have the following settings: [overlap]",
        ),
        (["--max-chunk-size", "5"], "greater than or equal to [20.0]"),
        (["--strategy", "none", "--max-chunk-size", "20"], "When chunking is disabled"),
        (["--strategy", "recursive", "--separator", "("], "separator [(]"),
    ],
)
def test_wrong_settings_are_refused_in_elasticsearchs_words(
    in_process: Any, file: Path, options: list[str], says: str
) -> None:
    """An option that the strategy does not have is not ignored."""
    done = in_process("chunk", file, *options)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_large_chunks_are_warned_about_in_one_line(in_process: Any, file: Path) -> None:
    """On standard error, so that JSON stays JSON."""
    done = in_process("chunk", file, "--max-chunk-size", "301", "--json")
    assert len(json.loads(done.stdout)) == 1
    assert done.stderr.startswith("ragbridge: max_chunk_size [301] is above 300")
    assert done.stderr.count("\n") == 1


def test_text_beyond_ascii_without_icu(ragbridge: Any, file: Path) -> None:
    """It is refused with the extra's name; --no-strict approximates it."""
    file.write_text("Grüße aus Köln. Schöne Grüße.", encoding="utf-8")
    without = "import sys; sys.modules['icu4py'] = None"
    done = ragbridge("chunk", file, "--json", before=without)
    assert done.returncode == 1
    assert 'pip install "ragbridge[icu]"' in done.stderr
    done = ragbridge("chunk", file, "--json", "--no-strict", before=without)
    assert [chunk["start"] for chunk in json.loads(done.stdout)] == [0]
