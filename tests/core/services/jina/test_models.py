"""Every model by the facts about it: what is sent, what is refused before sending, what is read.

The table here is written from the service's description, not from ``ragbridge.models``, which is what it tests.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

import numpy as np
import pytest

from ragbridge import ConfigurationError, Group, Image, Jina, Pdf
from ragbridge.flow import Response
from ragbridge.models import MODELS

RETRIEVAL = ({"task": "retrieval.query"}, {"task": "retrieval.passage"})
NL2CODE = ({"task": "nl2code.query"}, {"task": "nl2code.passage"})
NONE = ({}, {})
TYPED = ({"input_type": "query"}, {"input_type": "document"})
V5 = ("text-matching", "retrieval.query", "retrieval.passage", "clustering", "classification")
V4 = ("text-matching", "retrieval.query", "retrieval.passage", "code.query", "code.passage")
V3 = ("retrieval.query", "retrieval.passage", "text-matching", "classification", "separation")
CODE = tuple(
    f"{kind}.{side}"
    for kind in ("nl2code", "qa", "code2code", "code2nl", "code2completion")
    for side in ("query", "passage")
)
BOTH = ("normalized", "truncate")


@dataclass(frozen=True)
class Facts:
    """What the service says of one model."""

    name: str
    width: int
    roles: tuple[dict[str, str], dict[str, str]]
    tasks: tuple[str, ...]
    options: tuple[str, ...]
    shrinks: bool = True
    takes: tuple[str, ...] = ("text",)


SEES = ("text", "image", "pdf")
OMNI = ("text", "image", "pdf", "audio", "video", "content")
EMBED = [
    Facts("jina-embeddings-v5-text-small", 1024, RETRIEVAL, V5, BOTH),
    Facts("jina-embeddings-v5-text-nano", 768, RETRIEVAL, V5, BOTH),
    Facts("jina-embeddings-v5-omni-small", 1024, RETRIEVAL, V5, BOTH, takes=OMNI),
    Facts("jina-embeddings-v5-omni-nano", 768, RETRIEVAL, V5, BOTH, takes=OMNI),
    Facts("jina-embeddings-v4", 2048, RETRIEVAL, V4, ("truncate", "late_chunking"), takes=SEES),
    Facts("jina-embeddings-v3", 1024, RETRIEVAL, V3, (*BOTH, "late_chunking")),
    Facts("jina-code-embeddings-1.5b", 1536, NL2CODE, CODE, ("truncate",)),
    Facts("jina-code-embeddings-0.5b", 896, NL2CODE, CODE, ("truncate",)),
    Facts("jina-clip-v2", 1024, ({"task": "retrieval.query"}, {}), ("retrieval.query",), BOTH, takes=SEES),
    Facts("jina-clip-v1", 768, NONE, (), BOTH, shrinks=False, takes=SEES),
    *(
        Facts(f"jina-embeddings-v2-base-{language}", 768, NONE, (), BOTH, shrinks=False)
        for language in ("en", "zh", "de", "es", "code")
    ),
]
COLBERT = [
    Facts("jina-colbert-v2", 128, TYPED, (), ()),
    Facts("jina-colbert-v1-en", 128, TYPED, (), (), shrinks=False),
]
V4_FACTS = next(facts for facts in EMBED if facts.name == "jina-embeddings-v4")
EVERY_TASK = sorted({*V5, *V4, *V3, *CODE, "retrieval", "summarization"})
PNG = b"\x89PNG\r\n\x1a\n a picture"
OTHERS = {
    "image": {"image": base64.b64encode(PNG).decode()},
    "audio": {"audio": "https://x.example/a.mp3"},
    "video": {"video": "https://x.example/a.mp4"},
    "content": {"content": [{"text": "a"}, {"image": "https://x.example/a.png"}]},
}


def name_of(facts):
    return facts.name


def b64(numbers):
    return base64.b64encode(np.asarray(numbers, "<f4").tobytes()).decode()


def embedded(request):
    """Answers as the service does: base64, or bytes of the binary types; of a PDF three pages."""
    body = json.loads(request.body)
    width = body.get("dimensions") or next(f.width for f in EMBED if f.name == body["model"])
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
    width = body.get("dimensions") or 128
    rows = [
        {"object": "embeddings", "index": index, "embeddings": [b64([index + 1.0] * width)] * (index + 2)}
        for index in range(len(body["input"]))
    ]
    answer = {"model": body["model"], "usage": {"total_tokens": 7}, "data": rows}
    return Response(200, {}, json.dumps(answer).encode())


@pytest.fixture
def wire(scripted):
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
def refuses(scripted):
    """``refuses(says, method, *arguments, **options)``: the call is refused, and nothing was sent."""

    def check(says, method, *arguments, **options):
        transport = scripted()
        jina = Jina(base_url="http://x", limits=None, transport=transport)
        with pytest.raises(ConfigurationError, match=says):
            getattr(jina, method)(*arguments, **options)
        assert transport.requests == []

    return check


def test_every_model_stands_in_the_table_here():
    """A model that is added to the one table is described in the other."""
    for product, facts in (("embed", EMBED), ("multivector", [*COLBERT, V4_FACTS])):
        assert {row.name for row in MODELS.values() if product in row.products} == set(map(name_of, facts))


@pytest.mark.parametrize("facts", EMBED, ids=name_of)
@pytest.mark.parametrize("side", [0, 1], ids=["query", "document"])
def test_what_is_sent_for_a_role(wire, facts, side):
    """The model's own task or none, base64, the input: these fields and no other. The vectors have its width."""
    result, body = wire("embed", ["a", {"text": "b"}], model=facts.name, role=("query", "document")[side])
    assert body == {
        "model": facts.name,
        **facts.roles[side],
        "embedding_type": "base64",
        "input": ["a", "b"],
    }
    assert (result.vectors.shape, result.vectors.dtype) == ((2, facts.width), np.float32)
    assert result.embedding_type == "float"


