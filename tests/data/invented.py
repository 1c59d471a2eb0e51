"""Two models that do not exist, as rows of the table of models: nothing of the code may know a model but by its row.

Their names, widths, tasks and bounds are unlike those of any model that there is.
"""

from __future__ import annotations

from ragbridge.models import Model

EMBEDDER = Model(
    "invented-embedder",
    frozenset({"embed", "classify", "batch"}),
    context=60,
    dimensions=344,
    sizes=(24, 88, 344),
    tasks=("invented.ask", "invented.tell"),
    batch_tasks=("invented.both",),
    roles={"query": "invented.ask", "document": "invented.tell"},
    options=frozenset({"truncate"}),
    modalities=("text", "image", "audio"),  # sound, but no groups
    image_tile=50,
    tile_tokens=7,
    media_tokens={"audio": 321},
    eis_task="text_embedding",
    eis_endpoint=True,
)
RERANKER = Model(
    "invented-reranker",
    frozenset({"rerank"}),
    context=5000,
    options=frozenset({"max_doc_length"}),
    window=5,
    document_tokens=11,
    max_document_tokens=77,
    eis_task="rerank",
)
INVENTED = (EMBEDDER, RERANKER)
