"""``JinaClassificationExtractor`` keeps LlamaIndex's contract for metadata extractors."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from llama_index.core.extractors import BaseExtractor
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.schema import Document, ImageNode, MetadataMode, TextNode
from pydantic import ValidationError

from llama_index.extractors.ragbridge import JinaClassificationExtractor
from ragbridge import AuthenticationError, ConfigurationError, Jina, RateLimit, Retry
from ragbridge.local import Faults
from ragbridge.transport.in_process import InProcessTransport

KEY = "jina_sekret_0123456789"
URL = "https://pictures.example/sea.png"
LABELS = ["water and oceans", "bread and baking"]
GROUPS = {"topic": LABELS, "tone": ["a calm text", "an angry text"]}
TEXTS = ["The moon pulls the water of the oceans.", "A sourdough bread rises slowly while baking."]
FROM_LLAMA_INDEX = {
    "disable_template_rewrite": True,
    "in_place": False,
    "is_text_node_only": True,
    "max_retries": 2,
    "metadata_mode": MetadataMode.EMBED,
    "node_text_template": "{content}",
    "num_workers": 2,
    "raise_on_error": False,
    "retry_backoff": 0.5,
    "show_progress": True,
}
NOT_DEFAULT = {
    "labels": GROUPS,
    "classifier": None,
    "model": "jina-embeddings-v3",
    "label_key": "class",
    "base_url": "local",
    "limits": RateLimit(500, None, 3, window=6.0),
    "retry": Retry(attempts=2),
    "timeout": 9.0,
    "concurrency": 5,
    "batch_size": 7,
    **FROM_LLAMA_INDEX,
}


@pytest.fixture
def nodes():
    return [TextNode(text=text, metadata={"number": number}) for number, text in enumerate(TEXTS)]


@pytest.fixture(params=["extract", "aextract"])
def extract(request):
    """Extracts by one of the two faces."""
    if request.param == "extract":
        return lambda extractor, nodes: extractor.extract(nodes)
    return lambda extractor, nodes: asyncio.run(extractor.aextract(nodes))


def test_each_node_gets_the_label_that_fits(extract, nodes, serve):
    """One request with the plain texts; rows that come shuffled find their nodes; nodes are left as they are."""
    wire = serve(faults=Faults(rate=1.0, kinds=("shuffle",)))
    extractor = JinaClassificationExtractor(labels=LABELS, model="jina-embeddings-v3", base_url=wire.url)
    found = extract(extractor, nodes)
    expected = Jina(base_url="local").classify(TEXTS, labels=LABELS, model="jina-embeddings-v3")
    assert found == [
        {"label": row.label, "label_score": pytest.approx(row.score, abs=1e-6)} for row in expected
    ]
    assert [metadata["label"] for metadata in found] == LABELS
    assert wire.bodies == [{"model": "jina-embeddings-v3", "labels": LABELS, "input": TEXTS}]
    assert [node.metadata for node in nodes] == [{"number": 0}, {"number": 1}]


def test_groups_of_labels(extract, nodes):
    """Each group is a key of the metadata, beside its score."""
    found = extract(JinaClassificationExtractor(labels=GROUPS, base_url="local"), nodes)
    assert [list(metadata) for metadata in found] == [["topic", "topic_score", "tone", "tone_score"]] * 2
    assert [metadata["topic"] for metadata in found] == LABELS


def test_a_trained_classifier(extract, nodes, wire):
    """Its id is all it takes, and its labels come out under the key of one's own."""
    examples = [(text, label) for text, label in zip(TEXTS, ["sea", "bread"], strict=True)] * 3
    training = Jina(base_url=wire.url).classifiers.train(examples)
    extractor = JinaClassificationExtractor(
        classifier=training.classifier_id, label_key="kind", base_url=wire.url
    )
    assert [metadata["kind"] for metadata in extract(extractor, nodes)] == ["sea", "bread"]
    assert wire.bodies[-1] == {"classifier_id": training.classifier_id, "input": TEXTS}


def test_images_are_classified_by_models_that_take_them(extract, nodes, wire):
    """Images and texts may be mixed; a model of texts reads the text of an image's node, and refuses one without."""
    mixed = [nodes[0], ImageNode(image_url=URL, text="bread"), nodes[1]]
    settings = {"labels": LABELS, "base_url": wire.url, "limits": None}
    seen = extract(JinaClassificationExtractor(model="jina-clip-v2", **settings), mixed)
    inputs = sorted((body["input"] for body in wire.bodies), key=len)
    assert inputs == [[{"image": URL}], TEXTS]
    assert [seen[0]["label"], seen[2]["label"]] == LABELS
    extract(JinaClassificationExtractor(**settings), mixed)
    assert wire.bodies[-1]["input"] == [TEXTS[0], "bread", TEXTS[1]]
    with pytest.raises(ConfigurationError, match=r"inputs\[1\] is Image"):
        extract(JinaClassificationExtractor(**settings), [nodes[0], ImageNode(image_url=URL)])


def test_nodes_without_text_nodes_type_are_left_out_on_request(extract, nodes, wire):
    """``is_text_node_only`` leaves documents without a label; by default they get one."""
    mixed = [Document(text=TEXTS[1]), *nodes]
    only = JinaClassificationExtractor(labels=LABELS, base_url=wire.url, is_text_node_only=True)
    assert [metadata.get("label") for metadata in extract(only, mixed)] == [None, *LABELS]
    assert wire.bodies[0]["input"] == TEXTS
    all_of_them = JinaClassificationExtractor(labels=LABELS, base_url=wire.url)
    assert [metadata["label"] for metadata in extract(all_of_them, mixed)] == [LABELS[1], *LABELS]


