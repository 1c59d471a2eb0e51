"""`ragbridge demo`: what it measures, what it prints where, and how it fails."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from typer.testing import CliRunner

from ragbridge import AuthenticationError, Jina
from ragbridge.cli.app import app
from ragbridge.demo import corpus, pipelines, report
from ragbridge.demo.corpus import Corpus, Docstring
from ragbridge.local import Engine
from ragbridge.transport.in_process import InProcessTransport

pytestmark = pytest.mark.long

DEMO = [sys.executable, "-c", "from ragbridge.cli import main; main()", "demo"]
SMALL = [sys.executable, str(Path(__file__).with_name("small_demo.py")), "demo"]
"""The same with eight passages."""

COMMITTED = Path(__file__).parents[2] / "docs" / "pictures" / "demo.svg"
"""The picture in the README."""

NOTICE = "using the embedded engine"
FIELDS = {
    "framework": str,
    "passages": int,
    "queries": int,
    "ndcg_before": float,
    "ndcg_after": float,
    "recall_before": float,
    "recall_after": float,
    "seconds": float,
    "tokens": int,
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without keys and with an empty home."""
    keys = ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN", "FORCE_COLOR", "NO_COLOR")
    kept = {name: value for name, value in os.environ.items() if name not in keys}
    return {**kept, "HOME": str(tmp_path_factory.mktemp("home")), "TERM": "xterm-256color", "COLUMNS": "120"}


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the whole demo draws its result."""
    return tmp_path_factory.mktemp("picture") / "demo.svg"


@pytest.fixture(scope="module")
def measured(environment: dict[str, str], picture: Path) -> subprocess.CompletedProcess[str]:
    """The whole demo, once."""
    return subprocess.run(
        [*DEMO, "--json", "--picture", str(picture)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def rows(measured: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Its figures."""
    found: list[dict[str, Any]] = json.loads(measured.stdout)["frameworks"]
    return found


@pytest.fixture
def small() -> Corpus:
    """A corpus that takes no time."""
    colours = ("red", "green", "blue", "yellow", "black", "white", "brown", "orange")
    return corpus.build(
        [
            Docstring(f"paint.c{number}", f"Which paint is {colour}?", f"A pot of {colour} colour. " * 12)
            for number, colour in enumerate(colours)
        ],
        passages=8,
        queries=8,
    )


def test_the_json_object_is_all_that_is_printed(measured: subprocess.CompletedProcess[str]) -> None:
    """--json: one object with one row for each framework; the notice about the key is on standard error, once."""
    assert measured.returncode == 0, measured.stderr
    found = json.loads(measured.stdout)
    assert list(found) == ["frameworks"]
    assert [row["framework"] for row in found["frameworks"]] == ["LangChain", "LlamaIndex", "Haystack"]
    for row in found["frameworks"]:
        assert {name: type(value) for name, value in row.items()} == FIELDS
    assert measured.stderr.count(NOTICE) == 1
    assert measured.stderr.count("\n") == 1
    assert "\x1b" not in measured.stdout + measured.stderr


def test_the_corpus_is_large_enough(rows: list[dict[str, Any]]) -> None:
    """At least 1,200 passages and 200 queries, the same in all frameworks."""
    assert len({(row["passages"], row["queries"]) for row in rows}) == 1
    assert rows[0]["passages"] >= 1_200
    assert rows[0]["queries"] >= 200


def test_reranking_raises_ndcg_in_every_framework(rows: list[dict[str, Any]]) -> None:
    """By 0.05 or more; recall does not fall."""
    for row in rows:
        assert row["ndcg_after"] - row["ndcg_before"] >= 0.05
        assert row["recall_after"] >= row["recall_before"]


def test_the_frameworks_agree(rows: list[dict[str, Any]]) -> None:
    """Same vectors, same scores: figures within 0.01 of one another, and the same bill."""
    for name in ("ndcg_before", "ndcg_after", "recall_before", "recall_after"):
        values = [row[name] for row in rows]
        assert max(values) - min(values) <= 0.01
    assert len({row["tokens"] for row in rows}) == 1
    assert rows[0]["tokens"] > 0


