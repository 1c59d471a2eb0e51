"""Ray Data: classes that it makes once in each worker, and calls with batches.

::

    from ragbridge.ray import Embedder

    ds = ray.data.read_parquet("corpus/").repartition(32)
    ds = ds.map_batches(
        Embedder,
        fn_constructor_kwargs={"client": {"limits": "paid", "quotas": RedisQuotas()}, "role": "document"},
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=4),
    )

Settings travel, not clients; each worker takes the key from its own environment. Needs the extra ``ray``.
"""

from __future__ import annotations

from ragbridge.errors import ConfigurationError as _ConfigurationError
from ragbridge.ground.public import publish as _publish

try:
    import pyarrow as _pyarrow  # noqa: F401, ICN001 - what workers need; whoever calls them has imported ray
except ImportError as _error:
    raise _ConfigurationError(
        f'ragbridge.ray needs pyarrow ({_error}): pip install "ragbridge[ray]"'
    ) from _error

from ragbridge.ray.workers import Embedder, Reranker

__all__ = ["Embedder", "Reranker"]

_publish(__name__, [globals()[_name] for _name in __all__])
