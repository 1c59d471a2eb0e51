"""``JinaToolSpec`` keeps LlamaIndex's contract for tools."""

from __future__ import annotations

import asyncio
import json

import pytest
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.tool_spec.base import BaseToolSpec
from pydantic import ValidationError

from llama_index.tools.ragbridge import JinaToolSpec
from ragbridge import ConfigurationError, Jina, QuotaExhaustedError
from ragbridge.flow import Response

KEY = "jina_sekret_0123456789"
SEA, BREAD = "https://example.org/sea", "https://bread.example/"
PAGES = {
    SEA: "<html><head><title>Tides</title></head><body><p>The moon pulls the oceans.</p></body></html>",
    BREAD: "<html><head><title>Bread</title></head><body><p>It rises slowly, overnight.</p></body></html>",
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


def test_unknown_and_contradicting_settings_are_refused():
    """A typo, no results at all, and a client with settings of a connection."""
    client = Jina(base_url="local")
    with pytest.raises(ValidationError, match="base_ulr"):
        JinaToolSpec(base_ulr="local")
    with pytest.raises(ValidationError, match="num"):
        JinaToolSpec(client=client, num=0)
    with pytest.raises(ConfigurationError, match="give base_url to it"):
        JinaToolSpec(client=client, base_url="local")


def test_serialized_name_is_frozen():
    """Stored components name their class by this; it never changes."""
    assert JinaToolSpec.class_name() == "JinaToolSpec"
