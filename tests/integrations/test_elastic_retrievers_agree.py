"""One index in a served engine, three frameworks: ``ElasticSemanticRetriever`` gives the same hits in the same order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

# Read when haystack is imported; tests stay off the network.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

from haystack_integrations.components.retrievers.ragbridge import (
    ElasticSemanticRetriever as HaystackRetriever,
)
from langchain_ragbridge import ElasticSemanticRetriever as LangChainRetriever
from llama_index.retrievers.ragbridge import ElasticSemanticRetriever as LlamaIndexRetriever
from ragbridge.elastic import Elastic, JinaAI, semantic_text_mapping
from ragbridge.local import Engine
from ragbridge.server import running

INDEX = "animals"
QUESTION = "insects that make honey"
TEXTS = [
    "The stock market closed lower on Friday.",
    "Bees are insects that make honey from what they find in flowers.",
    "Honey keeps for years in a closed jar.",
    "A beetle is an insect with hard wings.",
    "Wasps and ants are relatives of bees; few of them make honey.",
    "Bread is baked from flour, water and salt.",
    "Bears like honey, and dig for roots.",
]


@pytest.fixture(scope="module")
def elastic() -> Iterator[Elastic]:
    """A client of a server that holds the index."""
    with running(Engine()) as url, Elastic(url) as client:
        client.endpoints.create("embeddings", "text_embedding", JinaAI("jina-embeddings-v3", api_key="k"))
        client.endpoints.create("reranker", "rerank", JinaAI("jina-reranker-v3", api_key="k"))
        client.create_index(
            INDEX,
            {
                "content": {"type": "text", "copy_to": "meaning"},
                "meaning": semantic_text_mapping("embeddings"),
                "lang": {"type": "keyword"},
            },
        )
        rows = [
            {"id": str(number), "content": text, "lang": "en" if number % 3 else "de"}
            for number, text in enumerate(TEXTS)
        ]
        client.bulk(INDEX, rows, id_field="id", refresh="wait_for")
        yield client


def langchain(elastic: Elastic, **settings: Any) -> list[str]:
    retriever = LangChainRetriever(index=INDEX, client=elastic, text_field="content", **settings)
    return [document.page_content for document in retriever.invoke(QUESTION)]


def llama_index(elastic: Elastic, k: int, **settings: Any) -> list[str]:
    retriever = LlamaIndexRetriever(
        index=INDEX, client=elastic, text_field="content", similarity_top_k=k, **settings
    )
    return [node.text for node in retriever.retrieve(QUESTION)]


def haystack(elastic: Elastic, k: int, filter: Any = None, **settings: Any) -> list[str]:
    retriever = HaystackRetriever(
        index=INDEX, client=elastic, content_field="content", top_k=k, filters=filter, **settings
    )
    return [document.content or "" for document in retriever.run(QUESTION)["documents"]]


FRAMEWORKS: list[Callable[..., list[str]]] = [langchain, llama_index, haystack]


@pytest.mark.parametrize(
    "settings",
    [
        {"k": 3},
        {"k": 3, "rerank_inference_id": "reranker"},
        {"k": 4, "match_field": "content"},
        {"k": 2, "filter": {"term": {"lang": "en"}}},
    ],
    ids=["semantic", "reranked", "hybrid", "filtered"],
)
def test_three_frameworks_give_the_same_hits(elastic: Elastic, settings: dict[str, Any]) -> None:
    """In the same order, the best of them first, as many as were asked for."""
    found = [search(elastic, field="meaning", **settings) for search in FRAMEWORKS]
    assert len(found[0]) == settings["k"]
    assert found[0] == found[1] == found[2]
    if "filter" not in settings:
        assert found[0][0] == TEXTS[1]
    else:
        assert {TEXTS.index(text) % 3 for text in found[0]} <= {1, 2}
