"""Nodes as the chunks of documents: what late chunking embeds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.callbacks import CBEventType, EventPayload
    from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
    from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
    from llama_index.core.schema import BaseNode, MetadataMode
    from llama_index.core.utils import get_tqdm_iterable
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from ragbridge import group_by

if TYPE_CHECKING:
    from ragbridge import DocumentEmbeddings

dispatcher = get_dispatcher(__name__)


@contextlib.contextmanager
def embedding_documents(
    model: BaseEmbedding, nodes: Sequence[BaseNode], *, show_progress: bool = False, **_kwargs: object
) -> Iterator[tuple[dict[str, Any], Callable[[DocumentEmbeddings], None]]]:
    """The question and a function for the answer, between the events that LlamaIndex expects.

    Yields:
        ``documents`` and ``progress`` for ``embed_documents``; and a function that gives the nodes their vectors.
    """
    texts = [node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
    groups = by_document(nodes)
    payload = model.to_payload()
    bar: Any = get_tqdm_iterable(texts, show_progress, "Generating embeddings")
    dispatcher.event(EmbeddingStartEvent(model_dict=payload))
    with model.callback_manager.event(
        CBEventType.EMBEDDING, payload={EventPayload.SERIALIZED: payload}
    ) as event:

        def finish(answer: DocumentEmbeddings) -> None:
            embeddings = answer.tolist(groups)
            for node, vector in zip(nodes, embeddings, strict=True):
                node.embedding = vector
            event.on_end(payload={EventPayload.CHUNKS: texts, EventPayload.EMBEDDINGS: embeddings})
            dispatcher.event(EmbeddingEndEvent(chunks=texts, embeddings=embeddings))

        documents = [[texts[index] for index in group] for group in groups]
        yield {"documents": documents, "progress": bar.update if show_progress else None}, finish
    if show_progress:
        bar.close()


def by_document(nodes: Sequence[BaseNode]) -> list[list[int]]:
    """The indices of the nodes of each document, in the document's order.

    A node without ``ref_doc_id`` is a document of its own. Nodes are in order by their places, if all of them are known
    and different; else as they come. (Places that LlamaIndex itself fills in after two splitters in a row start
    again at 0 with each part.)
    """
    keys = (index if node.ref_doc_id is None else node.ref_doc_id for index, node in enumerate(nodes))
    return [_in_order(group, nodes) for group in group_by(keys)]


def _in_order(group: list[int], nodes: Sequence[BaseNode]) -> list[int]:
    starts = [getattr(nodes[index], "start_char_idx", None) for index in group]
    known = [start for start in starts if start is not None]
    if len(set(known)) < len(group):
        return group
    return [index for _, index in sorted(zip(known, group, strict=True))]
