"""Elasticsearch's inference API in this process."""

from ragbridge.local.inference._api import InferenceApi

__all__ = ["InferenceApi"]
