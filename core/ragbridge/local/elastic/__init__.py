"""Elasticsearch's inference API in this process."""

from ragbridge.local.elastic.api import InferenceApi

__all__ = ["InferenceApi"]