def _figures(svg: str) -> list[list[str]]:
    """For each framework of a picture its name and the figures beside its two bars."""
    texts = re.findall(r'<text class="(?:framework|before|after)"[^>]*>([^<]*)<', svg)
    return [texts[start : start + 3] for start in range(0, len(texts), 3)]


def test_the_picture_shows_what_was_measured(rows: list[dict[str, Any]], picture: Path) -> None:
    """The figures that --json prints, with bars of their lengths, and the answer of one query at its two ranks."""
    svg = picture.read_text(encoding="utf-8")
    ET.fromstring(svg)
    assert _figures(svg) == [
        [row["framework"], f"{row['ndcg_before']:.3f}", f"{row['ndcg_after']:.3f}"] for row in rows
    ]
    for kind in ("before", "after"):
        widths = re.findall(rf'<rect class="bar-{kind}" x="120" [^>]*width="([\d.]+)"', svg)
        assert [float(width) for width in widths] == pytest.approx(
            [560 * row[f"ndcg_{kind}"] for row in rows], abs=0.1
        )
    assert svg.count('class="id answer"') == svg.count('class="rank id answer"') <= 2


def test_the_readmes_picture_is_what_the_demo_draws(rows: list[dict[str, Any]], picture: Path) -> None:
    """To the letter with the Python and the NumPy that it names; other versions have other texts, hence other figures."""
    drawn, committed = (file.read_text(encoding="utf-8") for file in (picture, COMMITTED))
    versions = re.compile(r"docstrings of Python \S+ and NumPy \S+\.")
    if versions.findall(drawn) == versions.findall(committed):
        assert drawn == committed, "make picture draws it anew"
    assert [name for name, *_ in _figures(committed)] == [row["framework"] for row in rows]


def test_a_terminal_gets_colour_and_a_progress_bar(environment: dict[str, str]) -> None:
    """Table and three examples in colour on standard output, a bar on standard error, both only on terminals."""
    terminal, screen = pty.openpty()
    with subprocess.Popen(
        [*SMALL, "--queries", "3"], env=environment, stdout=subprocess.PIPE, stderr=screen, text=True
    ) as process:
        os.close(screen)
        shown = _read(terminal)
        assert process.stdout is not None
        printed = process.stdout.read()
    assert process.returncode == 0
    assert NOTICE in shown
    assert "LlamaIndex" in shown
    assert "\x1b[" in shown
    assert "\x1b" not in printed
    for framework in pipelines.FRAMEWORKS:
        assert framework in printed
    assert printed.count("\n  1. ") == 3


def _read(terminal: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # how Linux says that the other side was closed
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts).decode()
        parts.append(part)


def test_the_report_is_coloured_on_terminals_alone(small: Corpus) -> None:
    """The same table and examples hold escape sequences on a terminal and none elsewhere; 80 columns hold them."""
    figures, answers = report.measure(
        "LangChain", pipelines.load("LangChain"), corpus=small, client=Jina(base_url="local")
    )
    printed = {}
    for on_terminal in (True, False):
        console = Console(
            file=io.StringIO(),
            force_terminal=on_terminal,
            width=80,
            color_system="standard" if on_terminal else None,
        )
        console.print(report.table([figures]))
        for example in report.examples(answers, small):
            console.print(example)
        assert isinstance(console.file, io.StringIO)
        printed[on_terminal] = console.file.getvalue()
    assert "\x1b[" in printed[True]
    assert "\x1b" not in printed[False]
    assert printed[False].count("<- the answer") == 3
    assert "LangChain" in printed[False]
    table = printed[False].partition("Which paint")[0]
    assert all(name in table for name in ("framework", "nDCG@10", "recall@10", "seconds", "tokens"))
    assert "…" not in table


@pytest.mark.parametrize("framework", pipelines.FRAMEWORKS)
def test_every_pipeline_tells_the_reason_of_a_failure(framework: str, small: Corpus) -> None:
    """What the service refuses arrives as ragbridge's own error, also where the framework wraps what it catches."""
    client = Jina(base_url="local", transport=InProcessTransport(Engine(api_keys=["sesame"])))
    with pytest.raises(AuthenticationError):
        report.measure(framework, pipelines.load(framework), corpus=small, client=client)


