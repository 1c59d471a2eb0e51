"""Settings of inference endpoints: typed, and checked by Elasticsearch's rules before anything is sent."""

from __future__ import annotations

from ragbridge._endpoint_settings import E5, ELASTIC_RERANK, ELSER, Similarity, TaskType
from ragbridge.services.elastic.settings.base import EndpointSettings
from ragbridge.services.elastic.settings.eis import ElasticInferenceService
from ragbridge.services.elastic.settings.elasticsearch import AdaptiveAllocations, ElasticsearchService
from ragbridge.services.elastic.settings.jinaai import JinaAI

__all__ = [
    "E5",
    "ELASTIC_RERANK",
    "ELSER",
    "AdaptiveAllocations",
    "ElasticInferenceService",
    "ElasticsearchService",
    "EndpointSettings",
    "JinaAI",
    "Similarity",
    "TaskType",
]
