"""Texts, images, sound, films and PDF as Elasticsearch takes them."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from ragbridge import Audio, ConfigurationError, Elastic, Group, Image, Pdf, Video
from ragbridge.elastic import knn_query, knn_retriever
from ragbridge.services.elastic.content import to_wire
from ragbridge.services.elastic.encoding import encode

PNG = b"\x89PNG\r\n\x1a\n picture"


def uri(content: bytes, kind: str) -> str:
    """A data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


@pytest.fixture
def omni(cluster, answer):
    """An Elasticsearch with an endpoint of the type ``embedding``: each vector says the place of its input."""

    class Omni(cluster):
        def answer(self, request):
            if request.method == "GET":
                return super().answer(request)
            inputs = json.loads(request.body)["input"]
            return answer(
                {"embeddings": [{"embedding": [float(place), 1.0]} for place in range(len(inputs))]}
            )

    return Omni()


def test_each_kind_of_input_is_an_object_of_its_type(omni, connect, face):
    """In one request, each a data URI that names its type; texts among them are objects too. One vector each."""
    inputs = [
        "a text",
        Image(PNG),
        Audio(b"ID3 sound"),
        Video(b"....ftypisom"),
        Pdf(b"%PDF-1.7"),
        Group(["so", Image(PNG)]),
    ]
    found = face(connect(omni), "embed", inputs, inference_id="omni", task_type="embedding", role="document")
    (body,) = omni.bodies
    picture = {"type": "image", "format": "base64", "value": uri(PNG, "image/png")}
    assert body == {
        "input": [
            {"content": {"type": "text", "format": "text", "value": "a text"}},
            {"content": picture},
            {"content": {"type": "audio", "format": "base64", "value": uri(b"ID3 sound", "audio/mpeg")}},
            {"content": {"type": "video", "format": "base64", "value": uri(b"....ftypisom", "video/mp4")}},
            {"content": {"type": "pdf", "format": "base64", "value": uri(b"%PDF-1.7", "application/pdf")}},
            {"content": [{"type": "text", "format": "text", "value": "so"}, picture]},
        ],
        "input_type": "ingest",
    }
    assert found.vectors.shape == (6, 2)


def test_texts_alone_travel_as_texts(omni, connect, face):
    """Whatever the task type: it is the form that every endpoint takes."""
    face(connect(omni), "embed", ["a", "b"], inference_id="omni", task_type="embedding")
    assert omni.bodies == [{"input": ["a", "b"]}]


def test_bodies_with_media_are_what_the_description_knows(judge, omni, connect):
    """Of embeddings and of rerankings, judged by Elasticsearch's API description."""
    elastic = connect(omni)
    elastic.embed(
        ["a", Image(PNG), Group(["b", Image(PNG)])], inference_id="omni", task_type="embedding", role="query"
    )
    judge.body("POST /_inference/embedding/{inference_id}", omni.bodies[0])


def test_elasticsearchs_own_objects_are_taken(omni, connect):
    """What a guide's request holds can be passed as it stands; a text in it is never the path of a file here."""
    elastic = connect(omni)
    picture = {"type": "image", "value": uri(PNG, "image/png")}
    parts = [
        {"type": "text", "value": "a"},
        {"type": "audio", "format": "base64", "value": uri(b"ID3", "audio/mpeg")},
    ]
    elastic.embed([{"content": picture}, {"content": parts}], inference_id="omni", task_type="embedding")
    sent = [row["content"] for row in omni.bodies[0]["input"]]
    assert sent[0]["value"] == picture["value"]
    assert [part["type"] for part in sent[1]] == ["text", "audio"]
    with pytest.raises(ConfigurationError, match=r"texts\[0\]: Image: neither an http"):
        elastic.embed(
            [{"content": {"type": "image", "value": __file__}}], inference_id="omni", task_type="embedding"
        )


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (
            [Image("https://example.com/a.png")],
            r"texts\[0\]: .* is an address, and Elasticsearch fetches none",
        ),
        (["a", Image("no/such.png")], r"texts\[1\]: Image: cannot read the file"),
        ([b"bytes"], r"texts\[0\] is bytes: say what it is, such as Image"),
        ([3], r"texts\[0\] is int, not str, Image"),
        ([{"image": "a"}], r"texts\[0\]: an object is .*, and this one has \['image'\]"),
        (
            [{"content": {"type": "smell", "value": "a"}}],
            r'texts\[0\]: a part of "content" has a "type" of text, image',
        ),
        (Image(PNG), "texts is one Image: pass a list of texts or other inputs"),
    ],
)
def test_what_cannot_be_embedded_is_refused_by_its_place(omni, connect, face, inputs, says):
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=says):
        face(connect(omni), "embed", inputs, inference_id="omni", task_type="embedding")
    assert omni.requests == []


def test_endpoints_of_texts_say_what_to_pass_instead(cluster, connect, face):
    """An image needs an endpoint of another type, and the error names both the item and the way."""
    transport = cluster()
    with pytest.raises(
        ConfigurationError,
        match=r'texts\[1\] is Image, .* text_embedding takes texts: pass task_type="embedding"',
    ):
        face(connect(transport), "embed", ["1", Image(PNG)], inference_id="my")
    assert transport.requests == []


