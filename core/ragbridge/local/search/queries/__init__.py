"""Queries: what they match in an index, and with which score."""
