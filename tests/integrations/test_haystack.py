"""The Haystack components, one by one."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from typing import Any

import httpx
import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document
from haystack.dataclasses import ByteStream
from haystack.utils import Secret

from haystack_integrations.common.ragbridge.component import copied
from haystack_integrations.components.embedders.ragbridge import JinaDocumentEmbedder, JinaTextEmbedder
from haystack_integrations.components.rankers.ragbridge import JinaRanker
from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    Jina,
    RequestError,
    Retry,
    ServiceError,
)
from ragbridge.flow import Request
from ragbridge.local import Engine, Faults
from ragbridge.server import running
from ragbridge.testing import ScriptedTransport

COMPONENTS = [JinaTextEmbedder, JinaDocumentEmbedder, JinaRanker]
NAMES = [
    "haystack_integrations.components.embedders.ragbridge.text_embedder.JinaTextEmbedder",
    "haystack_integrations.components.embedders.ragbridge.document_embedder.JinaDocumentEmbedder",
    "haystack_integrations.components.rankers.ragbridge.ranker.JinaRanker",
]
QUERY = "Which insects make honey?"
TEXTS = [
    "The stock market closed lower on Friday.",
    "Bees are insects that collect nectar and make honey.",
    "A glacier is a slow river of ice.",
    "The parser reads tokens and builds a tree.",
    "Honey keeps for years in a closed jar.",
    "Trains leave the station every hour.",
    "Rust is what iron becomes in the rain.",
]


def documents() -> list[Document]:
    """Documents as a retriever hands them on."""
    return [
        Document(content=text, meta={"n": n, "title": f"title {n}"}, score=n / 10)
        for n, text in enumerate(TEXTS)
    ]


def inputs_for(kind: type[Any]) -> dict[str, Any]:
    """What ``run`` of a component takes."""
    return {
        JinaTextEmbedder: {"text": QUERY},
        JinaDocumentEmbedder: {"documents": documents()},
        JinaRanker: {"query": QUERY, "documents": documents()},
    }[kind]


class Wire:
    """The embedded engine behind an HTTP client; keeps the bodies of requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.bodies: list[dict[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        question = Request(request.method, str(request.url), dict(request.headers), request.content)
        response = self._engine.handle(question).response
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body)

    async def answer_async(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request)


def client_of(wire: Any, **settings: Any) -> Jina:
    """A client whose requests end at ``wire``."""
    return Jina(
        "key",
        limits=None,
        http_client=httpx.Client(transport=httpx.MockTransport(wire.answer)),
        async_http_client=httpx.AsyncClient(transport=httpx.MockTransport(wire.answer_async)),
        **settings,
    )


@pytest.fixture
def wire() -> Wire:
    """The engine as it is."""
    return Wire(Engine())


@pytest.fixture
def shuffled() -> Wire:
    """The engine, with the rows of every answer out of order."""
    return Wire(Engine(faults=Faults(rate=1, kinds=("shuffle",))))


@pytest.fixture
def address() -> Iterator[str]:
    """A server over a real socket that takes one key."""
    with running(Engine(api_keys=["right"])) as url:
        yield url


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees a key of the machine that it runs on."""
    for name in Jina.KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("kind", "name"), [*zip(COMPONENTS, NAMES, strict=True)])
def test_names(kind: type[Any], name: str) -> None:
    """Serialised pipelines hold these names for ever."""
    assert kind(base_url="local").to_dict()["type"] == name


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_sync_and_async_agree(kind: type[Any]) -> None:
    """``run`` and ``run_async`` give the same outputs, down to the last bit."""
    component = kind(base_url="local")
    assert component.run(**inputs_for(kind)) == await component.run_async(**inputs_for(kind))


def test_tasks_are_chosen_by_role(wire: Wire) -> None:
    """A query goes out as a query and documents as passages, without any setting."""
    client = client_of(wire)
    JinaTextEmbedder(client=client).run(QUERY)
    JinaDocumentEmbedder(client=client).run(documents())
    assert [body["task"] for body in wire.bodies] == ["retrieval.query", "retrieval.passage"]


def test_task_of_one_s_own(wire: Wire) -> None:
    """A task that is set replaces the one of the role."""
    client = client_of(wire)
    JinaTextEmbedder(task="text-matching", client=client).run(QUERY)
    JinaDocumentEmbedder(task="classification", client=client).run(documents())
    assert [body["task"] for body in wire.bodies] == ["text-matching", "classification"]


@pytest.mark.parametrize("kind", [JinaTextEmbedder, JinaDocumentEmbedder])
async def test_embedding_settings_reach_the_wire(kind: type[Any], wire: Wire) -> None:
    """Every setting of a model is sent, by both faces."""
    settings = {
        "model": "jina-embeddings-v3",
        "task": "separation",
        "dimensions": 64,
        "truncate": True,
        "normalized": False,
    }
    component = kind(**settings, client=client_of(wire))
    component.run(**inputs_for(kind))
    await component.run_async(**inputs_for(kind))
    first, second = wire.bodies
    assert first == second
    assert first.items() >= settings.items()


async def test_ranking_settings_reach_the_wire(wire: Wire) -> None:
    """Every setting of a reranker is sent, by both faces; what ``run`` is given wins."""
    ranker = JinaRanker("jina-reranker-v3.5", top_k=5, max_doc_length=100, client=client_of(wire))
    ranker.run(**inputs_for(JinaRanker))
    await ranker.run_async(**inputs_for(JinaRanker), top_k=2)
    common = {"model": "jina-reranker-v3.5", "query": QUERY, "documents": TEXTS, "max_doc_length": 100}
    assert [body["top_n"] for body in wire.bodies] == [5, 2]
    assert all(body.items() >= common.items() for body in wire.bodies)


def test_text_of_a_query(wire: Wire) -> None:
    """A query goes between prefix and suffix."""
    JinaTextEmbedder(prefix="a ", suffix=" z", client=client_of(wire)).run("query")
    assert wire.bodies[0]["input"] == ["a query z"]


def test_text_of_a_document(wire: Wire) -> None:
    """Chosen meta fields come before the content, where there are any; content may be missing."""
    found = [
        Document(content="text", meta={"title": "T", "year": 1999, "secret": "s"}),
        Document(content="only", meta={"title": None}),
        Document(meta={"year": 0}),
    ]
    client = client_of(wire)
    fields = {"meta_fields_to_embed": ["title", "year"], "embedding_separator": " | ", "client": client}
    JinaDocumentEmbedder(prefix="<", suffix=">", **fields).run(found)
    JinaRanker(**fields).run(QUERY, found)
    assert wire.bodies[0]["input"] == ["<T | 1999 | text>", "<only>", "<0 | >"]
    assert wire.bodies[1]["documents"] == ["T | 1999 | text", "only", "0 | "]


async def test_documents_keep_order_and_identity(shuffled: Wire) -> None:
    """However answers are ordered and cut, each document gets its own vector, keeps its id, and the input stays."""
    given = documents()
    before = copy.deepcopy(given)
    embedder = JinaDocumentEmbedder(client=client_of(shuffled, batch_size=3))
    for result in (embedder.run(given), await embedder.run_async(given)):
        found = result["documents"]
        assert [document.id for document in found] == [document.id for document in given]
        assert [document.content for document in found] == TEXTS
        alone = Jina(base_url="local").embed(TEXTS, role="document").tolist()
        assert [document.embedding for document in found] == [pytest.approx(row, abs=1e-6) for row in alone]
    assert given == before
    assert sorted(len(body["input"]) for body in shuffled.bodies) == [1, 1, 3, 3, 3, 3]


def test_batch_size(address: str) -> None:
    """``batch_size`` bounds the documents of a request: seven by three are three requests."""
    embedder = JinaDocumentEmbedder(
        api_key=Secret.from_token("right"), base_url=address, batch_size=3, limits=None
    )
    embedder.warm_up()
    embedder.run(documents())
    assert embedder._connected().usage.requests == 3
    embedder.close()


async def test_batches_run_side_by_side() -> None:
    """Requests of one ``run`` overlap, in threads and on a loop: each waits until the other one is there."""
    threads, tasks = threading.Barrier(2), asyncio.Barrier(2)

    class Meeting(Wire):
        def answer(self, request: httpx.Request) -> httpx.Response:
            threads.wait(timeout=30)
            return super().answer(request)

        async def answer_async(self, request: httpx.Request) -> httpx.Response:
            await asyncio.wait_for(tasks.wait(), timeout=30)
            return super().answer(request)

    embedder = JinaDocumentEmbedder(client=client_of(Meeting(Engine()), batch_size=1, concurrency=2))
    given = documents()[:4]
    assert embedder.run(given) == await embedder.run_async(given)


def test_meta_tells_what_was_billed() -> None:
    """``meta`` names the model and adds up the tokens of all requests."""
    client = Jina(base_url="local", batch_size=2)
    embedder = JinaDocumentEmbedder(client=client)
    meta = embedder.run(documents())["meta"]
    assert meta["model"].startswith("jina-embeddings-v5-text-small")
    assert meta["usage"] == {"total_tokens": client.usage.tokens}
    before = client.usage.tokens
    meta = JinaRanker(client=client).run(QUERY, documents())["meta"]
    assert meta["model"].startswith("jina-reranker-v3")
    assert meta["usage"] == {"total_tokens": client.usage.tokens - before}


async def test_empty_input_sends_nothing(wire: Wire) -> None:
    """An empty list is answered with one, and with ``meta`` all the same, for nothing."""
    client = client_of(wire)
    embedder, ranker = JinaDocumentEmbedder(client=client), JinaRanker(client=client)
    free = {"usage": {"total_tokens": 0}}
    embedded = {"documents": [], "meta": {"model": "jina-embeddings-v5-text-small", **free}}
    ranked = {"documents": [], "meta": {"model": "jina-reranker-v3", **free}}
    assert embedder.run([]) == await embedder.run_async([]) == embedded
    assert ranker.run(QUERY, []) == await ranker.run_async(QUERY, []) == ranked
    assert wire.bodies == []


async def test_wrong_inputs_are_refused() -> None:
    """Each component names the one that takes what it was given."""
    text, document, ranker = (kind(base_url="local") for kind in COMPONENTS)
    for wrong in (documents(), None, 1):
        with pytest.raises(TypeError, match="JinaDocumentEmbedder"):
            text.run(wrong)
        with pytest.raises(TypeError, match="JinaDocumentEmbedder"):
            await text.run_async(wrong)
    for wrong in ("text", ["text"], [documents()[0], "text"], None):
        with pytest.raises(TypeError, match="JinaTextEmbedder"):
            document.run(wrong)
        with pytest.raises(TypeError, match="JinaTextEmbedder"):
            await document.run_async(wrong)
        with pytest.raises(TypeError, match="list of Documents"):
            ranker.run(QUERY, wrong)
    with pytest.raises(TypeError, match="query"):
        await ranker.run_async(None, documents())


async def test_ranking_is_by_score(shuffled: Wire) -> None:
    """Documents come best first, as copies with their ids, whatever the order of the answer."""
    given = documents()
    before = copy.deepcopy(given)
    ranker = JinaRanker(client=client_of(shuffled))
    result = ranker.run(QUERY, given)
    found = result["documents"]
    assert found[0].id == given[1].id
    scores = [document.score for document in found]
    assert scores == sorted(scores, reverse=True)
    assert {document.id: document.content for document in found} == {each.id: each.content for each in given}
    assert given == before
    best = await ranker.run_async(QUERY, given, top_k=3)
    assert best["documents"] == found[:3]


def test_top_k_and_threshold() -> None:
    """``top_k`` and ``score_threshold`` hold together, and those of a ``run`` hold before the component's."""
    scores = [each.score for each in JinaRanker(base_url="local").run(QUERY, documents())["documents"]]
    ranker = JinaRanker(base_url="local", top_k=3, score_threshold=scores[1])

    def run(**options: Any) -> list[float | None]:
        return [each.score for each in ranker.run(QUERY, documents(), **options)["documents"]]

    assert run() == scores[:2]
    assert run(top_k=1) == scores[:1]
    assert run(score_threshold=scores[-1]) == scores[:3]
    assert run(top_k=100, score_threshold=-1e9) == scores
    assert run(score_threshold=scores[0] + 1) == []


def test_top_k_must_be_positive() -> None:
    """A ``top_k`` that selects nothing is a ValueError, as in Haystack's rankers, and costs no request."""
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="top_k must be > 0"):
            JinaRanker(base_url="local", top_k=wrong)
        with pytest.raises(ConfigurationError, match="top_k must be > 0"):
            JinaRanker(base_url="local").run(QUERY, documents(), top_k=wrong)


