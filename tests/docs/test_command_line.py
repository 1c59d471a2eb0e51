"""The examples of ``docs/command-line.md`` run, pipes included."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from ragbridge import Jina
from ragbridge.cache import SqliteCache
from ragbridge.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
ELSEWHERE = ("ragbridge demo", "ragbridge serve")
"""Begin examples that take minutes or have no end; ``tests/core/cli`` and ``tests/integrations`` run them."""
LINES = list(
    dict.fromkeys(
        line
        for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL)
        for line in block.splitlines()
        if line.startswith(("ragbridge", "printf"))
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the page names."""
    path = tmp_path_factory.mktemp("page")
    (path / "docs").mkdir()
    (path / "docs" / "limits.md").write_text("# Limits\n\nLimits are shared by all objects with one key.\n")
    (path / "README.md").write_text("# A project\n\nIt counts boats.\n")
    (path / "FILE").write_text("One two three. " * 40)
    rows = [{"id": n, "text": f"boat {n} sails"} for n in range(3)]
    (path / "articles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "notes.csv").write_text("id,body\n1,the sea\n2,bread\n")
    (path / "pages.json").write_text(json.dumps({"https://example.com/": "<h1>Example</h1><p>A page."}))
    with Jina(base_url="local", cache=path / "vectors.db") as jina:
        jina.embed(["one"])
    SqliteCache(path / "vectors.db").close()
    return path


def run(line, monkeypatch, capsys):
    """What the last command of a line prints, and how it ends."""
    line = re.split(r" +#", line)[0].replace("http://localhost:8000", os.environ["ELASTICSEARCH_URL"])
    typed, done = "", (0, "", "")
    for part in line.split(" | "):
        words = shlex.split(part)
        if words[0] == "printf":
            typed = words[1].encode().decode("unicode_escape")
            continue
        if "<" in words:
            typed = Path(words.pop()).read_text(encoding="utf-8")
            words.remove("<")
        if words[1] == "read" and "--pages" not in words:
            words += ["--pages", "pages.json"]  # in the place of the web
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))
        with pytest.raises(SystemExit) as ended:
            app.run()
        found = capsys.readouterr()
        typed, done = found.out, (int(ended.value.code or 0), found.out, found.err)
    return done


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith(ELSEWHERE)])
def test_an_example_works(cluster, folder, monkeypatch, capsys, line):
    """Without a key, in a folder with the files that it names; with --json it prints JSON and nothing else."""
    for name in Jina.KEY_VARIABLES:
        if not line.startswith("ragbridge elastic"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    code, out, err = run(line, monkeypatch, capsys)
    assert (code, "Traceback" in err) == (0, False), err
    assert out
    if "--json" in line:
        try:
            json.loads(out)
        except ValueError:
            assert [json.loads(row) for row in out.splitlines()]
