"""``JinaToolSpec`` keeps LlamaIndex's contract for tools."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import pickle
import sys

import pytest
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.tool_spec.base import BaseToolSpec
from pydantic import ValidationError

from llama_index.tools.ragbridge import JinaToolSpec
from ragbridge import ConfigurationError, Jina, QuotaExhaustedError, RateLimit, Retry
from ragbridge.flow import Response

KEY = "jina_sekret_0123456789"
SEA, BREAD = "https://example.org/sea", "https://bread.example/"
PAGES = {
    SEA: "<html><head><title>Tides</title></head><body><p>The moon pulls the oceans.</p></body></html>",
    BREAD: "<html><head><title>Bread</title></head><body><p>It rises slowly, overnight.</p></body></html>",
}
NOT_DEFAULT = {
    "num": 3,
    "country": "de",
    "language": "en",
    "location": "Berlin",
    "site": "example.org",
    "content": False,
    "base_url": "http://127.0.0.1:1",
    "region": None,
    "reader_url": "http://127.0.0.1:2/reader",
    "search_url": "http://127.0.0.1:2/search",
    "limits": RateLimit(500, None, 3, window=6.0),
    "retry": Retry(attempts=2),
    "timeout": 9.0,
    "concurrency": 5,
}


@pytest.fixture
def web(serve):
    return serve(pages=PAGES)


@pytest.fixture(params=["sync", "async"])
def call(request):
    """Calls a tool as agents do, and returns what it found."""

    def use(spec, name, **arguments):
        tool = next(tool for tool in spec.to_tool_list() if tool.metadata.name == name)
        if request.param == "sync":
            return tool.call(**arguments)
        return asyncio.run(tool.acall(**arguments))

    return use


def settings_of(component):
    return {name: getattr(component, name) for name in NOT_DEFAULT}


def test_agents_are_told_of_two_tools():
    """Name, description and arguments of each; one can be left out."""
    spec = JinaToolSpec(base_url="local")
    search, read = spec.to_tool_list()
    assert isinstance(spec, BaseToolSpec)
    assert isinstance(search, FunctionTool)
    assert [search.metadata.name, read.metadata.name] == ["jina_search", "jina_read"]
    assert "Search the web" in search.metadata.description
    assert "Read a page of the web" in read.metadata.description
    assert [list(tool.metadata.get_parameters_dict()["properties"]) for tool in (search, read)] == [
        ["query"],
        ["url"],
    ]
    assert [tool.metadata.name for tool in spec.to_tool_list(["jina_search"])] == ["jina_search"]


def test_a_search_gives_documents(call, web):
    """Best first, with content, address and title, as the framework's own class gives them; agents read them as text."""
    output = call(JinaToolSpec(base_url=web.url), "jina_search", query="what causes ocean tides?")
    assert [document.metadata["url"] for document in output.raw_output] == [SEA, BREAD]
    assert output.raw_output[0].metadata["title"] == "Tides"
    assert "The moon pulls the oceans." in output.raw_output[0].text
    assert "The moon pulls the oceans." in output.content
    assert web.bodies == [{"q": "what causes ocean tides?"}]


@pytest.mark.parametrize("content", [True, False])
def test_agents_are_told_what_was_found_and_where(call, web, content):
    """An agent sees a document's text alone: title and address are in it, and the description where pages are not read."""
    output = call(
        JinaToolSpec(base_url=web.url, content=content), "jina_search", query="what causes ocean tides?"
    )
    first, second = (block.text for block in output.blocks)
    assert first.startswith(f"Tides\n{SEA}\n\n")
    assert BREAD in second
    assert len(first) > len(f"Tides\n{SEA}\n\n")


def test_settings_of_a_search_are_sent(call):
    """Number of results, place, language and site go with every search."""
    requests = []

    class Recording:
        def send(self, request):
            requests.append(request)
            return Response(200, {}, json.dumps({"data": []}).encode())

        async def send_async(self, request):
            return self.send(request)

        def close(self):
            pass

        async def close_async(self):
            pass

    settings = {"num": 3, "country": "de", "language": "en", "location": "Berlin", "site": "example.org"}
    spec = JinaToolSpec(client=Jina(base_url="http://x", transport=Recording()), content=False, **settings)
    assert call(spec, "jina_search", query="a/b?c#d").raw_output == []
    (request,) = requests
    assert request.url == "http://x/s/"
    assert json.loads(request.body) == {
        "q": "a/b?c#d", "gl": "de", "hl": "en", "location": "Berlin", "num": 3
    }  # fmt: skip
    assert request.headers["x-site"] == "example.org"
    assert request.headers["x-respond-with"] == "no-content"


