"""``RagbridgeNodeParser``: the core's chunkers for LlamaIndex."""

from __future__ import annotations

import pickle
import uuid
from asyncio import to_thread
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

try:
    from llama_index.core.node_parser import MetadataAwareTextSplitter
    from llama_index.core.node_parser.node_utils import build_nodes_from_splits, default_id_func
    from llama_index.core.schema import BaseNode, Document, MetadataMode, TextNode
    from llama_index.core.utils import get_tqdm_iterable
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, field_serializer

from llama_index.node_parser.ragbridge.metadata import chunks_with_room
from ragbridge import ConfigurationError, adapters
from ragbridge.chunking import Chunk, Chunker

_SETTINGS = ("strategy", "max_chunk_size", "overlap", "sentence_overlap", "separators", "separator_group")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "ragbridge/node")  # stored ids depend on it: never changed


class RagbridgeNodeParser(MetadataAwareTextSplitter):
    """Cuts documents into nodes where Elasticsearch's inference service would cut them.

    The settings are Elasticsearch's ``chunking_settings``, under its rules: without any, sentences of 250 words
    together with one sentence of overlap. ``start_char_idx`` and ``end_char_idx`` are true places in the node's source,
    whatever repeats in it; None where the node was cut from a part of the source and that part's place is unknown.

    LlamaIndex puts a node's metadata in front of its text for embeddings and language models, so its splitters take
    the metadata's words off the size of chunks, and so does this one: nodes with their metadata keep to
    ``max_chunk_size``. Documents without metadata that embeddings or language models see give Elasticsearch's chunks;
    with ``metadata_aware=False`` all do.

    Args:
        strategy: ``"none"``, ``"word"``, ``"sentence"`` or ``"recursive"``.
        max_chunk_size: Most words in a chunk.
        overlap: Words that a chunk repeats of the one before; of strategy ``"word"``, which needs it.
        sentence_overlap: 0, or 1 to repeat the last sentence of the chunk before; of strategy ``"sentence"``.
        separators: Regular expressions from coarse to fine; of strategy ``"recursive"``.
        separator_group: ``"plaintext"`` or ``"markdown"`` instead of ``separators``.
        strict: Refuse text beyond ASCII where the extra ``icu`` is missing, instead of cutting it approximately.
        metadata_aware: Take the words of the metadata off ``max_chunk_size``.
        deterministic_ids: Make a node's id, a UUID, of the id of what is parsed and the node's place in it: a document
            that is parsed again under the same id gives the same ids.
        id_func: Makes ids of a node's number and its document instead; None for random ids.
        **framework: Fields of ``NodeParser``: ``include_metadata``, ``include_prev_next_rel``, ``callback_manager``.

    Raises:
        ConfigurationError: Elasticsearch would refuse the settings; or two of them contradict each other.
        pydantic.ValidationError: A setting is unknown or of the wrong type.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    strategy: str | None
    max_chunk_size: int | None
    overlap: int | None
    sentence_overlap: int | None
    separators: list[str] | None
    separator_group: str | None
    strict: bool
    metadata_aware: bool
    deterministic_ids: bool

    def __init__(
        self,
        *,
        strategy: str | None = None,
        max_chunk_size: int | None = None,
        overlap: int | None = None,
        sentence_overlap: int | None = None,
        separators: Sequence[str] | None = None,
        separator_group: str | None = None,
        strict: bool = True,
        metadata_aware: bool = True,
        deterministic_ids: bool = False,
        id_func: Callable[[int, BaseNode], str] | None = None,
        **framework: Any,
    ) -> None:
        if isinstance(id_func, str):
            raise ConfigurationError(
                f"id_func={id_func!r}: a dict holds only a function's name; from_dict(data, id_func=...) restores it"
            )
        if deterministic_ids and id_func is not None and id_func is not default_id_func:
            raise ConfigurationError("deterministic_ids=True and id_func=: give one of them")
        settings: dict[str, Any] = {
            "strategy": strategy,
            "max_chunk_size": max_chunk_size,
            "overlap": overlap,
            "sentence_overlap": sentence_overlap,
            "separators": separators,
            "separator_group": separator_group,
        }
        _chunker(settings, strict=strict)  # unchanged: pydantic would convert "250" to an int
        settings |= {
            "strict": strict,
            "metadata_aware": metadata_aware,
            "deterministic_ids": deterministic_ids,
            "id_func": id_func,
        }
        super().__init__(**settings, **framework)

    @classmethod
    def class_name(cls) -> str:
        """The name in serialized components; public, never changed."""
        return "RagbridgeNodeParser"

    def get_nodes_from_documents(
        self, documents: Iterable[Document], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        """The chunks of documents, in order; a generator is read once."""
        listed = adapters.listed(documents, "documents")
        return super().get_nodes_from_documents(listed, show_progress, **kwargs)

    async def aget_nodes_from_documents(
        self, documents: Iterable[Document], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        """The chunks of documents, in order; a generator is read once."""
        listed = adapters.listed(documents, "documents")
        return await super().aget_nodes_from_documents(listed, show_progress, **kwargs)

    def split_text(self, text: str) -> list[str]:
        """The chunks of a text."""
        return self.split_text_metadata_aware(text, "")

    def split_text_metadata_aware(self, text: str, metadata_str: str) -> list[str]:
        """The chunks of a text, each with room for these metadata."""
        return [chunk.text for chunk in self._chunks(text, metadata_str)]

    def _chunks(self, text: str, metadata: str) -> list[Chunk]:
        return next(self._chunks_of([text], [metadata]))

    def _chunks_of(self, texts: Sequence[str], metadata: Sequence[str]) -> Iterator[list[Chunk]]:
        settings = {name: getattr(self, name) for name in _SETTINGS}
        found = chunks_with_room(texts, metadata, _chunker(settings, strict=self.strict))
        # Elasticsearch keeps blank chunks; LlamaIndex's splitters do not, but for the one of an empty text.
        return (
            [chunk for chunk in chunks if chunk.text.strip() or not text]
            for text, chunks in zip(texts, found, strict=True)
        )

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **_kwargs: Any
    ) -> list[BaseNode]:
        texts = [node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes]
        counted = self.metadata_aware and self.include_metadata
        found = self._chunks_of(texts, [self._get_metadata_str(node) if counted else "" for node in nodes])
        parsed: list[BaseNode] = []
        for node, text, chunks in zip(
            get_tqdm_iterable(nodes, show_progress, "Parsing nodes"), texts, found, strict=True
        ):
            parsed += self._parse(node, text, chunks)
        return parsed

    async def _aparse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        return await to_thread(self._parse_nodes, nodes, show_progress, **kwargs)

    def _parse(self, node: BaseNode, text: str, chunks: Sequence[Chunk]) -> list[TextNode]:
        def place_id(i: int, doc: BaseNode) -> str:
            return str(uuid.uuid5(_NAMESPACE, f"{doc.node_id}:{chunks[i].start}:{chunks[i].end}"))

        id_func: Any = place_id if self.deterministic_ids else self.id_func
        parts = build_nodes_from_splits([chunk.text for chunk in chunks], node, id_func=id_func)
        offset = _offset(node, len(text))
        for part, chunk in zip(parts, chunks, strict=True):
            part.start_char_idx = None if offset is None else offset + chunk.start
            part.end_char_idx = None if offset is None else offset + chunk.end
        return parts

    def _postprocess_parsed_nodes(
        self, nodes: list[BaseNode], parent_doc_map: dict[str, Document]
    ) -> list[BaseNode]:
        # The framework searches for the nodes' texts and finds repeated ones too early: places are put back.
        parts = cast("list[TextNode]", nodes)
        places = [(part.start_char_idx, part.end_char_idx) for part in parts]
        super()._postprocess_parsed_nodes(nodes, parent_doc_map)
        for part, (start, end) in zip(parts, places, strict=True):
            part.start_char_idx, part.end_char_idx = start, end
        return nodes

    @field_serializer("id_func")
    def _describe(self, id_func: Callable[..., str]) -> str | None:
        # Part of what identifies this component in caches, and None can be read back.
        return None if id_func is default_id_func else getattr(id_func, "__qualname__", repr(id_func))

    def __getstate__(self) -> dict[str, Any]:
        # Fails where the framework would leave the function out and give random ids instead.
        pickle.dumps(self.id_func)
        # The framework deletes attributes that cannot be pickled from the object itself, so it is given a copy.
        return super(RagbridgeNodeParser, self.model_copy()).__getstate__()


def _chunker(settings: dict[str, Any], *, strict: bool) -> Chunker:
    given = {name: value for name, value in settings.items() if value is not None}
    return Chunker.from_settings(given, strict=strict)


def _offset(node: BaseNode, length: int) -> int | None:
    """Where a node's text begins in what its parts will have as their source; None if unknown."""
    if node.source_node is None:
        return 0  # it will be the source itself
    start, end = getattr(node, "start_char_idx", None), getattr(node, "end_char_idx", None)
    return start if start is not None and end == start + length else None
