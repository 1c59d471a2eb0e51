"""Haystack embedders over ragbridge: ``JinaTextEmbedder`` for queries, ``JinaDocumentEmbedder`` for documents.

``JinaDocumentImageEmbedder`` embeds pictures, ``JinaSparse...`` give weighted tokens. Vectors are lists of floats, since Haystack's ``Document`` and its stores
have no others: for packed bits, or one vector for each token, use ``ragbridge.Jina`` itself.
``Elastic...`` embed by inference endpoints of Elasticsearch, densely and sparsely.
"""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the embedders need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.embedders.ragbridge.document_embedder import JinaDocumentEmbedder
from haystack_integrations.components.embedders.ragbridge.document_image_embedder import (
    JinaDocumentImageEmbedder,
)
from haystack_integrations.components.embedders.ragbridge.elastic_document_embedder import (
    ElasticDocumentEmbedder,
)
from haystack_integrations.components.embedders.ragbridge.elastic_sparse_document_embedder import (
    ElasticSparseDocumentEmbedder,
)
from haystack_integrations.components.embedders.ragbridge.elastic_sparse_text_embedder import (
    ElasticSparseTextEmbedder,
)
from haystack_integrations.components.embedders.ragbridge.elastic_text_embedder import ElasticTextEmbedder
from haystack_integrations.components.embedders.ragbridge.sparse_document_embedder import (
    JinaSparseDocumentEmbedder,
)
from haystack_integrations.components.embedders.ragbridge.sparse_text_embedder import JinaSparseTextEmbedder
from haystack_integrations.components.embedders.ragbridge.text_embedder import JinaTextEmbedder

__all__ = [
    "ElasticDocumentEmbedder",
    "ElasticSparseDocumentEmbedder",
    "ElasticSparseTextEmbedder",
    "ElasticTextEmbedder",
    "JinaDocumentEmbedder",
    "JinaDocumentImageEmbedder",
    "JinaSparseDocumentEmbedder",
    "JinaSparseTextEmbedder",
    "JinaTextEmbedder",
]
