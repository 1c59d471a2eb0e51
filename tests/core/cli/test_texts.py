"""``embed``, ``rerank``, ``classify`` and ``read`` over arguments, lines and JSON Lines."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbridge import Jina
from ragbridge.local import Engine
from ragbridge.server import running

ROWS = [{"id": 7, "text": "the sea"}, {"id": 8, "text": "bread"}]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS)
LABELS = ("-l", "about food", "-l", "about the sea")


def lines(done: Any) -> list[dict[str, Any]]:
    """The JSON Lines that a command printed, and nothing else."""
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages of a web."""
    path = tmp_path_factory.mktemp("web") / "pages.json"
    path.write_text(json.dumps({"https://a.example/": "<h1>One</h1>", "https://b.example/": "# Two"}))
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running(Engine(api_keys=["sesame"])) as url:
        yield url


def test_embed_gives_the_vectors_of_the_client(in_process: Any) -> None:
    """In order, whether texts are arguments, lines or rows, whose other keys are kept; numbers are float32's own."""
    local = ("--local", "--dimensions", 32, "--json")
    with Jina(base_url="local") as jina:
        expected = jina.embed(["the sea", "bread"], role="document", dimensions=32).vectors
    for found, kept in (
        (in_process("embed", "the sea", "bread", *local), {"text"}),
        (in_process("embed", *local, typed="the sea\nbread\n"), {"text"}),
        (in_process("embed", "-", *local, typed=JSONL), {"id", "text"}),
    ):
        rows = lines(found)
        assert [row["text"] for row in rows] == ["the sea", "bread"]
        assert set(rows[0]) == kept | {"embedding"}
        assert (np.array([row["embedding"] for row in rows], np.float32) == expected).all()


def test_embed_takes_the_options_of_files(in_process: Any) -> None:
    """Packed bits, other keys, an inference endpoint."""
    (row,) = lines(
        in_process(
            "embed",
            *("--local", "--dimensions", 32, "--embedding-type", "ubinary", "--json"),
            *("--text-column", "body", "--vector-column", "bits"),
            typed='{"body": "the sea", "embedding": 1}\n',
        )
    )
    assert (len(row["bits"]), row["embedding"]) == (4, 1)
    endpoint = ("--inference-id", ".jina-embeddings-v5-text-small")
    (row,) = lines(in_process("embed", "the sea", "--local", *endpoint, "--json"))
    assert len(row["embedding"]) == 1024


def test_people_see_a_line_for_each_text(in_process: Any) -> None:
    """Figures first, then the text."""
    assert in_process("embed", "the\tsea", "--local", "--dimensions", 32).stdout.endswith(
        "... 32 numbers]  the sea\n"
    )
    ranked = in_process("rerank", "who sails?", "bread", "the sea", "--local").stdout.splitlines()
    assert [line.split("  ")[-1] for line in ranked] == ["the sea", "bread"]
    found = in_process("classify", "the sea", "bread", *LABELS, "--local").stdout.splitlines()
    assert [line.split("  ")[0].strip() for line in found] == ["about the sea", "about food"]


def test_rerank_orders_rows_best_first(in_process: Any) -> None:
    """With their scores, as many as are asked for."""
    rows = lines(in_process("rerank", "who sails?", "--local", "--json", typed=JSONL))
    assert [row["id"] for row in rows] == [7, 8]
    assert rows[0]["score"] > rows[1]["score"]
    found = in_process(
        "rerank", "who sails?", "--local", "--json", "-n", 1, "--score-column", "fit", typed=JSONL
    )
    assert [set(row) for row in lines(found)] == [{"id", "text", "fit"}]


def test_classify_adds_label_and_score(in_process: Any) -> None:
    """To each row, in order."""
    rows = lines(in_process("classify", *LABELS, "--local", "--json", typed=JSONL))
    assert [(row["id"], row["label"]) for row in rows] == [(7, "about the sea"), (8, "about food")]
    assert all(0 < row["label_score"] < 1 for row in rows)


def test_read_gives_pages_in_order(in_process: Any, pages: Path) -> None:
    """One page as it is, several below their addresses, and in JSON all that is known."""
    web = ("--pages", pages)
    assert in_process("read", "https://a.example/", *web).stdout == "# One\n"
    both = in_process("read", "https://a.example/", "https://b.example/", *web).stdout
    assert both == "--- 1: https://a.example/ ---\n# One\n\n--- 2: https://b.example/ ---\n# Two\n\n"
    typed = '{"id": 1, "url": "https://b.example/"}\n{"id": 2, "url": "https://a.example/"}\n'
    rows = lines(in_process("read", *web, "--json", typed=typed))
    assert [(row["id"], row["page"]["content"]) for row in rows] == [(1, "# Two"), (2, "# One")]


