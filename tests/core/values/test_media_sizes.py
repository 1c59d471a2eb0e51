"""Media that no request can hold are refused before they are read."""

from __future__ import annotations

import io
import os
import tracemalloc

import pytest

from ragbridge import Audio, ConfigurationError, Group, Image, Jina, Pdf, Video
from ragbridge.values import inputs

OMNI = "jina-embeddings-v5-omni-small"


@pytest.fixture
def file(tmp_path):
    """Makes files of so many bytes that take no room on the disk."""

    def make(size):
        path = tmp_path / f"{size}.bin"
        with path.open("wb") as empty:
            os.truncate(empty.fileno(), size)
        return path

    return make


@pytest.fixture
def jina(scripted):
    """A client to which no request may be sent."""
    transport = scripted()
    yield Jina(base_url="http://x", transport=transport, limits=None)
    assert not transport.requests


@pytest.fixture(autouse=True)
def _within_memory():
    """No test reads what it hands over."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize(
    ("kind", "model"),
    [(Image, "jina-clip-v2"), (Pdf, "jina-embeddings-v4"), (Audio, OMNI), (Video, OMNI)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_file_that_no_request_can_hold_is_refused_unread(jina, file, kind, model):
    """The error names the item, the file and the bound; with orjson such a request ended the process."""
    with pytest.raises(ConfigurationError, match=r"texts\[0\].*3000000000\.bin has 3,000 MB.* 256 MB"):
        jina.embed([kind(file(3_000_000_000))], model=model)


def test_files_that_no_request_can_hold_together_are_refused_unread(jina, file):
    """A group is one item, so its parts cannot be sent apart."""
    group = Group([Image(file(200_000_000)), "and", Video(file(100_000_000))])
    with pytest.raises(ConfigurationError, match=r"texts\[1\].*group have 300 MB.* 256 MB"):
        jina.embed(["a", group], model=OMNI)


def test_an_image_to_be_ranked_is_refused_alike(jina, file):
    """Whichever method takes media."""
    with pytest.raises(ConfigurationError, match=r"documents\[1\].*3,000 MB"):
        jina.rerank("q", ["a", Image(file(3_000_000_000))], model="jina-reranker-m0")
    with pytest.raises(ConfigurationError, match=r"inputs\[0\].*3,000 MB"):
        jina.classify([Image(file(3_000_000_000))], labels=["a", "b"], model="jina-clip-v2")


def test_a_bulk_file_that_is_too_large_is_refused_unread(jina, file):
    """It would be held twice in memory."""
    with (
        pytest.warns(DeprecationWarning, match="bulk"),
        pytest.raises(ConfigurationError, match=r"3,000 MB.*1,000 MB"),
    ):
        jina.submit_bulk(file(3_000_000_000), model="jina-embeddings-v3")


class Endless(io.RawIOBase):
    """A file object without an end, which gives a hundred bytes at a time."""

    def read(self, size=-1):
        return bytes(min(100, size))


@pytest.mark.parametrize(
    "source",
    [bytes(1001), bytearray(1001), io.BytesIO(bytes(1001)), Endless()],
    ids=lambda it: type(it).__name__,
)
def test_content_is_bounded_as_files_are(monkeypatch, source):
    """Bytes and file objects, those without an end too."""
    monkeypatch.setattr(inputs, "MAX_MEDIA_BYTES", 1000)
    with pytest.raises(ConfigurationError, match="Image has more than 0 MB"):
        Image(source)


def test_a_file_that_grows_is_refused_when_it_is_read(monkeypatch, file):
    """Between its size and its content it may have changed."""
    monkeypatch.setattr(inputs, "MAX_MEDIA_BYTES", 1000)
    image = Image(file(1000))
    assert image.size() == 1000
    assert len(image.read()) == 1000
    os.truncate(image.source, 5000)
    with pytest.raises(ConfigurationError, match="has more than 0 MB"):
        image.read()


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_a_file_object_is_read_to_its_end(monkeypatch, size):
    """In pieces or at once, up to the bound."""
    monkeypatch.setattr(inputs, "MAX_MEDIA_BYTES", 1000)
    if not size:
        with pytest.raises(ConfigurationError, match="at its end"):
            Image(io.BytesIO())
        return
    assert Image(io.BytesIO(bytes(size))).source == bytes(size)
