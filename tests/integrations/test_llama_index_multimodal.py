"""``JinaMultiModalEmbedding`` keeps LlamaIndex's contract for images beside that of ``JinaEmbedding`` for texts."""

from __future__ import annotations

import asyncio
import base64
import inspect
import io

import numpy as np
import pytest
from llama_index.core import StorageContext
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.indices import MultiModalVectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.rate_limiter import BaseRateLimiter
from llama_index.core.schema import ImageDocument, ImageNode, MediaResource, Node, TextNode
from llama_index.core.vector_stores import SimpleVectorStore

from llama_index.embeddings.ragbridge import JinaEmbedding, JinaMultiModalEmbedding
from ragbridge import ConfigurationError, Image, Jina
from ragbridge.local import Faults

URL = "https://pictures.example/sea.png"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
BASE64 = base64.b64encode(PNG).decode()
WAYS = ["one", "batch", "aone", "abatch"]


@pytest.fixture
def local():
    return JinaMultiModalEmbedding(base_url="local", dimensions=64)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a picture.png"
    path.write_bytes(PNG)
    return path


def embed(way, model, images):
    """``images`` by one of the framework's four ways."""
    ways = {
        "one": lambda: [model.get_image_embedding(image) for image in images],
        "batch": lambda: model.get_image_embedding_batch(images),
        "aone": lambda: [asyncio.run(model.aget_image_embedding(image)) for image in images],
        "abatch": lambda: asyncio.run(model.aget_image_embedding_batch(images)),
    }
    return ways[way]()


def read_to_its_end():
    buffer = io.BytesIO(PNG)
    buffer.read()
    return buffer


FORMS = {
    "path": lambda path: (str(path), BASE64),
    "file address": lambda path: (path.as_uri(), BASE64),
    "BytesIO": lambda _: (io.BytesIO(PNG), BASE64),
    "BytesIO, read to its end": lambda _: (read_to_its_end(), BASE64),
    "data URI": lambda _: (f"data:image/png;base64,{BASE64}", BASE64),
    "address": lambda _: (URL, URL),
}
"""What a caller may have -> what travels."""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_image_in_every_way(wire, picture, form):
    """Paths, ``file://``, buffers, data URIs and addresses travel as ``image``, synchronously and asynchronously."""
    image, sent = FORMS[form](picture)
    model = JinaMultiModalEmbedding(base_url=wire.url, dimensions=64)
    found = [embed(way, model, [image]) for way in WAYS]
    body = {
        "model": "jina-embeddings-v5-omni-small",
        "task": "retrieval.passage",
        "dimensions": 64,
        "embedding_type": "base64",
        "input": [{"image": sent}],
    }
    assert wire.bodies == [body] * len(WAYS)
    assert found == [[found[0][0]]] * len(WAYS)
    assert len(found[0][0]) == 64
    assert {type(number) for number in found[0][0]} == {float}


def test_a_buffer_is_left_where_it_was(local):
    """A ``BytesIO`` can be embedded twice, and stands where it stood."""
    buffer = io.BytesIO(PNG)
    buffer.seek(3)
    assert local.get_image_embedding(buffer) == local.get_image_embedding(buffer)
    assert buffer.tell() == 3


