"""Jina's products as the embedded engine answers them."""
