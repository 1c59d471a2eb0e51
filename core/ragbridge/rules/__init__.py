"""Elasticsearch's own rules, read by client and embedded engine alike."""
