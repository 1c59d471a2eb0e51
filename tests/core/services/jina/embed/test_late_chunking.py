"""Late chunking is an operation on documents: they never mix, and none is lost."""

from __future__ import annotations

import asyncio
import json
import warnings

import numpy as np
import pytest

from ragbridge import ConfigurationError, InvalidRequestError, Jina, group_by
from ragbridge.chunking import Chunk
from ragbridge.flow import Response

V3 = "jina-embeddings-v3"
DOCUMENTS = [
    ["The harbour lies in the north.", "It is old.", "Boats are built there."],
    ["Bread needs time."],
    [],
    ["Numbers are infinite.", "It is old."],
]


@pytest.fixture(scope="module")
def local():
    """The embedded engine, which lets chunks of one request influence one another as the service does."""
    return Jina(base_url="local")


def inputs(transport):
    return [json.loads(request.body)["input"] for request in transport.requests]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_request_holds_chunks_of_one_document(scripted, face):
    """Whatever the batch size: one request for each document that has chunks."""
    transport = scripted(width=1024)
    jina = Jina(base_url="http://x", limits=None, batch_size=2, transport=transport)
    if face == "sync":
        result = jina.embed_documents(DOCUMENTS, model=V3, late_chunking=True)
    else:
        result = asyncio.run(jina.aembed_documents(DOCUMENTS, model=V3, late_chunking=True))
    assert sorted(inputs(transport)) == sorted(document for document in DOCUMENTS if document)
    assert all(json.loads(request.body)["late_chunking"] is True for request in transport.requests)
    assert [vectors.shape for vectors in result] == [(3, 1024), (1, 1024), (0, 1024), (2, 1024)]


def test_chunks_of_one_document_influence_one_another_and_documents_do_not(local):
    """The same sentence gets another vector beside other neighbours, and the same one beside other documents."""
    together = local.embed_documents(DOCUMENTS, model=V3, late_chunking=True)
    alone = [
        local.embed_documents([document], model=V3, late_chunking=True).documents[0] for document in DOCUMENTS
    ]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one, other)
    assert not np.allclose(together.documents[0][1], together.documents[3][1])
    plain = local.embed_documents(DOCUMENTS, model=V3)
    assert np.allclose(plain.documents[0][1], plain.documents[3][1])


def test_chunks_of_the_chunker_are_taken_as_they_are(local):
    """Strings and chunks give the same vectors."""
    chunks = [[Chunk(0, 4, text) for text in document] for document in DOCUMENTS]
    found = local.embed_documents(chunks, model=V3, late_chunking=True)
    expected = local.embed_documents(DOCUMENTS, model=V3, late_chunking=True)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_document_longer_than_the_context_is_cut_at_chunk_borders_with_a_warning(local):
    """Every chunk gets its vector; the warning names the document."""
    long = [f"chunk {n} " + "word " * 400 for n in range(60)]
    with pytest.warns(UserWarning, match=r"documents\[1\].*pieces"):
        result = local.embed_documents([["short"], long], model=V3, late_chunking=True)
    assert result.documents[1].shape == (60, 1024)
    assert np.isfinite(result.documents[1]).all()


def test_a_group_that_the_service_finds_too_long_is_cut_again_and_not_lost(scripted):
    """Estimates can be wrong: the group is halved until it fits."""
    refusal = Response(400, {}, b'{"detail": {"message": "too long", "code": "INPUT_TOKEN_LIMIT_EXCEEDED"}}')
    transport = scripted(refusal, refusal, width=1024)
    jina = Jina(base_url="http://x", limits=None, concurrency=1, transport=transport)
    document = [f"{n} chunk" for n in range(8)]
    with pytest.warns(UserWarning, match="pieces"):
        result = jina.embed_documents([document], model=V3, late_chunking=True)
    assert [len(texts) for texts in inputs(transport)] == [8, 4, 2, 2, 4]
    assert result.documents[0][:, 0].tolist() == list(range(8))
    assert result.usage.requests == 3


def test_one_chunk_that_is_too_long_by_itself_is_named(scripted):
    """As the caller knows it: by document and chunk."""
    refusal = Response(400, {}, b'{"detail": {"message": "too long", "code": "INPUT_TOKEN_LIMIT_EXCEEDED"}}')
    jina = Jina(
        base_url="http://x", limits=None, concurrency=1, transport=scripted(None, *[refusal] * 9, width=1024)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InvalidRequestError, match=r"documents\[1\]\[0\]"):
            jina.embed_documents([["1 a"], ["2 b", "3 c"]], model=V3, late_chunking=True)


def test_without_late_chunking_documents_are_batched_like_any_texts(scripted):
    """Short documents share a request."""
    transport = scripted()
    result = Jina(base_url="http://x", limits=None, transport=transport).embed_documents(DOCUMENTS, model="m")
    assert len(transport.requests) == 1
    assert [len(vectors) for vectors in result] == [3, 1, 0, 2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"documents": [["a"]], "model": "jina-embeddings-v5-text-small"}, "jina-embeddings-v3"),
        ({"documents": ["a", "b"]}, r"documents\[0\] is one str"),
        ({"documents": "a"}, "list of documents"),
        ({"documents": [["a"], ["b", 3]]}, r"documents\[1\]\[1\]"),
    ],
)
def test_what_cannot_be_is_refused_before_sending(scripted, arguments, says):
    """Models without late chunking, and lists that are no documents."""
    transport = scripted()
    with pytest.raises(ConfigurationError, match=says):
        Jina(base_url="http://x", transport=transport).embed_documents(
            **{"model": V3, "late_chunking": True, **arguments}
        )
    assert transport.requests == []


def test_half_a_surrogate_pair_is_named_by_document_and_chunk(scripted):
    """Text that is none cannot be sent."""
    with pytest.raises(ConfigurationError, match=r"documents\[1\]\[1\].*character 2"):
        Jina(base_url="http://x", transport=scripted()).embed_documents([["a"], ["b", "cc\ud800"]], model="m")


def test_vectors_go_back_to_where_chunks_came_from(scripted):
    """Chunks of interleaved documents, grouped, embedded and put back, are in the caller's order."""
    owners = ["a", "b", "a", "c", "b", "a"]
    places = group_by(owners)
    assert places == [[0, 2, 5], [1, 4], [3]]
    documents = [[f"{place} chunk" for place in group] for group in places]
    found = Jina(base_url="http://x", limits=None, transport=scripted()).embed_documents(documents, model="m")
    assert [vector[0] for vector in found.tolist(places)] == [0, 1, 2, 3, 4, 5]
    assert [vector[0] for vector in found.tolist()] == [0, 2, 5, 1, 4, 3]
    with pytest.raises(ValueError, match="places"):
        found.tolist([[0, 1], [2], [3]])
