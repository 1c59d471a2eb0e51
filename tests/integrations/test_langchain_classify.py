"""``JinaClassifier``: labels in the metadata of documents."""

from __future__ import annotations

import copy
import doctest

import pytest
from langchain_core.documents import BaseDocumentTransformer, Document

import langchain_ragbridge.classifier
from langchain_ragbridge import JinaClassifier
from ragbridge import ConfigurationError, Jina
from ragbridge.flow import Request, Response
from ragbridge.local import Engine
from ragbridge.transport.in_process import InProcessTransport

TOPICS = ["cooking and baking", "ships and the sea"]
TEXTS = ["Bread is baked from flour.", "The ship crosses the ocean.", "Roast the meat."]


@pytest.fixture
def documents():
    return [Document(text, id=f"id-{place}", metadata={"tags": ["old"]}) for place, text in enumerate(TEXTS)]


async def test_documents_get_their_label(documents):
    """In their order, with id and metadata, and the score beside the label; on both faces; inputs stay as they are."""
    classifier = JinaClassifier(base_url="local", labels=TOPICS)
    assert isinstance(classifier, BaseDocumentTransformer)
    before = copy.deepcopy(documents)
    found = classifier.transform_documents(documents)
    assert found == await classifier.atransform_documents(documents)
    assert [each.metadata["label"] for each in found] == [TOPICS[0], TOPICS[1], TOPICS[0]]
    assert all(0.5 < each.metadata["label_score"] <= 1 for each in found)
    assert [(each.id, each.page_content) for each in found] == [
        (each.id, each.page_content) for each in documents
    ]
    found[0].metadata["tags"].append("new")
    assert documents == before


def test_groups_of_labels_go_under_their_names(documents):
    """Each document gets one label a group."""
    classifier = JinaClassifier(base_url="local", labels={"topic": TOPICS, "mood": ["happy", "sad"]})
    for found in classifier.transform_documents(documents):
        assert sorted(found.metadata) == ["mood", "mood_score", "tags", "topic", "topic_score"]
        assert found.metadata["topic"] in TOPICS


def test_a_trained_classifier_is_used(documents):
    """By its id, instead of labels; ``label_key`` says where its labels go."""
    jina = Jina(base_url="local", transport=InProcessTransport(Engine()))
    examples = [("Flour and salt", "food"), ("Roast meat", "food"), ("A harbour", "sea"), ("A sailor", "sea")]
    trained = jina.classifiers.train(examples)
    classifier = JinaClassifier(client=jina, classifier=trained.classifier_id, label_key="topic")
    found = classifier.transform_documents(documents)
    assert [each.metadata["topic"] for each in found] == ["food", "sea", "food"]


def test_documents_without_text_are_classified_by_their_image(wire, tmp_path):
    """As for the reranker: an address as it is, a path below ``image_root`` alone."""
    (tmp_path / "a.png").write_bytes(b"picture")
    classifier = JinaClassifier(
        base_url=wire.url, limits=None, model="jina-clip-v2", labels=TOPICS, image_root=tmp_path
    )
    images = ["https://example.com/a.png", "a.png"]
    found = classifier.transform_documents([Document("", metadata={"image": image}) for image in images])
    assert wire.bodies[0]["input"] == [{"image": images[0]}, {"image": "cGljdHVyZQ=="}]
    assert [each.metadata["image"] for each in found] == images
    with pytest.raises(ConfigurationError, match="image_root"):
        classifier.transform_documents([Document("", metadata={"image": "/etc/hostname"})])
    classifier.close()


async def test_nothing_in_nothing_out():
    """No documents give no documents, and nothing is sent."""
    client = Jina(base_url="local")
    classifier = JinaClassifier(client=client, labels=TOPICS)
    assert classifier.transform_documents([]) == await classifier.atransform_documents([]) == []
    assert client.usage.requests == 0


async def test_asynchronous_calls_are_no_synchronous_ones_in_a_thread(documents):
    """``atransform_documents`` waits on the event loop."""

    class AsyncOnly(InProcessTransport):
        def send(self, request: Request) -> Response:
            raise AssertionError

    classifier = JinaClassifier(client=Jina(base_url="local", transport=AsyncOnly()), labels=TOPICS)
    assert len(await classifier.atransform_documents(documents)) == 3


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "exactly one of labels= .* and classifier="),
        ({"labels": TOPICS, "classifier": "id"}, "exactly one"),
        ({"labels": []}, "labels"),
        ({"labels": "a"}, "labels"),
        ({"labels": TOPICS, "model": "jina-reranker-v3"}, "cannot classify"),
        ({"labels": TOPICS, "top_k": 3}, "top_k: no such setting"),
    ],
)
def test_wrong_settings_are_refused_at_once(settings, says):
    """When the object is made."""
    with pytest.raises(ConfigurationError, match=says):
        JinaClassifier(base_url="local", **settings)


async def test_unknown_options_of_a_call_are_refused():
    """LangChain's interface lets them in; none is ignored."""
    classifier = JinaClassifier(base_url="local", labels=TOPICS)
    with pytest.raises(ConfigurationError, match="threshold"):
        classifier.transform_documents([], threshold=0.5)
    with pytest.raises(ConfigurationError, match="threshold"):
        await classifier.atransform_documents([], threshold=0.5)


def test_examples_in_docstrings_run():
    """The examples in the docstrings do what they show."""
    outcome = doctest.testmod(langchain_ragbridge.classifier)
    assert outcome.attempted
    assert not outcome.failed
