"""Reranking by Jina AI, by Elasticsearch, or by the embedded engine, for LlamaIndex."""

from typing import TYPE_CHECKING

from ragbridge.adapters import late_names as _late_names

if TYPE_CHECKING:
    from llama_index.postprocessor.ragbridge.base import JinaRerank
    from llama_index.postprocessor.ragbridge.elastic import ElasticRerank
else:
    __getattr__, __dir__ = _late_names(
        __name__,
        {
            "ElasticRerank": "llama_index.postprocessor.ragbridge.elastic",
            "JinaRerank": "llama_index.postprocessor.ragbridge.base",
        },
    )

__all__ = ["ElasticRerank", "JinaRerank"]
