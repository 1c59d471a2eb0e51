"""Every public class of every framework, by one table: nothing is lost when it is written down, and no secret is written."""

from __future__ import annotations

import ast
import base64
import copy
import importlib
import inspect
import json
import os
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = (
    "False"  # read when haystack is imported; tests stay off the network
)

from haystack import Pipeline
from haystack.core.errors import SerializationError
from haystack.utils import Secret
from langchain_core.load import dumps
from llama_index.core.schema import MetadataMode
from pydantic import BaseModel

import haystack_integrations.components.classifiers.ragbridge as haystack_classifiers
import haystack_integrations.components.connectors.ragbridge as haystack_connectors
import haystack_integrations.components.embedders.ragbridge as haystack_embedders
import haystack_integrations.components.preprocessors.ragbridge as haystack_preprocessors
import haystack_integrations.components.rankers.ragbridge as haystack_rankers
import haystack_integrations.components.retrievers.ragbridge as haystack_retrievers
import langchain_ragbridge as langchain
import llama_index.embeddings.ragbridge as llama_embeddings
import llama_index.extractors.ragbridge as llama_extractors
import llama_index.node_parser.ragbridge as llama_node_parser
import llama_index.postprocessor.ragbridge as llama_postprocessor
import llama_index.readers.ragbridge as llama_readers
import llama_index.retrievers.ragbridge as llama_retrievers
import llama_index.sparse_embeddings.ragbridge as llama_sparse
import llama_index.tools.ragbridge as llama_tools
from ragbridge import Elastic, Jina, RateLimit, ReaderOptions, Retry, SqliteCache
from ragbridge.local import Engine

INTEGRATIONS = Path(__file__).parents[2] / "integrations"
KEY = "sesame-0123456789abcdef"
CLOUD_ID = "name:" + base64.b64encode(b"cloud.example$elastic$kibana").decode()

POLICY = {
    "limits": RateLimit(requests_per_minute=7, tokens_per_minute=None, concurrency=3, window=30.0),
    "retry": Retry(attempts=2, initial=0.25, maximum=5.0, retry_after_cap=9.0, refusals=1),
    "timeout": 12.5,
    "deadline": 700.0,
    "concurrency": 2,
    "quotas": "redis://quota.example:6379/1",
    "cache": "redis://cache.example:6379/1",
    "cache_version": "2026-11",
    "transport": "httpx",
}
"""What every adapter over a service is told of its policy, each with another value than its default."""
JINA_ALONE = {**POLICY, "base_url": "http://127.0.0.1:9"}
JINA = {**JINA_ALONE, "host": "jina"}
QUERIES, DOCUMENTS = {"query_prefix": "q: "}, {"document_prefix": "d: "}
EU = {"base_url": Jina.BASE_URL, "region": "eu"}
ELASTIC = {**POLICY, "url": "http://127.0.0.1:9", "verify": False, "answer_format": "json"}
CLOUD = {"cloud_id": CLOUD_ID, "ca_certs": os.fspath(Path(__file__).parent)}
ENDPOINT = {"inference_id": "mine", "inference_timeout": 90.0, "task_settings": {"a": 1}}
ROWS = {"batch_size": 33}
VECTORS = {"model": "jina-embeddings-v3", "task": "separation", "dimensions": 64, "normalized": False}
TEXTS = {**VECTORS, "truncate": True}
RERANK = {
    "model": "jina-reranker-v3.5",
    "max_doc_length": 99,
    "max_documents_per_call": 9,
    "normalize_scores": True,
}
WORDS = {"site": "jina.ai", "country": "DE", "language": "de", "location": "Berlin", "content": False}
READING = ReaderOptions(return_format="html", timeout=30)
HYBRID = {
    "match_field": "title",
    "rerank_inference_id": "r",
    "rerank_field": "title",
    "rank_window_size": 50,
    "missing_text": "empty",
}
SEARCHED = {"index": ["a", "b-*"], "field": "meaning"}
LABELS = {"topic": ["sea", "bread"]}
CUTS = [
    {"strategy": "word", "max_chunk_size": 40, "overlap": 5, "strict": False},
    {"strategy": "sentence", "max_chunk_size": 40, "sentence_overlap": 0},
    {"strategy": "recursive", "max_chunk_size": 40, "separators": ["a+"]},
    {"strategy": "recursive", "max_chunk_size": 40, "separator_group": "markdown"},
]
IMAGES = {"file_path_meta_field": "picture", "root_path": "pictures", "image_size": (640, 480)}
AFFIXES = {"prefix": "<", "suffix": ">"}
FIELDS = {"meta_fields_to_embed": ["title"], "embedding_separator": " | "}
RANKED = {**FIELDS, "top_k": 4, "score_threshold": 0.25, "keep_retrieval_score": True}
NODES = {"top_n": 7, "metadata_mode": MetadataMode.EMBED, "keep_retrieval_score": True}
HAYSTACK_ELASTIC = {**ELASTIC, **CLOUD}  # nothing is looked at before a component is warmed up


