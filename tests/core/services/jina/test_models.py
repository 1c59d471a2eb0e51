"""Every model by its row: what is sent, what is refused before sending, what is read.

The rows are those of ``ragbridge.models``, and two invented ones, which nothing but the row can make work. What the rows
say is compared with ``tests/data/models.json``, which is written from what the services publish.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import typing
from pathlib import Path

import invented as invented_models
import numpy as np
import pytest

from ragbridge import ConfigurationError, Group, Image, Jina, Pdf
from ragbridge.flow import Response
from ragbridge.models import (
    MODELS,
    BatchModel,
    EISModel,
    EmbeddingModel,
    Model,
    MultiVectorModel,
    RerankModel,
    hosted,
    lookup,
)
from ragbridge.models.hosted import OCR_MODELS

FACTS = json.loads(Path(invented_models.__file__).with_name("models.json").read_text(encoding="ascii"))[
    "models"
]
ROWS = [*MODELS.values(), *invented_models.INVENTED]
EMBED = [row for row in ROWS if "embed" in row.products]
COLBERT = [row for row in ROWS if "input_type" in row.options]
V4 = MODELS["jina-embeddings-v4"]
EVERY_TASK = sorted({*(task for row in ROWS for task in row.tasks), "retrieval", "summarization"})
PNG = b"\x89PNG\r\n\x1a\n a picture"
OTHERS = {
    "image": {"image": base64.b64encode(PNG).decode()},
    "audio": {"audio": "https://x.example/a.mp3"},
    "video": {"video": "https://x.example/a.mp4"},
    "content": {"content": [{"text": "a"}, {"image": "https://x.example/a.png"}]},
}


def name_of(row):
    return row.name


def columns(row):
    """The columns of a row that say something, as JSON has them."""
    plain = Model("", frozenset(), 0)
    said = {name: value for name, value in dataclasses.asdict(row).items() if value != getattr(plain, name)}
    del said["name"]
    return json.loads(json.dumps(said, default=sorted))


def takes(row):
    """The kinds of inputs that go out as the service writes them."""
    return (*row.modalities, *(["content"] if row.groups else []))


def role_fields(row, role):
    """What a request has of the role."""
    if "input_type" in row.options:
        return {"input_type": role}
    return {"task": row.roles[role]} if row.roles.get(role) else {}


def b64(numbers):
    return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()


def embedded(request):
    """Answers as the service does: base64, or bytes of the binary types; of a PDF three pages."""
    body = json.loads(request.body)
    width = body.get("dimensions") or lookup(body["model"]).dimensions
    items = body["input"] if isinstance(body["input"], list) else [0, 1, 2]
    rows = []
    for index in range(len(items)):
        vector = np.where(np.arange(width) % (index + 2) == 0, 1.0, -1.0)
        match body["embedding_type"]:
            case "base64":
                value = b64(vector)
            case "ubinary":
                value = np.packbits(vector > 0).tolist()
            case "binary":
                value = [float(byte) - 128 for byte in np.packbits(vector > 0)]
        rows.append({"object": "embedding", "index": index, "embedding": value})
    answer = {"model": body["model"], "usage": {"total_tokens": 7}, "data": rows}
    return Response(200, {}, json.dumps(answer).encode())


def by_token(request):
    """Answers as the service does for late interaction: one base64 string for each token."""
    body = json.loads(request.body)
    row = lookup(body["model"])
    width = body.get("dimensions") or (row and (row.token_dimensions or row.dimensions)) or 3
    rows = [
        {"object": "embeddings", "index": index, "embeddings": [b64([index + 1.0] * width)] * (index + 2)}
        for index in range(len(body["input"]))
    ]
    answer = {"model": body["model"], "usage": {"total_tokens": 7}, "data": rows}
    return Response(200, {}, json.dumps(answer).encode())


@pytest.fixture
def wire(scripted, invented):
    """``wire(method, *arguments, **options)``: what a call returns, and the one body that it sends."""

    def call(method, *arguments, **options):
        transport = scripted(by_token if "multivector" in method else embedded)
        result = getattr(Jina(base_url="http://x", limits=None, transport=transport), method)(
            *arguments, **options
        )
        (request,) = transport.requests
        return result, json.loads(request.body)

    return call


@pytest.fixture
def refuses(scripted, invented):
    """``refuses(says, method, *arguments, **options)``: the call is refused, and nothing was sent."""

    def check(says, method, *arguments, **options):
        transport = scripted()
        jina = Jina(base_url="http://x", limits=None, transport=transport)
        with pytest.raises(ConfigurationError, match=says):
            getattr(jina, method)(*arguments, **options)
        assert transport.requests == []

    return check


def test_every_row_says_what_the_services_publish():
    """All of its columns; a model that is added to the table is described beside the tests, by its sources."""
    assert {name: columns(row) for name, row in MODELS.items()} == FACTS


@pytest.mark.parametrize(
    ("alias", "product"),
    [
        (EmbeddingModel, "embed"),
        (RerankModel, "rerank"),
        (MultiVectorModel, "multivector"),
        (BatchModel, "batch"),
    ],
    ids=["embed", "rerank", "multivector", "batch"],
)
def test_completion_offers_every_model_of_a_product(alias, product):
    """The names that type checkers know are those of the table."""
    (literal,) = (part for part in typing.get_args(alias) if part is not str)
    assert set(typing.get_args(literal)) == {row.name for row in MODELS.values() if product in row.products}


def test_completion_offers_hosted_models():
    """Each of Jina's that the Elastic Inference Service hosts, and none that it does not host."""
    (literal,) = (part for part in typing.get_args(EISModel) if part is not str)
    offered = set(typing.get_args(literal))
    assert offered <= {*hosted(), *OCR_MODELS}
    assert {name for name in hosted() if name in MODELS} <= offered