def test_reading_gives_the_page(call, web):
    """One document, whose id is the address."""
    (document,) = call(JinaToolSpec(base_url=web.url), "jina_read", url=BREAD).raw_output
    assert document.id_ == BREAD
    assert "It rises slowly" in document.text


def test_without_a_key_pages_are_read_and_nothing_is_searched(call, web):
    """A search asks for a key, which ``limits="keyless"`` is told before anything is sent."""
    spec = JinaToolSpec(base_url=web.url, limits="keyless")
    assert call(spec, "jina_read", url=SEA).raw_output[0].id_ == SEA
    with pytest.raises(ConfigurationError, match="search asks for a key"):
        call(spec, "jina_search", query="tides")
    assert web.keys == [None]
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        JinaToolSpec()


def test_an_exhausted_balance_is_its_own_error(call):
    """A failure is an error of ragbridge, with its class, not an HTTP library's."""
    import httpx

    answer = {"data": None, "code": 402, "message": "InsufficientBalanceError: Account balance not enough"}
    transport = httpx.MockTransport(lambda _: httpx.Response(402, json=answer))
    client = Jina(
        KEY, http_client=httpx.Client(transport=transport),
        async_http_client=httpx.AsyncClient(transport=transport),
    )  # fmt: skip
    with pytest.raises(QuotaExhaustedError) as caught:
        call(JinaToolSpec(client=client), "jina_search", query="tides")
    assert KEY not in str(caught.value)


def test_settings_of_the_round_trips_are_complete():
    """The settings that the round trips below check are all there are, all but one with another value than their default."""
    assert set(JinaToolSpec.model_fields) - {"api_key", "client"} == set(NOT_DEFAULT)
    default = settings_of(JinaToolSpec(api_key=KEY))
    assert [name for name, value in NOT_DEFAULT.items() if value == default[name]] == ["region"]


def test_defaults_are_those_of_the_core():
    """A setting that the core has as well has the core's default."""
    adapter = inspect.signature(JinaToolSpec.__init__).parameters
    for function in (Jina, Jina(base_url="local").search):
        core = inspect.signature(function).parameters
        both = set(core) & set(NOT_DEFAULT)
        assert len(both) >= 6
        assert {name: adapter[name].default for name in both} == {name: core[name].default for name in both}


@pytest.mark.parametrize("settings", [NOT_DEFAULT, {"region": "eu", "limits": "keyless"}])
@pytest.mark.parametrize("way", ["pickle", "dict", "json"])
def test_round_trips_keep_every_setting(way, settings):
    """A copy by any of the framework's ways has every setting."""
    spec = JinaToolSpec(**settings)
    copy = {
        "pickle": lambda: pickle.loads(pickle.dumps(spec)),
        "dict": lambda: JinaToolSpec.from_dict(spec.to_dict()),
        "json": lambda: JinaToolSpec.from_json(spec.to_json()),
    }[way]()
    assert settings_of(copy) == settings_of(spec)


def test_the_key_is_nowhere():
    """Neither texts about the object, nor its dumps and pickles, nor what agents are told hold the key."""
    spec = JinaToolSpec(api_key=KEY)
    told = [repr(spec), str(spec), spec.to_dict(), spec.to_json(), pickle.dumps(spec)]
    told += [tool.metadata.to_openai_tool() for tool in spec.to_tool_list()]
    assert [text for text in map(str, told) if KEY in text] == []


def test_unknown_and_contradicting_settings_are_refused():
    """A typo, no results at all, and a client with settings of a connection."""
    client = Jina(base_url="local")
    with pytest.raises(ValidationError, match="base_ulr"):
        JinaToolSpec(base_ulr="local")
    with pytest.raises(ValidationError, match="num"):
        JinaToolSpec(client=client, num=0)
    with pytest.raises(ConfigurationError, match="leave out base_url"):
        JinaToolSpec(client=client, base_url="local")


def test_serialized_name_is_frozen():
    """Stored components name their class by this; it never changes."""
    assert JinaToolSpec.class_name() == "JinaToolSpec"


def test_without_llama_index_the_extra_is_named(monkeypatch):
    """Importing the adapter without the framework says what to install."""
    monkeypatch.setitem(sys.modules, "llama_index.core.tools.tool_spec.base", None)
    monkeypatch.delitem(sys.modules, "llama_index.tools.ragbridge.base")
    with pytest.raises(ImportError, match=r"ragbridge\[llama-index\]"):
        importlib.import_module("llama_index.tools.ragbridge.base")
