"""``JinaSegmenterSplitter``: Jina's chunks with offsets that are true."""

from __future__ import annotations

import copy
import doctest

import pytest
from langchain_core.documents import Document
from langchain_text_splitters import TextSplitter

import langchain_ragbridge.segmenter
from langchain_ragbridge import JinaEmbeddings, JinaSegmenterSplitter
from ragbridge import ConfigurationError, Jina, RagbridgeError, Retry
from ragbridge.flow import Request, Response
from ragbridge.local import Engine, Faults
from ragbridge.transport.in_process import InProcessTransport

REPETITIVE = "The sea is wide. The sea is deep. " * 20
MIXED = "🐝 Größe zählt.\n\n海は広い。 Да, и глубоко!\n\n" * 9


@pytest.fixture
def splitter():
    return JinaSegmenterSplitter(base_url="local", max_chunk_length=40)


async def test_offsets_are_true_on_every_way_in(splitter):
    """``start_index`` is where the chunk starts, where chunks repeat, whichever method and face made it."""
    texts = [REPETITIVE, MIXED, "short"]
    documents = [Document(text, metadata={"source": place}) for place, text in enumerate(texts)]
    made = splitter.create_documents(texts, [document.metadata for document in documents])
    assert len(made) > 30
    for chunk in made:
        start = chunk.metadata["start_index"]
        assert texts[chunk.metadata["source"]].startswith(chunk.page_content, start)
    for source in range(len(texts)):
        starts = [chunk.metadata["start_index"] for chunk in made if chunk.metadata["source"] == source]
        assert starts == sorted(set(starts))
    assert splitter.split_documents(iter(documents)) == made
    assert splitter.transform_documents(documents) == made
    assert await splitter.atransform_documents(documents) == made
    assert splitter.split_text(MIXED) == [
        chunk.page_content for chunk in made if chunk.metadata["source"] == 1
    ]


def test_it_is_a_splitter_of_langchains(splitter):
    """Whatever takes a text splitter takes it, late chunking included."""
    assert isinstance(splitter, TextSplitter)
    embeddings = JinaEmbeddings(base_url="local", model="jina-embeddings-v3", late_chunking=True)
    chunks, vectors = embeddings.split_and_embed([Document(REPETITIVE)], splitter)
    assert len(chunks) == len(vectors) > 1


def test_metadata_is_copied_deeply_and_inputs_stay_as_they_are(splitter):
    """A chunk's metadata belongs to it alone; chunks have no id, since they are other documents."""
    documents = [Document(REPETITIVE, metadata={"tags": ["sea"], "start_index": 7}, id="1")]
    before = copy.deepcopy(documents)
    first, second, *_ = splitter.split_documents(documents)
    first.metadata["tags"].append("mine")
    assert second.metadata["tags"] == ["sea"]
    assert documents == before
    assert first.id is None


def test_empty_texts_have_no_chunks_and_send_nothing():
    """Their neighbours are unharmed."""
    client = Jina(base_url="local")
    splitter = JinaSegmenterSplitter(client=client)
    assert splitter.split_text("") == splitter.create_documents([]) == splitter.split_documents([]) == []
    assert client.usage.requests == 0
    chunks = splitter.create_documents(["", "a", ""], [{"n": 0}, {"n": 1}, {"n": 2}])
    assert chunks == [Document("a", metadata={"n": 1, "start_index": 0})]


def test_what_is_asked_of_the_service(wire):
    """One request a text, with the settings; nothing of the key is needed without one."""
    settings = {"max_chunk_length": 40, "tokenizer": "gpt2", "add_start_index": False}
    splitter = JinaSegmenterSplitter(base_url=wire.url, limits="keyless", **settings)
    chunks = splitter.split_documents([Document("a", metadata={"n": 1}), Document("b", metadata={"n": 2})])
    assert [chunk.metadata for chunk in chunks] == [{"n": 1}, {"n": 2}]
    asked = {(body["content"], body["max_chunk_length"], body["tokenizer"]) for body in wire.bodies}
    assert asked == {("a", 40, "gpt2"), ("b", 40, "gpt2")}
    assert wire.keys == [None, None]
    splitter.close()


def test_without_a_key_the_environments_is_not_sent_either(wire, monkeypatch):
    """``limits="keyless"`` means no key, whatever the machine has; a key that is given beside it is refused."""
    monkeypatch.setenv("JINA_API_KEY", "k3y")
    splitter = JinaSegmenterSplitter(base_url=wire.url, limits="keyless")
    splitter.split_text("a")
    assert wire.keys == [None]
    splitter.close()
    with pytest.raises(ConfigurationError, match="api_key= and limits='keyless'"):
        JinaSegmenterSplitter(base_url=wire.url, limits="keyless", api_key="k3y")


async def test_asynchronous_calls_are_no_synchronous_ones_in_a_thread():
    """``atransform_documents`` waits on the event loop."""

    class AsyncOnly(InProcessTransport):
        def send(self, request: Request) -> Response:
            raise AssertionError

    splitter = JinaSegmenterSplitter(client=Jina(base_url="local", transport=AsyncOnly()))
    assert len(await splitter.atransform_documents([Document("a"), Document("b")])) == 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_chunk_length": 0}, "max_chunk_length=0"),
        ({"tokenizer": "bert"}, "tokenizer='bert'"),
        ({"chunk_size": 100}, "chunk_size: no such setting"),
        ({"base_url": "https://api.jina.ai"}, "JINA_API_KEY"),
    ],
)
def test_wrong_settings_are_refused_at_once(settings, says):
    """When the splitter is made, and LangChain's settings in tokens are not ignored."""
    with pytest.raises(ConfigurationError, match=says):
        JinaSegmenterSplitter(**{"base_url": "local", **settings})


async def test_wrong_calls_are_refused(splitter):
    """Metadatas that are not one each, one string for a list, and options that do not exist."""
    with pytest.raises(ConfigurationError, match="1 metadatas for 2 texts"):
        splitter.create_documents(["a", "b"], [{}])
    with pytest.raises(ConfigurationError, match="texts is one str"):
        splitter.create_documents("a text")
    with pytest.raises(ConfigurationError, match="size"):
        splitter.transform_documents([], size=1)
    with pytest.raises(ConfigurationError, match="size"):
        await splitter.atransform_documents([], size=1)


def test_failures_are_typed():
    """What the service does wrong comes out as one of the library's errors."""
    engine = Engine(faults=Faults(rate=1, kinds=["badjson"]))
    client = Jina(base_url="local", transport=InProcessTransport(engine), retry=Retry(attempts=1))
    with pytest.raises(RagbridgeError):
        JinaSegmenterSplitter(client=client).split_text("a")


def test_examples_in_docstrings_run():
    """The examples in the docstrings do what they show."""
    outcome = doctest.testmod(langchain_ragbridge.segmenter)
    assert outcome.attempted
    assert not outcome.failed
