"""Images and other media: where they may come from, how they travel, what they weigh."""

from __future__ import annotations

import base64
import io
import json
import pickle
import struct
import sys
import zlib

import numpy as np
import pytest

from ragbridge import (
    Audio,
    ConfigurationError,
    Group,
    Image,
    InvalidRequestError,
    Jina,
    Limiter,
    Pdf,
    RateLimit,
    ResponseError,
    Retry,
    Video,
)
from ragbridge.client.batching import MAX_REQUEST_BYTES
from ragbridge.flow import Response
from ragbridge.models import MODELS
from ragbridge.values.media import ASSUMED_SIDE, ASSUMED_TOKENS, pixels, tile_tokens, tokens_of

V4, CLIP, OMNI = "jina-embeddings-v4", "jina-clip-v2", "jina-embeddings-v5-omni-small"
URL = "https://pictures.example/a.png?size=large"


def png(width, height):
    """A picture of one colour."""
    rows = zlib.compress(b"".join(b"\0" + b"\x7f" * (3 * width) for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


PNG = png(2, 3)
BASE64 = base64.b64encode(PNG).decode()


def embedded(request, *, count=None):
    """Zeros of the model's width, one row for each item, or ``count``."""
    body = json.loads(request.body)
    width = MODELS[body["model"]].dimensions
    count = count or (len(body["input"]) if isinstance(body["input"], list) else 1)
    value = base64.b64encode(bytes(4 * width)).decode()
    rows = [{"object": "embedding", "index": index, "embedding": value} for index in range(count)]
    return Response(200, {}, json.dumps({"data": rows, "usage": {"total_tokens": 10}}).encode())


@pytest.fixture
def sends(scripted):
    """``sends(texts, model)``: the inputs of each request that a call sends."""

    def call(texts, model=OMNI, **settings):
        transport = scripted(*[embedded] * 300)
        jina = Jina(**{"base_url": "http://x", "limits": None, "transport": transport, **settings})
        jina.embed(texts, model=model)
        return [json.loads(request.body)["input"] for request in transport.requests]

    return call


FORMS = {
    "path": lambda path: path,
    "path as str": str,
    "path as file:// address": lambda path: path.as_uri(),
    "bytes": lambda _: PNG,
    "bytearray": lambda _: bytearray(PNG),
    "memoryview": lambda _: memoryview(PNG),
    "BytesIO": lambda _: io.BytesIO(PNG),
    "data URI": lambda _: f"data:image/png;base64,{BASE64}",
    "data URI of capitals": lambda _: f"DATA:IMAGE/PNG;BASE64,{BASE64}",
    "data URI in lines": lambda _: f"data:image/png;base64,{BASE64[:20]}\n{BASE64[20:]}",
}
"""The same picture in every form that a caller may have it in."""


@pytest.mark.parametrize("kind", [Image, Pdf, Audio, Video])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_travels_as_base64_whatever_it_came_from(sends, tmp_path, kind, form):
    """A path, the bytes, an open file and a data URI are the same file to the service."""
    path = tmp_path / "a picture.png"
    path.write_bytes(PNG)
    item = kind(FORMS[form](path))
    (sent,) = sends([item])
    assert (sent if kind is Pdf else sent[0]) == {kind.KIND: BASE64}


def test_an_open_file_is_taken(sends, tmp_path):
    """Any binary file object, read at once: it may be closed afterwards."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    with path.open("rb") as file:
        image = Image(file)
    assert sends([image]) == [[{"image": BASE64}]]


def test_addresses_travel_as_they_are(sends):
    """The service fetches them, not this machine."""
    assert sends([Image(URL), Audio("HTTP://x.example/a")]) == [
        [{"image": URL}, {"audio": "HTTP://x.example/a"}]
    ]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"text": "a"}, "a"),
        ({"image": URL}, {"image": URL}),
        ({"image": BASE64}, {"image": BASE64}),
        ({"image": f"data:image/png;base64,{BASE64}"}, {"image": BASE64}),
        ({"image": PNG}, {"image": BASE64}),
        ({"audio": BASE64}, {"audio": BASE64}),
        ({"video": URL}, {"video": URL}),
        ({"url": URL}, {"image": URL}),
        ({"bytes": BASE64}, {"image": BASE64}),
        ({"bytes": PNG}, {"image": BASE64}),
        (
            {"content": [{"text": "a"}, {"image": URL}, "b", {"bytes": BASE64}]},
            {"content": [{"text": "a"}, {"image": URL}, {"text": "b"}, {"image": BASE64}]},
        ),
        (
            Group(["first", Image(URL), Audio(PNG), Video(URL), "last"]),
            {"content": [{"text": "first"}, {"image": URL}, {"audio": BASE64}, {"video": URL}, {"text": "last"}]},
        ),
    ],
    ids=str,
)  # fmt: skip
def test_the_services_own_objects_are_taken_and_old_ones_rewritten(sends, given, sent):
    """Keys of 2024 become today's; parts of a group keep their order."""
    assert sends(["x", given]) == [["x", sent]]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"image": "photo.png"}, "neither an http.* nor base64"),
        ({"image": "/etc/hostname"}, "neither an http"),
        ({"bytes": "%%%"}, "base64"),
        ({"image": ""}, "empty"),
        ({"image": None}, "NoneType"),
        ({"image": 3}, "int"),
        ({"picture": URL}, "'picture'"),
        ({"text": 3}, "'text'"),
        ({"text": "a", "image": URL}, "no other"),
        ({}, "no other"),
        ({"content": URL}, "'content'"),
        ({"content": []}, "empty"),
        ({"content": [{"pdf": URL}]}, r"parts\[0\] is Pdf"),
        ({"content": [{"content": ["a"]}]}, r"parts\[0\] is Group"),
        ({"content": [3]}, r"content\[0\] is int"),
        (None, "is NoneType"),
        (PNG, "is bytes"),
        (["a"], "is list"),
    ],
    ids=str,
)
def test_what_is_no_input_is_named_by_its_place(scripted, given, says):
    """Before anything is sent. Text of an object is never the path of a file here, since it may come from afar."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=rf"texts\[1\].*{says}"):
        Jina(base_url="http://x", transport=transport).embed(["a", given], model=OMNI)
    assert transport.requests == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "empty"),
        (b"", "empty"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,%%%", "broken"),
        ("data:image/png,raw", "base64"),
        ("ftp://x.example/a.png", "http"),
        ("file://host/a.png", "this machine"),
        ("https://x.example/\n", "address"),
        (3, "int"),
        (None, "NoneType"),
        (io.StringIO("text"), "binary mode"),
        (io.BytesIO(b""), "seek"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, io.IOBase) else repr(value),
)
def test_what_is_no_source_is_refused_at_once(source, says):
    """By the value's own name, with what would be one."""
    with pytest.raises(ConfigurationError, match=rf"Image: .*{says}"):
        Image(source)


