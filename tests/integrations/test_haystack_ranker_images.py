"""Haystack's ranker over pictures, and over more documents than one call takes."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Picture

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Document
from haystack.dataclasses import ByteStream

from haystack_integrations.components.rankers.ragbridge import JinaRanker
from ragbridge import ConfigurationError

M0 = "jina-reranker-m0"
QUERY = "Which insects make honey?"
TEXT = "Bees are insects that collect nectar and make honey."


def png(colour: str) -> bytes:
    """A picture's bytes."""
    buffer = io.BytesIO()
    Picture.new("RGB", (40, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


def sent(colour: str) -> dict[str, str]:
    """A picture as it travels."""
    return {"image": base64.b64encode(png(colour)).decode()}


def blob(colour: str) -> ByteStream:
    return ByteStream(png(colour), mime_type="image/png")


async def test_pictures_are_ranked_among_texts(wire: Any, tmp_path: Path) -> None:
    """m0 gets the pictures of documents without text, from blobs and files, and the text of the others."""
    (tmp_path / "blue.png").write_bytes(png("blue"))
    given = [
        Document(blob=blob("red")),
        Document(content=TEXT, blob=blob("green")),
        Document(meta={"file_path": "blue.png"}),
        Document(content="A glacier is a slow river of ice.", meta={"file_path": "missing.png"}),
        Document(meta={"n": 4}),
    ]
    ranker = JinaRanker(M0, base_url=wire.url, file_path_meta_field="file_path", root_path=str(tmp_path))
    result = ranker.run(QUERY, given)
    assert wire.bodies[0]["documents"] == [
        sent("red"),
        TEXT,
        sent("blue"),
        "A glacier is a slow river of ice.",
        "",
    ]
    assert {document.id for document in result["documents"]} == {document.id for document in given}
    scores = [document.score for document in result["documents"]]
    assert scores == sorted(scores, reverse=True)
    assert set(result["meta"]) == {"model", "usage"}
    assert await ranker.run_async(QUERY, given) == result
    await ranker.close_async()


def test_pages_are_ranked(wire: Any, tmp_path: Path) -> None:
    """The page of a PDF is ranked as a picture, fitted into the size that is asked for."""
    pages = [Picture.new("RGB", (80, 40), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "report.pdf", save_all=True, append_images=pages[1:])
    given = [Document(meta={"file_path": str(tmp_path / "report.pdf"), "page_number": 2})]
    files = {"file_path_meta_field": "file_path", "root_path": str(tmp_path)}
    ranker = JinaRanker(M0, base_url=wire.url, image_size=(20, 20), **files)
    ranker.run(QUERY, given)
    ranker.close()
    ((document,),) = (body["documents"] for body in wire.bodies)
    page = Picture.open(io.BytesIO(base64.b64decode(document["image"])))
    assert page.size == (20, 10)
    red, _, blue = page.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
    assert blue > 200 > red


def test_files_are_left_alone_unless_named(wire: Any) -> None:
    """Documents of other converters name their file too: without the setting, or with text in them, none is opened."""
    given = [Document(content="", meta={"file_path": "blank.txt"}), Document(content=TEXT)]
    JinaRanker(base_url=wire.url).run(QUERY, given)
    assert wire.bodies[0]["documents"] == ["", TEXT]


def test_model_that_sees_nothing_is_refused(wire: Any) -> None:
    """A picture is not ranked as an empty text: the error names the document, and the model that takes it."""
    with pytest.raises(ConfigurationError, match=rf"documents\[1\] is Image.*{M0}"):
        JinaRanker(base_url=wire.url).run(QUERY, [Document(content=TEXT), Document(blob=blob("red"))])
    assert wire.bodies == []


def test_missing_file_is_named(tmp_path: Path) -> None:
    """So is the document that names it."""
    orphan = Document(meta={"file_path": "none.png"})
    ranker = JinaRanker(M0, base_url="local", file_path_meta_field="file_path", root_path=str(tmp_path))
    with pytest.raises(ConfigurationError, match=rf"documents\[0\] \(id {orphan.id}\): there is no file"):
        ranker.run(QUERY, [orphan])


@pytest.mark.parametrize(
    ("model", "met"), [("jina-reranker-v2-base-multilingual", None), ("jina-reranker-v3", 4)]
)
async def test_documents_of_several_calls(model: str, met: int | None, wire: Any) -> None:
    """Scores of a pointwise model stand together; of a listwise one, `met` names those that do, which come first."""
    given = [Document(content=f"{n}. {TEXT if n == 7 else 'Ice'}") for n in range(10)]
    ranker = JinaRanker(model, base_url=wire.url, limits=None, max_documents_per_call=4)
    result = ranker.run(QUERY, given)
    assert max(len(body["documents"]) for body in wire.bodies) <= 4
    assert len(wire.bodies) >= 3
    assert result["documents"][0].id == given[7].id
    assert {document.id for document in result["documents"]} == {document.id for document in given}
    if met is None:
        assert "met" not in result["meta"]
    else:
        first = {document.id for document in result["documents"][:met]}
        assert set(result["meta"]["met"]) == first
    assert await ranker.run_async(QUERY, given) == result
    await ranker.close_async()