def test_a_stream_names_an_item_by_its_number(omni, connect):
    """Media go through streams as through calls; an item that cannot be embedded is named by its place in the stream."""
    elastic = connect(omni)
    pairs = elastic.embed_stream(iter(["a", Image(PNG)]), inference_id="omni", task_type="embedding")
    assert len([*pairs]) == 2
    with pytest.raises(ConfigurationError, match=r"items\[2\] is int"):
        [*elastic.embed_stream(iter(["a", "b", 3]), inference_id="omni", task_type="embedding")]


def test_equal_media_are_found_in_a_cache_by_their_content(omni, connect):
    """Whatever file or object they come from; what was paid for is not sent again."""
    elastic = connect(omni, cache={}, cache_version="1")
    for _ in range(2):
        vectors = elastic.embed(
            [Image(PNG), Group(["a", Image(PNG)])], inference_id="omni", task_type="embedding"
        ).vectors
    assert np.array_equal(vectors, [[0, 1], [1, 1]])
    sent = [request for request in omni.requests if request.method == "POST"]
    assert len(sent) == 1
    elastic.embed([Pdf(PNG)], inference_id="omni", task_type="embedding")  # the same bytes as another kind
    assert len([request for request in omni.requests if request.method == "POST"]) == 2


def test_media_are_cut_into_requests_by_their_bytes():
    """The wire form of a part holds that part alone."""
    from ragbridge.client.items import Inputs

    inputs = Inputs(["a", "", "b"], {1: Image(PNG)}, {})
    assert to_wire(inputs, 2, 3) == ["b"]
    assert [row["content"]["type"] for row in to_wire(inputs, 0, 2)] == ["text", "image"]


def test_images_are_ranked_and_ask(cluster, connect, face, answer, judge):
    """All documents are objects where one is an image; the caller's own come back."""
    transport = cluster(
        answer({"rerank": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.1}]})
    )
    documents = ["a text", {"image": PNG, "id": 7}]
    ranking = face(
        connect(transport), "rerank", Image(PNG), documents, inference_id="m0", return_documents=True
    )
    picture = {"type": "image", "format": "base64", "value": uri(PNG, "image/png")}
    assert transport.bodies == [
        {
            "query": picture,
            "input": [{"type": "text", "format": "text", "value": "a text"}, picture],
            "top_n": 2,
        }
    ]
    judge.body("POST /_inference/rerank/{inference_id}", transport.bodies[0])
    assert [row.document for row in ranking] == [documents[1], documents[0]]


@pytest.mark.parametrize(
    ("query", "documents", "says"),
    [
        ("q", [Audio(b"ID3")], r"documents\[0\] is Audio, not str, Image"),
        ("q", [{"id": 1}], r"documents\[0\] is dict, not str, Image or an object with 'text' or 'image'"),
        ("q", [{"image": "cat.png"}], r"documents\[0\]: Image: neither"),
        ("", ["a"], "query must be a text that is not empty, or an Image"),
        (Image("http://a.b/c"), ["a"], "query: .* is an address"),
    ],
)
def test_what_cannot_be_ranked_is_refused(cluster, connect, query, documents, says):
    """By its place, before anything is sent."""
    transport = cluster()
    with pytest.raises(ConfigurationError, match=says):
        connect(transport).rerank(query, documents, inference_id="m0")
    assert transport.requests == []


def test_an_image_can_be_searched_for():
    """By the builder that embeds any input; the form of a text, of an image, and of several parts as one."""
    picture = {"type": "image", "format": "base64", "value": uri(PNG, "image/png")}
    builder = knn_query("v", query_input=Image(PNG), inference_id="omni", k=3)["knn"]["query_vector_builder"]
    assert builder == {"embedding": {"inference_id": "omni", "input": picture}}
    assert knn_query("v", query_input="sea")["knn"]["query_vector_builder"] == {"embedding": {"input": "sea"}}
    group = knn_retriever("v", k=3, query_input=Group(["a", Image(PNG)]))["knn"]["query_vector_builder"]
    assert group["embedding"]["input"] == [{"type": "text", "format": "text", "value": "a"}, picture]


def test_documents_may_hold_media():
    """A ``semantic`` field takes objects: ``bulk`` writes them, also in lists; a missing file is named by its path."""
    body = json.loads(encode({"pictures": ["a cat", Image(PNG)]}, name="documents[0]"))
    assert body == {
        "pictures": ["a cat", {"type": "image", "format": "base64", "value": uri(PNG, "image/png")}]
    }
    with pytest.raises(
        ConfigurationError, match=r"documents\[0\]\.picture cannot be written as JSON: Image: cannot read"
    ):
        encode({"picture": Image("no/such.png")}, name="documents[0]")


def test_the_embedded_engine_takes_all_kinds() -> None:
    """An omni endpoint is there from the start; equal pictures have equal vectors; the specification's own example passes."""
    pytest.importorskip("model2vec")
    with Elastic("local") as elastic:
        options = {"inference_id": ".jina-embeddings-v5-omni-small", "task_type": "embedding"}
        inputs = [
            Image(PNG),
            Image(PNG),
            Audio(b"ID3"),
            Video(b"film"),
            Pdf(b"%PDF"),
            Group(["a", Image(PNG)]),
            "a",
        ]
        vectors = elastic.embed(inputs, **options).vectors
        assert vectors.shape == (7, 1024)
        assert np.array_equal(vectors[0], vectors[1])
        ranking = elastic.rerank(Image(PNG), ["a", Image(PNG)], inference_id=".jina-reranker-m0")
        assert [row.index for row in ranking] == [1, 0]