def test_metadata_is_classified_only_on_request(nodes, wire):
    """By default the text alone; ``metadata_mode`` puts the metadata that is meant for it in front."""
    extractor = JinaClassificationExtractor(labels=LABELS, base_url=wire.url, metadata_mode="embed")
    extractor.extract(nodes[:1])
    assert wire.bodies[0]["input"] == [f"number: 0\n\n{TEXTS[0]}"]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_in_a_pipeline(nodes, asynchronous):
    """Nodes come out with the label for embeddings and language models to see, and the score for neither."""
    extractor = JinaClassificationExtractor(labels=LABELS, base_url="local")
    pipeline = IngestionPipeline(transformations=[extractor], disable_cache=True)
    found = await pipeline.arun(nodes=nodes) if asynchronous else pipeline.run(nodes=nodes)
    assert [node.metadata["label"] for node in found] == LABELS
    assert all(0 < node.metadata["label_score"] <= 1 for node in found)
    for mode in (MetadataMode.EMBED, MetadataMode.LLM):
        assert found[0].get_metadata_str(mode) == f"number: 0\nlabel: {LABELS[0]}"


def test_synchronous_means_synchronous(nodes):
    """A plain call of the component waits, instead of leaving connections open in an event loop that nobody closes."""

    class Waiting(InProcessTransport):
        async def send_async(self, request):
            raise AssertionError("awaited")

    client = Jina(base_url="http://x", transport=Waiting())
    found = JinaClassificationExtractor(labels=LABELS, client=client, in_place=False)(nodes)
    assert [node.metadata["label"] for node in found] == LABELS
    assert [list(node.metadata) for node in nodes] == [["number"]] * 2


def test_no_nodes_no_request(extract, wire):
    """Empty input sends nothing."""
    assert extract(JinaClassificationExtractor(labels=LABELS, base_url=wire.url), []) == []
    assert wire.bodies == []


async def test_many_nodes_are_one_call_of_the_core(wire):
    """The core cuts them into requests, and no more than ``concurrency`` are open."""
    wire.hold = 0.01
    nodes = [TextNode(text=f"{TEXTS[number % 2]} {number}") for number in range(40)]
    extractor = JinaClassificationExtractor(
        labels=LABELS, base_url=wire.url, limits=None, batch_size=5, concurrency=2
    )
    assert [metadata["label"] for metadata in await extractor.aextract(nodes)] == LABELS * 20
    assert (len(wire.bodies), wire.most) == (8, 2)


def test_a_failure_is_raised_or_left_to_the_framework(nodes, serve):
    """By default it ends the pipeline; with ``raise_on_error=False`` nodes stay without a label."""
    wire = serve(api_keys=[KEY])
    settings = {"labels": LABELS, "api_key": "wrong", "base_url": wire.url}
    with pytest.raises(AuthenticationError):
        JinaClassificationExtractor(**settings)(nodes)
    JinaClassificationExtractor(raise_on_error=False, **settings)(nodes)
    assert [list(node.metadata) for node in nodes] == [["number"]] * 2


def test_defaults_are_those_of_the_core():
    """A setting that the core's method has as well has its default."""
    adapter = inspect.signature(JinaClassificationExtractor.__init__).parameters
    core = inspect.signature(Jina(base_url="local").classify).parameters
    for name in ("labels", "classifier", "model"):
        assert adapter[name].default == core[name].default


def test_cache_key_follows_the_labels_and_not_the_key(nodes):
    """The ingestion cache tells labels, models and classifiers apart."""
    makes = [{"labels": LABELS}, {"labels": GROUPS}, {"labels": LABELS, "model": "jina-embeddings-v3"}]
    makes += [{"classifier": "a"}, {"classifier": "b"}, {"labels": LABELS, "label_key": "x"}]
    hashes = [
        get_transformation_hash(nodes, JinaClassificationExtractor(api_key=KEY, **make)) for make in makes
    ]
    assert len(set(hashes)) == len(makes)
    other = JinaClassificationExtractor(api_key="another", labels=LABELS)
    assert get_transformation_hash(nodes, other) == hashes[0]


def test_unknown_and_contradicting_settings_are_refused():
    """A typo, labels and a classifier, neither, a model that does not classify, and a client with a connection."""
    client = Jina(base_url="local")
    with pytest.raises(ValidationError, match="base_ulr"):
        JinaClassificationExtractor(base_ulr="local", labels=LABELS)
    with pytest.raises(ConfigurationError, match="exactly one of labels= "):
        JinaClassificationExtractor(client=client, labels=LABELS, classifier="abc")
    with pytest.raises(ConfigurationError, match="exactly one of labels= "):
        JinaClassificationExtractor(client=client)
    with pytest.raises(ConfigurationError, match="cannot classify"):
        JinaClassificationExtractor(client=client, labels=LABELS, model="jina-embeddings-v5-omni-small")
    with pytest.raises(ConfigurationError, match="give base_url to it"):
        JinaClassificationExtractor(client=client, base_url="local", labels=LABELS)
    data = JinaClassificationExtractor(client=client, labels=LABELS).to_dict()
    with pytest.raises(ConfigurationError, match="client=Jina"):
        JinaClassificationExtractor.from_dict(data)


def test_it_is_an_extractor_of_llama_index():
    """By its base class and by its name, which never changes."""
    assert issubclass(JinaClassificationExtractor, BaseExtractor)
    assert JinaClassificationExtractor.class_name() == "JinaClassificationExtractor"
