"""``RagbridgeNodeParser`` keeps LlamaIndex's contract for node parsers, with Elasticsearch's chunks."""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.node_parser import MetadataAwareTextSplitter
from llama_index.core.schema import Document, MetadataMode, NodeRelationship, TextNode
from pydantic import ValidationError

from llama_index.embeddings.ragbridge import JinaEmbedding
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from ragbridge import ConfigurationError
from ragbridge.chunking import Chunker, WordChunker

REPEATED = "The sea is wide. " * 3 + "The sea is deep, says the fisherman. " + "The sea is wide. " * 20
TEXTS = [
    REPEATED,
    "One line\nAnother line\n\n" * 30,
    "# A\n\nWords of a part.\n\n## B\n\nMore words.\n\n" * 9,
]
SETTINGS = [
    {},
    {"strategy": "none"},
    {"strategy": "word", "max_chunk_size": 10, "overlap": 4},
    {"strategy": "sentence", "max_chunk_size": 20},
    {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0},
    {"strategy": "recursive", "max_chunk_size": 10, "separator_group": "markdown"},
    {"strategy": "recursive", "max_chunk_size": 10, "separators": ["\n\n", "\n"]},
]
SMALL = {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 1}


def numbered(i, doc):
    return f"{doc.node_id}#{i}"


def words(text):
    return len(WordChunker(1, 0).chunk(text))


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: "-".join(map(str, settings.values())))
async def test_nodes_are_the_chunkers_own_with_true_places(settings, asynchronous):
    """Text and place of each node are those of a chunk that is not blank, however often its text occurs in the document."""
    parser = RagbridgeNodeParser(**settings)
    documents = [Document(text=text) for text in TEXTS]
    if asynchronous:
        nodes = await parser.aget_nodes_from_documents(documents)
    else:
        nodes = parser.get_nodes_from_documents(documents)
    expected = [
        (document.id_, chunk.start, chunk.end, chunk.text)
        for document in documents
        for chunk in Chunker.from_settings(settings).chunk(document.text)
        if chunk.text.strip()
    ]
    assert [
        (node.ref_doc_id, node.start_char_idx, node.end_char_idx, node.text) for node in nodes
    ] == expected
    assert parser.split_text(REPEATED) == [row[3] for row in expected if row[0] == documents[0].id_]


def test_places_beyond_the_basic_plane_are_code_points():
    """Offsets count as Python does, so that they cut the document's text."""
    text = "\N{OCTOPUS} lives in the sea. " * 12
    for node in RagbridgeNodeParser(**SMALL)([Document(text=text)]):
        assert text[node.start_char_idx : node.end_char_idx] == node.text


def test_relationships_join_the_nodes_of_a_document():
    """Source, previous and next are those of the document, and end at its borders."""
    documents = [Document(id_=name, text=REPEATED, metadata={"name": name}) for name in "ab"]
    nodes = RagbridgeNodeParser(**SMALL)(documents)
    for document in documents:
        own = [node for node in nodes if node.ref_doc_id == document.id_]
        assert len(own) > 3
        assert {node.relationships[NodeRelationship.SOURCE].hash for node in own} == {document.hash}
        assert [node.prev_node.node_id for node in own[1:]] == [node.id_ for node in own[:-1]]
        assert [node.next_node.node_id for node in own[:-1]] == [node.id_ for node in own[1:]]
        assert own[0].prev_node is None
        assert own[-1].next_node is None
    alone = RagbridgeNodeParser(**SMALL, include_prev_next_rel=False)(documents)
    assert {node.prev_node or node.next_node for node in alone} == {None}


def test_metadata_are_inherited_with_what_is_said_of_them():
    """Nodes have the document's metadata, templates and exclusions; the document stays as it was."""
    document = Document(
        text=REPEATED,
        metadata={"title": "Water", "path": "x"},
        excluded_embed_metadata_keys=["path"],
        excluded_llm_metadata_keys=["title"],
        metadata_template="{key}={value}",
    )
    before = document.model_dump()
    nodes = RagbridgeNodeParser(**SMALL)([document])
    assert document.model_dump() == before
    for node in nodes:
        assert node.metadata == document.metadata
        assert node.get_content(MetadataMode.EMBED) == f"title=Water\n\n{node.text}".strip()
        assert node.get_content(MetadataMode.LLM) == f"path=x\n\n{node.text}".strip()
    assert {str(node.metadata) for node in RagbridgeNodeParser(include_metadata=False)([document])} == {"{}"}


