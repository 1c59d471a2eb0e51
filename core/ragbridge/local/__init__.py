"""The embedded engine: answers Jina's and Elasticsearch's requests in this process, without a key or a network.

It is for development, tests and demos. Answers say so: they name the embedded model beside the requested one. Vectors of texts
are real static embeddings, so retrieval and reranking work, at a fraction of the hosted models' quality. Images, audio, video
and PDF are represented by a digest of their bytes.

``routes`` lists the paths. Each product is a module that validates a request and returns its cost and its answer
(``calls.Work``).
"""

from __future__ import annotations

from ragbridge.ground.public import publish as _publish
from ragbridge.local.engine import Answer, Engine
from ragbridge.local.faults import Faults
from ragbridge.local.quota import Quota

__all__ = ["Answer", "Engine", "Faults", "Quota"]

_publish(__name__, [globals()[_name] for _name in __all__])