@pytest.mark.parametrize("parts", [[], "a", Image(URL), [Pdf(URL)], [Group(["a"])], [3]], ids=repr)
def test_what_is_no_group_is_refused_at_once(parts):
    """Texts, images, recordings and films only: a PDF would give several vectors."""
    with pytest.raises(ConfigurationError, match="Group: parts"):
        Group(parts)


def test_a_missing_file_is_named_before_anything_is_sent(scripted, tmp_path):
    """With its place in the list; so is a folder, and an empty file. A file in a group as well."""
    empty = tmp_path / "empty.png"
    empty.touch()
    transport = scripted()
    jina = Jina(base_url="http://x", transport=transport)
    for item in (Image(tmp_path / "gone.png"), Group(["a", Image(str(tmp_path / "gone.png"))])):
        with pytest.raises(ConfigurationError, match=r"texts\[1\]: Image: .*gone\.png.*No such file"):
            jina.embed(["a", item], model=OMNI)
    with pytest.raises(ConfigurationError, match="is not a file"):
        jina.embed([Image(tmp_path)], model=OMNI)
    with pytest.raises(ConfigurationError, match=r"empty\.png is empty"):
        jina.embed([Image(empty)], model=OMNI)
    with pytest.raises(ConfigurationError, match="cannot read the file"):
        jina.embed([Image("a\0b.png")], model=OMNI)
    assert transport.requests == []


def test_a_file_is_read_when_its_request_is_built(scripted, tmp_path):
    """Not before: a job over many files holds those of the requests under way, and a file that vanishes is named."""
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        path.write_bytes(PNG)

    def then_vanish(request):
        paths[2].unlink()
        return embedded(request)

    jina = Jina(
        base_url="http://x",
        limits=None,
        batch_size=1,
        concurrency=1,
        transport=scripted(embedded, then_vanish),
    )
    with pytest.raises(ConfigurationError, match=r"2\.png.*No such file"):
        jina.embed([Image(path) for path in paths], model=CLIP)


