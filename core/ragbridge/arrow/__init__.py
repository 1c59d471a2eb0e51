"""Arrow batches in, the same batches with their vectors out: for Spark, Daft, Dask, Ray, or pyarrow alone.

::

    from ragbridge import Jina
    from ragbridge.arrow import embed_batches

    jina = Jina(limits="paid")
    for batch in embed_batches(dataset.to_batches(), client=jina, column="text", role="document"):
        ...                                    # the batch, with a column "embedding" of float32 lists

Needs the extra ``parquet``.
"""

from __future__ import annotations

from ragbridge.arrow.batches import embed_batches
from ragbridge.arrow.columns import vector_column
from ragbridge.errors import ConfigurationError as _ConfigurationError
from ragbridge.ground.public import publish as _publish

try:
    import pyarrow as _pyarrow  # noqa: F401, ICN001 - asked for here, where an import can say how to get it
except ImportError as _error:
    raise _ConfigurationError(
        f'ragbridge.arrow needs pyarrow ({_error}): pip install "ragbridge[parquet]"'
    ) from _error

__all__ = ["embed_batches", "vector_column"]

_publish(__name__, [globals()[_name] for _name in __all__])