@pytest.mark.parametrize("facts", EMBED, ids=name_of)
def test_each_task_is_sent_or_refused(wire, refuses, facts):
    """The service rejects other models' tasks; the message names this model's."""
    for task in EVERY_TASK:
        if task in facts.tasks:
            assert wire("embed", ["a"], model=facts.name, task=task)[1]["task"] == task
        else:
            says = ", ".join(facts.tasks) if facts.tasks else "no tasks"
            refuses(says, "embed", ["a"], model=facts.name, task=task)


@pytest.mark.parametrize("facts", EMBED, ids=name_of)
def test_each_option_is_sent_or_refused(wire, refuses, facts):
    """An option that a model does not have would be ignored by the service: that is said instead."""
    for name in ("normalized", "truncate", "late_chunking"):
        if name in facts.options:
            assert wire("embed", ["a"], model=facts.name, **{name: True})[1][name] is True
        else:
            refuses(name, "embed", ["a"], model=facts.name, **{name: True})


@pytest.mark.parametrize("facts", EMBED, ids=name_of)
def test_dimensions_are_sent_up_to_the_models_own(wire, refuses, facts):
    """Any width up to it where there is a choice; only its own where there is none."""
    result, body = wire("embed", ["a"], model=facts.name, dimensions=facts.width)
    assert (body["dimensions"], result.vectors.shape) == (facts.width, (1, facts.width))
    refuses("dimensions", "embed", ["a"], model=facts.name, dimensions=facts.width + 1)
    if facts.shrinks:
        assert wire("embed", ["a"], model=facts.name, dimensions=100)[0].vectors.shape == (1, 100)
    else:
        refuses(f"always gives {facts.width}", "embed", ["a"], model=facts.name, dimensions=64)


@pytest.mark.parametrize("facts", EMBED, ids=name_of)
@pytest.mark.parametrize("embedding_type", ["binary", "ubinary"])
def test_binary_vectors_are_packed_bytes(wire, refuses, facts, embedding_type):
    """Both types give the bytes that ``numpy.packbits`` makes of the floats' signs."""
    floats = wire("embed", ["a", "b"], model=facts.name)[0].vectors
    result, body = wire("embed", ["a", "b"], model=facts.name, embedding_type=embedding_type)
    assert body["embedding_type"] == embedding_type
    assert result.vectors.dtype == np.uint8
    assert np.array_equal(result.vectors, np.packbits(floats > 0, axis=1))
    assert result.embedding_type == embedding_type
    if facts.shrinks:
        refuses(
            "multiple of 8", "embed", ["a"], model=facts.name, embedding_type=embedding_type, dimensions=100
        )


@pytest.mark.parametrize("facts", EMBED, ids=name_of)
def test_each_kind_of_input_is_sent_or_refused(wire, refuses, facts):
    """What a model takes goes out as the service writes it, beside texts; what it does not is named, with who does."""
    for kind, item in OTHERS.items():
        if kind in facts.takes:
            assert wire("embed", ["a", item], model=facts.name)[1]["input"] == ["a", item]
        else:
            able = "jina-embeddings-v5-omni-small"
            refuses(rf"texts\[1\].*{facts.name} takes.*{able}", "embed", ["a", item], model=facts.name)
    pdf = Pdf("https://x.example/a.pdf")
    if "pdf" in facts.takes:
        result, body = wire("embed", pdf, model=facts.name)
        assert body["input"] == {"pdf": "https://x.example/a.pdf"}
        assert result.vectors.shape == (3, facts.width)
    else:
        refuses(rf"texts\[0\] is Pdf.*{facts.name}", "embed", [pdf], model=facts.name)


@pytest.mark.parametrize("facts", COLBERT, ids=name_of)
@pytest.mark.parametrize("side", [0, 1], ids=["query", "document"])
def test_what_is_sent_to_colbert(wire, facts, side):
    """Its own marker of queries and documents; one array for each input comes back, one row for each token."""
    role = ("query", "document")[side]
    result, body = wire("embed_multivector", ["a", "b"], model=facts.name, role=role)
    assert body == {
        "model": facts.name,
        "input_type": role,
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
    for task in V4:
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


@pytest.mark.parametrize("facts", COLBERT, ids=name_of)
def test_colbert_is_no_model_for_one_vector(refuses, facts):
    """The message names the method that it is for."""
    refuses("use embed_multivector", "embed", ["a"], model=facts.name)


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
