"""Embeddings: one vector for each input, or one for each token."""
