"""Haystack's classifier: labels in documents' meta."""

from __future__ import annotations

import copy
import io
import os
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image as Picture

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline
from haystack.components.routers import MetadataRouter
from haystack.dataclasses import ByteStream

from haystack_integrations.components.classifiers.ragbridge import JinaDocumentClassifier
from ragbridge import ConfigurationError, Image, InvalidRequestError, Jina
from ragbridge.local import Engine, Faults
from ragbridge.server import running

LABELS = ["bees, honey and other insects", "money, banks and the stock market"]
TEXTS = {
    "The stock market closed lower on Friday.": LABELS[1],
    "Bees are insects that collect nectar.": LABELS[0],
    "The bank raised its interest rates.": LABELS[1],
    "Honey bees live in hives.": LABELS[0],
}


def documents() -> list[Document]:
    return [Document(content=text, meta={"n": n}) for n, text in enumerate(TEXTS)]


def found(result: dict[str, Any]) -> list[Any]:
    return [document.meta["classification"] for document in result["documents"]]


@pytest.mark.parametrize("batch_size", [1, 3, 128])
async def test_zero_shot(batch_size: int, serve: Callable[..., Any]) -> None:
    """Each document gets its label and the scores of all, in a copy with its id, however the answer's rows stand."""
    wire = serve(faults=Faults(rate=1, kinds=("shuffle",)))
    given = documents()
    before = copy.deepcopy(given)
    classifier = JinaDocumentClassifier(
        labels=LABELS, base_url=wire.url, limits=None, batch_size=batch_size, concurrency=1
    )
    result = classifier.run(given)
    assert [row["label"] for row in found(result)] == [*TEXTS.values()]
    for row in found(result):
        assert next(iter(row["details"])) == row["label"]
        assert row["details"][row["label"]] == row["score"]
        assert set(row["details"]) == set(LABELS)
    assert [document.id for document in result["documents"]] == [document.id for document in given]
    assert [document.meta["n"] for document in result["documents"]] == [0, 1, 2, 3]
    assert result["meta"]["usage"]["total_tokens"] > 0
    assert result["meta"]["model"]
    assert await classifier.run_async(given) == result
    await classifier.close_async()
    assert given == before


def test_groups_of_labels() -> None:
    """Each document gets a label of each group, under the group's name."""
    labels = {"topic": LABELS, "length": ["a short text", "a long text"]}
    result = JinaDocumentClassifier(labels=labels, base_url="local").run(documents())
    for row, topic in zip(found(result), TEXTS.values(), strict=True):
        assert set(row) == set(labels)
        assert row["topic"]["label"] == topic
        assert row["length"]["label"] in labels["length"]


def test_few_shot() -> None:
    """A classifier that was trained gives its own labels, by its id."""
    with running(Engine()) as address, Jina(base_url=address) as client:
        pairs = [(text, "insects" if label == LABELS[0] else "finance") for text, label in TEXTS.items()]
        trained = client.classifiers.train(pairs)
        classifier = JinaDocumentClassifier(classifier=trained.classifier_id, base_url=address)
        result = classifier.run(documents())
        classifier.close()
        assert [row["label"] for row in found(result)] == [label for _, label in pairs]
        assert result["meta"]["model"] is None
        with pytest.raises(InvalidRequestError):
            JinaDocumentClassifier(classifier="unknown", client=client).run(documents())


def test_a_meta_field_may_be_classified(wire: Any) -> None:
    """With `classification_field` the value of that field is classified, whatever the content."""
    given = [Document(content="nothing", meta={"summary": text}) for text in TEXTS]
    classifier = JinaDocumentClassifier(labels=LABELS, base_url=wire.url, classification_field="summary")
    assert [row["label"] for row in found(classifier.run(given))] == [*TEXTS.values()]
    orphan = Document(content="no summary")
    message = rf"documents\[4\] \(id {orphan.id}\) has nothing in meta\['summary'\]"
    wire.bodies.clear()
    with pytest.raises(ConfigurationError, match=message):
        classifier.run([*given, orphan])
    assert wire.bodies == []
    classifier.close()


def test_pictures_are_classified(tmp_path: Any) -> None:
    """Documents without text are told apart by their blob, or by the file that their meta names."""
    buffer = io.BytesIO()
    Picture.new("RGB", (8, 8), "red").save(buffer, "PNG")
    (tmp_path / "red.png").write_bytes(buffer.getvalue())
    given = [
        Document(blob=ByteStream(buffer.getvalue(), mime_type="image/png")),
        Document(content=next(iter(TEXTS))),
        Document(meta={"file_path": "red.png"}),
    ]
    client = Jina(base_url="local")
    settings: dict[str, Any] = {"labels": LABELS, "model": "jina-clip-v2", "client": client}
    files: dict[str, Any] = {"file_path_meta_field": "file_path", "root_path": str(tmp_path)}
    result = JinaDocumentClassifier(**settings, **files).run(given)
    image = Image(buffer.getvalue())
    expected = client.classify([image, next(iter(TEXTS)), image], labels=LABELS, model="jina-clip-v2")
    assert [row["score"] for row in found(result)] == [row.score for row in expected]
    with pytest.raises(ConfigurationError, match=r"documents\[2\].*has no content and no picture"):
        JinaDocumentClassifier(**settings).run(given)
    with pytest.raises(ConfigurationError, match=r"inputs\[0\] is Image.*jina-clip-v2"):
        JinaDocumentClassifier(labels=LABELS, client=client).run(given[:2])


@pytest.mark.parametrize("settings", [{}, {"labels": LABELS, "classifier": "an-id"}], ids=["neither", "both"])
def test_labels_or_a_classifier(settings: dict[str, Any]) -> None:
    """Exactly one of them says what the labels are."""
    with pytest.raises(ConfigurationError, match=r"exactly one of labels= and classifier="):
        JinaDocumentClassifier(base_url="local", **settings)


async def test_empty_input_sends_nothing(wire: Any) -> None:
    """Nothing to classify costs nothing and is answered in full."""
    classifier = JinaDocumentClassifier(labels=LABELS, base_url=wire.url)
    result = classifier.run([])
    assert result == await classifier.run_async([])
    assert result["documents"] == []
    assert result["meta"]["usage"] == {"total_tokens": 0}
    assert wire.bodies == []


@pytest.mark.parametrize("wrong", ["text", ["text"], None])
def test_wrong_input_is_refused(wrong: Any) -> None:
    """A component takes lists of documents."""
    with pytest.raises(TypeError, match="list of Documents"):
        JinaDocumentClassifier(labels=LABELS, base_url="local").run(wrong)


async def test_labels_route_documents() -> None:
    """A router finds the label where Haystack's own classifiers put it; the pipeline was written and read again."""
    rules = {"bees": {"field": "meta.classification.label", "operator": "==", "value": LABELS[0]}}
    pipeline = Pipeline()
    pipeline.add_component("classifier", JinaDocumentClassifier(labels=LABELS, base_url="local"))
    pipeline.add_component("router", MetadataRouter(rules=rules))
    pipeline.connect("classifier.documents", "router.documents")
    pipeline = Pipeline.loads(pipeline.dumps())
    given = {"classifier": {"documents": documents()}}
    for result in (pipeline.run(given), await pipeline.run_async(given)):
        bees = [document.content for document in result["router"]["bees"]]
        assert bees == [text for text, label in TEXTS.items() if label == LABELS[0]]
    pipeline.close()
