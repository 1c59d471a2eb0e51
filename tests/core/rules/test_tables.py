"""Rules of endpoints stand once: what a table says, the client checks and the embedded engine enforces."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from ragbridge.elastic import AdaptiveAllocations, ElasticInferenceService, ElasticsearchService, JinaAI
from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request
from ragbridge.local import Engine
from ragbridge.rules import RULES
from ragbridge.rules.table import ServiceRules, Setting, count, flag, word
from ragbridge.services.elastic.endpoints.requests import build_changes
from ragbridge.services.elastic.endpoints.settings.config import build_config

VALID: dict[str, dict[str, Any]] = {
    "jinaai": {"model_id": "jina-embeddings-v3", "api_key": "jina_secret"},
    "elasticsearch": {"model_id": "mine", "num_threads": 1, "num_allocations": 1},
    "elastic": {"model_id": "jina-embeddings-v3"},
}
"""Settings that both sides take, for ``text_embedding``."""
RERANK = {
    **VALID,
    "jinaai": {"model_id": "jina-reranker-v3", "api_key": "jina_secret"},
    "elastic": {"model_id": "jina-reranker-v3"},
}

POOLING = Setting(
    "pooling", word, ("text_embedding",), choices=("mean", "cls"), default="mean", changeable=True
)
"""A setting that no service has."""


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch):
    """Adds a row to a service's table, or replaces the row of that name, for one test."""

    def change(service: str, row: Setting, table: str = "service_settings") -> None:
        rows = [kept for kept in getattr(RULES[service], table) if kept.name != row.name]
        monkeypatch.setitem(RULES, service, replace(RULES[service], **{table: (*rows, row)}))

    return change


def client(task_type: str, body: dict[str, Any]) -> str | None:
    """Why the client refuses a body; None where it takes it."""
    try:
        build_config("made", task_type, body)
    except ConfigurationError as error:
        return str(error)
    return None


