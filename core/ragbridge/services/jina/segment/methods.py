"""The methods that segment texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.services.jina import segment
from ragbridge.services.jina.session import JinaMethods

if TYPE_CHECKING:
    from ragbridge.flow import Plan
    from ragbridge.values.web import Segments, Tokenizer

DEFAULT_TOKENIZER: Tokenizer = "cl100k_base"
"""The service's own."""


class SegmentingMethods(JinaMethods):
    """Segmentation."""

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
        """Splits a text at its structure (paragraphs, sentences, headings) and counts its tokens.

        Free of charge; only the number of requests is limited. Also works without a key: ``Jina(limits="keyless")``.

        Args:
            content: The text. Nothing is sent for an empty text.
            tokenizer: The vocabulary that counts tokens: ``cl100k_base``, ``o200k_base``, ``p50k_base``, ``r50k_base``,
                ``p50k_edit`` or ``gpt2``. These are OpenAI's; the tokens of Jina's own models differ.
            max_chunk_length: Maximum length of a chunk in characters; None for the service's default, 1,000.
            head: Number of tokens at the start of the text to segment; None for the whole text.
            tail: Number of tokens at the end of the text to segment. Excludes ``head``.
            return_tokens: Whether each chunk carries its tokens.

        Returns:
            ``Segments``: chunks with ``start``, ``end`` (in code points) and ``text``, which is ``content[start:end]``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            ResponseError: A chunk does not occur in the text.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = segment.requests.check_options(
            content,
            tokenizer=tokenizer,
            max_chunk_length=max_chunk_length,
            head=head,
            tail=tail,
            return_tokens=return_tokens,
        )
        return segment.requests.segment(self._channel, options)

    segment = Blocking(_segment)
    asegment = Awaitable(_segment)

    def _segment_many(
        self,
        texts: Sequence[str],
        *,
        tokenizer: str | Tokenizer = DEFAULT_TOKENIZER,
        max_chunk_length: int | None = None,
    ) -> Plan[tuple[Segments, ...]]:
        """Segments several texts, in as many concurrent requests as the quota allows.

        Args:
            texts: The texts. Each is one request; equal ones are sent once, and nothing is sent for empty texts.
            tokenizer: The vocabulary that counts tokens, see ``segment``.
            max_chunk_length: Maximum length of a chunk in characters; None for the service's default, 1,000.

        Returns:
            One ``Segments`` per text, in the order of ``texts``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            StatusError: The service refuses a text; ``index`` is its position in ``texts``.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        options = segment.requests.check_options(
            "",
            tokenizer=tokenizer,
            max_chunk_length=max_chunk_length,
            head=None,
            tail=None,
            return_tokens=False,
        )
        return segment.requests.segment_many(self._channel, texts, options)

    segment_many = Blocking(_segment_many)
    asegment_many = Awaitable(_segment_many)
