"""What adapters do with inputs that are no plain list, hold the same document twice, or are blank."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest
from haystack import Document as HaystackDocument
from langchain_core.documents import Document
from llama_index.core.schema import Document as LlamaIndexDocument

from haystack_integrations.components.embedders.ragbridge import (
    JinaDocumentImageEmbedder,
)
from haystack_integrations.components.rankers.ragbridge import ElasticRanker, JinaRanker
from langchain_ragbridge import (
    ElasticEmbeddings,
    ElasticRerank,
    JinaClassifier,
    JinaEmbeddings,
    JinaRerank,
    JinaSegmenterSplitter,
    RagbridgeTextSplitter,
)
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from ragbridge import ConfigurationError

RANKERS = [
    lambda **settings: JinaRanker(base_url="local", **settings),
    lambda **settings: ElasticRanker(".jina-reranker-v3", url="local", **settings),
]
rankers = pytest.mark.parametrize("ranker", RANKERS, ids=["jina", "elastic"])


def ranked(component, face, documents, **options):
    if face == "sync":
        return component.run("the sea", documents, **options)["documents"]
    return asyncio.run(component.run_async("the sea", documents, **options))["documents"]


@rankers
@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_document_that_two_retrievers_found_is_ranked_once(ranker, face):
    """Of documents with one id the one with the best score is ranked, and pushes none out."""
    rows = [
        ("a", "the sea", None),
        ("b", "bread", 0.5),
        ("a", "the sea", 0.7),
        ("a", "the sea", 0.2),
        ("c", "oil", 1.0),
    ]
    documents = [HaystackDocument(id=id, content=text, score=score) for id, text, score in rows]
    found = ranked(ranker(top_k=3, keep_retrieval_score=True), face, documents)
    assert {document.id: document.meta["retrieval_score"] for document in found} == {
        "a": 0.7,
        "b": 0.5,
        "c": 1.0,
    }


@rankers
@pytest.mark.parametrize("threshold", [float("nan"), float("inf"), "0.5", True])
def test_a_threshold_that_no_score_meets_is_refused(ranker, threshold):
    """NaN and infinity are errors that name the setting, in the constructor and in a call."""
    with pytest.raises(ConfigurationError, match="score_threshold="):
        ranker(score_threshold=threshold)
    with pytest.raises(ConfigurationError, match="score_threshold="):
        ranker().run("the sea", [HaystackDocument(content="a")], score_threshold=threshold)


@rankers
def test_whole_numbers_of_numpy_are_whole_numbers(ranker):
    """``np.int64(1)`` is a ``top_k`` as 1 is; booleans and floats are none."""
    documents = [HaystackDocument(content="a"), HaystackDocument(content="b")]
    assert len(ranker(top_k=np.int64(1)).run("a", documents)["documents"]) == 1
    for wrong in (True, np.float64(1), np.int64(0)):
        with pytest.raises(ConfigurationError, match="top_k"):
            ranker(top_k=wrong)


@rankers
def test_ranked_documents_have_a_meta_of_their_own(ranker):
    """A later component that changes an output's meta leaves the input alone."""
    document = HaystackDocument(content="a", meta={"tags": ["x"]})
    (found,) = ranker().run("a", [document])["documents"]
    found.meta["tags"].append("y")
    assert document.meta == {"tags": ["x"]}


@pytest.mark.parametrize(
    "kind",
    [
        lambda: JinaRerank(base_url="local"),
        lambda: ElasticRerank(inference_id=".jina-reranker-v3", url="local"),
    ],
    ids=["jina", "elastic"],
)
def test_rerankers_take_documents_of_a_generator(kind):
    """Documents that can be read once are ranked as a list of them is."""
    documents = [Document("bread"), Document("the sea")]
    expected = kind().compress_documents(documents, "the sea")
    assert kind().compress_documents(iter(documents), "the sea") == expected
    assert asyncio.run(kind().acompress_documents(iter(documents), "the sea")) == expected


def test_the_classifier_takes_documents_of_a_generator():
    """Documents that can be read once are labelled as a list of them is."""
    classifier = JinaClassifier(base_url="local", labels=["sea", "bread"])
    documents = [Document("the sea"), Document("bread")]
    assert classifier.transform_documents(iter(documents)) == classifier.transform_documents(documents)