def ask(engine: Engine, method: str, path: str, body: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    response = engine.handle(Request(method, f"http://x{path}", {}, json.dumps(body).encode())).response
    answer = json.loads(response.body)
    return (None, answer) if response.status == 200 else (answer["error"]["reason"], answer)


def engine(task_type: str, body: dict[str, Any]) -> str | None:
    """Why the engine refuses the same; None where it takes it."""
    return ask(Engine(), "PUT", f"/_inference/{task_type}/made", body)[0]


def both(
    task_type: str, service: str, settings: dict[str, Any], **more: Any
) -> tuple[str | None, str | None]:
    body = {"service": service, "service_settings": settings, **more}
    return client(task_type, body), engine(task_type, body)


def refused(reasons: tuple[str | None, str | None], sentence: str) -> bool:
    """Whether both refuse with this sentence."""
    return all(reason is not None and sentence in reason for reason in reasons)


@pytest.mark.parametrize("service", ["jinaai", "elasticsearch", "elastic"])
def test_a_new_row_reaches_client_and_engine(rule, service):
    """A setting that is added to a table is known, checked, completed and changeable on both sides."""
    unknown = f"Configuration contains settings [pooling] unknown to the [{service}] service"
    valid = VALID[service]
    assert refused(both("text_embedding", service, {**valid, "pooling": "mean"}), unknown)
    rule(service, POOLING)
    assert both("text_embedding", service, {**valid, "pooling": "CLS"}) == (None, None)
    sentence = "[service_settings] Invalid value [max] received. [pooling] must be one of [cls, mean]"
    assert refused(both("text_embedding", service, {**valid, "pooling": "max"}), sentence)
    assert refused(both("rerank", service, {**RERANK[service], "pooling": "mean"}), unknown)

    local = Engine()
    body = {"service": service, "service_settings": valid}
    _, made = ask(local, "PUT", "/_inference/text_embedding/made", body)
    assert made["service_settings"]["pooling"] == "mean"
    change = {"service_settings": {"pooling": "cls"}}
    _, changed = ask(local, "PUT", "/_inference/made/_update", change)
    assert changed["service_settings"] == {**made["service_settings"], "pooling": "cls"}


@pytest.mark.parametrize("service", ["jinaai", "elasticsearch", "elastic"])
def test_a_required_row_is_missed_by_both(rule, service):
    """A setting that becomes required is missed with the same sentence."""
    assert both("text_embedding", service, VALID[service]) == (None, None)
    rule(service, replace(POOLING, required=True))
    sentence = "[service_settings] does not contain the required setting [pooling]"
    assert refused(both("text_embedding", service, VALID[service]), sentence)


def test_a_bound_reaches_client_engine_and_changes(rule):
    """A bound that is changed holds for creating and for changing an endpoint."""
    long = {**VALID["jinaai"], "max_input_tokens": 900}
    assert both("text_embedding", "jinaai", long) == (None, None)
    rule("jinaai", Setting("max_input_tokens", count, ("text_embedding",), most=512, changeable=True))
    rule("elastic", Setting("max_input_tokens", count, ("text_embedding",), most=512, changeable=True))
    sentence = (
        "[service_settings] Invalid value [900.0]. [max_input_tokens] must be less than or equal to [512.0]"
    )
    assert refused(both("text_embedding", "jinaai", long), sentence)
    with pytest.raises(ConfigurationError) as caught:
        build_changes(max_input_tokens=900)
    assert sentence in str(caught.value)
    local = Engine()
    ask(
        local,
        "PUT",
        "/_inference/text_embedding/made",
        {"service": "jinaai", "service_settings": VALID["jinaai"]},
    )
    change = {"service_settings": {"max_input_tokens": 900}}
    assert sentence in str(ask(local, "PUT", "/_inference/made/_update", change)[0])


def test_a_task_setting_reaches_client_engine_and_requests(rule):
    """A task setting that gets another task type is taken there, by endpoints and by single requests."""
    task = {"task_settings": {"late_chunking": True}}
    unknown = "Configuration contains settings [late_chunking] unknown to the [jinaai] service"
    assert refused(both("rerank", "jinaai", RERANK["jinaai"], **task), unknown)
    rule("jinaai", Setting("late_chunking", flag), "task_settings")
    assert both("rerank", "jinaai", RERANK["jinaai"], **task) == (None, None)
    local = Engine()
    body = {"service": "jinaai", "service_settings": RERANK["jinaai"]}
    ask(local, "PUT", "/_inference/rerank/made", body)
    assert ask(local, "POST", "/_inference/made", {"query": "q", "input": ["a"], **task})[0] is None


def test_a_task_type_reaches_client_and_engine(monkeypatch):
    """A task type that a service loses is refused by both."""
    rules = RULES["jinaai"]
    monkeypatch.setitem(RULES, "jinaai", replace(rules, tasks=("rerank", "embedding")))
    sentence = "The [jinaai] service does not support task type [text_embedding]"
    assert refused(both("text_embedding", "jinaai", VALID["jinaai"]), sentence)


FULL = {
    "jinaai": JinaAI(
        "m", api_key="k", dimensions=1, similarity="cosine", embedding_type="float", max_input_tokens=1,
        multimodal_model=True, requests_per_minute=1, input_type="search", late_chunking=True, top_n=1,
        return_documents=True,
    ),
    "elasticsearch": ElasticsearchService(
        "m", num_threads=1, num_allocations=1, adaptive_allocations=AdaptiveAllocations(), deployment_id="d",
        similarity="cosine", element_type="float", long_document_strategy="chunk", max_chunks_per_doc=1,
        return_documents=True,
    ),
    "elastic": ElasticInferenceService(
        "m", dimensions=1, similarity="cosine", max_input_tokens=1, max_batch_size=1
    ),
}  # fmt: skip
"""Every typed setting."""


@pytest.mark.parametrize("service", FULL)
def test_typed_settings_are_the_rows(service):
    """The typed settings of a service are the settings of its table, no more and no fewer."""
    config, rules = FULL[service].config, RULES[service]
    assert set(config["service_settings"]) == {row.name for row in rules.service_settings}
    elsewhere = {"return_documents"} if service == "elastic" else set()
    assert set(config.get("task_settings", {})) == {row.name for row in rules.task_settings} - elsewhere


WRONG = [
    ("text_embedding", "jinaai", {"dimensions": 0, "similarity": "dot"}, {}),
    ("text_embedding", "jinaai", {"api_key": None}, {}),
    ("text_embedding", "jinaai", {"rate_limit": {"requests_per_minute": 0}}, {}),
    ("text_embedding", "jinaai", {"rate_limit": {"burst": 1}}, {}),
    ("text_embedding", "jinaai", {"multimodal_model": True}, {}),
    ("text_embedding", "jinaai", {}, {"task_settings": {"input_type": "internal_search"}}),
    ("text_embedding", "elasticsearch", {"num_threads": 3}, {}),
    ("text_embedding", "elasticsearch", {"model_id": None}, {}),
    ("text_embedding", "elasticsearch", {"model_id": "made"}, {}),
    ("text_embedding", "elasticsearch", {"model_id": ".rerank-v1"}, {}),
    ("text_embedding", "elasticsearch", {"num_allocations": None}, {}),
    ("text_embedding", "elasticsearch", {"adaptive_allocations": {"enabled": True}}, {}),
    ("text_embedding", "elasticsearch", {"dimensions": 64}, {}),
    ("rerank", "elasticsearch", {"model_id": ".rerank-v1", "max_chunks_per_doc": 2}, {}),
    ("text_embedding", "elastic", {"rate_limit": {"requests_per_minute": 5}}, {}),
    ("text_embedding", "elastic", {}, {"task_settings": {"return_documents": True}}),
    ("text_embedding", "elastic", {"max_batch_size": "many"}, {}),
]


@pytest.mark.parametrize(("task_type", "service", "wrong", "more"), WRONG)
def test_both_refuse_with_the_same_sentence(task_type, service, wrong, more):
    """What Elasticsearch refuses is refused by client and engine in Elasticsearch's own words."""
    said, answered = both(task_type, service, {**VALID[service], **wrong}, **more)
    assert answered is not None
    numbered = (
        re.findall(r"\d+: (.+?);", answered) if answered.startswith("Validation Failed") else [answered]
    )
    assert numbered
    for sentence in numbered:
        assert sentence in str(said)


def test_what_elasticsearch_ignores_is_refused_by_the_client_alone():
    """Allocations beside a running deployment would seem to have an effect, so only the client refuses them."""
    settings = {"deployment_id": ".elser_model_2", "num_threads": 4}
    said, answered = both("sparse_embedding", "elasticsearch", settings)
    assert said is not None
    assert "[num_threads] comes from the deployment" in said
    assert answered is None


def test_tables_name_each_setting_once():
    """No table has two rows of one name, and every row is for task types that the service has."""
    for name, rules in RULES.items():
        assert isinstance(rules, ServiceRules)
        assert name == rules.name
        for table in (rules.service_settings, rules.task_settings):
            names = [row.name for row in table]
            assert len(names) == len(set(names))
            assert {task for row in table for task in row.tasks} <= set(rules.tasks)