def test_retrieval_score_is_kept_on_request() -> None:
    """The score that a document came with moves into ``meta`` if asked to; ids stay, and so does the input."""
    given = [*documents(), Document(content="without a score")]
    before = copy.deepcopy(given)
    plain = JinaRanker(base_url="local").run(QUERY, given)["documents"]
    kept = JinaRanker(base_url="local", keep_retrieval_score=True).run(QUERY, given)["documents"]
    old = {document.id: document.score for document in given}
    assert [document.id for document in kept] == [document.id for document in plain]
    assert [document.score for document in kept] == [document.score for document in plain]
    assert {document.id: document.meta.get("retrieval_score") for document in kept} == old
    assert not any("retrieval_score" in document.meta for document in plain)
    assert given == before


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_key_is_resolved_at_warm_up(kind: type[Any], address: str, monkeypatch: Any) -> None:
    """A component is made without a key, finds it when warmed up, and sends it."""
    component = kind(base_url=address)
    monkeypatch.setenv("JINAAI_API_KEY", "right")
    await component.warm_up_async()
    monkeypatch.delenv("JINAAI_API_KEY")
    assert component.run(**inputs_for(kind)) == await component.run_async(**inputs_for(kind))
    await component.close_async()


@pytest.mark.parametrize("kind", COMPONENTS)
def test_missing_key(kind: type[Any], monkeypatch: Any) -> None:
    """Without a key warm-up and ``run`` say so, naming the variables; an empty variable counts as none."""
    monkeypatch.setenv("JINA_API_KEY", "")
    component = kind()
    with pytest.raises(ConfigurationError, match="JINA_API_KEY, JINAAI_API_KEY, JINA_AUTH_TOKEN"):
        component.warm_up()
    with pytest.raises(ConfigurationError, match=r"no key for api\.jina\.ai"):
        component.run(**inputs_for(kind))


