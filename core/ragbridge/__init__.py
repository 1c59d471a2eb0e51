"""Embeddings and reranking for retrieval: one core under LangChain, LlamaIndex and Haystack.

>>> from ragbridge import Jina
>>> jina = Jina(base_url="local")                               # the embedded engine: no key, no network
>>> jina.embed(["a text"], role="document").vectors.shape
(1, 1024)
"""

from typing import TYPE_CHECKING, Any

from ragbridge.client.retry import Retry
from ragbridge.client.tally import Totals
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
from ragbridge.flow import Request, Response
from ragbridge.limiter.limiter import Limiter
from ragbridge.limiter.limits import RateLimit, RateLimiter
from ragbridge.models import ModelInfo
from ragbridge.observers import Observation, Observer, Operation, Outcome, observe
from ragbridge.services.jina.client import Jina
from ragbridge.services.jina.jobs.methods import BatchJob, BulkJob
from ragbridge.services.jina.web.options import ReaderOptions
from ragbridge.values.classification import Classification, Classifications, Classifier, Training
from ragbridge.values.embeddings import DocumentEmbeddings, Embeddings, Usage
from ragbridge.values.inputs import Audio, Group, Image, Pdf, Video, group_by
from ragbridge.values.jobs import BatchResults, BatchStats, BatchStatus, BulkStatus, FailedItem
from ragbridge.values.multivectors import MultiVectors, maxsim
from ragbridge.values.partial import Failure, Partial
from ragbridge.values.public import __version__
from ragbridge.values.public import publish as _publish
from ragbridge.values.rankings import Document, RankedDocument, Ranking
from ragbridge.values.sparse import SparseEmbeddings, SparseVector, token_index
from ragbridge.values.web import Grounding, Page, Reference, RelatedLink, SearchResults, Segment, Segments

if TYPE_CHECKING:
    from ragbridge.cache import Cache, CacheInfo, RedisCache, SqliteCache
    from ragbridge.limiter.file import FileQuotas
    from ragbridge.limiter.quotas import Quotas
    from ragbridge.limiter.redis import RedisQuotas
    from ragbridge.services.elastic.client import Elastic
    from ragbridge.transport.base import Transport

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
    "Cache": "ragbridge.cache",
    "CacheInfo": "ragbridge.cache",
    "Elastic": "ragbridge.services.elastic.client",
    "FileQuotas": "ragbridge.limiter.file",
    "Quotas": "ragbridge.limiter.quotas",
    "RedisCache": "ragbridge.cache",
    "RedisQuotas": "ragbridge.limiter.redis",
    "SqliteCache": "ragbridge.cache",
    "Transport": "ragbridge.transport.base",
}
"""Where names are that are imported when they are first asked for: those of one service need not wait for another's."""

_publish(__name__, [globals().get(_name) for _name in __all__])


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = thing = getattr(import_module(_LATE[name]), name)
    _publish(__name__, [thing])
    return thing
