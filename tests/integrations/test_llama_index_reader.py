"""``JinaReader`` keeps LlamaIndex's contract for readers."""

from __future__ import annotations

import asyncio
import inspect
import pickle

import pytest
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.readers.base import BasePydanticReader, ReaderConfig
from llama_index.core.schema import MetadataMode
from pydantic import ValidationError

from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from llama_index.readers.ragbridge import JinaReader
from ragbridge import ConfigurationError, InvalidRequestError, Jina, ReaderOptions
from ragbridge.local import Engine
from ragbridge.transport.in_process import InProcessTransport

KEY = "jina_sekret_0123456789"
SEA, SKY, BREAD = "https://example.org/sea", "https://example.org/sky#blue", "https://example.org/bread"
PAGES = {
    SEA: "<html><head><title>The sea</title><meta name='description' content='On water'></head>"
    "<body><h1>Waves</h1><p>The sea is <a href='/deep'>deep</a>.</p></body></html>",
    SKY: "# The sky\n\nIt is wide.",
    BREAD: "<html><head><title>Bread</title></head><body><p>Rises slowly.</p></body></html>",
}


@pytest.fixture
def web(serve):
    return serve(pages=PAGES)


@pytest.fixture(params=["load_data", "aload_data", "lazy_load_data", "alazy_load_data"])
def load(request):
    """Loads by one of the framework's four ways."""

    def call(reader, urls, **options):
        found = getattr(reader, request.param)(urls, **options)
        return list(asyncio.run(found) if inspect.isawaitable(found) else found)

    return call


def test_one_document_for_each_address(load, web):
    """In the order of the addresses, with these as ids, the content as text, and what the page says of itself as metadata."""
    sea, sky, bread = load(JinaReader(base_url=web.url), [SEA, SKY, BREAD])
    assert [sea.id_, sky.id_, bread.id_] == [SEA, SKY, BREAD]
    assert sea.metadata == {"url": SEA, "title": "The sea", "description": "On water"}
    assert "The sea is [deep](https://example.org/deep)." in sea.text
    assert "It is wide." in sky.text
    assert bread.metadata == {"url": BREAD, "title": "Bread"}
    assert sorted(body["url"] for body in web.bodies) == sorted([SEA, SKY, BREAD])


def test_embeddings_and_models_see_what_helps_them(web):
    """Addresses are kept from embeddings; what was asked for beside the content is kept from models as well."""
    options = ReaderOptions(links_summary=True)
    (sea,) = JinaReader(base_url=web.url, options=options).load_data([SEA])
    assert sea.metadata["links"] == [["deep", "https://example.org/deep"]]
    assert sea.get_metadata_str(MetadataMode.EMBED) == "title: The sea\ndescription: On water"
    assert sea.get_metadata_str(MetadataMode.LLM) == f"url: {SEA}\ntitle: The sea\ndescription: On water"


def test_options_of_the_component_and_of_the_call(load, web):
    """The component's options hold unless the call has others, which replace them."""
    reader = JinaReader(base_url=web.url, options=ReaderOptions(return_format="html"))
    assert "<h1>Waves</h1>" in load(reader, [SEA])[0].text
    assert "<h1>" not in load(reader, [SEA], options=ReaderOptions(return_format="text"))[0].text


def test_no_address_no_request(load, web):
    """An empty list sends nothing."""
    assert load(JinaReader(base_url=web.url), []) == []
    assert web.bodies == []


def test_one_address_is_no_list(web):
    """One string is refused instead of being read letter by letter."""
    with pytest.raises(ConfigurationError, match="pass a list"):
        JinaReader(base_url=web.url).load_data(SEA)
    assert web.bodies == []


async def test_a_page_that_cannot_be_read_is_named(web):
    """The error says which address it is, instead of giving a document with an error as its text."""
    reader, urls = JinaReader(base_url=web.url), [SEA, "https://example.org/gone", SKY]
    with pytest.raises(InvalidRequestError, match=r"urls\[1\]") as caught:
        reader.load_data(urls)
    with pytest.raises(InvalidRequestError, match=r"urls\[1\]"):
        await reader.aload_data(urls)
    assert caught.value.index == 1


def test_lazily_one_after_the_other_and_past_what_cannot_be_read(web):
    """Nothing is read before it is asked for; after a page that cannot be read the next one follows."""
    documents = iter(JinaReader(base_url=web.url).lazy_load_data([SEA, "https://example.org/gone", SKY]))
    assert web.bodies == []
    assert next(documents).id_ == SEA
    assert len(web.bodies) == 1
    with pytest.raises(InvalidRequestError):
        next(documents)
    assert next(documents).id_ == SKY
    assert next(documents, None) is None


