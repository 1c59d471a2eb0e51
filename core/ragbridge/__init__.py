"""Embeddings and reranking for retrieval: one core under LangChain, LlamaIndex and Haystack.

>>> from ragbridge import Jina
>>> jina = Jina(base_url="local")                               # the embedded engine: no key, no network
>>> jina.embed(["a text"], role="document").vectors.shape
(1, 1024)
"""

from ragbridge._call import Totals
from ragbridge._errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RagbridgeError,
    RateLimitError,
    RequestError,
    ResponseError,
    ServiceError,
    StatusError,
)
from ragbridge._groups import group_by
from ragbridge._limiter import Limiter
from ragbridge._limits import RateLimit, RateLimiter
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
from ragbridge.services.jina.client import Jina

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "Document",
    "DocumentEmbeddings",
    "Embeddings",
    "InvalidRequestError",
    "Jina",
    "Limiter",
    "QuotaExhaustedError",
    "RagbridgeError",
    "RankedDocument",
    "Ranking",
    "RateLimit",
    "RateLimitError",
    "RateLimiter",
    "RequestError",
    "ResponseError",
    "Retry",
    "Segment",
    "Segments",
    "ServiceError",
    "StatusError",
    "Totals",
    "Usage",
    "__version__",
    "group_by",
]