def test_no_repr_shows_content():
    """Nor what an address may hold beside its host."""
    secret = "s3cr3t"
    values = [
        Image(secret.encode()),
        Image(f"https://{secret}:{secret}@host.example/{secret}?key={secret}"),
        Pdf("data:application/pdf;base64," + base64.b64encode(secret.encode()).decode()),
        Group([secret, Audio(secret.encode())]),
    ]
    shown = repr(values)
    assert secret not in shown
    assert base64.b64encode(secret.encode()).decode() not in shown
    assert shown == "[Image(<6 bytes>), Image(<at host.example>), Pdf(<6 bytes>), Group(2 parts)]"


def test_values_are_values():
    """Equal by what they hold, frozen, hashable, and they survive a pickle."""
    assert Image(PNG) == Image(io.BytesIO(PNG)) != Pdf(PNG)
    assert len({Image(PNG), Image(bytearray(PNG)), Image(URL)}) == 2
    for value in (Image(URL), Pdf(PNG), Group(["a", Video(URL)])):
        assert pickle.loads(pickle.dumps(value)) == value
    with pytest.raises(AttributeError):
        Image(URL).source = PNG


@pytest.mark.parametrize("one", [Image(URL), Group(["a"]), {"text": "a"}], ids=repr)
def test_one_input_is_not_taken_for_a_list(scripted, one):
    """As one string is not."""
    with pytest.raises(ConfigurationError, match="pass a list"):
        Jina(base_url="http://x", transport=scripted()).embed(one, model=OMNI)


@pytest.mark.parametrize(
    "given", [Pdf(URL), [Pdf(URL)], [{"pdf": URL}]], ids=["alone", "in a list", "object"]
)
@pytest.mark.parametrize("face", ["embed", "aembed"])
async def test_a_pdf_gives_a_vector_for_each_page(scripted, given, face):
    """As many rows as the service found pages, in their order; the request holds the PDF and no list."""

    def pages(request):
        values = [base64.b64encode(np.full(2048, page, "<f4").tobytes()).decode() for page in range(5)]
        rows = [{"index": page, "embedding": values[page]} for page in (3, 1, 4, 0, 2)]
        return Response(200, {}, json.dumps({"data": rows}).encode())

    transport = scripted(pages)
    told = []
    call = getattr(Jina(base_url="http://x", limits=None, transport=transport), face)
    result = call(given, model=V4, progress=told.append)
    result = await result if face == "aembed" else result
    assert result.vectors[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert json.loads(transport.requests[0].body)["input"] == {"pdf": URL}
    assert told == [1]


@pytest.mark.parametrize(
    "data",
    [
        [],
        None,
        [{"index": 1, "embedding": [1.0] * 2048}],
        [{"index": 0, "embedding": [1.0] * 2048}] * 2,
        [{"index": 0, "embedding": [1.0] * 2048}, {"index": 1, "embedding": [1.0] * 2047}],
    ],
    ids=["no page", "no list", "a hole", "twice", "another width"],
)
def test_wrong_pages_are_an_error(scripted, data):
    """That their number is the service's affair does not make any answer right."""
    answer = Response(200, {}, json.dumps({"data": data}).encode())
    jina = Jina(base_url="http://x", limits=None, retry=Retry(attempts=1), transport=scripted(answer))
    with pytest.raises(ResponseError):
        jina.embed(Pdf(URL), model=V4)


def test_pages_of_a_second_attempt_replace_those_of_the_first(scripted):
    """An answer that broke off leaves nothing behind."""
    broken = Response(
        200, {}, json.dumps({"data": [{"index": 0, "embedding": [1.0] * 2048}, {"index": 1}]}).encode()
    )
    jina = Jina(
        base_url="http://x", limits=None, retry=Retry(initial=0), transport=scripted(broken, embedded)
    )
    assert jina.embed(Pdf(URL), model=V4).vectors.tolist() == [[0.0] * 2048]


def test_a_pdf_among_others_is_refused(scripted):
    """Its vectors could not be told from theirs."""
    with pytest.raises(ConfigurationError, match=r"texts\[1\] is a Pdf beside others.*alone"):
        Jina(base_url="http://x", transport=scripted()).embed(["a", Pdf(URL)], model=V4)


def test_a_refused_image_is_named_by_its_place(scripted):
    """Whatever request it was in; of several too long items the first one that is refused alone."""
    refusal = Response(
        422, {}, b'{"detail": "x", "errors": [{"field": "input.1.image", "message": "no picture"}]}'
    )
    jina = Jina(
        base_url="http://x", limits=None, concurrency=1, batch_size=2, transport=scripted(embedded, refusal)
    )
    with pytest.raises(InvalidRequestError, match=r"texts\[3\]") as raised:
        jina.embed([Image(URL)] * 4, model=CLIP)
    assert raised.value.index == 3
    long = Response(400, {}, b'{"detail": {"message": "too long", "code": "INPUT_TOKEN_LIMIT_EXCEEDED"}}')
    transport = scripted(long, long)
    with pytest.raises(InvalidRequestError, match=r"texts\[0\]"):
        Jina(base_url="http://x", limits=None, transport=transport).embed([Image(URL)] * 3, model=CLIP)
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("kind", "size", "warns"),
    [
        (Image, 5_000_001, "5 MB"),
        (Image, 5_000_000, None),
        (Pdf, 8_000_001, "8 MB"),
        (Audio, 9_000_000, None),
    ],
)
def test_a_large_file_is_a_warning_not_an_error(sends, recwarn, kind, size, warns):
    """Sources disagree about the largest: the service decides."""
    sends([kind(bytes(size))])
    found = [str(warning.message) for warning in recwarn]
    assert len(found) == (warns is not None)
    if warns:
        assert warns in found[0]
        assert "texts[0]" in found[0]


