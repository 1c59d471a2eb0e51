"""Packed bits in the form that each family of stores takes."""

from __future__ import annotations

import numpy as np
import pytest

from ragbridge import ConfigurationError, Embeddings, Failure, InvalidRequestError, Jina, bits
from ragbridge.elastic import Elastic, JinaAI, dense_vector_mapping, knn_query

TEXTS = ["The octopus lives in the sea.", "Bread is baked from flour.", "Rates were raised by the bank."]
PACKED = np.array([[0b00000101, 0b11111111], [0b10000000, 0]], np.uint8)
CONVERSIONS = [bits.to_pgvector, bits.to_milvus, bits.to_faiss, bits.to_elasticsearch]


def test_each_family_of_stores_gets_the_same_bits():
    """The most significant bit first, as the literals show."""
    assert bits.to_pgvector(PACKED) == ["0000010111111111", "1000000000000000"]
    assert bits.to_milvus(PACKED) == [b"\x05\xff", b"\x80\x00"]
    assert bits.to_elasticsearch(PACKED) == [[5 - 128, 127], [0, -128]]
    faiss = bits.to_faiss(PACKED[:, ::-1])
    assert faiss.flags.c_contiguous
    assert faiss.dtype == np.uint8
    assert faiss.tolist() == [[255, 5], [0, 128]]


@pytest.mark.parametrize("kind", ["binary", "ubinary"])
def test_embeddings_are_taken_as_they_come(kind):
    """A digit for each dimension that is above zero, whichever of Jina's two types was asked for."""
    jina = Jina(base_url="local")
    floats = jina.embed(TEXTS, dimensions=64)
    packed = jina.embed(TEXTS, dimensions=64, embedding_type=kind)
    signs = ["".join("01"[int(value > 0)] for value in vector) for vector in floats.vectors]
    assert bits.to_pgvector(packed) == bits.to_pgvector(packed.vectors) == signs


@pytest.mark.parametrize("convert", CONVERSIONS)
def test_nothing_becomes_nothing(convert):
    """Whoever asked for no vectors gets none."""
    empty = Jina(base_url="local").embed([], embedding_type="ubinary")
    assert len(convert(empty)) == len(convert(np.empty((0, 4), np.uint8))) == 0


FLOATS = Embeddings(np.zeros((1, 8), np.float32), "a model")
PARTIAL = Embeddings(
    PACKED, "a model", embedding_type="ubinary", failed=(Failure(1, InvalidRequestError("no", status=400)),)
)


@pytest.mark.parametrize("convert", CONVERSIONS)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(FLOATS, "embedding_type='float' packs no bits: ask for .*ubinary", id="floats"),
        pytest.param(
            Embeddings(np.zeros((1, 8), np.int8), "a model", embedding_type="byte"),
            "embedding_type='byte' packs no bits",
            id="a byte a dimension",
        ),
        pytest.param(PARTIAL, r"1 of 2 inputs have no vector \(the first is 1\)", id="a failed input"),
        pytest.param(
            FLOATS.vectors, "float32, but packed bits are uint8: .*packbits", id="an array of floats"
        ),
        pytest.param(np.zeros((1, 8), bool), r"numpy.packbits\(array, axis=1\)", id="unpacked bits"),
        pytest.param(np.zeros((1, 8), np.int8), "int8, .*pass the Embeddings", id="signed bytes"),
        pytest.param([[1, 2], [3, 4]], "int64, but packed bits are uint8", id="numbers"),
        pytest.param([[1, 2], [3]], "different lengths", id="ragged"),
        pytest.param(["0101"], "<U4, but packed bits", id="texts"),
        pytest.param(None, "objects, but packed bits", id="nothing"),
        pytest.param(PACKED[0], r"one vector as a list of one, such as vectors\[:1\]", id="one vector"),
        pytest.param(PACKED[None], r"the shape \(1, 2, 2\)", id="three axes"),
        pytest.param(np.empty((2, 0), np.uint8), r"the shape \(2, 0\)", id="no width"),
    ],
)
def test_what_holds_no_packed_bits_is_refused(convert, wrong, message):
    """With what was given and what to do, before it is in a store that would take it."""
    with pytest.raises(ConfigurationError, match=message):
        convert(wrong)


@pytest.fixture
def elastic():
    with Elastic("local") as client:
        settings = JinaAI("jina-embeddings-v3", api_key="a-key", embedding_type="bit", dimensions=64)
        client.endpoints.create("bits", "text_embedding", settings)
        client.create_index("bits", {"vector": dense_vector_mapping(dims=64, element_type="bit")})
        yield client


def test_bits_of_jina_are_those_of_an_endpoint(elastic):
    """Written by one and searched by the other, a text is its own nearest, with no bit between them."""
    packed = Jina(base_url="local").embed(
        TEXTS, model="jina-embeddings-v3", dimensions=64, role="document", embedding_type="ubinary"
    )
    asked = elastic.embed(TEXTS, inference_id="bits", role="document")
    assert bits.to_elasticsearch(packed) == asked.vectors.tolist() == bits.to_elasticsearch(asked)
    assert bits.to_pgvector(packed) == bits.to_pgvector(asked)
    assert packed.to_floats() == asked.to_floats()
    documents = [{"vector": vector} for vector in bits.to_elasticsearch(packed)]
    elastic.bulk("bits", documents, ids=["0", "1", "2"], refresh="wait_for")
    for number, vector in enumerate(asked.vectors.tolist()):
        best = elastic.search("bits", knn=knn_query("vector", query_vector=vector, k=3)).hits[0]
        assert (best.id, best.score) == (str(number), 1.0)


def test_the_engine_searches_bits_by_a_text_as_by_its_vector(elastic):
    """A query that the search embeds itself meets the bits that the same endpoint gave before."""
    vectors = elastic.embed(TEXTS, inference_id="bits", role="document").vectors.tolist()
    documents = [{"vector": vector} for vector in vectors]
    elastic.bulk("bits", documents, ids=["0", "1", "2"], refresh="wait_for")
    query = elastic.embed(TEXTS[:1], inference_id="bits", role="query").vectors[0].tolist()
    by_vector = elastic.search("bits", knn=knn_query("vector", query_vector=query, k=3))
    by_text = elastic.search("bits", knn=knn_query("vector", query_text=TEXTS[0], inference_id="bits", k=3))
    assert [(hit.id, hit.score) for hit in by_text] == [(hit.id, hit.score) for hit in by_vector]
