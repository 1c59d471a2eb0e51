"""Inference by endpoints: dense and sparse vectors, reranking."""
