"""Methods that cut texts."""

from __future__ import annotations

from collections.abc import Sequence

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan
from ragbridge.services.jina.segment import requests as segment
from ragbridge.services.jina.segment.requests import DEFAULT_TOKENIZER
from ragbridge.services.jina.session import JinaMethods
from ragbridge.values.web import Segments, Tokenizer


class SegmentingMethods(JinaMethods):
    """Segmenting."""

    def _segment(
        self,
        content: str,
        *,
        tokenizer: str | Tokenizer = DEFAULT_TOKENIZER,
        max_chunk_length: int | None = None,
        head: int | None = None,
        tail: int | None = None,
        return_tokens: bool = False,
    ) -> Plan[Segments]:
        """A text cut at its structure (paragraphs, sentences, headings), with true positions; and its tokens counted.

        Free of charge, and limited by requests alone. It works without a key as well: ``Jina(limits="keyless")``.

        Args:
            content: The text. An empty one sends nothing.
            tokenizer: Whose vocabulary counts: ``cl100k_base``, ``o200k_base``, ``p50k_base``, ``r50k_base``,
                ``p50k_edit`` or ``gpt2``; OpenAI's, so that counts are none of Jina's own models.
            max_chunk_length: Characters of a chunk at most; None for the service's 1,000.
            head: Only the first so many tokens of the text.
            tail: Only the last so many; not together with ``head``.
            return_tokens: Whether each chunk carries its tokens.

        Returns:
            ``Segments``: chunks with ``start``, ``end`` and ``text``, which is ``content[start:end]``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ResponseError: A chunk does not stand in the text.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = segment.check_options(
            content,
            tokenizer=tokenizer,
            max_chunk_length=max_chunk_length,
            head=head,
            tail=tail,
            return_tokens=return_tokens,
        )
        return segment.segment(self._channel, options)

    segment = Blocking(_segment)
    asegment = Awaitable(_segment)

    def _segment_many(
        self,
        texts: Sequence[str],
        *,
        tokenizer: str | Tokenizer = DEFAULT_TOKENIZER,
        max_chunk_length: int | None = None,
    ) -> Plan[tuple[Segments, ...]]:
        """Several texts, cut side by side as far as the quota allows, in their order: one request each.

        Args:
            texts: The texts. Nothing is sent for empty ones.
            tokenizer: Whose vocabulary counts, see ``segment``.
            max_chunk_length: Characters of a chunk at most; None for the service's 1,000.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            StatusError: The service refuses a text; ``index`` says which.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = segment.check_options(
            "",
            tokenizer=tokenizer,
            max_chunk_length=max_chunk_length,
            head=None,
            tail=None,
            return_tokens=False,
        )
        return segment.segment_many(self._channel, texts, options)

    segment_many = Blocking(_segment_many)
    asegment_many = Awaitable(_segment_many)