@dataclass(frozen=True)
class Adapter:
    """A class, what it cannot be made without, and settings of which none is the default."""

    kind: Callable[..., Any]
    needs: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ({},)

    @property
    def framework(self) -> str:
        """The framework's name, as its adapters' modules begin."""
        return self.kind.__module__.partition("_")[0]

    @property
    def service(self) -> str | None:
        """The name of the setting that tells where the service is."""
        name = self.kind.__name__
        return "base_url" if name.startswith("Jina") else "url" if name.startswith("Elastic") else None

    def make(self, **settings: Any) -> Any:
        """An object, of the embedded engine unless ``settings`` say otherwise."""
        where = {self.service: "local"} if self.service else {}
        return self.kind(**{**where, **self.needs, **settings})


ADAPTERS = [
    Adapter(langchain.JinaEmbeddings, rows=({**JINA, **ROWS, **TEXTS, **QUERIES, **DOCUMENTS, "late_chunking": True},)),
    Adapter(langchain.JinaRerank, rows=({**JINA, **RERANK, "top_n": 7, "image_key": None, "image_root": Path("x")},)),
    Adapter(
        langchain.JinaClassifier,
        {"labels": ["a", "b"]},
        (
            {**JINA, **ROWS, "labels": LABELS, "model": "jina-embeddings-v3", "label_key": "x"},
            {**JINA, "labels": None, "classifier": "an-id", "image_key": None, "image_root": Path("x")},
        ),
    ),
    Adapter(
        langchain.JinaReaderLoader,
        {"urls": "https://example.com"},
        (
            {**JINA, "urls": ["https://a.example", "https://b.example"], "options": READING, "continue_on_failure": True,
             "max_age": 60.5},
            EU,
            {**JINA, "reader_url": "http://r"},
        ),
    ),
    Adapter(
        langchain.JinaSearch,
        rows=({**JINA, **WORDS, "k": 3, "options": READING, "search_url": "http://s"}, EU),
    ),
    Adapter(
        langchain.JinaSearchRetriever,
        rows=({**JINA, **WORDS, "k": 3, "options": READING, "search_url": "http://s"}, EU),
    ),
    Adapter(
        langchain.JinaSegmenterSplitter,
        rows=({**JINA, "max_chunk_length": 99, "tokenizer": "p50k_base", "add_start_index": False},),
    ),
    Adapter(langchain.RagbridgeTextSplitter, rows=tuple({**row, "add_start_index": False} for row in CUTS)),
    Adapter(
        langchain.ElasticEmbeddings,
        {"inference_id": "x"},
        (
            {**ELASTIC, **ENDPOINT, **ROWS, "task_type": "embedding", "input_type": "clustering"},
            {**CLOUD, "url": None},
        ),
    ),
    Adapter(
        langchain.ElasticSparseEmbeddings,
        {"inference_id": "x"},
        ({**ELASTIC, **ENDPOINT, **ROWS}, {**CLOUD, "url": None}),
    ),
    Adapter(langchain.JinaSparseEmbeddings, rows=({**JINA, **ROWS, "model": "a", "task": "b", **QUERIES, **DOCUMENTS},)),
    Adapter(langchain.ElasticRerank, {"inference_id": "x"}, ({**ELASTIC, **ENDPOINT, "top_n": 7}, {**CLOUD, "url": None})),
    Adapter(
        langchain.ElasticSemanticRetriever,
        {"index": "docs", "field": "content"},
        (
            {**ELASTIC, **SEARCHED, **HYBRID, "k": 7, "filter": {"term": {"a": 1}}, "text_field": "t", "metadata_fields": ["a"]},
            {**CLOUD, "url": None},
        ),
    ),
    Adapter(
        llama_embeddings.JinaEmbedding,
        rows=(
            {**JINA, **ROWS, **TEXTS, "model": None, "model_name": "jina-embeddings-v3", "late_chunking": True,
             "embed_batch_size": 9, **QUERIES, **DOCUMENTS},
        ),
    ),
    Adapter(
        llama_embeddings.JinaMultiModalEmbedding,
        rows=(
            {**JINA, **ROWS, "model_name": "jina-embeddings-v4", "task": "code.query", "dimensions": 128, "truncate": True,
             "late_chunking": True, "embed_batch_size": 9, **QUERIES, **DOCUMENTS},
            {**JINA, "model_name": "jina-clip-v2", "normalized": False},
        ),
    ),
    Adapter(
        llama_embeddings.ElasticEmbedding,
        {"inference_id": "x"},
        (
            {**ELASTIC, **ENDPOINT, **ROWS, "task_type": "embedding", "input_type": "clustering", "embed_batch_size": 9},
            {**CLOUD, "url": None},
        ),
    ),
    Adapter(
        llama_sparse.ElasticSparseEmbedding,
        {"inference_id": "x"},
        ({**ELASTIC, **ENDPOINT, **ROWS, "embed_batch_size": 9}, {**CLOUD, "url": None}),
    ),
    Adapter(
        llama_sparse.JinaSparseEmbedding,
        rows=(
            {**JINA, **ROWS, "model_name": "a", "task": "b", "embed_batch_size": 9, **QUERIES, **DOCUMENTS},
        ),
    ),
    Adapter(
        llama_extractors.JinaClassificationExtractor,
        {"labels": ["a", "b"]},
        (
            {**JINA, **ROWS, "labels": LABELS, "model": "jina-embeddings-v3", "metadata_mode": MetadataMode.ALL},
            {"labels": None, "classifier": "an-id", "label_key": "x", "is_text_node_only": True, "show_progress": True},
        ),
    ),
    Adapter(
        llama_node_parser.RagbridgeNodeParser,
        rows=tuple({**row, "metadata_aware": False, "deterministic_ids": True} for row in CUTS),
    ),
    Adapter(llama_postprocessor.JinaRerank, rows=({**JINA, **RERANK, **NODES},)),
    Adapter(llama_postprocessor.ElasticRerank, {"inference_id": "x"},
            ({**ELASTIC, **ENDPOINT, **NODES}, {**CLOUD, "url": None})),
    Adapter(
        llama_readers.JinaReader,
        rows=({**JINA, "options": READING, "reader_url": "http://r", "is_remote": False, "max_age": 60.5}, EU),
    ),
    Adapter(
        llama_retrievers.ElasticSemanticRetriever,
        {"index": "docs", "field": "content"},
        (
            {**SEARCHED, **HYBRID, "similarity_top_k": 7, "filter": {"term": {"a": 1}}, "text_field": "t",
             "metadata_fields": ["a"]},
        ),
    ),
    Adapter(
        llama_tools.JinaToolSpec,
        rows=(
            {**JINA, **WORDS, "num": 3, "reader_url": "http://r", "search_url": "http://s", "max_age": 60.5},
            EU,
        ),
    ),
    Adapter(haystack_embedders.JinaTextEmbedder, rows=({**JINA, **TEXTS, **AFFIXES, **QUERIES},)),
    Adapter(
        haystack_embedders.JinaDocumentEmbedder,
        rows=(
            {**JINA, **ROWS, **TEXTS, **AFFIXES, **FIELDS, **DOCUMENTS, "late_chunking": True, "source_id_field": "x",
             "progress_bar": True},
        ),
    ),
    Adapter(
        haystack_embedders.JinaDocumentImageEmbedder,
        rows=({**JINA, **ROWS, **VECTORS, **IMAGES, "model": "jina-clip-v2", "progress_bar": True},),
    ),
    Adapter(haystack_embedders.ElasticTextEmbedder, {"inference_id": "x"}, (
        {**HAYSTACK_ELASTIC, **ENDPOINT, **AFFIXES, "task_type": "embedding", "input_type": "clustering"},
    )),
    Adapter(haystack_embedders.ElasticDocumentEmbedder, {"inference_id": "x"}, (
        {**HAYSTACK_ELASTIC, **ENDPOINT, **ROWS, **AFFIXES, **FIELDS, "task_type": "embedding", "input_type": "clustering",
         "progress_bar": True},
    )),
    Adapter(haystack_embedders.ElasticSparseTextEmbedder, {"inference_id": "x"},
            ({**HAYSTACK_ELASTIC, **ENDPOINT, **AFFIXES},)),
    Adapter(haystack_embedders.ElasticSparseDocumentEmbedder, {"inference_id": "x"}, (
        {**HAYSTACK_ELASTIC, **ENDPOINT, **ROWS, **AFFIXES, **FIELDS, "progress_bar": True},
    )),
    Adapter(
        haystack_embedders.JinaSparseTextEmbedder,
        rows=({**JINA, "model": "a", "task": "b", **AFFIXES, **QUERIES},),
    ),
    Adapter(
        haystack_embedders.JinaSparseDocumentEmbedder,
        rows=({**JINA, **ROWS, "model": "a", "task": "b", **AFFIXES, **FIELDS, **DOCUMENTS, "progress_bar": True},),
    ),
    Adapter(haystack_rankers.JinaRanker, rows=({**JINA, **RERANK, **RANKED, **IMAGES},)),
    Adapter(haystack_rankers.ElasticRanker, {"inference_id": "x"}, ({**HAYSTACK_ELASTIC, **ENDPOINT, **RANKED},)),
    Adapter(
        haystack_classifiers.JinaDocumentClassifier,
        {"labels": ["a", "b"]},
        (
            {**JINA_ALONE, **ROWS, **IMAGES, "labels": LABELS, "model": "jina-clip-v2", "classification_field": "x"},
            {"labels": None, "classifier": "an-id"},
        ),
    ),
    Adapter(
        haystack_connectors.JinaReaderConnector,
        {"mode": haystack_connectors.JinaReaderMode.READ},
        (
            {**JINA_ALONE, **WORDS, "mode": haystack_connectors.JinaReaderMode.SEARCH, "num": 1, "options": READING,
             "search_url": "http://s"},
            {**EU, "reader_url": "http://r"},
            {"max_age": 60.5, "cache": "redis://cache.example:6379/1"},
            {"mode": haystack_connectors.JinaReaderMode.GROUND, "site": "jina.ai"},
        ),
    ),
    Adapter(haystack_preprocessors.RagbridgeDocumentSplitter, rows=tuple(CUTS)),
    Adapter(
        haystack_retrievers.ElasticSemanticRetriever,
        {"index": "docs", "field": "content"},
        (
            {**HAYSTACK_ELASTIC, **SEARCHED, **HYBRID, "top_k": 7, "filters": {"term": {"a": 1}}, "content_field": "t",
             "meta_fields": ["a"]},
        ),
    ),
]  # fmt: skip