def test_wrong_key(address: str) -> None:
    """A refused key is a typed error that does not show it."""
    embedder = JinaTextEmbedder(api_key=Secret.from_token("wrong-key"), base_url=address)
    with pytest.raises(AuthenticationError) as caught:
        embedder.run(QUERY)
    assert "wrong-key" not in f"{caught.value!r} {caught.value} {embedder!r}"
    embedder.close()


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_lifecycle_is_idempotent(kind: type[Any], address: str) -> None:
    """Warming up and closing may be left out, repeated and mixed; a closed component works again."""
    component = kind(api_key=Secret.from_token("right"), base_url=address)
    component.close()
    await component.close_async()
    component.warm_up()
    await component.warm_up_async()
    component.warm_up()
    first = component.run(**inputs_for(kind))
    component.close()
    component.close()
    assert await component.run_async(**inputs_for(kind)) == first
    await component.close_async()
    await component.close_async()
    assert component.run(**inputs_for(kind)) == first
    component.close()


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_closing_releases_what_was_opened_here(kind: type[Any], address: str) -> None:
    """Closing a component closes its connections, sync and async; those of a client passed in stay open."""

    def connections(component: Any) -> tuple[bool, int]:
        transport = component._connected()._transport
        return transport._own is not None, len(transport._by_loop)

    with Jina("right", base_url=address) as client:
        own, given = kind(api_key=Secret.from_token("right"), base_url=address), kind(client=client)
        for component in (own, given):
            component.run(**inputs_for(kind))
            await component.run_async(**inputs_for(kind))
            assert connections(component) == (True, 1)
            component.close()
        assert connections(own) == (False, 1)
        await own.close_async()
        await given.close_async()
        assert connections(own) == (False, 0)
        assert connections(given) == (True, 1)
        await client.aclose()


