"""``JinaRerank`` ranks nodes with images, and nodes beyond one call."""

from __future__ import annotations

import asyncio
import base64

import pytest
from llama_index.core import QueryBundle
from llama_index.core.schema import (
    ImageDocument,
    ImageNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    TextNode,
)

from llama_index.postprocessor.ragbridge import JinaRerank
from ragbridge import ConfigurationError, Image, Jina

M0 = "jina-reranker-m0"
URL = "https://pictures.example/sea.png"
QUERY = "what causes ocean tides?"
CONTENT = b"a picture, as far as anybody looks"
BASE64 = base64.b64encode(CONTENT).decode()
TEXTS = [
    "Bicycles have two wheels and a chain.",
    "The moon pulls the water of the oceans, which makes the tides.",
    "A sourdough bread rises slowly, overnight.",
    "The ocean is deep and cold.",
    "Interest rates were raised by the central bank.",
]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a picture.png"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=["sync", "async"])
def rerank(request):
    """Reranks nodes by one of the two faces."""

    def call(reranker, nodes, query):
        scored = [NodeWithScore(node=node, score=0.0) for node in nodes]
        query = QueryBundle(query) if isinstance(query, str) else query
        if request.param == "sync":
            return reranker.postprocess_nodes(scored, query_bundle=query)
        return asyncio.run(reranker.apostprocess_nodes(scored, query_bundle=query))

    return call


def test_images_of_all_kinds_of_nodes_among_texts(rerank, wire, picture):
    """Content, path, ``file://`` and address of an image travel as ``image``, in one call with texts; nodes come back themselves."""
    nodes = [
        TextNode(text=TEXTS[1], metadata={"unseen": "x"}),
        ImageNode(image=BASE64, image_mimetype="image/png", text="a caption"),
        ImageNode(image=f"data:image/png;base64,{BASE64}"),
        ImageNode(image_path=str(picture)),
        ImageNode(image_path=picture.as_uri()),
        ImageNode(image_url=URL),
        ImageDocument(image=BASE64, image_mimetype="image/png"),
        Node(image_resource=MediaResource(path=picture)),
        Node(text_resource=MediaResource(text=TEXTS[0])),
    ]
    reranker = JinaRerank(model=M0, base_url=wire.url, top_n=9, limits=None)
    found = rerank(reranker, nodes, QUERY)
    (body,) = wire.bodies
    images = [{"image": value} for value in (BASE64, BASE64, BASE64, BASE64, URL, BASE64, BASE64)]
    assert body["documents"] == [TEXTS[1], *images, TEXTS[0]]
    contents = [TEXTS[1], *[Image(CONTENT)] * 4, Image(URL), *[Image(CONTENT)] * 2, TEXTS[0]]
    expected = Jina(base_url="local").rerank(QUERY, contents, model=M0)
    assert [(nodes.index(row.node), row.score) for row in found] == [
        (row.index, pytest.approx(row.score, abs=1e-6)) for row in expected
    ]
    assert {id(row.node) for row in found} == {id(node) for node in nodes}


def test_a_query_may_be_an_image(rerank, wire, picture):
    """A query's ``image_path`` is asked with where the query has no text; a text goes first."""
    reranker = JinaRerank(model=M0, base_url=wire.url, limits=None)
    rerank(reranker, [TextNode(text="a")], QueryBundle(query_str="", image_path=str(picture)))
    rerank(reranker, [TextNode(text="a")], QueryBundle(query_str=QUERY, image_path=str(picture)))
    assert [body["query"] for body in wire.bodies] == [{"image": BASE64}, QUERY]


@pytest.mark.parametrize("mode", [MetadataMode.NONE, MetadataMode.EMBED])
def test_models_of_texts_read_the_text_of_an_image(rerank, wire, mode):
    """Other models rank what an image's node has as text."""
    node = ImageNode(image_url=URL, text="a caption", metadata={"title": "Sea"})
    rerank(JinaRerank(base_url=wire.url, metadata_mode=mode), [node], QUERY)
    assert wire.bodies[0]["documents"] == [node.get_content(mode)]


def test_what_a_model_cannot_see_is_refused(rerank, wire, picture):
    """An image without a text is not ranked as an empty one: the message names its place and the models that see it."""
    reranker = JinaRerank(base_url=wire.url)
    with pytest.raises(ConfigurationError, match=r"documents\[1\] is Image.*jina-reranker-m0"):
        rerank(reranker, [TextNode(text="a"), ImageNode(image_url=URL)], QUERY)
    with pytest.raises(ConfigurationError, match=r"query is Image.*jina-reranker-m0"):
        rerank(reranker, [TextNode(text="a")], QueryBundle(query_str="", image_path=str(picture)))
    assert wire.bodies == []


def test_an_image_that_is_none_is_named(rerank, wire, tmp_path):
    """By the node's id where the node is wrong, by its place where a file is missing; an address opens no file."""
    reranker = JinaRerank(model=M0, base_url=wire.url)
    with pytest.raises(ConfigurationError, match="node abc: .*image_path"):
        rerank(reranker, [ImageNode(id_="abc", image_url="/etc/hostname")], QUERY)
    with pytest.raises(ConfigurationError, match=r"documents\[0\]: .*gone\.png"):
        rerank(reranker, [ImageNode(image_path=str(tmp_path / "gone.png"))], QUERY)
    assert wire.bodies == []


@pytest.mark.parametrize(
    ("model", "calls"), [("jina-reranker-v2-base-multilingual", [2, 2, 1]), ("jina-reranker-v3", None)]
)
def test_more_nodes_than_a_call_may_hold(rerank, wire, model, calls):
    """Pointwise models get several calls and rank as in one; listwise ones rank in rounds, and the best stays the best."""
    nodes = [TextNode(text=text) for text in TEXTS]
    reranker = JinaRerank(model=model, base_url=wire.url, top_n=2, max_documents_per_call=2, limits=None)
    found = rerank(reranker, nodes, QUERY)
    assert max(len(body["documents"]) for body in wire.bodies) == 2
    assert len(wire.bodies) > 2
    assert (len(found), found[0].text) == (2, TEXTS[1])
    if calls:
        assert sorted(len(body["documents"]) for body in wire.bodies) == sorted(calls)
        whole = rerank(JinaRerank(model=model, base_url="local", top_n=2), nodes, QUERY)
        assert [row.score for row in found] == pytest.approx([row.score for row in whole])


def test_a_call_of_one_is_refused_for_listwise_models():
    """They compare the nodes of a call."""
    with pytest.raises(ConfigurationError, match="max_documents_per_call=1"):
        JinaRerank(base_url="local", model="jina-reranker-v3", max_documents_per_call=1)
    JinaRerank(base_url="local", model=M0, max_documents_per_call=1)
