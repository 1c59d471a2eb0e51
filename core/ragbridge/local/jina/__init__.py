"""Jina's products in the embedded engine, one module each."""