def test_timeout_and_retry_are_settings() -> None:
    """How long an answer may take, and how often it is asked for, is up to the user."""
    engine = Engine(faults=Faults(rate=1, kinds=("latency",), latency=5))
    with running(engine) as url:
        ranker = JinaRanker(base_url=url, timeout=0.05, retry={"attempts": 2, "initial": 0.0})
        with pytest.raises(RequestError, match=r"no answer within 0\.05 s"):
            ranker.run(QUERY, documents())
        assert ranker._connected().usage.requests == 2
        ranker.close()


@pytest.mark.parametrize("kind", COMPONENTS)
async def test_a_gateway_s_page_is_a_typed_error(kind: type[Any]) -> None:
    """An answer that is no JSON ends in an error of the package, by both faces, once retries are used up."""
    wire = Wire(Engine(faults=Faults(rate=1, kinds=("html502",))))
    component = kind(client=client_of(wire, retry=Retry(attempts=2, initial=0.0)))
    with pytest.raises(ServiceError):
        component.run(**inputs_for(kind))
    with pytest.raises(ServiceError):
        await component.run_async(**inputs_for(kind))
    assert len(wire.bodies) == 4


@pytest.mark.parametrize("kind", COMPONENTS)
def test_wrong_settings_are_refused(kind: type[Any]) -> None:
    """A key as plain text, a misspelt field of a quota and an unknown setting do not pass."""
    with pytest.raises(ConfigurationError, match=r"Secret\.from_env_var") as caught:
        kind(api_key="plain-key")
    assert "plain-key" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="requests_a_minute"):
        kind(limits={"requests_a_minute": 1})
    with pytest.raises(ConfigurationError, match="attempts"):
        kind(retry={"attempts": 0})
    with pytest.raises(TypeError, match="late_chunk"):
        kind(late_chunk=True)


