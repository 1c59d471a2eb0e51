"""Haystack's embedder of pictures: files, what documents carry, pages of PDFs."""

from __future__ import annotations

import base64
import copy
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document, Pipeline
from haystack.components.converters.image import PDFToImageContent
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.components.writers import DocumentWriter
from haystack.dataclasses import ByteStream
from haystack.document_stores.in_memory import InMemoryDocumentStore

from haystack_integrations.components.embedders.ragbridge import (
    JinaDocumentEmbedder,
    JinaDocumentImageEmbedder,
    JinaTextEmbedder,
)
from ragbridge import ConfigurationError, Image, Jina
from ragbridge.local import Faults

COLOURS = ["red", "green", "blue", "black", "white"]
OMNI = "jina-embeddings-v5-omni-small"


def png(colour: str, size: tuple[int, int] = (64, 32)) -> bytes:
    """A picture's bytes."""
    buffer = io.BytesIO()
    Picture.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, a PDF of three pages, and a text."""
    for colour in COLOURS:
        (tmp_path / f"{colour}.png").write_bytes(png(colour))
    pages = [Picture.new("RGB", (80, 40), colour) for colour in COLOURS[:3]]
    pages[0].save(tmp_path / "report.pdf", save_all=True, append_images=pages[1:])
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def named() -> list[Document]:
    """A document for each picture, by the name of its file."""
    return [
        Document(content=f"A {colour} field", meta={"file_path": f"{colour}.png", "n": n})
        for n, colour in enumerate(COLOURS)
    ]


def embedder(folder: Path, **settings: Any) -> JinaDocumentImageEmbedder:
    """One that has these files."""
    return JinaDocumentImageEmbedder(**{"base_url": "local", "root_path": str(folder), **settings})


def vectors_of(*images: bytes, model: str = OMNI) -> list[list[float]]:
    """What the embedded engine makes of pictures."""
    return (
        Jina(base_url="local")
        .embed([Image(image) for image in images], model=model, role="document")
        .tolist()
    )


def embeddings(documents: list[Document]) -> list[Any]:
    return [document.embedding for document in documents]


async def test_each_document_gets_the_vector_of_its_file(folder: Path) -> None:
    """Both faces give copies with their ids and meta, and the vector of the file's bytes; the input stays as it was."""
    given = named()
    before = copy.deepcopy(given)
    made = embedder(folder)
    result = made.run(given)
    assert embeddings(result["documents"]) == vectors_of(*map(png, COLOURS))
    assert [document.id for document in result["documents"]] == [document.id for document in given]
    source = {"type": "image", "file_path_meta_field": "file_path"}
    assert [document.meta for document in result["documents"]] == [
        {**document.meta, "embedding_source": source} for document in given
    ]
    assert result["meta"]["model"].startswith(OMNI)
    assert result["meta"]["usage"]["total_tokens"] > 0
    assert await made.run_async(given) == result
    assert given == before


@pytest.mark.parametrize("batch_size", [1, 2, 128])
async def test_rows_out_of_order_are_put_in_order(
    folder: Path, serve: Callable[..., Any], batch_size: int
) -> None:
    """Defect 9 of jina-haystack: vectors belong to the index that the answer names, whatever the order of its rows."""
    wire = serve(faults=Faults(rate=1, kinds=("shuffle",)))
    made = embedder(
        folder, base_url=wire.url, batch_size=batch_size, limits=None, task="retrieval.query", normalized=True
    )
    expected = vectors_of(*map(png, COLOURS))
    assert embeddings(made.run(named())["documents"]) == expected
    assert embeddings((await made.run_async(named()))["documents"]) == expected
    await made.close_async()
    assert max(len(body["input"]) for body in wire.bodies) == min(batch_size, len(COLOURS))
    assert all(body["task"] == "retrieval.query" and body["normalized"] for body in wire.bodies)
    assert sorted(item["image"] for body in wire.bodies for item in body["input"]) == sorted(
        2 * [base64.b64encode(png(colour)).decode() for colour in COLOURS]
    )


def test_blob_goes_before_the_file(folder: Path) -> None:
    """What a document carries is its picture, of whatever type it says or does not say."""
    documents = [
        Document(blob=ByteStream(png("red"), mime_type="image/png"), meta={"file_path": "missing.png"}),
        Document(blob=ByteStream(png("blue"))),
    ]
    found = embedder(folder).run(documents)["documents"]
    assert embeddings(found) == vectors_of(png("red"), png("blue"))
    assert found[1].meta == {"embedding_source": {"type": "image"}}
    assert [document.blob for document in found] == [document.blob for document in documents]


