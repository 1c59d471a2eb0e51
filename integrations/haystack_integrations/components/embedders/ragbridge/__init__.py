"""Haystack embedders over ragbridge: ``JinaTextEmbedder`` for queries, ``JinaDocumentEmbedder`` for documents.

``JinaDocumentImageEmbedder`` embeds pictures, ``JinaSparse...`` give weighted tokens. Vectors are lists of floats, since Haystack's ``Document`` and its stores
have no others: for packed bits, or one vector for each token, use ``ragbridge.Jina`` itself.
``Elastic...`` embed by inference endpoints of Elasticsearch, densely and sparsely.
"""

from typing import TYPE_CHECKING

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the embedders need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from ragbridge.adapters import late_names as _late_names

if TYPE_CHECKING:
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
    from haystack_integrations.components.embedders.ragbridge.sparse_text_embedder import (
        JinaSparseTextEmbedder,
    )
    from haystack_integrations.components.embedders.ragbridge.text_embedder import JinaTextEmbedder
else:
    __getattr__, __dir__ = _late_names(
        __name__,
        {
            "ElasticDocumentEmbedder": "haystack_integrations.components.embedders.ragbridge.elastic_document_embedder",
            "ElasticSparseDocumentEmbedder": "haystack_integrations.components.embedders.ragbridge.elastic_sparse_document_embedder",
            "ElasticSparseTextEmbedder": "haystack_integrations.components.embedders.ragbridge.elastic_sparse_text_embedder",
            "ElasticTextEmbedder": "haystack_integrations.components.embedders.ragbridge.elastic_text_embedder",
            "JinaDocumentEmbedder": "haystack_integrations.components.embedders.ragbridge.document_embedder",
            "JinaDocumentImageEmbedder": "haystack_integrations.components.embedders.ragbridge.document_image_embedder",
            "JinaSparseDocumentEmbedder": "haystack_integrations.components.embedders.ragbridge.sparse_document_embedder",
            "JinaSparseTextEmbedder": "haystack_integrations.components.embedders.ragbridge.sparse_text_embedder",
            "JinaTextEmbedder": "haystack_integrations.components.embedders.ragbridge.text_embedder",
        },
    )

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