@pytest.mark.parametrize("way", ["batch", "abatch"])
def test_one_batch_of_the_framework_is_one_call_of_the_core(serve, way):
    """300 images are cut into requests by the core, and rows that come shuffled find their images."""
    wire = serve(faults=Faults(rate=1.0, kinds=("shuffle",)))
    images = [io.BytesIO(PNG + bytes([number % 256, number // 256])) for number in range(300)]
    found = embed(way, JinaMultiModalEmbedding(base_url=wire.url, dimensions=64, limits=None), images)
    assert 1 < len(wire.bodies) < 10
    assert sum(len(body["input"]) for body in wire.bodies) == 300
    expected = Jina(base_url="local").embed(
        [Image(image.getvalue()) for image in images],
        model="jina-embeddings-v5-omni-small",
        role="document",
        dimensions=64,
    )
    np.testing.assert_allclose(found, expected.vectors, atol=1e-6)


@pytest.mark.parametrize("way", ["batch", "abatch"])
def test_empty_input_sends_nothing(wire, way):
    """No images, no request."""
    assert embed(way, JinaMultiModalEmbedding(base_url=wire.url), []) == []
    assert wire.bodies == []


async def test_many_batches_of_the_framework_stay_within_the_concurrency(wire):
    """LlamaIndex starts all batches at once; no more requests than ``concurrency`` are open."""
    wire.hold = 0.01
    model = JinaMultiModalEmbedding(base_url=wire.url, limits=None, concurrency=2, embed_batch_size=2)
    assert len(await model.aget_image_embedding_batch([URL] * 12)) == 12
    assert (len(wire.bodies), wire.most) == (6, 2)


def test_queries_and_texts_have_their_own_tasks(wire):
    """Texts are embedded as by ``JinaEmbedding``: with the task of their role, in the space of the images."""
    model = JinaMultiModalEmbedding(base_url=wire.url, model="jina-clip-v2")
    model.get_query_embedding("a sea")
    model.get_text_embedding("the sea")
    model.get_image_embedding(URL)
    assert [body.get("task") for body in wire.bodies] == ["retrieval.query", None, None]


def test_the_default_model_embeds_texts_as_the_default_model_for_texts_does(wire):
    """A text index of ``JinaEmbedding`` and an image index beside it may share queries."""
    both = JinaMultiModalEmbedding(base_url=wire.url), JinaEmbedding(base_url=wire.url)
    assert both[0].get_text_embedding("the sea") == both[1].get_text_embedding("the sea")
    assert both[0].get_query_embedding("the sea") == both[1].get_query_embedding("the sea")


@pytest.mark.parametrize("way", WAYS)
def test_events_frame_images_as_they_do_texts(local, events, way):
    """Start and end events and the callback event, with model and width; content is in none of them."""
    debug = LlamaDebugHandler(print_trace_on_end=False)
    local.callback_manager = CallbackManager([debug])
    (vector,) = embed(way, local, [f"data:image/png;base64,{BASE64}"])
    start, end = [event for event in events if isinstance(event, EmbeddingStartEvent | EmbeddingEndEvent)]
    assert start.model_dict["model_name"] == "jina-embeddings-v5-omni-small"
    assert (end.chunks, end.embeddings) == ([f"Image(<{len(PNG)} bytes>)"], [vector])
    ((first, last),) = debug.get_event_pairs(CBEventType.EMBEDDING)
    assert first.payload[EventPayload.SERIALIZED] == start.model_dict
    assert last.payload[EventPayload.EMBEDDINGS] == [vector]


def test_events_name_addresses_and_paths(local, events, picture):
    """What names an image without holding it is told as it is."""
    local.get_image_embedding_batch([URL, str(picture)])
    assert [event.chunks for event in events if isinstance(event, EmbeddingEndEvent)] == [[URL, str(picture)]]


@pytest.mark.parametrize("way", ["batch", "abatch"])
def test_llama_indexs_rate_limiter_is_asked(local, way):
    """The framework asks it for texts alone; here it is asked once for each batch of images."""
    asked = []

    class Counting(BaseRateLimiter):
        def acquire(self, num_tokens=0):
            asked.append(num_tokens)

        async def async_acquire(self, num_tokens=0):
            asked.append(num_tokens)

    local.rate_limiter = Counting()
    local.embed_batch_size = 2
    embed(way, local, [URL] * 5)
    assert asked == [0, 0, 0]


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_nodes_get_the_vector_of_what_they_have(wire, picture, asynchronous):
    """As a transformation, images of any kind of node are embedded as images and other nodes as texts, in place."""
    model = JinaMultiModalEmbedding(base_url=wire.url, dimensions=64, limits=None)
    nodes = [
        TextNode(text="the sea", metadata={"title": "Water"}),
        ImageNode(image_path=str(picture), text="a caption"),
        ImageNode(image=BASE64, image_mimetype="image/png"),
        TextNode(text="the sky"),
        ImageNode(image_url=URL),
        ImageDocument(image=BASE64),
        Node(image_resource=MediaResource(path=picture)),
        Node(image_resource=MediaResource(url=URL)),
        ImageNode(text="no image at all"),
    ]
    pipeline = IngestionPipeline(transformations=[model], disable_cache=True)
    found = await pipeline.arun(nodes=nodes) if asynchronous else pipeline.run(nodes=nodes)
    sent = [{"image": value} for value in (BASE64, BASE64, URL, BASE64, BASE64, URL)]
    texts = ["title: Water\n\nthe sea", "the sky", "no image at all"]
    assert [body["input"] for body in wire.bodies] == [texts, sent]
    same = model.get_image_embedding(io.BytesIO(PNG))
    assert [node.embedding == same for node in found] == [place in {1, 2, 5, 6} for place in range(9)]
    assert found[3].embedding == model.get_text_embedding("the sky")


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"image_url": "/etc/hostname"}, "image_path"),
        ({"image": "%%%"}, "base64"),
        ({"image_path": "s3://bucket/a.png"}, "http"),
    ],
)
def test_a_node_without_a_real_image_is_named(local, image, says):
    """What is in a node as an image and is none is refused before anything is sent; an address opens no file."""
    with pytest.raises(ConfigurationError, match=rf"node abc: .*{says}"):
        local([ImageNode(id_="abc", **image)])


