"""What each model can do, one row each, and what one request to Jina may hold. Client and engine read both.

``table`` has Jina's models, ``hosted`` those of the Elastic Inference Service, ``rows`` the columns.
"""

from ragbridge.models.hosted import Hosted, hosted
from ragbridge.models.limits import (
    COLD_MODELS,
    COLD_START,
    MAX_BATCH_ITEMS,
    MAX_BATCH_LINES,
    MAX_CLASSES,
    MAX_CLASSIFIERS,
    MAX_CLASSIFY_INPUTS,
    MAX_DOC_LENGTH,
    MAX_GROUP_LABELS,
    MAX_GROUPS,
    MAX_ITEMS,
    MAX_LABELS,
    MAX_PAGE_SECONDS,
    MAX_REQUEST_TOKENS,
    MIN_MAX_TOKENS,
    SEARCH_TOKENS,
)
from ragbridge.models.names import (
    DEFAULT_EMBEDDING_MODEL,
    DEFAULT_IMAGE_MODEL,
    DEFAULT_MULTIVECTOR_MODEL,
    DEFAULT_RERANK_MODEL,
    DEFAULT_SPARSE_MODEL,
    BatchModel,
    EISModel,
    EmbeddingModel,
    MultiVectorModel,
    RerankModel,
    Role,
    SparseModel,
)
from ragbridge.models.rows import Model, ModelInfo
from ragbridge.models.table import MODELS, find, lookup, row_of

__all__ = [
    "COLD_MODELS",
    "COLD_START",
    "DEFAULT_EMBEDDING_MODEL",
    "DEFAULT_IMAGE_MODEL",
    "DEFAULT_MULTIVECTOR_MODEL",
    "DEFAULT_RERANK_MODEL",
    "DEFAULT_SPARSE_MODEL",
    "MAX_BATCH_ITEMS",
    "MAX_BATCH_LINES",
    "MAX_CLASSES",
    "MAX_CLASSIFIERS",
    "MAX_CLASSIFY_INPUTS",
    "MAX_DOC_LENGTH",
    "MAX_GROUPS",
    "MAX_GROUP_LABELS",
    "MAX_ITEMS",
    "MAX_LABELS",
    "MAX_PAGE_SECONDS",
    "MAX_REQUEST_TOKENS",
    "MIN_MAX_TOKENS",
    "MODELS",
    "SEARCH_TOKENS",
    "BatchModel",
    "EISModel",
    "EmbeddingModel",
    "Hosted",
    "Model",
    "ModelInfo",
    "MultiVectorModel",
    "RerankModel",
    "Role",
    "SparseModel",
    "find",
    "hosted",
    "lookup",
    "row_of",
]

for _thing in (Hosted, Model, find, hosted, lookup, row_of):  # ``ragbridge`` does it for ModelInfo
    _thing.__module__ = __name__  # so that no pickle and no traceback names a module inside