@pytest.mark.parametrize("row", EMBED, ids=name_of)
@pytest.mark.parametrize("role", ["query", "document"])
def test_what_is_sent_for_a_role(wire, row, role):
    """The model's own task or none, base64, the input: these fields and no other. The vectors have its width."""
    result, body = wire("embed", ["a", {"text": "b"}], model=row.name, role=role)
    assert body == {
        "model": row.name,
        **role_fields(row, role),
        "embedding_type": "base64",
        "input": ["a", "b"],
    }
    assert (result.vectors.shape, result.vectors.dtype) == ((2, row.dimensions), np.float32)
    assert result.embedding_type == "float"


@pytest.mark.parametrize("row", EMBED, ids=name_of)
def test_each_task_is_sent_or_refused(wire, refuses, row):
    """The service rejects other models' tasks; the message names this model's."""
    for task in EVERY_TASK:
        if task in row.tasks:
            assert wire("embed", ["a"], model=row.name, task=task)[1]["task"] == task
        else:
            says = ", ".join(row.tasks) if row.tasks else "no tasks"
            refuses(says, "embed", ["a"], model=row.name, task=task)


@pytest.mark.parametrize("row", EMBED, ids=name_of)
def test_each_option_is_sent_or_refused(wire, refuses, row):
    """An option that a model does not have would be ignored by the service: that is said instead."""
    for name in ("normalized", "truncate", "late_chunking"):
        if name in row.options:
            assert wire("embed", ["a"], model=row.name, **{name: True})[1][name] is True
        else:
            refuses(name, "embed", ["a"], model=row.name, **{name: True})


@pytest.mark.parametrize("row", EMBED, ids=name_of)
def test_dimensions_are_sent_up_to_the_models_own(wire, refuses, row):
    """Any width up to it where there is a choice; only its own where there is none."""
    result, body = wire("embed", ["a"], model=row.name, dimensions=row.dimensions)
    assert (body["dimensions"], result.vectors.shape) == (row.dimensions, (1, row.dimensions))
    refuses("dimensions", "embed", ["a"], model=row.name, dimensions=row.dimensions + 1)
    if row.sizes:
        assert wire("embed", ["a"], model=row.name, dimensions=100)[0].vectors.shape == (1, 100)
    else:
        refuses(f"always gives {row.dimensions}", "embed", ["a"], model=row.name, dimensions=64)


@pytest.mark.parametrize("row", EMBED, ids=name_of)
@pytest.mark.parametrize("embedding_type", ["binary", "ubinary"])
def test_binary_vectors_are_packed_bytes(wire, refuses, row, embedding_type):
    """Both types give the bytes that ``numpy.packbits`` makes of the floats' signs."""
    floats = wire("embed", ["a", "b"], model=row.name)[0].vectors
    result, body = wire("embed", ["a", "b"], model=row.name, embedding_type=embedding_type)
    assert body["embedding_type"] == embedding_type
    assert result.vectors.dtype == np.uint8
    assert np.array_equal(result.vectors, np.packbits(floats > 0, axis=1))
    assert result.embedding_type == embedding_type
    if row.sizes:
        refuses(
            "multiple of 8", "embed", ["a"], model=row.name, embedding_type=embedding_type, dimensions=100
        )


@pytest.mark.parametrize("row", EMBED, ids=name_of)
def test_each_kind_of_input_is_sent_or_refused(wire, refuses, row):
    """What a model takes goes out as the service writes it, beside texts; what it does not is named, with who does."""
    for kind, item in OTHERS.items():
        if kind in takes(row):
            assert wire("embed", ["a", item], model=row.name)[1]["input"] == ["a", item]
        else:
            able = "jina-embeddings-v5-omni-small"
            refuses(rf"texts\[1\].*{row.name} takes.*{able}", "embed", ["a", item], model=row.name)
    pdf = Pdf("https://x.example/a.pdf")
    if "pdf" in takes(row):
        result, body = wire("embed", pdf, model=row.name)
        assert body["input"] == {"pdf": "https://x.example/a.pdf"}
        assert result.vectors.shape == (3, row.dimensions)
    else:
        refuses(rf"texts\[0\] is Pdf.*{row.name}", "embed", [pdf], model=row.name)