def test_pages_of_pdfs_are_drawn(folder: Path) -> None:
    """Each document of a PDF gets the vector of its own page, from a file as from a blob, wherever it stands."""
    content = (folder / "report.pdf").read_bytes()
    drawn = PDFToImageContent().run([folder / "report.pdf"])["image_contents"]
    pages = vectors_of(*(base64.b64decode(page.base64_image) for page in drawn))
    blob = ByteStream(content)
    documents = [
        Document(content="third", meta={"file_path": "report.pdf", "page_number": 3}),
        Document(meta={"file_path": "red.png"}),
        Document(content="first", meta={"file_path": "report.pdf", "page_number": 1}),
        Document(blob=blob, meta={"page_number": 2}),
        Document(blob=ByteStream(content, mime_type="application/pdf"), meta={"page_number": 1}),
        Document(content="third again", meta={"file_path": "report.pdf", "page_number": 3}),
    ]
    found = embeddings(embedder(folder).run(documents)["documents"])
    assert found == [pages[2], *vectors_of(png("red")), pages[0], pages[1], pages[0], pages[2]]
    assert len({tuple(page) for page in pages}) == 3


def test_image_size_fits_larger_pictures(folder: Path, wire: Any) -> None:
    """What is sent fits into the size and keeps its shape, pages of PDFs included; what fits already is not enlarged."""
    documents = [
        Document(meta={"file_path": "red.png"}),
        Document(blob=ByteStream(png("blue", (10, 20)), mime_type="image/png")),
        Document(meta={"file_path": "report.pdf", "page_number": 2}),
    ]
    for size in ((32, 32), [32, 32]):
        made = embedder(folder, base_url=wire.url, limits=None, image_size=size)
        made.run(documents)
        made.close()
        assert made.image_size == (32, 32)
        (body,) = wire.bodies
        sent = [Picture.open(io.BytesIO(base64.b64decode(item["image"]))).size for item in body["input"]]
        assert sent == [(32, 16), (10, 20), (32, 16)]
        wire.bodies.clear()


@pytest.mark.parametrize(
    ("wrong", "settings", "message"),
    [
        (Document(meta={"file_path": "missing.png"}), {}, r"there is no file '.*missing\.png'"),
        (Document(meta={"file_path": "."}), {}, "there is no file"),
        (Document(meta={"file_path": "a\0b.png"}), {}, "is no path"),
        (Document(content="no path"), {}, r"no blob, and no path of a file in meta\['file_path'\]"),
        (Document(meta={"file_path": 7}), {}, "no path of a file"),
        (Document(meta={"file_path": "red.png"}), {"file_path_meta_field": "picture"}, r"meta\['picture'\]"),
        (Document(meta={"file_path": "../secret.png"}), {}, "leads out of root_path"),
        (
            Document(meta={"file_path": "/etc/hostname", "mime_type": "image/png"}),
            {},
            "leads out of root_path",
        ),
        (Document(meta={"file_path": "notes.txt"}), {}, "is text/plain, neither an image nor a PDF"),
        (Document(blob=ByteStream(b"a,b", mime_type="text/csv")), {}, "is text/csv"),
        (Document(blob=ByteStream(b"", mime_type="image/png")), {}, "content is empty"),
        (Document(meta={"file_path": "report.pdf"}), {}, r"meta\['page_number'\].*is None"),
        (Document(meta={"file_path": "report.pdf", "page_number": 0}), {}, r"from 1, and is 0"),
        (
            Document(meta={"file_path": "report.pdf", "page_number": 4}),
            {},
            "page 4 of the PDF cannot be drawn",
        ),
        (Document(blob=ByteStream(b"%PDF-nonsense"), meta={"page_number": 1}), {}, "cannot be drawn"),
        (
            Document(blob=ByteStream(b"nonsense", mime_type="image/png")),
            {"image_size": (8, 8)},
            "cannot be resized",
        ),
    ],
)
async def test_document_without_a_picture_is_named(
    wrong: Document, settings: dict[str, Any], message: str, folder: Path, wire: Any
) -> None:
    """The error names the document and what is wrong with it, and nothing is sent."""
    given = [Document(blob=ByteStream(png("red"), mime_type="image/png")), wrong]
    made = embedder(folder, base_url=wire.url, **settings)
    message = rf"documents\[1\] \(id {wrong.id}\).*{message}"
    with pytest.raises(ConfigurationError, match=message):
        made.run(given)
    with pytest.raises(ConfigurationError, match=message):
        await made.run_async(given)
    assert wire.bodies == []