NAMES = [
    "acme/embed-v1",
    "acme-embed-v1",
    "acme_embed-v1",
    "acme_2f_embed-v1",
    "模型",
    "другая",
    "a b",
]


def test_cache_namespaces_of_different_settings_differ():
    """No two names of models or endpoints share a namespace, and each has only characters of ``LocalFileStore``."""
    jina = [JinaEmbeddings(base_url="local", model=name).cache_namespace for name in NAMES]
    elastic = [ElasticEmbeddings(url="local", inference_id=name).cache_namespace for name in NAMES]
    none = JinaEmbeddings(base_url="local").cache_namespace
    assert len({*jina, *elastic, none}) == 2 * len(NAMES) + 1
    for name in (*jina, *elastic):
        assert all(each.isascii() and (each.isalnum() or each in "_.-/") for each in name)
    assert "model-acme_2f_embed-v1/" in jina[0]


BLANK = "The sea is deep.\n\n   \n\nBread is baked.\n\n\n\n"
CUT = {"strategy": "recursive", "separators": ["\n\n"], "max_chunk_size": 10}


@pytest.mark.parametrize("text", ["\n\n", "   ", " \u00a0\u2003\n"])
def test_blank_texts_have_no_chunks(text):
    """What holds nothing to see becomes no chunk, which would be billed, and refused by some services."""
    for strategy in ({"strategy": "none"}, {}, CUT):
        assert RagbridgeTextSplitter(**strategy).split_text(text) == []
        assert RagbridgeTextSplitter(**strategy).create_documents([text]) == []
        parser = RagbridgeNodeParser(**strategy)
        assert parser.split_text(text) == []
        assert parser.get_nodes_from_documents([LlamaIndexDocument(text=text)]) == []
    segmenter = JinaSegmenterSplitter(base_url="local")
    assert (segmenter.split_text(text), segmenter.create_documents([text])) == ([], [])


def test_places_are_true_where_blank_chunks_are_left_out():
    """Chunks after a blank one start where they stand in the text."""
    for document in RagbridgeTextSplitter(**CUT).create_documents([BLANK]):
        start = document.metadata["start_index"]
        assert BLANK[start : start + len(document.page_content)] == document.page_content
    nodes = RagbridgeNodeParser(deterministic_ids=True, **CUT).get_nodes_from_documents(
        [LlamaIndexDocument(text=BLANK, id_="x")]
    )
    assert [BLANK[node.start_char_idx : node.end_char_idx] for node in nodes] == [node.text for node in nodes]
    for one, two in itertools.pairwise(nodes):
        assert one.next_node.node_id == two.node_id


@pytest.mark.parametrize("name", ["a\0b.png", "a\ud800.png"])
def test_a_path_that_no_system_has_is_an_error_that_names_the_setting(name, tmp_path):
    """A NUL or a lone surrogate in metadata is a ``ConfigurationError`` that names ``image_root``."""
    rerank = JinaRerank(base_url="local", model="jina-reranker-m0", image_root=tmp_path)
    with pytest.raises(ConfigurationError, match=r"documents\[0\].*image_root"):
        rerank.compress_documents([Document("", metadata={"image": name})], "q")


def test_no_file_that_metadata_names_is_opened_without_a_folder(tmp_path):
    """Metadata comes from afar: the image embedder opens files below ``root_path`` alone, and none without it."""
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 64)
    documents = [HaystackDocument(meta={"file_path": str(path)})]
    with pytest.raises(ConfigurationError, match="root_path="):
        JinaDocumentImageEmbedder(base_url="local").run(documents)
    assert JinaDocumentImageEmbedder(base_url="local", root_path=str(tmp_path)).run(documents)["documents"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: JinaSegmenterSplitter(base_url="local"),
        lambda: RagbridgeTextSplitter(strategy="word", max_chunk_size=10, overlap=1),
    ],
    ids=["segmenter", "chunkers"],
)
def test_splitters_of_langchain_take_generators_of_texts_and_metadatas(make):
    """Each chunk has the metadata of its text."""
    found = make().create_documents((text for text in ("sea", "bread")), ({"row": row} for row in range(2)))
    assert [(chunk.page_content, chunk.metadata["row"]) for chunk in found] == [("sea", 0), ("bread", 1)]
