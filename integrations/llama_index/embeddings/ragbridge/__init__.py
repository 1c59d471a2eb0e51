"""Embeddings by Jina AI, by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from typing import TYPE_CHECKING

from ragbridge.adapters import late_names as _late_names

if TYPE_CHECKING:
    from llama_index.embeddings.ragbridge.base import JinaEmbedding
    from llama_index.embeddings.ragbridge.elastic import ElasticEmbedding
    from llama_index.embeddings.ragbridge.multi_modal import JinaMultiModalEmbedding
else:
    __getattr__, __dir__ = _late_names(
        __name__,
        {
            "ElasticEmbedding": "llama_index.embeddings.ragbridge.elastic",
            "JinaEmbedding": "llama_index.embeddings.ragbridge.base",
            "JinaMultiModalEmbedding": "llama_index.embeddings.ragbridge.multi_modal",
        },
    )

__all__ = ["ElasticEmbedding", "JinaEmbedding", "JinaMultiModalEmbedding"]
