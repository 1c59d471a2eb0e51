"""A corpus becomes vectors: files in, shards out, and nothing that was paid for is paid twice, whatever happens.

::

    from ragbridge import Jina, corpus

    report = corpus.embed("articles/*.jsonl", "vectors/", client=Jina(limits="paid"), dimensions=256)

``ragbridge embed`` is the same as a command.
"""

from __future__ import annotations

from ragbridge.corpus.calls import embed, estimate
from ragbridge.corpus.progress import Progress
from ragbridge.corpus.report import Estimate, Report
from ragbridge.ground.public import publish as _publish

__all__ = ["Estimate", "Progress", "Report", "embed", "estimate"]

_publish(__name__, [globals()[_name] for _name in __all__])
