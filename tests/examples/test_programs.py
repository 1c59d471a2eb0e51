"""The programs that people copy do what they say, without a key. Those whose packages are missing are skipped."""

from __future__ import annotations

import datetime as dt
import json

import pytest

TEXTS = {
    "sea.md": "Fishermen take care of the sea.",
    "bread.md": "Bakers take care of bread.",
    "onion.md": "An onion has layers.",
}
QUESTION = "who looks after the sea?"


@pytest.fixture
def folder(tmp_path):
    """Three small files."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def site(program, folder, monkeypatch):
    """The search service, started, and a client for it."""
    pytest.importorskip("fastapi")
    from starlette.testclient import TestClient

    monkeypatch.setenv("FOLDER", str(folder))
    service = program("service")
    with TestClient(service.app) as client:
        yield service, client


def test_the_service_answers_with_the_best_passages(site):
    """Their file, where they stand, and a score; as many as were asked for."""
    _, client = site
    hits = client.get("/search", params={"query": QUESTION, "top": 2}).json()
    assert hits[0]["file"] == "sea.md"
    assert len(hits) == 2
    assert hits[0]["text"] == TEXTS["sea.md"]
    assert hits[0]["score"] > hits[1]["score"]


def test_the_service_refuses_an_empty_query_and_passes_on_what_may_pass(site):
    """422 for what is wrong with the query; 503 for an outage, without the text of the query."""
    from ragbridge import Jina, Retry
    from ragbridge.testing import ScriptedTransport

    service, client = site
    assert client.get("/search", params={"query": ""}).status_code == 422
    for status, expected in ((503, 503), (401, 500)):
        transport = ScriptedTransport(status)
        service.app.state.jina = Jina("a-key", transport=transport, retry=Retry(attempts=1))
        answer = client.get("/search", params={"query": QUESTION})
        assert answer.status_code == expected
        assert "a-key" not in answer.text
        assert QUESTION not in answer.text


def test_a_nightly_job_pays_for_what_is_new(program, tmp_path, caplog):
    """The second night only the text that changed is sent; the same night again, nothing."""
    pytest.importorskip("pyarrow")
    nightly = program("nightly")
    source, out = tmp_path / "articles.jsonl", tmp_path / "vectors"
    first, second = dt.date(2026, 11, 29), dt.date(2026, 11, 30)
    rows = [{"id": number, "text": text} for number, text in enumerate(TEXTS.values())]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with caplog.at_level("INFO", "nightly"):
        assert nightly.run(str(source), out, day=first) == 0
        rows[0]["text"] = "Fishermen sleep."
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert nightly.run(str(source), out, day=second) == 0
        assert nightly.run(str(source), out, day=second) == 0
    reports = [record.args[0] for record in caplog.records if hasattr(record.args[0], "cached")]
    assert [(report.cached, report.resumed) for report in reports] == [(0, 0), (2, 0), (0, 3)]
    assert [path.name for path in sorted(out.iterdir())][:2] == ["2026-11-29", "2026-11-30"]


def test_a_nightly_job_says_what_it_could_not_embed(program, tmp_path):
    """A row without a text ends with 1, and the others have their vectors."""
    pyarrow_parquet = pytest.importorskip("pyarrow.parquet")
    source, out = tmp_path / "articles.jsonl", tmp_path / "vectors"
    source.write_text('{"text": "Fishermen."}\n{"title": "nothing"}\n')
    assert program("nightly").run(str(source), out, day=dt.date(2026, 11, 29)) == 1
    (shard,) = (out / "2026-11-29").glob("*.parquet")
    assert pyarrow_parquet.read_table(shard)["embedding"].null_count == 1


async def test_the_agent_answers_from_reranked_passages(program):
    """Without a chat model the best passage; with one, its answer to a prompt that holds the passages."""
    pytest.importorskip("langgraph")
    from langchain_core.documents import Document
    from langchain_core.language_models import GenericFakeChatModel

    agent = program("agent")
    documents = [Document(text) for text in TEXTS.values()]
    assert (await agent.build(documents).ainvoke({"question": QUESTION}))["answer"] == TEXTS["sea.md"]

    model = GenericFakeChatModel(messages=iter(["Fishermen."]))
    found = await agent.build(documents, model).ainvoke({"question": QUESTION})
    assert found["answer"] == "Fishermen."
    assert found["passages"][0].page_content == TEXTS["sea.md"]


async def test_the_agent_looks_further_afield_while_nothing_fits(program, monkeypatch):
    """It doubles what the reranker reads, up to a bound."""
    pytest.importorskip("langgraph")
    from langchain_core.documents import Document

    agent = program("agent")
    monkeypatch.setattr(agent, "ENOUGH", 2)
    found = await agent.build([Document(text) for text in TEXTS.values()]).ainvoke({"question": QUESTION})
    assert found["candidates"] == agent.WIDE
    assert (await agent.build([]).ainvoke({"question": QUESTION}))["answer"] == "Nothing was found."


async def test_the_pipelines_of_yaml_find_the_passage(program, folder):
    """Two pipelines as written, which share one store."""
    pytest.importorskip("haystack")
    files = [str(path) for path in folder.glob("*.md")]
    documents = await program("pipelines").ask(QUESTION, files)
    assert documents[0].content == TEXTS["sea.md"]
    assert len(documents) == 3