@pytest.mark.parametrize(
    "settings",
    SETTINGS[2:],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_metadata_have_room_in_the_chunks(settings):
    """A node with the longer of the metadata that embeddings and language models see is no longer than a chunk."""
    document = Document(
        text=TEXTS[0] + TEXTS[2],
        metadata={"title": "Of the water", "path": "here"},
        excluded_embed_metadata_keys=["path"],
    )
    aware = RagbridgeNodeParser(**settings)
    assert isinstance(aware, MetadataAwareTextSplitter)
    nodes = aware([document])
    assert max(words(node.get_content(MetadataMode.LLM)) for node in nodes) <= settings["max_chunk_size"]
    assert [document.text[node.start_char_idx : node.end_char_idx] for node in nodes] == [
        node.text for node in nodes
    ]
    assert [node.text for node in nodes] == aware.split_text_metadata_aware(
        document.text, "title: Of the water\npath: here"
    )
    plain = RagbridgeNodeParser(**settings, metadata_aware=False)([document])
    assert [node.text for node in plain] == aware.split_text(document.text)


def test_metadata_that_nobody_sees_take_no_room():
    """Excluded keys, and all of them where nodes do not inherit any, leave Elasticsearch's chunks."""
    metadata = {"path": "a/b/c " * 9}
    hidden = {"excluded_embed_metadata_keys": ["path"], "excluded_llm_metadata_keys": ["path"]}
    expected = RagbridgeNodeParser(**SMALL).split_text(REPEATED)
    nodes = RagbridgeNodeParser(**SMALL)([Document(text=REPEATED, metadata=metadata, **hidden)])
    bare = RagbridgeNodeParser(**SMALL, include_metadata=False)([Document(text=REPEATED, metadata=metadata)])
    assert [node.text for node in nodes] == [node.text for node in bare] == expected


def test_metadata_without_room_for_text_are_refused(caplog):
    """More metadata than a chunk holds is an error that says what to do; more than half of it is a warning."""
    parser = RagbridgeNodeParser(**SMALL)
    with pytest.raises(ConfigurationError, match=r"20: the metadata have 21 words.*metadata_aware=False"):
        parser([Document(text="The sea.", metadata={"a": "b " * 20})])
    with caplog.at_level(logging.WARNING, "ragbridge"):
        parser([Document(text="The sea.", metadata={"a": "b " * 14})])
    assert caplog.messages == ["metadata take 15 of the 20 words of each chunk"]


def test_ids_are_random_unless_asked_otherwise():
    """Two documents of the same text, and one document parsed twice, give different ids."""
    parser = RagbridgeNodeParser(**SMALL)
    documents = [Document(text=REPEATED), Document(text=REPEATED)]
    nodes = parser(documents) + parser(documents)
    assert len({node.id_ for node in nodes}) == len(nodes)


def test_deterministic_ids_are_made_of_document_and_place():
    """They are UUIDs, the same in every process and version, and different for each document and place."""
    parser = RagbridgeNodeParser(strategy="word", max_chunk_size=10, overlap=5, deterministic_ids=True)
    nodes = parser([Document(id_=name, text="la " * 30) for name in ("a", "b")])
    assert nodes[1].id_ == "45f645bd-186c-5969-9c5c-c8525a28dd0c"
    assert len({node.id_ for node in nodes}) == len(nodes) == 10
    assert [node.id_ for node in parser([Document(id_="a", text="la " * 30)])] == [
        node.id_ for node in nodes[:5]
    ]


def test_an_id_function_is_called_as_the_framework_does():
    """``id_func`` gets the node's number and its document."""
    nodes = RagbridgeNodeParser(**SMALL, id_func=numbered)([Document(id_="a", text=REPEATED)])
    assert [node.id_ for node in nodes] == [f"a#{number}" for number in range(len(nodes))]


def test_parts_of_parts_are_placed_in_the_source_they_name():
    """Behind another splitter, source and places are those of the document, or the places are not known."""
    document = Document(text=REPEATED)
    coarse = RagbridgeNodeParser(strategy="sentence", max_chunk_size=50, sentence_overlap=0)
    fine = RagbridgeNodeParser(**SMALL)
    nodes = fine(coarse([document]))
    assert {node.ref_doc_id for node in nodes} == {document.id_}
    assert [document.text[node.start_char_idx : node.end_char_idx] for node in nodes] == [
        node.text for node in nodes
    ]
    unplaced = TextNode(
        text="the sea", relationships={NodeRelationship.SOURCE: document.as_related_node_info()}
    )
    assert [(node.start_char_idx, node.ref_doc_id) for node in fine([unplaced])] == [(None, document.id_)]
    orphan = TextNode(text="the sea")
    assert [(node.start_char_idx, node.ref_doc_id) for node in fine([orphan])] == [(0, orphan.id_)]


def test_empty_input():
    """No documents give no nodes; an empty document gives one empty node, as in the framework and Elasticsearch."""
    parser = RagbridgeNodeParser(deterministic_ids=True)
    assert parser([]) == []
    assert asyncio.run(parser.acall([])) == []
    assert [(node.text, node.start_char_idx, node.end_char_idx) for node in parser([Document(text="")])] == [
        ("", 0, 0)
    ]


async def test_the_event_loop_goes_on_while_a_document_is_cut():
    """Cutting is done in a thread of its own."""
    threads = []

    def note(i, doc):
        threads.append(threading.current_thread())
        return str(i)

    await RagbridgeNodeParser(id_func=note).acall([Document(text="the sea")])
    assert threads
    assert threading.main_thread() not in threads


def test_events_tell_of_documents_and_nodes():
    """The callback event for parsing has what went in and what came out."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    parser = RagbridgeNodeParser(**SMALL, callback_manager=CallbackManager([debug]))
    documents = [Document(text=REPEATED)]
    nodes = parser(documents)
    ((first, last),) = debug.get_event_pairs(CBEventType.NODE_PARSING)
    assert first.payload[EventPayload.DOCUMENTS] == documents
    assert last.payload[EventPayload.NODES] == nodes


def test_an_id_function_is_never_lost_silently():
    """It is pickled by its name; where that is not possible, or only its name is left, that is an error."""
    parser = RagbridgeNodeParser(id_func=numbered)
    assert parser.to_dict()["id_func"] == "numbered"
    with pytest.raises(ConfigurationError, match="from_dict"):
        RagbridgeNodeParser.from_dict(parser.to_dict())
    assert RagbridgeNodeParser.from_dict(parser.to_dict(), id_func=numbered).id_func is numbered
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(RagbridgeNodeParser(id_func=lambda i, doc: "x"))


def test_what_cannot_be_pickled_stays_on_the_object():
    """The framework drops callback handlers from a pickle, and only from it."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    debug.lock = threading.Lock()
    parser = RagbridgeNodeParser(**SMALL, callback_manager=CallbackManager([debug]))
    assert pickle.loads(pickle.dumps(parser)).max_chunk_size == 20
    assert parser.callback_manager.handlers == [debug]


def test_the_ingestion_caches_key_follows_the_settings():
    """Each setting changes the hash by which an ``IngestionPipeline`` finds what it did before."""
    nodes = [TextNode(text="the sea")]
    base = {"strategy": "word", "max_chunk_size": 10, "overlap": 2}
    changes = [
        {},
        {"max_chunk_size": 11},
        {"overlap": 3},
        {"strict": False},
        {"metadata_aware": False},
        {"deterministic_ids": True},
        {"id_func": numbered},
    ]
    hashes = [get_transformation_hash(nodes, RagbridgeNodeParser(**{**base, **change})) for change in changes]
    assert len(set(hashes)) == len(changes)
    assert hashes[0] == get_transformation_hash(nodes, RagbridgeNodeParser(**base))


def test_wrong_settings_are_refused_in_elasticsearchs_words():
    """At construction, and for fields that are assigned later when they are used."""
    with pytest.raises(
        ConfigurationError, match=r"Invalid value \[9.0\]. \[max_chunk_size\] must be greater"
    ):
        RagbridgeNodeParser(strategy="word", max_chunk_size=9, overlap=1)
    with pytest.raises(ConfigurationError, match=r"\[250\] cannot be converted to a \[Integer\]"):
        RagbridgeNodeParser(strategy="sentence", max_chunk_size="250")
    with pytest.raises(ConfigurationError, match="can not have the following settings"):
        RagbridgeNodeParser(strategy="sentence", max_chunk_size=20, overlap=1)
    with pytest.raises(ConfigurationError, match="give one"):
        RagbridgeNodeParser(deterministic_ids=True, id_func=numbered)
    with pytest.raises(ValidationError, match="chunk_size"):
        RagbridgeNodeParser(chunk_size=20)
    parser = RagbridgeNodeParser(**SMALL)
    parser.max_chunk_size = 5
    with pytest.raises(ConfigurationError, match="greater than or equal"):
        parser.split_text("the sea")


def test_in_a_pipeline_and_an_index():
    """It works as a transformation of both, and what is found again is cut from its document."""
    documents = [
        Document(text="Bread rises slowly, overnight. " * 20),
        Document(text="The moon pulls the oceans. " * 20),
    ]
    model = JinaEmbedding(base_url="local", dimensions=64)
    nodes = IngestionPipeline(transformations=[RagbridgeNodeParser(**SMALL), model]).run(documents=documents)
    assert {len(node.embedding) for node in nodes} == {64}
    index = VectorStoreIndex.from_documents(
        documents, transformations=[RagbridgeNodeParser(**SMALL)], embed_model=model
    )
    (found,) = index.as_retriever(similarity_top_k=1).retrieve("what causes tides of the ocean?")
    assert found.node.ref_doc_id == documents[1].id_
    assert documents[1].text[found.node.start_char_idx : found.node.end_char_idx] == found.text


def test_serialized_name_is_frozen():
    """Stored components name their class by this; it never changes."""
    assert RagbridgeNodeParser.class_name() == "RagbridgeNodeParser"
