"""What stands in users' files: module paths in Haystack, class names in LlamaIndex, fields in LangChain."""

from __future__ import annotations

import importlib

import pytest

import langchain_ragbridge

HAYSTACK = {
    "classifiers": {"document_classifier.JinaDocumentClassifier"},
    "connectors": {"reader.JinaReaderConnector", "reader_mode.JinaReaderMode"},
    "embedders": {
        "document_embedder.JinaDocumentEmbedder",
        "document_image_embedder.JinaDocumentImageEmbedder",
        "elastic_document_embedder.ElasticDocumentEmbedder",
        "elastic_sparse_document_embedder.ElasticSparseDocumentEmbedder",
        "elastic_sparse_text_embedder.ElasticSparseTextEmbedder",
        "elastic_text_embedder.ElasticTextEmbedder",
        "sparse_document_embedder.JinaSparseDocumentEmbedder",
        "sparse_text_embedder.JinaSparseTextEmbedder",
        "text_embedder.JinaTextEmbedder",
    },
    "preprocessors": {"document_splitter.RagbridgeDocumentSplitter"},
    "rankers": {"elastic_ranker.ElasticRanker", "ranker.JinaRanker"},
    "retrievers": {"elastic_semantic_retriever.ElasticSemanticRetriever"},
}
"""By leaf, module and class: a component is serialised as the two."""

LLAMA_INDEX = {
    "embeddings": {"ElasticEmbedding", "JinaEmbedding", "JinaMultiModalEmbedding"},
    "extractors": {"JinaClassificationExtractor"},
    "node_parser": {"RagbridgeNodeParser"},
    "postprocessor": {"ElasticRerank", "JinaRerank"},
    "readers": {"JinaReader"},
    "sparse_embeddings": {"ElasticSparseEmbedding", "JinaSparseEmbedding"},
}
"""By leaf, the names that ``to_dict`` writes."""

JINA = {
    "api_key", "base_url", "cache", "cache_version", "client", "concurrency", "deadline", "headers", "host",
    "limits", "quotas", "retry", "timeout", "transport",
}  # fmt: skip
ELASTIC = {
    "answer_format", "api_key", "basic_auth", "bearer_auth", "ca_certs", "cache", "cache_version", "client", "cloud_id",
    "concurrency", "deadline", "headers", "limits", "quotas", "retry", "timeout", "transport", "url", "verify",
}  # fmt: skip
SEARCH = {"content", "country", "k", "language", "location", "options", "region", "search_url", "site"}
TAGGED = {"metadata", "name", "tags"}  # LangChain's own
LANGCHAIN = {
    "ElasticEmbeddings": ELASTIC | {"batch_size", "inference_id", "inference_timeout", "input_type", "task_settings", "task_type"},
    "ElasticRerank": ELASTIC | {"inference_id", "inference_timeout", "task_settings", "top_n"},
    "ElasticSemanticRetriever": ELASTIC
    | TAGGED
    | {
        "field", "filter", "index", "k", "match_field", "metadata_fields", "missing_text", "rank_window_size", "rerank_field",
        "rerank_inference_id", "text_field",
    },
    "ElasticSparseEmbeddings": ELASTIC | {"batch_size", "inference_id", "inference_timeout", "task_settings"},
    "JinaClassifier": JINA
    | {"batch_size", "classifier", "image_key", "image_root", "label_key", "labels", "model"},
    "JinaEmbeddings": JINA
    | {
        "batch_size", "dimensions", "document_prefix", "embedding_type", "late_chunking", "model", "normalized", "query_prefix",
        "task", "truncate",
    },
    "JinaSparseEmbeddings": JINA | {"batch_size", "document_prefix", "model", "query_prefix", "task"},
    "JinaRerank": JINA
    | {
        "image_key", "image_root", "max_doc_length", "max_documents_per_call", "model", "normalize_scores", "top_n",
    },
    "JinaReaderLoader": JINA | {"continue_on_failure", "max_age", "options", "reader_url", "region", "urls"},
    "JinaSearchRetriever": JINA | TAGGED | SEARCH,
    "JinaSegmenterSplitter": JINA | {"add_start_index", "max_chunk_length", "tokenizer"},
}  # fmt: skip
"""By class, its fields."""


@pytest.mark.parametrize("leaf", HAYSTACK)
def test_haystack_components_stand_where_they_stood(leaf):
    """A pipeline's YAML names the module of each component."""
    module = importlib.import_module(f"haystack_integrations.components.{leaf}.ragbridge")
    found = {f"{kind.__module__}.{name}" for name in module.__all__ if (kind := getattr(module, name))}
    assert found == {f"{module.__name__}.{name}" for name in HAYSTACK[leaf]}


@pytest.mark.parametrize("leaf", LLAMA_INDEX)
def test_llama_index_components_are_called_what_they_were(leaf):
    """``class_name()`` is what a serialised component is found by."""
    module = importlib.import_module(f"llama_index.{leaf}.ragbridge")
    kinds = [getattr(module, name) for name in module.__all__]
    assert {kind.class_name() for kind in kinds} == LLAMA_INDEX[leaf] == {kind.__name__ for kind in kinds}


@pytest.mark.parametrize("name", LANGCHAIN)
def test_langchain_fields_are_what_they_were(name):
    """Dumps and keyword arguments name fields."""
    assert set(getattr(langchain_ragbridge, name).model_fields) == LANGCHAIN[name]
