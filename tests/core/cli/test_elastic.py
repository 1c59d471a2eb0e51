"""``ragbridge elastic endpoints`` against a server of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragbridge.local import Engine
from ragbridge.server import running

KEY = "jina_0123456789abcdef"
VARIABLES = ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server with the embedded engine."""
    with running(Engine()) as url:
        yield url


@pytest.fixture
def endpoints(in_process: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``endpoints("list", ...)``: the command against the server, which the environment names; no key is set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ELASTICSEARCH_URL", address)
    return lambda *arguments: in_process("elastic", "endpoints", *arguments)


def test_a_life_on_the_command_line(endpoints: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create, list, show, change, try to delete and delete; no output holds the key."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    chunking = {"strategy": "word", "max_chunk_size": 100, "overlap": 20}
    made = endpoints(
        *("create", "cli-mine", "text_embedding", "--service", "jinaai", "--model", "jina-embeddings-v3"),
        *("--setting", "dimensions=256", "--setting", "similarity=cosine"),
        *("--task-setting", "input_type=ingest", "--chunking", json.dumps(chunking), "--timeout", "60"),
    )
    assert (made.returncode, made.stderr) == (0, "")
    listed = endpoints("list", "--task-type", "text_embedding")
    (line,) = [line for line in listed.stdout.splitlines() if "cli-mine" in line]
    assert line.split() == [
        *("cli-mine", "text_embedding", "jinaai", "jina-embeddings-v3", "256", "cosine", "word", "100"),
    ]
    shown = endpoints("show", "cli-mine")
    assert shown.stdout == made.stdout
    rows = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines() if line.strip())
    assert rows["service_settings.dimensions"].strip() == "256"
    assert rows["task_settings.input_type"].strip() == "ingest"
    parsed = json.loads(endpoints("show", "cli-mine", "--json").stdout)
    assert parsed["chunking_settings"] == chunking
    assert parsed in json.loads(endpoints("list", "--json").stdout)
    changed = endpoints(
        *("update", "cli-mine", "--requests-per-minute", "60", "--task-setting", "input_type=search"),
        *("--new-key", "--json"),
    )
    settings = json.loads(changed.stdout)
    assert settings["service_settings"]["rate_limit"] == {"requests_per_minute": 60}
    assert settings["task_settings"] == {"input_type": "search"}
    trial = endpoints("delete", "cli-mine", "--dry-run")
    assert (trial.stdout, trial.returncode) == ("cli-mine: not deleted (dry run)\n", 0)
    gone = endpoints("delete", "cli-mine", "--task-type", "text_embedding", "--force")
    assert (gone.stdout, gone.returncode) == ("cli-mine: deleted\n", 0)
    missing = endpoints("show", "cli-mine")
    assert missing.returncode == 1
    assert missing.stderr.count("\n") == 1
    assert "Inference endpoint not found [cli-mine]" in missing.stderr
    for done in (made, listed, shown, changed, trial, gone, missing):
        assert KEY not in done.stdout + done.stderr


def test_a_whole_body_from_a_file(endpoints: Any, tmp_path: Path) -> None:
    """Any service's body can be given as JSON; the deletion is told as JSON too."""
    body = {"service": "elastic", "service_settings": {"model_id": "jina-reranker-v3"}}
    (tmp_path / "body.json").write_text(json.dumps(body), encoding="utf-8")
    made = endpoints("create", "cli-file", "rerank", "--config", tmp_path / "body.json", "--json")
    found = json.loads(made.stdout)
    assert found["service_settings"]["model_id"] == "jina-reranker-v3"
    assert (found["service"], found["task_type"]) == ("elastic", "rerank")
    deleted = json.loads(endpoints("delete", "cli-file", "--json").stdout)
    assert deleted["acknowledged"] is True


ELSER = ("create", "e", "sparse_embedding", "--service", "elasticsearch", "--model", ".elser_model_2")


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (ELSER, "does not contain the required setting [num_threads]", 1),
        ((*ELSER, "--setting", "num_threads=3", "--setting", "num_allocations=1"), "must be a power of 2", 1),
        ((*ELSER, "--setting", "num_threads"), "write NAME=VALUE", 2),
        (("create", "e", "rerank", "--service", "jinaai", "--model", "m"), "set one of JINA_API_KEY", 1),
        (
            ("create", "e", "rerank", "--service", "cohere", "--setting", f"api_key={KEY}"),
            "other users",
            2,
        ),
        (("create", "e", "rerank", "--model", "m"), "--service is missing", 2),
        (("create", "e", "rerank", "--service", "elastic", "--chunking", "[1]"), "not a JSON object", 2),
        (("create", "e", "rerank", "--service", "elastic", "--chunking", "{x"), "not valid JSON", 2),
        (("create", "e", "reranking", "--service", "elastic"), "reranking", 2),
        (("delete", "*"), "names no single endpoint", 1),
        (("update", "e"), "name what is to change", 1),
        (("update", "e", "--new-key"), "set one of JINA_API_KEY", 1),
        (("update", "e", "--num-allocations", "0"), "[num_allocations] must be a positive integer", 1),
    ],
)
def test_wrong_usage(endpoints: Any, arguments: tuple[str, ...], says: str, code: int) -> None:
    """What cannot be is refused with the reason, and no key is repeated."""
    done = endpoints(*arguments)
    assert done.returncode == code
    assert says in done.stderr.replace("\n│ ", " ")
    assert KEY not in done.stderr
    assert done.stdout == ""


def test_a_body_and_options_exclude_one_another(endpoints: Any, tmp_path: Path) -> None:
    """An option beside --config would be ignored, so it is refused."""
    (tmp_path / "body.json").write_text("{}", encoding="utf-8")
    done = endpoints("create", "e", "rerank", "--config", tmp_path / "body.json", "--model", "m")
    assert done.returncode == 2
    assert "--config is the whole body" in done.stderr


def test_without_an_address(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    done = in_process("elastic", "endpoints", "list")
    assert done.returncode == 1
    assert "ELASTICSEARCH_URL" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_embedded_engine_has_endpoints(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """--url local needs neither a server nor a key."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    done = in_process("elastic", "endpoints", "list", "--url", "local", "--json")
    assert ".jina-embeddings-v3" in [row["inference_id"] for row in json.loads(done.stdout)]
