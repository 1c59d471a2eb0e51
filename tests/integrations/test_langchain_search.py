"""``JinaSearch`` and ``JinaSearchRetriever``; and what all classes that are no embeddings promise about settings."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from langchain_core.documents import Document
from langchain_core.tools import ToolException
from langchain_tests.integration_tests import RetrieversIntegrationTests, ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from langchain_ragbridge import (
    JinaClassifier,
    JinaReaderLoader,
    JinaSearch,
    JinaSearchRetriever,
    JinaSegmenterSplitter,
)
from ragbridge import (
    ConfigurationError,
    InvalidRequestError,
    Jina,
    ReaderOptions,
    Retry,
    ServiceError,
)
from ragbridge.flow import Request, Response
from ragbridge.local import Engine, Faults
from ragbridge.transport.in_process import InProcessTransport

PAGES = {
    "https://sea.example/a": "<title>The sea</title><p>The sea is wide and salty; ships cross the ocean.",
    "https://bread.example/b": "<title>Bread</title><p>Bread is baked from flour and water.",
    "https://moon.example/c": "<title>The moon</title><p>The moon has craters — und Größe.",
    "https://law.example/d": "<title>Law</title><p>The treaty was signed by many states.",
}
QUERY = "who crosses the ocean?"
KEY = "jina_0123456789abcdef"


def client(transport=None, **settings):
    transport = transport or InProcessTransport(Engine(pages=PAGES, **settings))
    return Jina(base_url="local", transport=transport, retry=Retry(attempts=1))


class TestTool(ToolsUnitTests):
    """LangChain's own tests of tools, without a network."""

    tool_constructor = JinaSearch

    @property
    def tool_constructor_params(self):
        return {"base_url": "local"}

    @property
    def tool_invoke_params_example(self):
        return {"query": QUERY}

    @property
    def init_from_env_params(self):
        return {"JINA_API_KEY": KEY}, {}, {"api_key": KEY}


class TestToolAtWork(ToolsIntegrationTests):
    """LangChain's own tests of tools that are used."""

    tool_constructor = JinaSearch

    @property
    def tool_constructor_params(self):
        return {"client": client()}

    @property
    def tool_invoke_params_example(self):
        return {"query": QUERY}


class TestRetriever(RetrieversIntegrationTests):
    """LangChain's own tests of retrievers."""

    retriever_constructor = JinaSearchRetriever
    retriever_query_example = QUERY

    @property
    def retriever_constructor_params(self):
        return {"client": client()}


async def test_tool_gives_what_the_peers_tool_gives():
    """A JSON list of title, link, snippet and content, best first, on both faces; other scripts as they are."""
    tool = JinaSearch(client=client(), k=3)
    text = tool.invoke(QUERY)
    assert text == await tool.ainvoke({"query": QUERY})
    rows = json.loads(text)
    assert [list(row) for row in rows] == [["title", "link", "snippet", "content"]] * 3
    assert (rows[0]["title"], rows[0]["link"]) == ("The sea", "https://sea.example/a")
    assert "wide and salty" in rows[0]["content"]
    assert "Größe" in JinaSearch(client=client(), site="moon.example").invoke("moon")
    assert (tool.name, list(tool.args)) == ("jina_search", ["query"])


def test_tool_without_contents_is_short():
    """``content=False`` leaves titles, links and snippets."""
    rows = json.loads(JinaSearch(client=client(), content=False).invoke(QUERY))
    assert {row["content"] for row in rows} == {""}
    assert all(row["snippet"] for row in rows)


@pytest.mark.parametrize("face", ["sync", "async"])
async def test_what_a_model_can_mend_is_told_to_it(face):
    """A refused query is the framework's own error, which ``handle_tool_error`` turns into an answer."""

    async def search(tool):
        return tool.invoke("x") if face == "sync" else await tool.ainvoke("x")

    refusing = {"client": client(faults=Faults(rate=1, kinds=["status400"]))}
    with pytest.raises(ToolException, match="refused the query") as raised:
        await search(JinaSearch(**refusing))
    assert isinstance(raised.value.__cause__, InvalidRequestError)
    assert "refused the query" in await search(JinaSearch(**refusing, handle_tool_error=True))
    with pytest.raises(ServiceError):
        await search(
            JinaSearch(client=client(faults=Faults(rate=1, kinds=["status500"])), handle_tool_error=True)
        )


