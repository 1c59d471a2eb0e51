"""The embedded engine: answers Jina's requests in this process, without a key and without a network.

It is for development, tests and demos, and says so: answers carry the embedded model's name beside the asked one.
Vectors are real static embeddings, so retrieval and reranking work, at a fraction of the hosted models' quality.
"""

from __future__ import annotations

from ragbridge.local._engine import Answer, Engine
from ragbridge.local._faults import Faults
from ragbridge.local._quota import Quota

__all__ = ["Answer", "Engine", "Faults", "Quota"]