CLIENTS = {"base_url": Jina, "url": Elastic}
"""By the setting that tells where a service is, its client."""

SECRET = {"headers", "api_key", "basic_auth", "bearer_auth", "username", "password"}
APART = SECRET | {"self", "client", "embedding_type", "chunker", "id_func"}
"""What other tests are about: secrets, what no file holds, and what has one value."""

OF_SOME = {
    "answer_format",
    "batch_size",
    "ca_certs",
    "cloud_id",
    "document_prefix",
    "grounding_url",
    "host",
    "multivector_path",
    "query_prefix",
    "reader_url",
    "region",
    "search_url",
    "verify",
}
"""The clients' settings that are of use to some adapters alone."""
OF_A_PROCESS = {"async_http_client", "clock", "count_tokens", "http_client", "observers"}
"""The clients' settings that cannot be written down: a ready client has them."""

FRAMEWORKS = ("langchain_core.", "llama_index.core.")


GUARDED = [
    pytest.param(
        ".".join(path.relative_to(INTEGRATIONS).with_suffix("").parts),
        node.body[0].module,
        id=str(path.relative_to(INTEGRATIONS)),
    )
    for path in sorted(INTEGRATIONS.rglob("*.py"))
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.Try) and isinstance(node.body[0], ast.ImportFrom)
]
"""The adapters' modules that import a framework, and what of it they import first."""


