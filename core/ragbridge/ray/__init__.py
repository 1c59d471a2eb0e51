"""Ray Data: classes that it makes once in each worker, and calls with batches.

::

    from ragbridge.ray import Embedder

    ds = ray.data.read_parquet("corpus/").repartition(32)
    ds = ds.map_batches(
        Embedder,
        fn_constructor_kwargs={"client": {"limits": "paid", "quotas": RedisQuotas()}, "column": "text", "role": "document"},
        batch_format="pyarrow",
        concurrency=4,
    )

Settings travel, not clients; each worker takes the key from its own environment. Needs the extra ``ray``.
"""

from __future__ import annotations

from ragbridge.ray.workers import Embedder, Reranker
from ragbridge.values.public import publish as _publish

__all__ = ["Embedder", "Reranker"]

_publish(__name__, [globals()[_name] for _name in __all__])
