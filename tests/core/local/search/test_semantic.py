"""``semantic_text``: chunks, offsets, what is embedded again, endpoints in use."""

from __future__ import annotations

import pytest
from asking import E5

from ragbridge.local.search.semantic import MOST_CHUNKS, Piece, merged, utf16_slice

SENTENCES = {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0}


def make(ask, **fields):
    field = {"type": "semantic_text", "inference_id": E5}
    assert ask("PUT", "/a", {"mappings": {"properties": {"text": field, **fields}}})[0] == 200


def offsets(ask, field="text", source=None):
    """Offsets of each chunk of the only document."""
    body = {"fields": ["_inference_fields"]}
    [hit] = ask("POST", "/a/_search", body)[1]["hits"]["hits"]
    chunks = hit["_source"]["_inference_fields"][field]["inference"]["chunks"][source or field]
    return [(chunk["start_offset"], chunk["end_offset"]) for chunk in chunks]


def test_offsets_count_in_utf16_units(ask):
    """As Elasticsearch stores them: an emoji counts twice, in a value and in those after it."""
    make(ask)
    ask("PUT", "/a/_doc/1", {"text": ["a \U0001f30a", "b"]})
    assert offsets(ask) == [(0, 4), (5, 6)]


def test_text_that_is_not_ascii_is_chunked(ask):
    """In any script."""
    make(ask, text={"type": "semantic_text", "inference_id": E5, "chunking_settings": SENTENCES})
    text = "Морская вода солёная. " * 12
    ask("PUT", "/a/_doc/1", {"text": text})
    found = offsets(ask)
    assert len(found) == 2
    assert found[0][0] == 0
    assert found[-1][1] == len(text)


def test_many_chunks_are_merged():
    """Of a value 512 are kept: neighbours are joined, their vectors averaged, the greatest weight of each token kept."""
    pieces = [
        Piece(2 * n, 2 * n + 2, "ab", tokens={"a": n + 1.0, str(n): 1.0}) for n in range(2 * MOST_CHUNKS)
    ]
    found = merged(pieces)
    assert len(found) == MOST_CHUNKS
    assert (found[0].start, found[0].end, found[0].text) == (0, 4, "abab")
    assert found[0].tokens == {"a": 2.0, "0": 1.0, "1": 1.0}


def test_a_slice_by_utf16_units():
    """Astral characters are two units."""
    assert utf16_slice("a\U0001f30ab", 1, 3) == "\U0001f30a"


def test_only_what_changed_is_embedded_again(ask):
    """An update of another field keeps chunks although the endpoint is gone; one of the text needs it."""
    endpoint = {"service": "jinaai", "service_settings": {"api_key": "k", "model_id": "jina-embeddings-v3"}}
    ask("PUT", "/_inference/text_embedding/jina", endpoint)
    make(
        ask, text={"type": "semantic_text", "inference_id": "jina"}, title={"type": "text", "copy_to": "text"}
    )
    ask("PUT", "/a/_doc/1", {"text": "some text", "title": "a title", "n": 1})
    assert ask("DELETE", "/_inference/jina?force=true")[0] == 200
    assert ask("POST", "/a/_update/1", {"doc": {"n": 2}})[1]["result"] == "updated"
    assert ask("POST", "/a/_update/1", {"doc": {"title": None}})[1]["result"] == "updated"
    assert offsets(ask) == [(0, 9)]
    status, answer = ask("POST", "/a/_update/1", {"doc": {"text": "other text"}})
    assert (status, answer["error"]["reason"]) == (404, "Inference id [jina] not found for field [text]")


def test_an_endpoint_in_use_is_kept(ask, refused):
    """Deleting it is refused with Elasticsearch's sentence, for pipelines and indexes together; ``dry_run`` lists them."""
    endpoint = {"service": "jinaai", "service_settings": {"api_key": "k", "model_id": "jina-embeddings-v3"}}
    ask("PUT", "/_inference/text_embedding/jina", endpoint)
    make(ask, text={"type": "semantic_text", "inference_id": E5, "search_inference_id": "jina"})
    status, _, reason = refused("DELETE", "/_inference/jina")
    assert status == 409
    assert reason == (
        " Inference endpoint jina is being used in the mapping for indexes: [a]. Ensure that no index mappings are using "
        "this inference endpoint, or use force to ignore this warning and delete the inference endpoint."
    )
    assert ask("DELETE", "/_inference/jina?dry_run=true")[1]["indexes"] == ["a"]
    ask("DELETE", "/a")
    assert ask("DELETE", "/_inference/jina")[0] == 200


def test_a_text_that_its_service_refuses_fails_alone(ask):
    """Jina's service refuses texts beyond its context; the other documents of the bulk are embedded."""
    endpoint = {"service": "jinaai", "service_settings": {"api_key": "k", "model_id": "jina-embeddings-v3"}}
    ask("PUT", "/_inference/text_embedding/jina", {**endpoint, "chunking_settings": {"strategy": "none"}})
    make(ask, text={"type": "semantic_text", "inference_id": "jina"})
    lines = [{"index": {"_id": "1"}}, {"text": "word " * 9000}, {"index": {"_id": "2"}}, {"text": "short"}]
    bad, good = ask("POST", "/a/_bulk", lines)[1]["items"]
    assert good["index"]["status"] == 201
    assert bad["index"]["error"]["type"] == "exception"
    assert bad["index"]["error"]["reason"] == "Exception when running inference id [jina] on field [text]"
    assert "exceeds the limit of 8192 tokens" in bad["index"]["error"]["caused_by"]["reason"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"strategy": "sentence"}, "does not contain the required setting [max_chunk_size]"),
        ({"strategy": "none", "max_chunk_size": 5}, "settings can not have the following: [max_chunk_size]"),
        ({"max_chunk_size": 50}, "Can't generate Chunker without ChunkingStrategy provided"),
    ],
)
def test_chunking_settings_are_checked(refused, settings, reason):
    """By the rules of endpoints."""
    field = {"type": "semantic_text", "inference_id": E5, "chunking_settings": settings}
    status, _, found = refused("PUT", "/a", {"mappings": {"properties": {"text": field}}})
    assert status == 400
    assert reason in found


def test_chunks_of_one_endpoint_are_late_chunked_by_document(ask):
    """With late chunking a chunk's vector depends on the rest of its document, and on no other document."""
    endpoint = {
        "service": "jinaai",
        "service_settings": {"api_key": "k", "model_id": "jina-embeddings-v3"},
        "task_settings": {"late_chunking": True},
    }
    ask("PUT", "/_inference/text_embedding/late", endpoint)
    field = {
        "type": "semantic_text",
        "inference_id": "late",
        "chunking_settings": {"strategy": "word", "max_chunk_size": 10, "overlap": 1},
    }
    make(ask, text=field)
    tail = "one two three four five six seven eight nine ten eleven"
    lines = [
        {"index": {"_id": "1"}}, {"text": f"sea {tail}"},
        {"index": {"_id": "2"}}, {"text": f"sun {tail}"},
        {"index": {"_id": "3"}}, {"text": f"sea {tail}"},
    ]  # fmt: skip
    ask("POST", "/a/_bulk", lines)
    hits = ask("POST", "/a/_search", {"fields": ["_inference_fields"]})[1]["hits"]["hits"]
    last = [
        hit["_source"]["_inference_fields"]["text"]["inference"]["chunks"]["text"][-1]["embeddings"]
        for hit in hits
    ]
    assert last[0] == last[2] != last[1]