def test_the_frameworks_rank_alike(small: Corpus) -> None:
    """Each pipeline finds the same passages in the same order with the same scores."""
    found = {}
    for framework in pipelines.FRAMEWORKS:
        with Jina(base_url="local") as client:
            _, answers = report.measure(framework, pipelines.load(framework), corpus=small, client=client)
        found[framework] = answers
    for other in ("LlamaIndex", "Haystack"):
        for one, two in zip(found["LangChain"], found[other], strict=True):
            assert one.retrieved == two.retrieved
            assert [hit.id for hit in one.reranked] == [hit.id for hit in two.reranked]
            assert [hit.score for hit in one.reranked] == pytest.approx([hit.score for hit in two.reranked])


def test_elasticsearch_has_its_line_in_the_table() -> None:
    """Indexing, semantic search and reranking over the same corpus, without a cluster; reranking helps there as well."""
    printed = CliRunner().invoke(app, ["demo", "--engine", "elastic", "--queries", "40", "--json"])
    (row,) = json.loads(printed.stdout)["frameworks"]
    assert row["framework"] == "Elasticsearch"
    assert row["passages"] >= 1_200
    assert row["queries"] == 40
    assert row["ndcg_after"] > row["ndcg_before"] > 0.3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "lucene"], "jina or elastic"),
        (["--engine", "elastic", "--base-url", "http://localhost:9200"], "runs in this process"),
        (["--engine", "elastic", "--cache", "answers.db"], "runs in this process"),
    ],
)
def test_what_does_not_go_with_the_engine_is_refused(options: list[str], said: str) -> None:
    """Before anything is read, with what may be given instead."""
    refused = CliRunner().invoke(app, ["demo", *options], env={"COLUMNS": "200"})
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_a_sentence_model_embeds_once_for_all_frameworks(
    small: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """demo --model minilm says what embedded the passages, and the frameworks have the same figures."""
    monkeypatch.setattr(corpus, "load", lambda: small)
    done = CliRunner().invoke(app, ["demo", "--model", "minilm", "--json"])
    assert done.exit_code == 0, done.stderr
    assert "all-MiniLM-L6-v2-int8 has embedded 8 passages" in done.stderr
    rows = json.loads(done.stdout)["frameworks"]
    assert [row["framework"] for row in rows] == ["LangChain", "LlamaIndex", "Haystack"]
    assert len({row["tokens"] for row in rows}) == 1
    assert {row["ndcg_before"] for row in rows} == {1.0}


def test_a_second_run_is_answered_from_the_cache(
    small: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``--cache`` all that the second run wants is known, and its result is the same."""
    monkeypatch.setattr(corpus, "load", lambda: small)
    command = ["demo", "--local", "--queries", "1", "--json", "--cache", str(tmp_path / "answers.db")]

    def run() -> Any:
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    first, second = run(), run()
    assert 0 < second["cache"]["wanted"] == second["cache"]["known"]
    assert first["cache"]["wanted"] == second["cache"]["wanted"] > first["cache"]["known"]
    for before, after in zip(first["frameworks"], second["frameworks"], strict=True):
        assert before["ndcg_after"] == after["ndcg_after"]


def test_a_model_that_is_none_is_refused_first(environment: dict[str, str]) -> None:
    """demo --model with a folder that has no model ends in one line that says what may be named, before anything is read."""
    done = subprocess.run(
        [*DEMO, "--model", "nowhere"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("ragbridge: model=")
    assert '"minilm"' in done.stderr


def test_a_missing_framework_names_the_extra(environment: dict[str, str]) -> None:
    """Without a framework the demo says what to install, on one line and with code 1."""
    code = "import sys; sys.modules['langchain_core'] = None\nfrom ragbridge.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "demo", "--local"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert 'pip install "ragbridge[demo]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_ctrl_c_ends_it_quietly(environment: dict[str, str]) -> None:
    """After SIGINT it exits with 130 and adds nothing to what it had said."""
    with subprocess.Popen(
        [*DEMO, "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has SIGINT ignored, and so would the demo.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert NOTICE in process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed, said) == (130, "", "")


def test_nothing_is_written_to_the_home(
    measured: subprocess.CompletedProcess[str], environment: dict[str, str]
) -> None:
    """The demo leaves no settings, caches or identifiers of a framework behind."""
    assert measured.returncode == 0
    assert list(Path(environment["HOME"]).rglob("*")) == []