def name_of(adapter: Adapter) -> str:
    return f"{adapter.framework}-{adapter.kind.__name__}"


every = pytest.mark.parametrize("adapter", ADAPTERS, ids=name_of)
over_a_service = pytest.mark.parametrize("adapter", [each for each in ADAPTERS if each.service], ids=name_of)


def settings_of(kind: Any) -> set[str]:
    """The settings that are ours."""
    if not issubclass(kind, BaseModel):
        return {
            name
            for name, parameter in inspect.signature(kind.__init__).parameters.items()
            if parameter.kind is not parameter.VAR_KEYWORD
        } - APART - {"callback_manager", "object_map", "objects", "verbose"}  # fmt: skip
    theirs = {
        name
        for base in kind.__mro__
        if base.__module__.startswith(FRAMEWORKS) and issubclass(base, BaseModel)
        for name in base.model_fields
    }
    return set(kind.model_fields) - theirs - APART


def state(thing: Any) -> dict[str, Any]:
    """What makes a thing what it is."""
    if isinstance(thing, langchain.RagbridgeTextSplitter):
        return {name: value for name, value in vars(thing).items() if not callable(value)}
    return {name: getattr(thing, name) for name in settings_of(type(thing))}


def secrets(adapter: Adapter) -> list[dict[str, Any]]:
    """Each way to give one, as the framework has it."""
    if adapter.framework == "haystack":
        key = Secret.from_env_var("SESAME")
        elastic = [{"api_key": key}, {"username": "me", "password": key}, {"bearer_auth": key}]
        return [{"api_key": key}] if adapter.service == "base_url" else elastic
    elastic = [{"api_key": KEY}, {"api_key": ("id", KEY)}, {"basic_auth": ("me", KEY)}, {"bearer_auth": KEY}]
    return [{"api_key": KEY}] if adapter.service == "base_url" else elastic


