"""Embeddings and reranking for retrieval: one core under LangChain, LlamaIndex and Haystack.

>>> from ragbridge import Jina
>>> jina = Jina(base_url="local")                               # the embedded engine: no key, no network
>>> jina.embed(["a text"], role="document").vectors.shape
(1, 1024)
"""

from typing import TYPE_CHECKING, Any

from ragbridge.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    JobError,
    QuotaExhaustedError,
    RagbridgeError,
    RateLimitError,
    RequestError,
    ResponseError,
    ServiceError,
    StatusError,
)
from ragbridge.ground.late import names as _names
from ragbridge.ground.late import submodules as _submodules
from ragbridge.ground.public import __version__
from ragbridge.ground.public import publish as _publish

if TYPE_CHECKING:
    from ragbridge.cache import Cache, CacheInfo, RedisCache, SqliteCache
    from ragbridge.client.retry import Retry
    from ragbridge.client.tally import Totals
    from ragbridge.flow import Request, Response
    from ragbridge.limiter.file import FileQuotas
    from ragbridge.limiter.limiter import Limiter
    from ragbridge.limiter.limits import RateLimit, RateLimiter
    from ragbridge.limiter.quotas import Quotas
    from ragbridge.limiter.redis import RedisQuotas
    from ragbridge.models import ModelInfo
    from ragbridge.observers import Observation, Observer, Operation, Outcome, observe
    from ragbridge.services.elastic.client import Elastic
    from ragbridge.services.jina.client import Jina
    from ragbridge.services.jina.jobs.methods import BatchJob, BulkJob
    from ragbridge.services.jina.web.options import ReaderOptions
    from ragbridge.transport.base import Transport
    from ragbridge.values.classification import Classification, Classifications, Classifier, Training
    from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings, Usage
    from ragbridge.values.inputs import Audio, Group, Image, Pdf, Video, group_by
    from ragbridge.values.jobs import BatchResults, BatchStats, BatchStatus, BulkStatus, FailedItem
    from ragbridge.values.multivectors import MultiVectors, maxsim
    from ragbridge.values.partial import Failure, Partial
    from ragbridge.values.rankings import Document, RankedDocument, Ranking
    from ragbridge.values.sparse import SparseEmbeddings, SparseVector, token_index
    from ragbridge.values.web import Grounding, Page, Reference, RelatedLink, SearchResults, Segment, Segments

__all__ = [
    "Audio",
    "AuthenticationError",
    "BatchJob",
    "BatchResults",
    "BatchStats",
    "BatchStatus",
    "BulkJob",
    "BulkStatus",
    "Cache",
    "CacheInfo",
    "Classification",
    "Classifications",
    "Classifier",
    "ConfigurationError",
    "Document",
    "DocumentEmbeddings",
    "Elastic",
    "Embeddings",
    "FailedItem",
    "Failure",
    "FileQuotas",
    "Grounding",
    "Group",
    "Image",
    "InvalidRequestError",
    "Jina",
    "JobError",
    "Limiter",
    "ModelInfo",
    "MultiVectors",
    "Observation",
    "Observer",
    "Operation",
    "Outcome",
    "Page",
    "Partial",
    "Pdf",
    "QuotaExhaustedError",
    "Quotas",
    "RagbridgeError",
    "RankedDocument",
    "Ranking",
    "RateLimit",
    "RateLimitError",
    "RateLimiter",
    "ReaderOptions",
    "RedisCache",
    "RedisQuotas",
    "Reference",
    "RelatedLink",
    "Request",
    "RequestError",
    "Response",
    "ResponseError",
    "Retry",
    "SearchResults",
    "Segment",
    "Segments",
    "ServiceError",
    "SparseEmbeddings",
    "SparseVector",
    "SqliteCache",
    "StatusError",
    "Totals",
    "Training",
    "Transport",
    "Usage",
    "Video",
    "__version__",
    "group_by",
    "maxsim",
    "observe",
    "token_index",
]

_LATE = {
    "Audio": "ragbridge.values.inputs",
    "BatchJob": "ragbridge.services.jina.jobs.methods",
    "BatchResults": "ragbridge.values.jobs",
    "BatchStats": "ragbridge.values.jobs",
    "BatchStatus": "ragbridge.values.jobs",
    "BulkJob": "ragbridge.services.jina.jobs.methods",
    "BulkStatus": "ragbridge.values.jobs",
    "Cache": "ragbridge.cache.protocol",
    "CacheInfo": "ragbridge.cache.sqlite",
    "Classification": "ragbridge.values.classification",
    "Classifications": "ragbridge.values.classification",
    "Classifier": "ragbridge.values.classification",
    "Document": "ragbridge.values.rankings",
    "DocumentEmbeddings": "ragbridge.values.embeddings",
    "Elastic": "ragbridge.services.elastic.client",
    "Embeddings": "ragbridge.values.embeddings",
    "FailedItem": "ragbridge.values.jobs",
    "Failure": "ragbridge.values.partial",
    "FileQuotas": "ragbridge.limiter.file",
    "Grounding": "ragbridge.values.web",
    "Group": "ragbridge.values.inputs",
    "Image": "ragbridge.values.inputs",
    "Jina": "ragbridge.services.jina.client",
    "Limiter": "ragbridge.limiter.limiter",
    "ModelInfo": "ragbridge.models",
    "MultiVectors": "ragbridge.values.multivectors",
    "Observation": "ragbridge.observers",
    "Observer": "ragbridge.observers",
    "Operation": "ragbridge.observers",
    "Outcome": "ragbridge.observers",
    "Page": "ragbridge.values.web",
    "Partial": "ragbridge.values.partial",
    "Pdf": "ragbridge.values.inputs",
    "Quotas": "ragbridge.limiter.quotas",
    "RankedDocument": "ragbridge.values.rankings",
    "Ranking": "ragbridge.values.rankings",
    "RateLimit": "ragbridge.limiter.limits",
    "RateLimiter": "ragbridge.limiter.limits",
    "ReaderOptions": "ragbridge.services.jina.web.options",
    "RedisCache": "ragbridge.cache.redis",
    "RedisQuotas": "ragbridge.limiter.redis",
    "Reference": "ragbridge.values.web",
    "RelatedLink": "ragbridge.values.web",
    "Request": "ragbridge.flow",
    "Response": "ragbridge.flow",
    "Retry": "ragbridge.client.retry",
    "SearchResults": "ragbridge.values.web",
    "Segment": "ragbridge.values.web",
    "Segments": "ragbridge.values.web",
    "SparseEmbeddings": "ragbridge.values.sparse",
    "SparseVector": "ragbridge.values.sparse",
    "SqliteCache": "ragbridge.cache.sqlite",
    "Totals": "ragbridge.client.tally",
    "Training": "ragbridge.values.classification",
    "Transport": "ragbridge.transport.base",
    "Usage": "ragbridge.values.embeddings",
    "Video": "ragbridge.values.inputs",
    "group_by": "ragbridge.values.inputs",
    "maxsim": "ragbridge.values.multivectors",
    "observe": "ragbridge.observers",
    "token_index": "ragbridge.values.sparse",
}
"""Where names are. Each is imported when it is first asked for, and says itself that it is one of this module's."""

_MODULES = frozenset({"cache", "errors", "flow", "models", "observers"})
"""Public modules that can be reached by ``import ragbridge`` alone."""

_late_module = _submodules(__name__, _MODULES)
_late_name, __dir__ = _names(__name__, _LATE)
_publish(__name__, [globals()[_name] for _name in __all__ if _name in globals()])


def __getattr__(name: str) -> Any:
    return _late_module(name) if name in _MODULES else _late_name(name)
