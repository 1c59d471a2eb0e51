"""Elasticsearch's own rules. The client and the embedded engine read the same ones."""
