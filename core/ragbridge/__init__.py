"""Embeddings and reranking for retrieval: one core under LangChain, LlamaIndex and Haystack.

>>> from ragbridge import Jina
>>> jina = Jina(base_url="local")                               # the embedded engine: no key, no network
>>> jina.embed(["a text"], role="document").vectors.shape
(1, 1024)
"""

from typing import TYPE_CHECKING, Any

from ragbridge._call import Totals
from ragbridge._catalogue import ModelInfo
from ragbridge._classification import Classification, Classifications, Classifier, Training
from ragbridge._errors import (
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
from ragbridge._groups import group_by
from ragbridge._inputs import Audio, Group, Image, Pdf, Video
from ragbridge._jobs import BatchResults, BatchStats, BatchStatus, BulkStatus, FailedItem
from ragbridge._limiter import Limiter
from ragbridge._limits import RateLimit, RateLimiter
from ragbridge._multivectors import MultiVectors, maxsim
from ragbridge._pages import Grounding, Page, Reference, SearchResults
from ragbridge._results import (
    Document,
    DocumentEmbeddings,
    Embeddings,
    RankedDocument,
    Ranking,
    Segment,
    Segments,
    Usage,
)
from ragbridge._retry import Retry
from ragbridge._version import __version__
from ragbridge.services.jina._reader_options import ReaderOptions
from ragbridge.services.jina.client import Jina
from ragbridge.services.jina.faces.jobs import BatchJob, BulkJob

if TYPE_CHECKING:
    from ragbridge._sparse import SparseEmbeddings, token_index
    from ragbridge.services.elastic.client import Elastic

__all__ = [
    "Audio",
    "AuthenticationError",
    "BatchJob",
    "BatchResults",
    "BatchStats",
    "BatchStatus",
    "BulkJob",
    "BulkStatus",
    "Classification",
    "Classifications",
    "Classifier",
    "ConfigurationError",
    "Document",
    "DocumentEmbeddings",
    "Elastic",
    "Embeddings",
    "FailedItem",
    "Grounding",
    "Group",
    "Image",
    "InvalidRequestError",
    "Jina",
    "JobError",
    "Limiter",
    "ModelInfo",
    "MultiVectors",
    "Page",
    "Pdf",
    "QuotaExhaustedError",
    "RagbridgeError",
    "RankedDocument",
    "Ranking",
    "RateLimit",
    "RateLimitError",
    "RateLimiter",
    "ReaderOptions",
    "Reference",
    "RequestError",
    "ResponseError",
    "Retry",
    "SearchResults",
    "Segment",
    "Segments",
    "ServiceError",
    "SparseEmbeddings",
    "StatusError",
    "Totals",
    "Training",
    "Usage",
    "Video",
    "__version__",
    "group_by",
    "maxsim",
    "token_index",
]

_LATE = {
    "Elastic": "ragbridge.services.elastic.client",
    "SparseEmbeddings": "ragbridge._sparse",
    "token_index": "ragbridge._sparse",
}
"""Where names are that are imported when they are first asked for: those of one service need not wait for another's."""


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_LATE[name]), name)
    return found
