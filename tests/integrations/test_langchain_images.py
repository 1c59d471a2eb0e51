"""Images in LangChain: ``JinaEmbeddings.embed_images``, and documents that are images for ``JinaRerank``."""

from __future__ import annotations

import base64
import copy
import io

import pytest
from langchain_core.documents import Document

from langchain_ragbridge import JinaEmbeddings, JinaRerank
from ragbridge import ConfigurationError, Image

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
URL = "https://example.com/a.png"
DATA_URI = "data:image/png;base64," + base64.b64encode(PNG).decode()
CLIP, M0 = "jina-clip-v2", "jina-reranker-m0"
SOURCES = {
    "path": lambda path: path,
    "path as text": str,
    "file:// address": lambda path: path.as_uri(),
    "data URI": lambda _: DATA_URI,
    "bytes": lambda path: path.read_bytes(),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "Image": Image,
}


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a picture.png"
    path.write_bytes(PNG)
    return path


@pytest.fixture
def clip(wire):
    with JinaEmbeddings(model=CLIP, base_url=wire.url, limits=None)._jina as client:
        yield JinaEmbeddings(model=CLIP, client=client)


@pytest.fixture
def m0(wire):
    with JinaRerank(base_url=wire.url, limits=None)._jina as client:
        yield JinaRerank(model=M0, client=client, top_n=None)


@pytest.mark.parametrize("source", SOURCES)
async def test_every_kind_of_uri_is_sent_as_an_image(clip, wire, picture, source):
    """As the service's object with the content, by both faces, where the peers' class knows two kinds of five."""
    make = SOURCES[source]
    found = clip.embed_images([make(picture)])
    assert found == await clip.aembed_images([make(picture)]) == clip.embed_image(uris=[make(picture)])
    assert [body["input"] for body in wire.bodies] == [[{"image": base64.b64encode(PNG).decode()}]] * 3
    assert {type(number) for number in found[0]} == {float}


def test_addresses_are_left_to_the_service(clip, wire):
    """An address travels as it is, in today's form and not in that of 2024; mixed with others, order is kept."""
    found = clip.embed_images([URL, DATA_URI, URL])
    assert [list(item) for item in wire.bodies[0]["input"]] == [["image"]] * 3
    assert wire.bodies[0]["input"][0] == {"image": URL}
    assert found[0] == found[2] != found[1]


def test_images_are_documents_with_the_settings_of_texts(wire):
    """Role and dimensions hold for images as for texts; late chunking, a matter of chunks, does not concern them."""
    embeddings = JinaEmbeddings(
        model="jina-embeddings-v4", dimensions=128, late_chunking=True, base_url=wire.url, limits=None
    )
    assert len(embeddings.embed_images([URL])[0]) == 128
    assert wire.bodies[0]["task"] == "retrieval.passage"
    assert not wire.bodies[0].get("late_chunking")
    embeddings.close()


def test_no_image_sends_nothing(clip, wire):
    """An empty list gives an empty list."""
    assert clip.embed_images([]) == []
    assert wire.bodies == []


@pytest.mark.parametrize(
    ("uris", "says"),
    [
        (URL, "uris is one str"),
        ([URL, ""], r"uris\[1\].*empty"),
        ([URL, "ftp://example.com/a.png"], r"uris\[1\].*https"),
        ([URL, "missing.png"], r"uris\[1\].*missing.png"),
        ([3], r"uris\[0\].*int"),
    ],
)
def test_what_names_no_image_is_refused_before_anything_is_sent(clip, wire, uris, says):
    """By its place among the uris."""
    with pytest.raises(ConfigurationError, match=says):
        clip.embed_images(uris)
    assert wire.bodies == []


def test_models_without_eyes_refuse_images():
    """The error names models that have them."""
    with pytest.raises(ConfigurationError, match="jina-clip-v2"):
        JinaEmbeddings(base_url="local").embed_images([URL])


@pytest.mark.parametrize("kind", ["binary", "ubinary", "base64"])
def test_vectors_that_are_no_floats_are_refused(kind):
    """LangChain's vectors are floats: an unpacked bit vector would be eight times longer, and a wrong one."""
    with pytest.raises(ConfigurationError, match=r"embedding_type.*lists of floats.*Jina\.embed"):
        JinaEmbeddings(base_url="local", embedding_type=kind)
    assert JinaEmbeddings(base_url="local", embedding_type="float").embedding_type == "float"


