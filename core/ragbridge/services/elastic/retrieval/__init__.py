"""Retrieval: indexes, documents, searches, and bodies for any client."""