def copies(thing: Any) -> list[Any]:
    """The thing, written down and read again in each way that its framework has."""
    found, kind = [pickle.loads(pickle.dumps(thing))], type(thing)
    if hasattr(kind, "from_json"):  # LlamaIndex
        found += [
            kind.from_dict(thing.to_dict()),
            kind.from_json(thing.to_json()),
            kind.from_dict(thing.model_dump()),
        ]
    elif hasattr(kind, "from_dict"):  # Haystack
        pipeline = Pipeline()
        pipeline.add_component("it", thing)
        data = thing.to_dict()
        found += [
            kind.from_dict(data),
            kind.from_dict(data),
            Pipeline.loads(pipeline.dumps()).get_component("it"),
        ]
    elif isinstance(thing, BaseModel):  # LangChain
        apart = {"args_schema", "callbacks"}
        found += [kind(**thing.model_dump()), kind(**json.loads(thing.model_dump_json(exclude=apart)))]
    return found


def shown(thing: Any) -> list[str]:
    """All that is ever seen of a thing."""
    texts = [repr(thing), str(thing), repr(vars(thing)), repr(pickle.dumps(thing))]
    for method in ("to_dict", "to_json", "to_payload", "model_dump"):
        if hasattr(thing, method):
            texts.append(repr(getattr(thing, method)()))
    if thing.__module__.startswith("langchain"):
        texts.append(dumps(thing))
    return texts


def test_the_table_is_complete():
    """Every class that a leaf exports is in it."""
    exported = set()
    for path in INTEGRATIONS.rglob("*ragbridge/__init__.py"):
        module = importlib.import_module(".".join(path.parent.relative_to(INTEGRATIONS).parts))
        exported |= {getattr(module, name) for name in getattr(module, "__all__", ())}
    exported.remove(haystack_connectors.JinaReaderMode)
    assert {adapter.kind for adapter in ADAPTERS} == exported


@every
def test_the_table_has_every_setting_with_another_value_than_its_default(adapter, monkeypatch):
    """Else the tests below would not notice one that is lost."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    plain = adapter.make()
    if isinstance(plain, langchain.RagbridgeTextSplitter):
        changed = set().union(*adapter.rows)
    else:
        changed = {
            name
            for row in adapter.rows
            for name, value in state(adapter.make(**row)).items()
            if value != getattr(plain, name)
        }
    assert settings_of(adapter.kind) <= changed


@every
def test_nothing_is_lost_when_it_is_written_down(adapter, monkeypatch):
    """Pickles, and each framework's own dumps, bring every setting back."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    for row in adapter.rows:
        # Haystack writes down which variable holds a secret; elsewhere they are left out.
        named = secrets(adapter) if adapter.framework == "haystack" and adapter.service else []
        made = adapter.make(**row, **{name: value for secret in named for name, value in secret.items()})
        for again in copies(made):
            assert type(again) is type(made)
            assert state(again) == state(made)
            if adapter.framework == "haystack":
                assert again.to_dict() == made.to_dict()