async def test_documents_without_text_are_ranked_by_their_image(m0, wire, picture):
    """Text, address, data URI and content side by side; id and metadata come back, on both faces."""
    documents = [
        Document("a text", id="0", metadata={"image": URL}),
        Document("", id="1", metadata={"image": URL}),
        Document(" \n", id="2", metadata={"image": DATA_URI}),
        Document("", id="3", metadata={"image": Image(picture)}),
        Document("", id="4", metadata={"image": picture}),
        Document("", id="5"),
    ]
    before = copy.deepcopy(documents)
    found = m0.compress_documents(documents, "query")
    assert found == await m0.acompress_documents(documents, "query")
    content = {"image": base64.b64encode(PNG).decode()}
    assert wire.bodies[0]["documents"] == ["a text", {"image": URL}, content, content, content, ""]
    assert {document.id for document in found} == set("012345")
    for document in found:
        score = document.metadata.pop("relevance_score")
        assert isinstance(score, float)
        assert document == before[int(document.id)]
    assert documents == before


def test_paths_in_metadata_open_files_below_the_root_alone(m0, wire, picture, tmp_path):
    """Metadata may come from afar: without ``image_root`` no text opens a file, and with it none outside."""
    (tmp_path.parent / "secret.png").write_bytes(b"secret")
    inside = [picture.name, str(picture), picture.as_uri()]
    outside = ["../secret.png", str(tmp_path.parent / "secret.png"), "/etc/hostname", "file:///etc/hostname"]
    rooted = JinaRerank(model=M0, client=m0.client, image_root=tmp_path)
    for image in inside:
        assert len(rooted.compress_documents([Document("", metadata={"image": image})], "query")) == 1
    sent = len(wire.bodies)
    for image in outside:
        with pytest.raises(ConfigurationError, match=r"documents\[0\]: metadata\['image'\].*image_root"):
            rooted.compress_documents([Document("", metadata={"image": image})], "query")
    for image in inside + outside:
        with pytest.raises(ConfigurationError, match="set image_root="):
            m0.compress_documents([Document("", metadata={"image": image})], "query")
    assert len(wire.bodies) == sent == len(inside)


def test_another_key_or_none(m0, wire):
    """``image_key`` says where images are named; None leaves documents without text as they are."""
    document = Document("", metadata={"image": URL, "figure": DATA_URI})
    for key in ("figure", None):
        JinaRerank(model=M0, client=m0.client, image_key=key).compress_documents([document], "query")
    sent = [body["documents"] for body in wire.bodies]
    assert sent == [[{"image": base64.b64encode(PNG).decode()}], [""]]


def test_rankers_without_eyes_refuse_images():
    """Instead of ranking an empty text; the error names the document and models that take images."""
    with pytest.raises(ConfigurationError, match=rf"documents\[1\].*{M0}"):
        JinaRerank(base_url="local").compress_documents(
            [Document("a"), Document("", metadata={"image": URL})], "query"
        )


def test_rows_of_mixed_documents(m0, wire):
    """``rerank`` takes images as values and as the service's objects, and an image as the query."""
    mixed = ["a", Document("b"), {"text": "c"}, {"image": URL}, Image(URL)]
    assert len(m0.rerank(mixed, Image(URL))) == 5
    assert wire.bodies[0]["documents"] == ["a", "b", "c", {"image": URL}, {"image": URL}]
    assert wire.bodies[0]["query"] == {"image": URL}


def test_documents_in_one_request_can_be_bounded(wire):
    """``max_documents_per_call`` splits what models rank one by one, and the best come out best first."""
    rerank = JinaRerank(model=M0, base_url=wire.url, limits=None, max_documents_per_call=4, top_n=3)
    found = rerank.compress_documents([Document(f"text {number}") for number in range(10)], "text 7")
    assert max(len(body["documents"]) for body in wire.bodies) == 4
    scores = [document.metadata["relevance_score"] for document in found]
    assert scores == sorted(scores, reverse=True)
    assert len(found) == 3
    rerank.close()
    with pytest.raises(ConfigurationError, match="max_documents_per_call=1"):
        JinaRerank(base_url="local", max_documents_per_call=1)
