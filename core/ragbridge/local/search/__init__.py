"""Elasticsearch's indexes, documents and searches in this process: small, in memory, for development and tests."""

from ragbridge.local.search.api import SearchApi

__all__ = ["SearchApi"]
