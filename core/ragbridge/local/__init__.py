"""The embedded engine: answers Jina's and Elasticsearch's requests in this process, without a key and without a network.

It is for development, tests and demos, and says so: answers carry the embedded model's name beside the asked one.
Vectors of texts are real static embeddings, so retrieval and reranking work, at a fraction of the hosted models' quality;
a digest stands in for whatever is no text. ``routes`` lists the paths; each product is a module that checks a request
and says what it costs and how it is answered (``calls.Work``).
"""

from __future__ import annotations

from ragbridge.local.engine import Answer, Engine
from ragbridge.local.faults import Faults
from ragbridge.local.quota import Quota
from ragbridge.values.public import publish as _publish

__all__ = ["Answer", "Engine", "Faults", "Quota"]

_publish(__name__, [globals()[_name] for _name in __all__])