async def test_pages_are_read_side_by_side_within_the_concurrency(web):
    """One call reads many pages at once, as many as ``concurrency`` allows."""
    web.hold = 0.02
    await JinaReader(base_url=web.url, limits=None, concurrency=2).aload_data([SEA, SKY, BREAD] * 3)
    assert (len(web.bodies), web.most) == (9, 2)


def test_without_a_key_only_if_asked_for(web, monkeypatch):
    """``limits="keyless"`` reads without a key, whatever the environment has; else a missing key is named."""
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        JinaReader()
    monkeypatch.setenv("JINA_API_KEY", KEY)
    JinaReader(limits="keyless")
    JinaReader(base_url=web.url, limits="keyless").load_data([SEA])
    JinaReader(base_url=web.url).load_data([SEA])
    assert web.keys == [None, f"Bearer {KEY}"]


def test_a_ready_client_with_an_engine_of_its_own():
    """The embedded engine reads the pages that it was handed, without a socket."""
    transport = InProcessTransport(Engine(pages={SEA: "The sea is deep."}))
    reader = JinaReader(client=Jina(base_url="http://engine", transport=transport))
    assert reader.load_data([SEA])[0].text.strip() == "The sea is deep."


def test_documents_go_through_a_pipeline(web):
    """Pages are split like any document; nodes know their address."""
    nodes = IngestionPipeline(
        transformations=[RagbridgeNodeParser(strategy="sentence", max_chunk_size=30)], disable_cache=True
    ).run(documents=JinaReader(base_url=web.url).load_data([SEA, BREAD]))
    assert {node.ref_doc_id for node in nodes} == {SEA, BREAD}


def test_as_a_readers_configuration(web):
    """LlamaIndex's ``ReaderConfig`` runs it and writes it down."""
    config = ReaderConfig(reader=JinaReader(base_url=web.url), reader_kwargs={"urls": [SEA]})
    assert [document.id_ for document in config.read()] == [SEA]
    assert config.to_dict()["loader"]["class_name"] == "JinaReader"


def test_secrets_are_nowhere():
    """No dump, pickle or text about the object holds the key; a cookie or a proxy of one's own is for calls alone."""
    reader = JinaReader(api_key=KEY)
    told = [repr(reader), str(reader), reader.to_dict(), reader.to_json(), pickle.dumps(reader)]
    assert [text for text in map(str, told) if KEY in text] == []
    for name in ("set_cookie", "proxy_url"):
        with pytest.raises(ConfigurationError, match=rf"{name} .*load_data") as caught:
            JinaReader(api_key=KEY, options=ReaderOptions(**{name: "http://sekret"}))
        assert "sekret" not in str(caught.value)


def test_a_cookie_of_a_call_is_sent(web):
    """What the component does not keep, its methods take."""
    found = JinaReader(base_url=web.url).load_data([SEA], options=ReaderOptions(set_cookie="a=b"))
    assert found[0].id_ == SEA


def test_unknown_and_contradicting_settings_are_refused():
    """A typo, an option of the reader as a setting, a client with settings of a connection, a wrong region."""
    client = Jina(base_url="local")
    with pytest.raises(ValidationError, match="base_ulr"):
        JinaReader(base_ulr="local")
    with pytest.raises(ValidationError, match="target_selector"):
        JinaReader(base_url="local", target_selector="body")
    with pytest.raises(ConfigurationError, match="give base_url to it"):
        JinaReader(client=client, base_url="local")
    with pytest.raises(ConfigurationError, match="region='us'"):
        JinaReader(api_key=KEY, region="us")
    with pytest.raises(ConfigurationError, match="client=Jina"):
        JinaReader.from_dict(JinaReader(client=client).to_dict())


def test_it_is_a_reader_of_llama_index():
    """By its base class, its name, which never changes, and being remote."""
    assert issubclass(JinaReader, BasePydanticReader)
    assert JinaReader.class_name() == "JinaReader"
    assert JinaReader(base_url="local").is_remote


def test_one_address_in_the_place_of_a_list_is_refused(load, web):
    """By all four ways, before its letters are taken for addresses."""
    with pytest.raises(ConfigurationError, match="urls is one str"):
        load(JinaReader(base_url=web.url), SEA)
    assert web.bodies == []
