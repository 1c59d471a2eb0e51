"""Settings of inference endpoints: typed, and checked by Elasticsearch's rules before anything is sent."""

from __future__ import annotations

from ragbridge.rules.endpoints import E5, ELASTIC_RERANK, ELSER, Similarity, TaskType
from ragbridge.services.elastic.endpoints.settings.base import EndpointSettings
from ragbridge.services.elastic.endpoints.settings.cohere import Cohere
from ragbridge.services.elastic.endpoints.settings.eis import ElasticInferenceService
from ragbridge.services.elastic.endpoints.settings.elasticsearch import (
    AdaptiveAllocations,
    ElasticsearchService,
)
from ragbridge.services.elastic.endpoints.settings.jinaai import JinaAI
from ragbridge.services.elastic.endpoints.settings.openai import OpenAI

__all__ = [
    "E5",
    "ELASTIC_RERANK",
    "ELSER",
    "AdaptiveAllocations",
    "Cohere",
    "ElasticInferenceService",
    "ElasticsearchService",
    "EndpointSettings",
    "JinaAI",
    "OpenAI",
    "Similarity",
    "TaskType",
]
