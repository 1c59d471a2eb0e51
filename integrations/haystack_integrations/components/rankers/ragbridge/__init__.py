"""Haystack rankers over ragbridge: ``JinaRanker``, and ``ElasticRanker`` over Elasticsearch."""

try:
    import haystack  # noqa: F401 - first, so that its absence is named as such
except ImportError as error:
    raise ImportError(
        f'the rankers need the package haystack-ai ({error}): pip install "ragbridge[haystack]"'
    ) from error

from haystack_integrations.components.rankers.ragbridge.elastic_ranker import ElasticRanker
from haystack_integrations.components.rankers.ragbridge.ranker import JinaRanker

__all__ = ["ElasticRanker", "JinaRanker"]
