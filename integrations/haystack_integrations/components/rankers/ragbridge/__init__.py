"""Haystack rankers over ragbridge: ``JinaRanker``, and ``ElasticRanker`` over Elasticsearch."""

from typing import TYPE_CHECKING

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the rankers need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from ragbridge.adapters import late_names as _late_names

if TYPE_CHECKING:
    from haystack_integrations.components.rankers.ragbridge.elastic_ranker import ElasticRanker
    from haystack_integrations.components.rankers.ragbridge.ranker import JinaRanker
else:
    __getattr__, __dir__ = _late_names(
        __name__,
        {
            "ElasticRanker": "haystack_integrations.components.rankers.ragbridge.elastic_ranker",
            "JinaRanker": "haystack_integrations.components.rankers.ragbridge.ranker",
        },
    )

__all__ = ["ElasticRanker", "JinaRanker"]