async def test_nothing_found_is_an_empty_list():
    """For a model as for a chain: a search without results is no error."""
    nowhere = {"client": client(), "site": "nowhere.example"}
    assert JinaSearch(**nowhere).invoke("x") == await JinaSearch(**nowhere).ainvoke("x") == "[]"
    assert JinaSearchRetriever(**nowhere).invoke("x") == []


async def test_pages_are_documents():
    """Content and metadata, best first, on both faces; without contents, the description is what a document says."""
    retriever = JinaSearchRetriever(client=client(), k=2)
    found = retriever.invoke(QUERY)
    assert found == await retriever.ainvoke(QUERY)
    assert found[0] == Document(
        PAGES["https://sea.example/a"].split("<p>")[1],
        metadata={"source": "https://sea.example/a", "title": "The sea"},
    )
    (short,) = JinaSearchRetriever(client=client(), k=1, content=False).invoke(QUERY)
    assert short.page_content.startswith("The sea is wide")


def test_every_option_is_asked_of_the_service():
    """As the service calls it; ``k`` of a call holds for it alone."""

    class Recording(InProcessTransport):
        def send(self, request: Request) -> Response:
            requests.append(request)
            return super().send(request)

    requests: list[Request] = []
    found = client(Recording(Engine(pages=PAGES)))
    words = {"country": "de", "language": "en", "location": "Berlin", "site": "sea.example"}
    options = ReaderOptions(no_cache=True)
    for kind in (JinaSearch, JinaSearchRetriever):
        kind(client=found, k=3, **words, options=options).invoke(QUERY)
    JinaSearchRetriever(client=found, k=3).invoke(QUERY, k=1)
    bodies = [json.loads(request.body) for request in requests]
    assert bodies[:2] == [{"q": QUERY, "gl": "de", "hl": "en", "location": "Berlin", "num": 3}] * 2
    assert bodies[2] == {"q": QUERY, "num": 1}
    assert [request.headers.get("x-site") for request in requests] == ["sea.example", "sea.example", None]
    assert [request.headers.get("x-no-cache") for request in requests] == ["true", "true", None]


def test_unknown_options_of_a_call_are_refused():
    """The retriever ignores none."""
    with pytest.raises(TypeError, match="top"):
        JinaSearchRetriever(client=client()).invoke(QUERY, top=1)


@pytest.mark.parametrize("kind", [JinaSearch, JinaSearchRetriever])
@pytest.mark.parametrize(
    ("settings", "says"),
    [({"k": 0}, "k: "), ({"site": ""}, "site: "), ({"search_wrapper": 1}, "search_wrapper: no")],
)
def test_wrong_settings_of_a_search_are_refused_at_once(kind, settings, says):
    """Although LangChain's own classes ignore what they do not know."""
    with pytest.raises(ConfigurationError, match=says):
        kind(base_url="local", **settings)


SEARCH = {
    "k": 7,
    "site": "a.example",
    "country": "de",
    "language": "en",
    "location": "Berlin",
    "content": False,
    "options": ReaderOptions(engine="direct"),
}
SETTINGS = {
    JinaClassifier: {
        "model": "jina-clip-v2",
        "labels": ["a", "b"],
        "label_key": "topic",
        "image_key": None,
    },
    JinaReaderLoader: {"urls": ["https://a.example"], "options": ReaderOptions(engine="direct")},
    JinaSearch: SEARCH | {"name": "web"},
    JinaSearchRetriever: SEARCH | {"tags": ["web"]},
    JinaSegmenterSplitter: {"max_chunk_length": 9, "tokenizer": "gpt2", "add_start_index": False},
}
every = pytest.mark.parametrize("kind", SETTINGS)


@every
def test_missing_key_and_unknown_settings_are_named_at_once(kind):
    """When the object is made."""
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        kind(**SETTINGS[kind])
    with pytest.raises(ConfigurationError, match="user_agent: no such setting"):
        kind(**SETTINGS[kind], base_url="local", user_agent="mine")
    with pytest.raises(ConfigurationError, match="give timeout to it"):
        kind(**SETTINGS[kind], client=client(), timeout=3)


@every
def test_missing_framework_names_the_extra(kind):
    """Without LangChain's packages, the error says what to install."""
    code = f"""
import sys
sys.modules["langchain_core"] = None
try:
    from langchain_ragbridge import {kind.__name__}
except ImportError as error:
    print(error)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "ragbridge[langchain]"' in found.stdout
