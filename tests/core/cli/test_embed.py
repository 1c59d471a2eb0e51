"""The command ``embed``: exit codes, what stands where, and standard input."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ragbridge.cli.following import following, line
from ragbridge.client.tally import Totals
from ragbridge.corpus.progress import Progress
from ragbridge.limiter.limits import RateLimit
from ragbridge.limiter.tokens import TokenEstimator
from ragbridge.local import Engine
from ragbridge.server import running

SMALL = ("--local", "--dimensions", 64)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"{n} fish"}) + "\n" for n in range(20)))
    return path


def test_a_job_ends_with_a_summary_and_again_with_nothing_to_do(
    in_process: Any, corpus: Path, tmp_path: Path
) -> None:
    """Exit code 0; figures on standard output; the same command once more sends nothing."""
    done = in_process("embed", corpus, "-o", tmp_path / "out", *SMALL, "--price", 2)
    assert done.returncode == 0, done.stderr
    assert "rows        20\n" in done.stdout
    assert "cost" in done.stdout
    again = in_process("embed", corpus, "-o", tmp_path / "out", *SMALL, "--json")
    assert json.loads(again.stdout)["requests"] == 0
    assert json.loads(again.stdout)["resumed"] == 20


def test_json_is_all_that_standard_output_has(in_process: Any, corpus: Path, tmp_path: Path) -> None:
    """One object."""
    done = in_process("embed", corpus, "-o", tmp_path / "o.parquet", *SMALL, "--json")
    found = json.loads(done.stdout)
    assert found["rows"] == 20
    assert found["files"] == [str(tmp_path / "o.parquet")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--local"], "--out is missing"),
        (["--local", "-o", "out", "--sample"], "--sample belongs to --dry-run"),
        (["--local", "-o", "out", "--late-chunking"], "--late-chunking belongs to --chunk"),
        (["--local", "-o", "out", "--max-chunk-size", "50"], "--max-chunk-size belongs to --chunk"),
        (["--local", "-o", "out", "--url", "http://x"], "--url belongs to --inference-id"),
        (["-o", "out", "--inference-id", "a", "--base-url", "http://x"], "--base-url is Jina's"),
        (["-o", "out", "--nonsense"], "No such option"),
    ],
)
def test_wrong_usage_is_exit_code_2(in_process: Any, corpus: Path, arguments: list[str], says: str) -> None:
    """With what is wrong, before a file is read."""
    done = in_process("embed", corpus, *arguments)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_what_is_wrong_with_a_row_is_exit_code_1_and_one_line(
    in_process: Any, corpus: Path, tmp_path: Path
) -> None:
    """It names file and line."""
    with corpus.open("a") as file:
        file.write('{"id": 20}\n')
    done = in_process("embed", corpus, "-o", tmp_path / "out", *SMALL)
    assert done.returncode == 1
    assert f"ragbridge: {corpus}:21: 'text' is null, not a text" in done.stderr


def test_rows_that_failed_are_exit_code_3(in_process: Any, corpus: Path, tmp_path: Path) -> None:
    """The others are written."""
    with corpus.open("a") as file:
        file.write('{"id": 20}\n')
    done = in_process("embed", corpus, "-o", tmp_path / "o.parquet", *SMALL, "--on-error", "record", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["failed"] == 1
    assert pq.read_table(tmp_path / "o.parquet")["embedding"].null_count == 1


def test_a_wrong_key_says_where_it_is_looked_for(
    in_process: Any, corpus: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """And is in no message and no file."""
    monkeypatch.setenv("JINA_API_KEY", "a-wrong-key")
    with running(Engine(api_keys=["another"])) as url:
        done = in_process("embed", corpus, "-o", tmp_path / "out", "--base-url", url)
    assert done.returncode == 1
    assert "JINA_API_KEY" in done.stderr
    assert "a-wrong-key" not in done.stderr
    assert not any(b"a-wrong-key" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_dry_run_says_how_much_it_is_and_writes_nothing(
    in_process: Any, corpus: Path, tmp_path: Path
) -> None:
    """Rows, tokens with a range, time at the quota, cost."""
    before = sorted(tmp_path.rglob("*"))
    done = in_process("embed", corpus, "--dry-run", "--json", "--local", "--limits", "free", "--price", 1)
    found = json.loads(done.stdout)
    assert found["rows"] == found["texts"] == 20
    assert found["low"] < found["tokens"] < found["high"]
    assert found["cost"] == pytest.approx(found["tokens"] / 1e6, rel=0.01)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sample_makes_the_estimate_right(in_process: Any, corpus: Path, tmp_path: Path) -> None:
    """One request is paid for; the job then costs about what was said."""
    done = in_process("embed", corpus, "--dry-run", "--sample", "--json", *SMALL)
    found = json.loads(done.stdout)
    assert found["sampled"] == 20
    job = json.loads(in_process("embed", corpus, "-o", tmp_path / "out", *SMALL, "--json").stdout)
    assert found["low"] <= job["tokens"] <= found["high"]


def test_standard_input_is_read_and_may_be_given_again(
    environment: dict[str, str], corpus: Path, tmp_path: Path
) -> None:
    """The same rows are the same job; others are refused."""

    def run(data: bytes) -> subprocess.CompletedProcess[bytes]:
        code = "from ragbridge.cli import main; main()"
        words = ["embed", "-", "-o", str(tmp_path / "out"), *map(str, SMALL), "--json"]
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            input=data,
            env=environment,
            capture_output=True,
            check=False,
        )

    first, again, other = run(corpus.read_bytes()), run(corpus.read_bytes()), run(b'{"text": "one"}\n')
    assert json.loads(first.stdout)["rows"] == 20
    assert json.loads(again.stdout)["resumed"] == 20
    assert other.returncode == 1
    assert b"standard input" in other.stderr
    assert not (tmp_path / "out" / ".ragbridge" / "input.jsonl").exists()


def test_without_pyarrow_the_way_out_is_named(ragbridge: Any, corpus: Path, tmp_path: Path) -> None:
    """The extra, or JSON Lines, which then work."""
    before = "import sys; sys.modules['pyarrow'] = None"
    done = ragbridge("embed", corpus, "-o", tmp_path / "out", *SMALL, before=before)
    assert done.returncode == 1
    assert "ragbridge[parquet]" in done.stderr
    done = ragbridge("embed", corpus, "-o", tmp_path / "out.jsonl", *SMALL, before=before)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 20


class Waiting:
    """A limiter that says what it waits for."""

    waiting = ("tokens", 12.0)
    concurrency = None
    request_budget = 1000.0
    limit = RateLimit(1000, 60_000, 2)


def progress(**settings: Any) -> Progress:
    estimator = TokenEstimator()
    return Progress(
        rows=1000,
        characters=100_000,
        features=estimator.measure_all(["a" * 100] * 1000),
        totals=Totals(tokens=5000, requests=10),
        estimator=estimator,
        limiter=settings.pop("limiter", None),
        limit=settings.pop("limit", None),
        price=settings.pop("price", None),
        **settings,
    )


def test_a_line_of_progress_says_what_is_waited_for() -> None:
    """Percent, rows, tokens, rate, time left by the quota, cost and the reason for waiting."""
    now = [0.0]
    shown = progress(limiter=Waiting(), limit=Waiting.limit, price=2.0, now=lambda: now[0])
    for _ in range(100):
        shown.count(100, row=100, failed=0)
    now[0] = 2.0
    text = line(shown)
    assert text.startswith(" 10% | 100 of 1,000 rows | 5,000 tokens | 50 rows/s | ")
    assert "cost 0.0100" in text
    assert text.endswith("waiting: tokens, 12 s")
    left = shown.tokens_left / 60_000 * 60
    assert shown.eta == pytest.approx(left)


def test_the_time_left_follows_the_rate_where_that_is_slower() -> None:
    """Without a quota, and behind a slow server."""
    now = [0.0]
    shown = progress(now=lambda: now[0])
    assert shown.eta is None
    shown.skip(500)
    for _ in range(100):
        shown.count(100, row=100, failed=0)
    now[0] = 50.0
    assert shown.eta == pytest.approx(400 / 2)


def test_where_there_is_no_terminal_a_line_comes_from_time_to_time(capsys: Any) -> None:
    """It is written by a thread, which ends with the job."""
    before = threading.active_count()
    with following(every=0.01) as watch:
        watch(progress())
        while "of 1,000 rows" not in capsys.readouterr().err:
            pass
    assert threading.active_count() == before
