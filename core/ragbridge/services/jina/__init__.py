"""The Jina AI API."""