def test_read_needs_no_key(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one it says so, and what that allows; a wrong format is refused before anything is sent."""
    monkeypatch.delenv("JINA_API_KEY", raising=False)
    done = in_process("read", "https://a.example/", "--format", "pdf")
    assert (done.returncode, done.stdout) == (1, "")
    assert "'pdf'" in done.stderr
    done = in_process("read", "not an address", "--limits", "paid")
    assert (done.returncode, "JINA_API_KEY" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "command",
    [["embed", "--dimensions", "32"], ["classify", *LABELS], ["rerank", "q"]],
    ids=lambda words: words[0],
)
def test_rows_that_fail(in_process: Any, command: list[str]) -> None:
    """End the command with exit code 1 and their line, or are recorded in their place, and it ends with 3."""
    typed = JSONL + '{"id": 9}\n' + '{"id": 10, "text": "fish"}\n'
    done = in_process(*command, "--local", "--json", typed=typed)
    assert done.returncode == 1
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == (
        [] if command[0] == "rerank" else [7, 8]
    )
    assert done.stderr == "ragbridge: standard input:3: 'text' is null, not a text (its keys: 'id')\n"
    done = in_process(*command, "--local", "--json", "--on-error", "record", typed=typed)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 3
    assert sorted(row["id"] for row in rows) == [7, 8, 9, 10]
    assert [row["id"] for row in rows if "error" in row] == [9]
    assert done.stderr == "ragbridge: 1 row failed\n"


def test_what_a_service_refuses_is_named_by_its_line_too(in_process: Any) -> None:
    """Without the number that it has in a request."""
    done = in_process("embed", "--local", "--on-error", "record", typed="a\n" + "word " * 33_000 + "\nb\n")
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.startswith(
        "ragbridge: standard input:2: HTTP 400 INPUT_TOKEN_LIMIT_EXCEEDED: Input at"
    )


def test_a_key_that_is_not_accepted_is_no_matter_of_rows(
    in_process: Any, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends the command, whatever is done about rows, and says where the key is looked for."""
    monkeypatch.setenv("JINA_API_KEY", "wrong-0123456789")
    done = in_process("embed", "a", "--base-url", server, "--on-error", "record")
    assert (done.returncode, done.stdout) == (1, "")
    assert "check the key in JINA_API_KEY" in done.stderr
    assert "wrong-0" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["embed", "articles.jsonl"], "articles.jsonl is a file: --out is missing"),
        (["embed", "/"], "ragbridge embed < /"),
        (["embed", "-o", "out"], "files are missing"),
        (["embed", "a", "-o", "out", "--input", "lines"], "--input belongs to the form without --out"),
        *(
            (["embed", "a", *words], f"{words[0]} belongs to --out")
            for words in (
                ["--float16"],
                ["--restart"],
                ["--shard-rows", "5"],
                ["--id-column", "id"],
                ["--column", "id"],
                ["--format", "jsonl"],
                ["--chunk", "word"],
                ["--price", "1"],
            )
        ),
        (["rerank", " ", "a"], "the query is empty"),
        (["rerank"], "Missing argument 'QUERY'"),
        (["classify", "a"], "labels are missing"),
        (["read", "--pages", "p", "--base-url", "http://x"], "exclude each other"),
    ],
    ids=str,
)
def test_nothing_is_guessed_or_ignored(in_process: Any, arguments: list[str], says: str) -> None:
    """A file's name is no text, and what a form has no use for is refused: exit code 2, before anything is sent."""
    done = in_process(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_half_a_pair_of_surrogates_comes_out_as_it_went_in(in_process: Any) -> None:
    """JSON can say it, UTF-8 cannot: it is written escaped rather than replaced."""
    done = in_process(
        "embed", "--local", "--dimensions", 32, "--json", typed='{"text": "a", "x": "\\ud800", "y": "é"}'
    )
    (row,) = lines(done)
    assert (row["x"], row["y"]) == ("\ud800", "é")


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_at_a_terminal_each_line_is_answered_when_it_is_typed(environment: dict[str, str]) -> None:
    """It is said that lines are waited for; the answer comes before the next line; ctrl-C ends it without a word."""
    ours, theirs = pty.openpty()
    command = [
        sys.executable,
        "-c",
        "from ragbridge.cli import main; main()",
        "embed",
        "--local",
        "--dimensions",
        "32",
    ]
    with subprocess.Popen(
        command,
        env=environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stderr is not None
        said = "ragbridge: reading texts from standard input, one a line; ctrl-D ends it\n"
        assert process.stderr.readline() == said
        os.write(ours, b"the sea\n")
        assert process.stdout.readline().endswith("32 numbers]  the sea\n")
        os.kill(process.pid, signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
        os.close(ours)
    assert (process.returncode, printed, errors) == (130, "", "")