def test_a_missing_file_is_refused_before_anything_is_sent(wire, tmp_path):
    """The message names the file, and its place in the batch."""
    model = JinaMultiModalEmbedding(base_url=wire.url)
    with pytest.raises(ConfigurationError, match=r"images\[1\]: .*gone\.png"):
        model.get_image_embedding_batch([URL, str(tmp_path / "gone.png")])
    assert wire.bodies == []


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_multi_modal_index_finds_the_image(picture, tmp_path, asynchronous):
    """``MultiModalVectorStoreIndex`` finds an image by itself, and a text by a query."""
    other = tmp_path / "other.png"
    other.write_bytes(PNG + b"another")
    texts = ["A sourdough bread rises slowly, overnight.", "The moon pulls the water of the oceans: tides."]
    jina = Jina(base_url="local")
    index = MultiModalVectorStoreIndex(
        [
            # The framework leaves out image nodes of which embeddings would see no text.
            *(ImageNode(image_path=str(path), metadata={"name": path.name}) for path in (other, picture)),
            *(TextNode(text=text) for text in texts),
        ],
        storage_context=StorageContext.from_defaults(
            vector_store=SimpleVectorStore(), image_store=SimpleVectorStore()
        ),
        embed_model=JinaEmbedding(client=jina),
        image_embed_model=JinaMultiModalEmbedding(client=jina),
    )
    retriever = index.as_retriever(similarity_top_k=1, image_similarity_top_k=1)
    if asynchronous:
        images = await retriever.aimage_to_image_retrieve(str(picture))
        found = await retriever.atext_retrieve("what causes ocean tides?")
    else:
        images = retriever.image_to_image_retrieve(str(picture))
        found = retriever.text_retrieve("what causes ocean tides?")
    assert [node.node.image_path for node in images] == [str(picture)]
    assert images[0].score == pytest.approx(1)
    assert [node.text for node in found] == [texts[1]]


def test_settings_are_those_of_the_embedding_of_texts():
    """Same settings, so that one can take the place of the other."""
    assert set(JinaMultiModalEmbedding.model_fields) == set(JinaEmbedding.model_fields)
    assert inspect.signature(JinaMultiModalEmbedding) == inspect.signature(JinaEmbedding)


def test_a_model_without_images_is_refused():
    """At construction, with the models that take them; one that the table does not know is left to the service."""
    with pytest.raises(ConfigurationError, match=r"use JinaEmbedding; models that do: .*jina-clip-v2"):
        JinaMultiModalEmbedding(base_url="local", model="jina-embeddings-v3")
    JinaMultiModalEmbedding(base_url="local", model="jina-embeddings-v9")


@pytest.mark.parametrize("kind", [JinaEmbedding, JinaMultiModalEmbedding])
@pytest.mark.parametrize("packed", ["binary", "ubinary"])
def test_packed_bits_are_refused(kind, packed):
    """Lists of floats are all that LlamaIndex knows; ``float`` may be said."""
    with pytest.raises(ConfigurationError, match=r"lists of floats alone.*Jina\.embed"):
        kind(base_url="local", embedding_type=packed)
    assert len(kind(base_url="local", embedding_type="float", dimensions=64).get_text_embedding("a")) == 64


def test_serialized_name_is_frozen():
    """Stored components name their class by this; it never changes."""
    assert JinaMultiModalEmbedding.class_name() == "JinaMultiModalEmbedding"