@pytest.mark.parametrize("row", COLBERT, ids=name_of)
@pytest.mark.parametrize("role", ["query", "document"])
def test_what_is_sent_to_colbert(wire, row, role):
    """Its own marker of queries and documents; one array for each input comes back, one row for each token."""
    result, body = wire("embed_multivector", ["a", "b"], model=row.name, role=role)
    assert body == {
        "model": row.name,
        **role_fields(row, role),
        "embedding_type": "base64",
        "input": ["a", "b"],
    }
    assert [vectors.shape for vectors in result] == [(2, 128), (3, 128)]
    assert {vectors.dtype for vectors in result} == {np.dtype(np.float32)}


def test_what_is_sent_to_v4_for_each_token(wire):
    """The same route as for one vector, with the field that asks for many; images as well."""
    result, body = wire(
        "embed_multivector", ["a", Image(PNG)], model="jina-embeddings-v4", role="query", truncate=True
    )
    assert body == {
        "model": "jina-embeddings-v4",
        "task": "retrieval.query",
        "truncate": True,
        "return_multivector": True,
        "embedding_type": "base64",
        "input": ["a", OTHERS["image"]],
    }
    assert len(result) == 2
    for task in V4.tasks:
        assert wire("embed_multivector", ["a"], model="jina-embeddings-v4", task=task)[1]["task"] == task


@pytest.mark.parametrize("dimensions", [64, 96, 128])
def test_colbert_v2_has_three_widths(wire, dimensions):
    """64, 96 and 128."""
    result, body = wire("embed_multivector", ["a"], role="query", dimensions=dimensions)
    assert (body["model"], body["dimensions"]) == ("jina-colbert-v2", dimensions)
    assert result.vectors[0].shape == (2, dimensions)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"role": None}, "'query' or 'document'"),
        ({"role": "passage"}, "role"),
        ({"task": "retrieval.query"}, "role='query' and task"),
        ({"role": None, "task": "retrieval.query"}, "no tasks"),
        ({"dimensions": 100}, "64, 96, 128"),
        ({"dimensions": 256}, "128 at most"),
        ({"dimensions": 64.0}, "positive int"),
        ({"truncate": True}, "truncate"),
        ({"return_tokens": True}, r"return_tokens=True.*jina-embeddings-v4"),
        ({"model": "jina-colbert-v1-en", "dimensions": 64}, "always gives 128"),
        ({"model": "jina-embeddings-v4", "dimensions": 128}, "no choice"),
        ({"model": "jina-embeddings-v4", "role": None, "task": "clustering"}, "text-matching"),
        ({"model": "jina-embeddings-v3"}, r"one vector for each text: use embed"),
        ({"model": "jina-reranker-v3"}, "cannot multivector"),
        ({"texts": [Image(PNG)]}, r"texts\[0\] is Image.*jina-embeddings-v4"),
        ({"texts": "one"}, "list"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_tokens_is_refused(refuses, arguments, says):
    """Before anything is sent, with the way out."""
    asked = {"texts": ["a"], "role": "query", **arguments}
    refuses(says, "embed_multivector", asked.pop("texts"), **asked)


@pytest.mark.parametrize("row", COLBERT, ids=name_of)
def test_colbert_is_no_model_for_one_vector(refuses, row):
    """The message names the method that it is for."""
    refuses("use embed_multivector", "embed", ["a"], model=row.name)


@pytest.mark.parametrize(
    "wrong", ["int8", "base64", "Binary", "byte", "bit", ["float"], ["float", "binary"], None, 1], ids=str
)
def test_an_embedding_type_that_is_none_is_refused(refuses, wrong):
    """The service answers a list with 500; bytes are Elasticsearch's; the message lists the values."""
    refuses("'float', 'binary', 'ubinary'", "embed", ["a"], embedding_type=wrong)
    refuses("'float', 'binary', 'ubinary'", "embed_documents", [["a"]], embedding_type=wrong)


def test_late_chunking_is_for_texts(refuses):
    """v4 sees images, but not in the light of others."""
    for item in (Image(PNG), {"image": "https://x.example/a.png"}, Pdf(b"%PDF")):
        refuses(r"texts\[0\].*text", "embed", [item], model="jina-embeddings-v4", late_chunking=True)


def test_a_model_newer_than_the_table_takes_everything(wire):
    """Nothing is known of it, so nothing is refused; for tokens it is asked in the words of both kinds."""
    _, body = wire(
        "embed", ["a", Group(["b", Image(PNG)])], model="jina-embeddings-v9", dimensions=8, normalized=True
    )
    assert body["input"][1] == {"content": [{"text": "b"}, OTHERS["image"]]}
    _, body = wire("embed_multivector", ["a"], model="jina-colbert-v9", role="document")
    assert (body["input_type"], body["return_multivector"]) == ("document", True)
    assert body["task"] == "retrieval.passage"


def test_documents_are_embedded_in_binary_too(wire):
    """Chunk by chunk, as bytes."""
    result, body = wire("embed_documents", [["a", "b"], ["c"]], embedding_type="ubinary")
    assert body["embedding_type"] == "ubinary"
    assert [(chunks.shape, chunks.dtype) for chunks in result] == [((2, 128), np.uint8), ((1, 128), np.uint8)]
    assert all(type(number) is int for number in result.tolist()[0])