TILES = [("jina-clip-v1", 9_000), ("jina-clip-v2", 16_000), ("jina-embeddings-v4", 4_840)]


@pytest.mark.parametrize(("model", "tokens"), TILES)
def test_an_image_weighs_its_tiles(tmp_path, model, tokens):
    """Tiles round up on either axis, as the service's page says of 600 x 600 pixels."""
    row = MODELS[model]
    assert tile_tokens(600, 600, row) == tokens
    assert tile_tokens(1, 1, row) == row.tile_tokens
    assert tile_tokens(row.image_tile, row.image_tile + 1, row) == 2 * row.tile_tokens
    picture = tmp_path / "a.png"
    picture.write_bytes(png(600, 600))
    for image in (Image(picture), Image(picture.read_bytes())):
        assert pixels(image) == (600, 600)
        assert tokens_of(image, row) == tokens


@pytest.mark.parametrize(
    "image",
    [
        Image(URL),
        Image(b"no picture"),
        Image(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'),
        Image(png(3, 3)[:18]),
        Image(png(3, 3).replace(struct.pack(">I", 3), struct.pack(">I", 70_000), 1)),
        Image("/no/such/file.png"),
    ],
    ids=repr,
)
def test_an_image_of_unknown_size_is_taken_for_the_assumed_one(image):
    """At an address, of an unknown format, damaged, gone: an estimate never fails."""
    row = MODELS[CLIP]
    assert tokens_of(image, row) == tile_tokens(ASSUMED_SIDE, ASSUMED_SIDE, row)


def test_without_the_extra_sizes_are_assumed(monkeypatch):
    """An estimate is for budgets only: it is no reason to ask for a package."""
    monkeypatch.setitem(sys.modules, "imagesize", None)
    assert pixels(Image(PNG)) is None


def test_where_no_formula_is_published_a_figure_is_assumed():
    """Omni models, and models that the table does not know."""
    for row in (MODELS[OMNI], None):
        for media in (Image(PNG), Audio(PNG), Video(PNG)):
            assert tokens_of(media, row) == ASSUMED_TOKENS[media.KIND]


def test_a_request_of_images_stays_within_its_bytes(sends):
    """A batch of large pictures is cut; one that is larger by itself goes alone; order is kept."""
    third = bytes(MAX_REQUEST_BYTES // 4)  # a third of the bound, as base64
    sizes = [[len(json.dumps(item)) for item in batch] for batch in sends([Audio(third)] * 5, concurrency=1)]
    assert [len(batch) for batch in sizes] == [3, 2]
    assert all(sum(batch) < 1.01 * MAX_REQUEST_BYTES for batch in sizes)
    alone = sends(["a", Audio(bytes(MAX_REQUEST_BYTES)), "b"], concurrency=1)
    assert [len(batch) for batch in alone] == [1, 1, 1]


def test_requests_are_cut_by_the_tokens_of_images(sends):
    """Texts and images share one budget: sixteen pictures of four tiles are as many as a request may bill."""
    picture = Image(png(600, 600))
    batches = sends([picture] * 40, model=CLIP, batch_size=100, concurrency=1)
    assert [len(batch) for batch in batches] == [16, 16, 8]


def test_the_quota_books_what_images_will_be_billed(scripted, clock):
    """Six requests of 16,000 tokens fit a minute of 100,000; the seventh waits for the next."""

    def billed(request):
        answer = json.loads(embedded(request).body)
        return Response(200, {}, json.dumps({**answer, "usage": {"total_tokens": 16_000}}).encode())

    limits = RateLimit(requests_per_minute=1000, tokens_per_minute=100_000, concurrency=1)
    transport = scripted(*[billed] * 7)
    jina = Jina(
        base_url="http://x", limits=limits, batch_size=1, concurrency=1, transport=transport, clock=clock
    )
    picture = Image(png(600, 600))
    for _ in range(6):
        jina.embed([picture], model=CLIP)
    assert clock.now() < 60
    jina.embed([picture], model=CLIP)
    assert clock.now() >= 60


def test_an_image_dearer_than_the_quota_is_for_the_service_to_refuse(scripted, clock):
    """Its price is partly guessed: it takes the whole minute, but it is sent."""
    limits = RateLimit(requests_per_minute=100, tokens_per_minute=10_000)
    transport = scripted(embedded, embedded)
    jina = Jina(base_url="http://x", limits=limits, concurrency=1, transport=transport, clock=clock)
    picture = png(600, 600)
    jina.embed(["a text", Image(picture)], model=CLIP)
    inputs = [json.loads(request.body)["input"] for request in transport.requests]
    assert inputs == [["a text"], [{"image": base64.b64encode(picture).decode()}]]


def test_a_text_is_not_looked_at_more_than_before(scripted):
    """A list of strings is one list of strings: nothing is read, weighed or rewritten for it."""
    asked = []

    def count(text):
        asked.append(text)
        return 1

    transport = scripted()
    jina = Jina(base_url="http://x", limits=None, transport=transport, count_tokens=count)
    jina.embed([f"{number} x" for number in range(1000)], model="m")
    assert asked == []
    limited = Limiter(RateLimit(1000, 10_000_000, 8))
    Jina(base_url="http://x", limits=limited, transport=transport, count_tokens=count).embed(
        ["1 x"], model="m"
    )
    assert asked == ["1 x"]


WRONG_BYTES = {
    "floats, as of a server that does not know the type": [0.25, -0.5],
    "base64": base64.b64encode(b"\1\2").decode(),
    "too large": [128, 0],
    "too small": [-129, 0],
    "not whole": [1.5, 0],
    "NaN": [float("nan"), 0],
    "infinity": [float("inf"), 0],
    "huge": [10**400, 0],
    "booleans": [True, False],
    "strings": ["1", "2"],
    "null": None,
    "empty": [],
    "too many": [1, 2, 3],
    "sixteen floats": [0.0] * 16,
}


@pytest.mark.parametrize("what", WRONG_BYTES)
def test_bytes_that_are_none_are_an_error(scripted, what):
    """Never a row of garbage."""
    data = [{"index": 0, "embedding": WRONG_BYTES[what]}]
    answer = Response(200, {}, json.dumps({"data": data}).encode())
    jina = Jina(base_url="http://x", limits=None, retry=Retry(attempts=1), transport=scripted(answer))
    with pytest.raises(ResponseError):
        jina.embed(["a"], model="jina-embeddings-v3", dimensions=16, embedding_type="binary")


@pytest.mark.parametrize(
    ("embedding_type", "sent"),
    [
        ("ubinary", [50, 193, 128, 255]),
        ("binary", [-78, 65, 0, 127]),
        ("binary", [-78.0, 65.0, 0.0, 127.0]),
    ],
)
def test_the_services_bytes_become_packed_bits(scripted, embedding_type, sent):
    """As measured: the same vector in either type; the signed bytes can be had back."""
    data = [{"index": 0, "embedding": sent}]
    answer = Response(200, {}, json.dumps({"data": data}).encode())
    result = Jina(base_url="http://x", limits=None, transport=scripted(answer)).embed(
        ["a"], model="jina-embeddings-v3", dimensions=32, embedding_type=embedding_type
    )
    assert result.vectors.dtype == np.uint8
    assert result.tolist() == [[50, 193, 128, 255]]
    assert (result.vectors ^ 0x80).view(np.int8).tolist() == [[-78, 65, 0, 127]]


def test_no_input_gives_no_rows_of_the_right_kind(scripted):
    """An empty list sends nothing."""
    transport = scripted()
    result = Jina(base_url="http://x", transport=transport).embed([], embedding_type="binary")
    assert (result.vectors.shape, result.vectors.dtype) == ((0, 128), np.uint8)
    assert transport.requests == []
