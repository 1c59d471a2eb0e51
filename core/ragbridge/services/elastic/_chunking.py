"""``chunking_settings`` as callers give them: Elasticsearch's object, or a chunker that has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

from ragbridge._chunking_settings import check_settings
from ragbridge._errors import ConfigurationError


class HasSettings(Protocol):
    """A chunker."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Elasticsearch's ``chunking_settings``."""
        ...


ChunkingSettings: TypeAlias = "Mapping[str, Any] | HasSettings"
"""Elasticsearch's ``chunking_settings``, or a chunker that has them (``ragbridge.chunking``)."""


def plain(settings: ChunkingSettings, *, name: str) -> dict[str, Any]:
    """Elasticsearch's object, as it was given.

    Raises:
        ConfigurationError: It is neither an object nor a chunker.
    """
    found = settings if isinstance(settings, Mapping) else getattr(settings, "settings", None)
    if not isinstance(found, Mapping):
        raise ConfigurationError(
            f"{name} is {type(settings).__name__}: pass a chunker of ragbridge.chunking, or "
            '{"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1} and the like'
        )
    return dict(found)


def checked(settings: ChunkingSettings, *, name: str) -> dict[str, Any]:
    """The same, where it says something and obeys Elasticsearch's rules.

    Raises:
        ConfigurationError: It does not; the message holds Elasticsearch's own.
    """
    found = plain(settings, name=name)
    if not found:
        raise ConfigurationError(f"{name} is empty: name a strategy, or leave it out")
    check_settings(found)
    return found