@every
def test_numbers_of_numpy_are_kept_as_plain_ones(adapter, monkeypatch):
    """So that YAML, JSON and another process have the same object."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    for row in adapter.rows:
        kinds = {int: np.int64, float: np.float64}
        given = {name: kinds[type(value)](value) for name, value in row.items() if type(value) in kinds}
        made, again = adapter.make(**{**row, **given}), adapter.make(**row)
        if adapter.framework == "haystack":
            assert json.dumps(made.to_dict()) == json.dumps(again.to_dict())
        kept = {name: getattr(made, name) for name in given if hasattr(made, name)}
        assert kept == {name: row[name] for name in kept}
        assert adapter.framework == "haystack" or {type(value) for value in kept.values()} <= set(kinds)


@over_a_service
def test_no_secret_is_ever_shown(adapter, monkeypatch):
    """Neither in a text about the object nor in anything that is written down, once it has a client as well."""
    monkeypatch.setenv("SESAME", KEY)
    for secret in secrets(adapter):
        made = adapter.make(**{adapter.service: "http://127.0.0.1:9", **secret})
        if hasattr(made, "warm_up"):
            made.warm_up()
        encoded = base64.b64encode(f"me:{KEY}".encode()).decode()
        assert not [text for text in shown(made) if KEY in text or encoded in text]


@over_a_service
def test_headers_go_to_the_client_and_their_values_into_nothing_that_is_written(adapter, monkeypatch):
    """What is written has their names; another process takes the values from its environment."""
    monkeypatch.setenv("SESAME", KEY)
    haystack = adapter.framework == "haystack"
    made = adapter.make(headers={"X-Tenant": Secret.from_env_var("SESAME") if haystack else KEY})
    if not hasattr(made, "_connected"):  # LlamaIndex's retriever keeps no settings
        return
    assert made._connected()._channel.headers.sent() == {"x-tenant": KEY}
    assert not [text for text in shown(made) if KEY in text]
    monkeypatch.setenv("RAGBRIDGE_HEADER_X_TENANT", KEY)
    for again in (*copies(made), copy.copy(made), copy.deepcopy(made)):
        assert again._connected()._channel.headers.sent() == {"x-tenant": KEY}
    if haystack:
        with pytest.raises(
            SerializationError, match=r"headers\['X-Tenant'\] as a text cannot be serialized"
        ) as refused:
            adapter.make(headers={"X-Tenant": KEY}).to_dict()
        assert KEY not in str(refused.value)
    with pytest.raises((TypeError, ValueError), match="give headers to it"):
        adapter.kind(**adapter.needs, client=made._connected(), headers={"X-Tenant": None})


@over_a_service
def test_a_key_of_the_environment_gives_way_to_a_header_that_says_who_asks(adapter, monkeypatch):
    """Nobody asked for the former."""
    for name in ("JINA_API_KEY", "ELASTIC_API_KEY", "SESAME"):
        monkeypatch.setenv(name, KEY)
    value = Secret.from_env_var("SESAME") if adapter.framework == "haystack" else "Token abc"
    made = adapter.make(**{adapter.service: "http://127.0.0.1:9"}, headers={"Authorization": value})
    if hasattr(made, "_connected"):
        assert made._connected()._channel.accounts.secrets() == []


@pytest.mark.parametrize("adapter", [each for each in ADAPTERS if each.service == "base_url"], ids=name_of)
def test_several_keys_are_taken_and_shown_nowhere(adapter, monkeypatch):
    """Each goes to the client; Haystack writes down which variables hold them, the others write none."""
    monkeypatch.setenv("SESAME", KEY)
    monkeypatch.setenv("SIMSIM", KEY + "2")
    address = {"base_url": "http://127.0.0.1:9"}
    haystack = adapter.framework == "haystack"
    keys = [Secret.from_env_var("SESAME"), Secret.from_env_var("SIMSIM")] if haystack else [KEY, KEY + "2"]
    made = adapter.make(**address, api_key=keys)
    assert [key.reveal() for key in made._connected()._channel.accounts.secrets()] == [KEY, KEY + "2"]
    assert not [text for text in shown(made) if KEY in text]
    for again in copies(made) if haystack else ():
        assert len(again._connected()._channel.accounts.all) == 2


def key_of_a_module() -> str:
    return os.environ["SESAME"]


@pytest.mark.parametrize(
    "adapter", [each for each in ADAPTERS if each.service and each.framework != "haystack"], ids=name_of
)
def test_a_function_for_the_key_travels_if_it_is_one_of_a_module(adapter, monkeypatch):
    """In pickles by its name; another one says that it does not. Haystack has ``Secret`` for this."""
    monkeypatch.setenv("SESAME", KEY)
    address = {adapter.service: "http://127.0.0.1:9"}
    made = adapter.make(**address, api_key=key_of_a_module)
    if not hasattr(made, "_connected"):
        return
    for again in (made, pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert again._connected()._channel.accounts.first.identity.endswith("key_of_a_module")
    assert not [text for text in shown(made) if KEY in text]
    with pytest.raises(TypeError, match="api_key= is no function of a module cannot be pickled"):
        pickle.dumps(adapter.make(**address, api_key=lambda: KEY))


@over_a_service
def test_no_secret_is_in_an_error_about_another_setting(adapter):
    """Whatever the framework makes of it."""
    for secret in secrets(adapter):
        with pytest.raises((TypeError, ValueError)) as refused:
            adapter.make(**secret, timeout="soon").warm_up()
        assert KEY not in f"{refused.value} {refused.value!r}"


@every
def test_an_unknown_setting_is_refused(adapter):
    """A typo is not taken for a default."""
    with pytest.raises((TypeError, ValueError), match="a_typo"):
        adapter.make(a_typo=3)


@over_a_service
def test_a_client_is_one_of_the_service(adapter):
    """One of another service, or its name, is refused when the object is made, by an error that says what it is."""
    other = Elastic("local") if adapter.service == "base_url" else Jina(base_url="local")
    for wrong in (other, "local", Jina):
        with pytest.raises((TypeError, ValueError), match="client"):
            adapter.kind(**adapter.needs, client=wrong)


@pytest.mark.parametrize("service", ["base_url", "url"])
def test_one_client_serves_all_adapters_of_a_service(service):
    """Of whichever framework; none of them asks for anything beside it."""
    client = Jina(base_url="local") if service == "base_url" else Elastic("local")
    made = [
        adapter.kind(**adapter.needs, client=client) for adapter in ADAPTERS if adapter.service == service
    ]
    assert len(made) == sum(adapter.service == service for adapter in ADAPTERS)


@pytest.mark.parametrize("client", [Jina, Elastic])
def test_what_a_client_can_be_told_is_known_here(client):
    """A new setting of a client is a new one of every adapter, or it is said above why not."""
    credentials = {"api_key", "basic_auth", "bearer_auth", "headers"}
    address = {"base_url", "url"}
    known = set(POLICY) | OF_SOME | OF_A_PROCESS | credentials | address
    assert set(inspect.signature(client).parameters) <= known


@over_a_service
def test_every_adapter_has_every_setting_of_a_policy(adapter, monkeypatch):
    """And hands it to the client that it makes."""
    made = adapter.make(**POLICY)
    if not hasattr(made, "_connected"):  # LlamaIndex's retriever is no component: it has one
        return
    client = made._connected()
    assert {name: client._settings[name] for name in POLICY} == POLICY
    assert made._connected() is client


@over_a_service
def test_a_cache_that_no_text_names_is_used_and_not_written_down(adapter):
    """A dict may hold a million vectors: it is in no dump and no repr. Haystack, which writes pipelines, refuses it."""
    kept = {"sesame": b"sesame"}
    made = adapter.make(cache=kept)
    if not hasattr(made, "_connected"):  # LlamaIndex's retriever keeps no settings
        return
    made._connected().cache.put_many({bytes(20): b"1"})
    assert len(kept) == 2
    assert "sesame" not in repr(made)
    if adapter.framework == "haystack":
        with pytest.raises(
            SerializationError, match="with cache=dict cannot be serialized: give the path of a file"
        ):
            made.to_dict()
    elif isinstance(made, BaseModel):
        assert made.model_dump()["cache"] is None


@over_a_service
def test_a_path_of_a_cache_is_written_as_a_text(adapter, tmp_path):
    """Also where a ``SqliteCache`` was given; what it holds is not lost when the object is copied or pickled."""
    path = tmp_path / "x.db"
    for given in (path, SqliteCache(path)):
        made = adapter.make(cache=given)
        if not hasattr(made, "_connected"):
            return
        made._connected().cache.put_many({bytes(20): b"1"})
        for again in (*copies(made), copy.copy(made), copy.deepcopy(made)):
            assert again._connected().cache.get_many([bytes(20)]) == {bytes(20): b"1"}
        if hasattr(made, "to_dict"):
            assert os.fspath(path) in repr(made.to_dict())


@over_a_service
def test_defaults_are_the_clients_own(adapter, monkeypatch):
    """A setting that the client has as well means the same where nobody gives it."""
    own = {
        name: parameter.default
        for name, parameter in inspect.signature(CLIENTS[adapter.service]).parameters.items()
    }
    shared = settings_of(adapter.kind) & set(own)
    monkeypatch.setenv("JINA_API_KEY", KEY)
    # Elasticsearch has no address of its own.
    made = adapter.kind(**adapter.needs) if adapter.service == "base_url" else adapter.make()
    for name in shared - {"url"}:
        value = getattr(made, name)
        assert (Retry() if name == "retry" and value is None else value) == own[name], name
    if adapter.framework == "haystack":
        assert made.api_key == Secret.from_env_var(list(CLIENTS[adapter.service].KEY_VARIABLES), strict=False)


@over_a_service
def test_settings_beside_a_client_are_refused(adapter):
    """A ready client would ignore them: the error names each of them."""
    client = CLIENTS[adapter.service](**{adapter.service: "local"})
    address = {adapter.service: "http://127.0.0.1:9"}
    for name, value in {**POLICY, **address}.items():
        with pytest.raises(
            (TypeError, ValueError), match=f"client= brings its own connection: give {name} to it"
        ):
            adapter.kind(**adapter.needs, client=client, **{name: value})
    for secret in secrets(adapter):
        names = ", ".join(sorted(secret))
        with pytest.raises((TypeError, ValueError), match=f"give {names} to it") as refused:
            adapter.kind(**adapter.needs, client=client, **secret)
        assert KEY not in str(refused.value)


@over_a_service
def test_a_setting_that_is_changed_later_holds(adapter):
    """The client follows; where nothing changed, it stays."""
    made = adapter.make(**{adapter.service: "http://127.0.0.1:9"})
    if not hasattr(made, adapter.service):  # LlamaIndex's retriever keeps no settings
        return
    before = made._connected()
    setattr(made, adapter.service, "local")
    after = made._connected()
    assert (getattr(before, adapter.service), getattr(after, adapter.service)) == (
        "http://127.0.0.1:9",
        "local",
    )
    assert made._connected() is after


@pytest.mark.parametrize(("module", "missing"), GUARDED)
def test_without_the_framework_the_extra_is_named(module, missing, monkeypatch):
    """Importing any module of an adapter says what to install."""
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, module, raising=False)
    extra = "langchain" if module.startswith("langchain") else "llama-index"
    with pytest.raises(ImportError, match=rf'pip install "ragbridge\[{extra}\]"'):
        importlib.import_module(module)


READERS = {
    "langchain": (
        langchain.JinaReaderLoader,
        lambda made: [document.page_content for document in made.load()],
        {"urls": ["https://a.example"]},
    ),
    "llama_index": (
        llama_readers.JinaReader,
        lambda made: [document.text for document in made.load_data(["https://a.example"])],
        {},
    ),
    "lazily": (
        llama_readers.JinaReader,
        lambda made: [document.text for document in made.lazy_load_data(["https://a.example"])],
        {},
    ),
    "tool": (
        llama_tools.JinaToolSpec,
        lambda made: [document.text for document in made.jina_read("https://a.example")],
        {},
    ),
    "haystack": (
        haystack_connectors.JinaReaderConnector,
        lambda made: [document.content for document in made.run("https://a.example")["documents"]],
        {"mode": "read"},
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_page_of_the_cache_is_not_read_again(reader):
    """Where the adapter says how old it may be; without a cache, that is refused."""
    kind, load, needs = READERS[reader]
    kept = {}
    texts = []
    for requests in (1, 0):
        engine = Engine(pages={"https://a.example": "<p>Bees collect nectar.</p>"})
        client = Jina(base_url="local", transport=engine, cache=kept)
        texts.append(load(kind(client=client, max_age=60, **needs)))
        assert client.usage.requests == requests
    assert "Bees collect nectar." in texts[0][0]
    assert texts[0] == texts[1]
    with pytest.raises((TypeError, ValueError), match="max_age=60.*set cache="):
        load(kind(base_url="local", max_age=60, **needs))
