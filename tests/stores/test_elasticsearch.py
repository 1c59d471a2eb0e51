"""The frameworks' own stores for Elasticsearch index and search against a served engine: ``make test-stores``.

They need ``elasticsearch<9``, so they have an environment of their own; elsewhere these tests are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from ragbridge.elastic import Elastic, ElasticsearchService
from ragbridge.local import Engine
from ragbridge.server import running

# Read when haystack is imported; tests stay off the network.
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"

pytestmark = pytest.mark.peers

TEXTS = [
    "Bread is baked from flour, water and salt.",
    "The octopus is an animal of the sea: it lives among rocks and hunts crabs.",
    "Interest rates were raised by the central bank.",
]
QUESTION = "Which animal lives in the sea?"
ENDPOINT, SPARSE = ".multilingual-e5-small-elasticsearch", ".elser-2-elasticsearch"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(Engine()) as address:
        yield address


@pytest.fixture
def elastic(url: str) -> Iterator[Elastic]:
    with Elastic(url) as client:
        yield client


class TestHaystack:
    """The package ``elasticsearch-haystack``."""

    @pytest.fixture
    def store(self, url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
        module = pytest.importorskip("haystack_integrations.document_stores.elasticsearch")
        index = f"haystack-{request.node.name.lower().replace('_', '-')}"
        store = module.ElasticsearchDocumentStore(hosts=url, index=index)
        yield store
        store.client.close()

    @pytest.fixture
    def documents(self, elastic: Elastic) -> list[Any]:
        haystack = pytest.importorskip("haystack")
        vectors = elastic.embed(TEXTS, inference_id=ENDPOINT, role="document").vectors
        return [
            haystack.Document(id=str(number), content=text, embedding=vector.tolist(), meta={"n": number})
            for number, (text, vector) in enumerate(zip(TEXTS, vectors, strict=True))
        ]

    def test_documents_are_written_counted_filtered_and_deleted(self, store, documents) -> None:
        """As with a cluster: what is there already is an error unless it may be replaced."""
        from haystack.document_stores.errors import DuplicateDocumentError
        from haystack.document_stores.types import DuplicatePolicy

        assert store.write_documents(documents) == 3
        assert store.count_documents() == 3
        with pytest.raises(DuplicateDocumentError):
            store.write_documents(documents, policy=DuplicatePolicy.FAIL)
        assert store.write_documents(documents, policy=DuplicatePolicy.OVERWRITE) == 3
        found = store.filter_documents({"field": "meta.n", "operator": ">=", "value": 1})
        assert [document.content for document in found] == TEXTS[1:]
        store.delete_documents(["0"])
        assert store.count_documents() == 2

    def test_documents_are_found_by_words(self, store, documents) -> None:
        """By the component for BM25."""
        from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchBM25Retriever

        store.write_documents(documents)
        found = ElasticsearchBM25Retriever(document_store=store).run("octopus rocks")["documents"]
        assert found[0].content == TEXTS[1]

    def test_documents_are_found_by_vectors(self, store, documents, elastic: Elastic) -> None:
        """By the component for embeddings."""
        from haystack_integrations.components.retrievers.elasticsearch import ElasticsearchEmbeddingRetriever

        store.write_documents(documents)
        query = elastic.embed([QUESTION], inference_id=ENDPOINT, role="query").vectors[0].tolist()
        found = ElasticsearchEmbeddingRetriever(document_store=store, top_k=2).run(query)["documents"]
        assert len(found) == 2
        assert found[0].content == TEXTS[1]


class TestLangChain:
    """The package ``langchain-elasticsearch``."""

    @pytest.fixture
    def make(self, url: str, request: pytest.FixtureRequest) -> Any:
        module = pytest.importorskip("langchain_elasticsearch")
        index = f"langchain-{request.node.name.lower().replace('_', '-')}"

        def make(**settings: Any) -> Any:
            return module.ElasticsearchStore(es_url=url, index_name=index, **settings)

        return make

    @pytest.fixture
    def embeddings(self, url: str) -> Any:
        module = pytest.importorskip("langchain_ragbridge")
        return module.ElasticEmbeddings(inference_id=ENDPOINT, url=url)

    def test_texts_are_found_by_vectors(self, make, embeddings) -> None:
        """By the store's default strategy, with scores and filters, and deleted by their ids."""
        store = make(embedding=embeddings)
        ids = store.add_texts(TEXTS, metadatas=[{"n": number} for number in range(3)])
        found = store.similarity_search_with_score(QUESTION, k=2)
        assert found[0][0].page_content == TEXTS[1]
        assert found[0][1] > found[1][1]
        only = store.similarity_search(QUESTION, k=3, filter=[{"term": {"metadata.n": 2}}])
        assert [document.page_content for document in only] == [TEXTS[2]]
        assert store.delete(ids[:1])
        assert len(store.similarity_search(QUESTION, k=3)) == 2

    def test_texts_are_found_by_words(self, make) -> None:
        """By the strategy for BM25."""
        module = pytest.importorskip("langchain_elasticsearch")
        store = make(strategy=module.BM25Strategy())
        store.add_texts(TEXTS)
        assert store.similarity_search("octopus rocks", k=1)[0].page_content == TEXTS[1]

    def test_both_are_joined(self, make, embeddings) -> None:
        """By the hybrid strategy, whose search is an rrf."""
        module = pytest.importorskip("langchain_elasticsearch")
        store = make(embedding=embeddings, strategy=module.DenseVectorStrategy(hybrid=True))
        store.add_texts(TEXTS)
        assert store.similarity_search("octopus", k=1)[0].page_content == TEXTS[1]

    def test_the_models_of_deployments_embed(self, url: str, make, elastic: Elastic) -> None:
        """``ElasticsearchEmbeddings`` sends to the trained models API, and nothing else."""
        module = pytest.importorskip("langchain_elasticsearch")
        settings = ElasticsearchService(".multilingual-e5-small", num_threads=1, num_allocations=1)
        elastic.endpoints.create("e5", "text_embedding", settings)
        embeddings = module.ElasticsearchEmbeddings(".multilingual-e5-small", es_url=url)
        assert len(embeddings.embed_query(QUESTION)) == 384
        assert [len(vector) for vector in embeddings.embed_documents(TEXTS)] == [384] * 3
