"""Files that are named on the command line: bounded, and refused in one line."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ragbridge.cli import files
from ragbridge.errors import ConfigurationError

NAMED = {
    "chunk": ["chunk", "{file}"],
    "keys": ["serve", "--port", "0", "--key-file", "{file}"],
    "pages": ["serve", "--port", "0", "--pages", "{file}"],
    "config": [
        "elastic",
        "endpoints",
        "create",
        "x",
        "rerank",
        "--url",
        "http://127.0.0.1:1",
        "--config",
        "{file}",
    ],
}
"""Every option and argument that names a file to read."""


@pytest.mark.skipif(sys.platform == "win32", reason="devices of POSIX")
@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize(
    ("file", "says"), [("/dev/zero", "larger than"), ("/", "directory"), ("/nowhere", "No such file")]
)
def test_what_is_no_file_is_refused_in_one_line(in_process: Any, name: str, file: str, says: str) -> None:
    """A device without an end is read up to a bound; a folder and a missing file are named."""
    done = in_process(*(argument.format(file=file) for argument in NAMED[name]))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert file in done.stderr


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_utf8_is_refused_without_its_content(in_process: Any, tmp_path: Path, name: str) -> None:
    """The message names the file's fault and repeats none of its bytes: it may hold keys."""
    (tmp_path / "file").write_bytes(b'{"api_key": "sesame-\xff\xfe"}')
    done = in_process(*(argument.format(file=tmp_path / "file") for argument in NAMED[name]))
    assert done.returncode in {1, 2}
    assert "UTF-8" in done.stderr or "utf-8" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sesame" not in done.stderr


def test_a_config_nested_without_end_is_wrong_usage(in_process: Any, tmp_path: Path) -> None:
    """JSON that is nested too deeply is refused as any other that cannot be read."""
    (tmp_path / "file").write_text('{"a":' * 100_000)
    done = in_process(*(argument.format(file=tmp_path / "file") for argument in NAMED["config"]))
    assert done.returncode == 2
    assert "nested too deeply" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_that_is_named_is_read(tmp_path: Path) -> None:
    """``--key-file <(command)`` works: a pipe is no file, but it was asked for."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("a key",))
    writer.start()
    assert files.content(tmp_path / "pipe") == b"a key"
    writer.join()


def test_the_bound_is_exact(tmp_path: Path) -> None:
    """A file of just so many bytes is read, one more is refused."""
    (tmp_path / "file").write_bytes(b"x" * 2**20)
    assert len(files.content(tmp_path / "file", most=2**20)) == 2**20
    (tmp_path / "file").write_bytes(b"x" * (2**20 + 1))
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        files.content(tmp_path / "file", most=2**20)
