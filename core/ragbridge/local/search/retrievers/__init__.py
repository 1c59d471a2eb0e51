"""Retrievers: trees of searches whose ranked lists are fused, reranked or rearranged."""