@pytest.mark.parametrize("kind", COMPONENTS)
def test_first_runs_share_one_client(kind: type[Any]) -> None:
    """Threads that run an unwarmed component at once end up with one client."""
    component = kind(base_url="local")
    start: threading.Barrier = threading.Barrier(8)
    found: list[Jina] = []

    def first(connected: Callable[[], Jina]) -> None:
        start.wait(timeout=30)
        found.append(connected())

    threads = [threading.Thread(target=first, args=(component._connected,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


@pytest.mark.parametrize("leaf", ["embedders", "preprocessors", "rankers"])
def test_without_haystack(leaf: str) -> None:
    """Where Haystack is missing, the error names the extra to install."""
    code = f"""
import sys
sys.modules["haystack"] = None
try:
    import haystack_integrations.components.{leaf}.ragbridge
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "ragbridge[haystack]"' in done.stdout


def test_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """A bar counts the documents where it is asked for, and nothing is printed where it is not."""
    documents = [Document(content=f"text {n}") for n in range(5)]
    JinaDocumentEmbedder(base_url="local").run(documents)
    assert capsys.readouterr().err == ""
    JinaDocumentEmbedder(base_url="local", batch_size=2, progress_bar=True).run(documents)
    assert "5/5" in capsys.readouterr().err


def test_a_copy_of_a_document_is_what_replace_makes_with_a_meta_of_its_own():
    """Of a plain document, of one that was given more than its fields, and of a subclass."""

    class Passage(Document):
        """A subclass may do anything in its constructor."""

    marked = Document(content="c", meta={"list": [1]})
    marked.mark = "one's own"
    full = Document(
        id="1", content="c", blob=ByteStream(b"b"), meta={"a": [1], "b": 2}, score=0.5, embedding=[1.0]
    )
    for document in (full, Document(content="c"), marked, Passage(id="2", content="c")):
        before = deepcopy(document.meta)
        found = copied(document, {"new": 1}, embedding=[2.0], score=1.0)
        made = replace(document, meta={**before, "new": 1}, embedding=[2.0], score=1.0)
        assert type(found) is type(document)
        assert vars(found) == vars(made)
        assert found == made
        for value in found.meta.values():
            if isinstance(value, list):
                value.append(2)
        assert document.meta == before


async def test_ranking_texts_waits_for_no_thread_of_the_event_loop():
    """Only pictures are read beside the loop: its pool may be full of what waits for this very call."""
    ranker = JinaRanker(client=Jina("a-key", transport=ScriptedTransport(), limits=None))
    free = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        pool.submit(free.wait, 60)
        try:
            found = await asyncio.wait_for(ranker.run_async("sea", [Document(content="the sea")]), 30)
        finally:
            free.set()
    assert len(found["documents"]) == 1
