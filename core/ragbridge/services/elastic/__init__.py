"""Elasticsearch's inference API, and retrieval by what it embeds."""