def test_absolute_paths_are_taken_below_the_root(folder: Path) -> None:
    """Below `root_path` an absolute path is just that."""
    document = Document(meta={"picture": str(folder / "red.png")})
    made = embedder(folder, root_path=str(folder), file_path_meta_field="picture")
    (found,) = made.run([document])["documents"]
    assert found.embedding == vectors_of(png("red"))[0]


@pytest.mark.parametrize("size", [5, (5,), (5, 0), ("5", "5"), (1, 2, 3)])
def test_wrong_image_size(size: Any) -> None:
    """A size is two counts of pixels."""
    with pytest.raises(ConfigurationError, match=r"image_size=.*\(width, height\)"):
        JinaDocumentImageEmbedder(base_url="local", image_size=size)


def test_model_that_sees_nothing_is_refused(folder: Path) -> None:
    """The error names models that take images."""
    with pytest.raises(ConfigurationError, match="jina-embeddings-v3 takes text only.*jina-clip-v2"):
        embedder(folder, model="jina-embeddings-v3").run(named())


@pytest.mark.parametrize("kind", [JinaTextEmbedder, JinaDocumentEmbedder, JinaDocumentImageEmbedder])
def test_vectors_are_floats(kind: type[Any]) -> None:
    """Packed bits, which Haystack cannot hold, are refused with a way to get them."""
    with pytest.raises(ConfigurationError, match=r"embedding_type='ubinary'.*Jina\.embed"):
        kind(base_url="local", embedding_type="ubinary")


async def test_empty_input_sends_nothing(wire: Any) -> None:
    """Nothing to embed costs nothing and is answered in full."""
    made = JinaDocumentImageEmbedder(base_url=wire.url)
    empty = {"documents": [], "meta": {"model": OMNI, "usage": {"total_tokens": 0}}}
    assert made.run([]) == await made.run_async([]) == empty
    assert wire.bodies == []


@pytest.mark.parametrize("wrong", ["text", ["text"], None])
def test_wrong_input_is_refused(wrong: Any) -> None:
    """The error names the component that takes strings."""
    with pytest.raises(TypeError, match="JinaTextEmbedder"):
        JinaDocumentImageEmbedder(base_url="local").run(wrong)


def test_progress_bar(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bar, off unless asked for, ends at the number of documents."""
    embedder(folder).run(named())
    assert not capsys.readouterr().err
    embedder(folder, progress_bar=True).run(named())
    assert "5/5" in capsys.readouterr().err


async def test_pipeline_from_yaml(folder: Path) -> None:
    """Pictures are indexed and found by a vector of the same model, by pipelines that were written and read again."""
    store = InMemoryDocumentStore()  # one that is read again holds the same documents
    indexing = Pipeline()
    indexing.add_component("embedder", embedder(folder, image_size=(16, 16)))
    indexing.add_component("writer", DocumentWriter(store))
    indexing.connect("embedder.documents", "writer.documents")
    indexing = Pipeline.loads(indexing.dumps())
    assert indexing.get_component("embedder").image_size == (16, 16)
    indexing.run({"documents": named()[:3]})
    await indexing.run_async({"documents": named()[3:]})
    indexing.close()
    assert store.count_documents() == len(COLOURS)

    searching = Pipeline()
    searching.add_component("embedder", JinaTextEmbedder(OMNI, base_url="local"))
    searching.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=2))
    searching.connect("embedder.embedding", "retriever.query_embedding")
    found = Pipeline.loads(searching.dumps()).run({"embedder": {"text": "a red field"}})
    assert len(found["retriever"]["documents"]) == 2


def test_missing_packages_are_named(folder: Path) -> None:
    """Without pillow and pypdfium2 files are sent as they are; what needs these packages says so."""
    code = f"""
import sys
sys.modules["PIL"] = sys.modules["pypdfium2"] = None
from haystack import Document
from haystack_integrations.components.embedders.ragbridge import JinaDocumentImageEmbedder
from ragbridge import ConfigurationError

def run(meta, **settings):
    made = JinaDocumentImageEmbedder(base_url="local", root_path={str(folder)!r}, **settings)
    return made.run([Document(meta=meta)])["documents"]

assert run({{"file_path": "red.png"}})[0].embedding
for meta, settings, packages in (
    ({{"file_path": "red.png"}}, {{"image_size": (8, 8)}}, "pip install pillow"),
    ({{"file_path": "report.pdf", "page_number": 1}}, {{}}, "pip install pypdfium2 pillow"),
):
    try:
        run(meta, **settings)
    except ConfigurationError as error:
        assert packages in str(error), error
    else:
        raise AssertionError(packages)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
