"""Elasticsearch's rules for ``chunking_settings``, with its own messages."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ragbridge._errors import ConfigurationError
from ragbridge.chunking.base import Chunker
from ragbridge.chunking.none import NoneChunker
from ragbridge.chunking.recursive import RecursiveChunker
from ragbridge.chunking.sentence import SentenceChunker
from ragbridge.chunking.separators import GROUPS
from ragbridge.chunking.word import WordChunker

LARGEST_BEFORE_9_2 = 300
"""Upper bound of ``max_chunk_size`` from 8.16 until it was lifted (Elasticsearch pull request 133718, August 2025).
ELSER endpoints keep it: their model reads 512 tokens."""
MOST_SEPARATORS = 50
"""Since September 2026, for new requests (pull request 158589)."""

_KEYS = {
    "none": frozenset[str](),
    "word": frozenset({"max_chunk_size", "overlap"}),
    "sentence": frozenset({"max_chunk_size", "sentence_overlap"}),
    "recursive": frozenset({"max_chunk_size", "separator_group", "separators"}),
}
_REFUSALS = {
    "none": "When chunking is disabled (none), settings can not have the following",
    "word": "Word based chunking settings can not have the following settings",
    "sentence": "Sentence based chunking settings can not have the following settings",
    "recursive": "Recursive chunking settings can not have the following settings",
}


def build(settings: Mapping[str, Any] | None, *, strict: bool) -> Chunker:
    """What ``Chunker.from_settings`` does."""
    if settings is None:
        return WordChunker(250, 100, strict=strict)
    if not settings:
        return SentenceChunker(250, 1, strict=strict)
    reader = _Reader(settings)
    if reader.strategy == "none":
        reader.finish()
        return NoneChunker()
    build_one = {"word": _word, "sentence": _sentence, "recursive": _recursive}[reader.strategy]
    chunker = build_one(reader, strict)
    size = chunker.settings["max_chunk_size"]
    if size > LARGEST_BEFORE_9_2:
        warnings.warn(
            f"max_chunk_size [{size}] is above {LARGEST_BEFORE_9_2}: Elasticsearch before 9.2 refuses it, and ELSER "
            "endpoints do in every version",
            UserWarning,
            stacklevel=3,
        )
    return chunker


def check_elser(settings: Mapping[str, Any]) -> None:
    """Refuses settings that an ELSER endpoint does not take.

    Args:
        settings: As ``chunker.settings`` gives them.

    Raises:
        ConfigurationError: ``max_chunk_size`` is above 300.
    """
    size = settings.get("max_chunk_size", 0)
    if size > LARGEST_BEFORE_9_2:
        raise ConfigurationError(
            f"ELSER based models do not support chunk sizes larger than {LARGEST_BEFORE_9_2}. "
            f"Requested chunk size: {size}"
        )


def _word(reader: _Reader, strict: bool) -> Chunker:
    size = reader.size(least=10)
    overlap = reader.positive("overlap", most=size // 2) if size else 0
    reader.finish()
    return WordChunker(size, overlap, strict=strict)


def _sentence(reader: _Reader, strict: bool) -> Chunker:
    size = reader.size(least=20)
    overlap = reader.integer("sentence_overlap")
    if overlap is None:
        overlap = 1
    elif overlap not in (0, 1):
        reader.errors.append(f"sentence_overlap[{overlap}] must be either 0 or 1")
    reader.finish()
    return SentenceChunker(size, overlap, strict=strict)


def _recursive(reader: _Reader, strict: bool) -> Chunker:
    size = reader.size(least=10)
    group, separators = reader.group(), reader.separators()
    if group is not None and separators is not None:
        reader.errors.append("Recursive chunking settings can not have both separators and separator_set")
    reader.finish()
    return RecursiveChunker(size, separators, group, strict=strict)


class _Reader:
    """Reads settings of one strategy and collects everything that is wrong with them, as Elasticsearch does."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        strategy = settings.get("strategy")
        if strategy is None:
            raise ConfigurationError("Can't generate Chunker without ChunkingStrategy provided")
        self.strategy = str(strategy).lower()
        if self.strategy not in _KEYS:
            raise ConfigurationError(f"Invalid chunkingStrategy {strategy}; use one of {', '.join(_KEYS)}")
        self.errors: list[str] = []
        self._settings = settings
        unknown = [key for key in settings if key != "strategy" and key not in _KEYS[self.strategy]]
        if unknown:
            self.errors.append(f"{_REFUSALS[self.strategy]}: [{', '.join(map(str, unknown))}]")

    def finish(self) -> None:
        if self.errors:
            raise ConfigurationError("chunking settings: " + "; ".join(self.errors))

    def integer(self, key: str) -> int | None:
        """An optional integer of Java: 32 bits, no decimal point, no boolean, no text."""
        value = self._settings.get(key)
        if value is None or (type(value) is int and -(2**31) <= value < 2**31):
            return value
        self.errors.append(_wrong_type(key, value, "Integer"))
        return None

    def positive(self, key: str, *, least: int = 1, most: int | None = None) -> int:
        """A required integer in a range; 0 where it is not."""
        wrong = len(self.errors)
        value = self.integer(key)
        if len(self.errors) > wrong:
            return 0
        if value is None:
            self.errors.append(f"[chunking_settings] does not contain the required setting [{key}]")
            return 0
        message = f"[chunking_settings] Invalid value [{{}}]. [{key}] must be"
        if value <= 0:
            self.errors.append(f"{message.format(value)} a positive integer")
        elif value < least:
            self.errors.append(f"{message.format(float(value))} greater than or equal to [{float(least)}]")
        elif most is not None and value > most:
            self.errors.append(f"{message.format(float(value))} less than or equal to [{float(most)}]")
        else:
            return value
        return 0

    def size(self, *, least: int) -> int:
        return self.positive("max_chunk_size", least=least)

    def group(self) -> str | None:
        value = self._settings.get("separator_group")
        if value is None:
            return None
        scope = "[chunking_settings] Invalid value"
        if not isinstance(value, str):
            self.errors.append(_wrong_type("separator_group", value, "String"))
        elif not value:
            self.errors.append(f"{scope} empty string. [separator_group] must be a non-empty string")
        elif value.strip().lower() not in GROUPS:
            self.errors.append(
                f"{scope} [{value}] received. [separator_group] must be one of [{', '.join(sorted(GROUPS))}]"
            )
        else:
            return value
        return None

    def separators(self) -> list[str] | None:
        value = self._settings.get("separators")
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            self.errors.append(_wrong_type("separators", value, "List"))
            return None
        wrong = [item for item in value if not isinstance(item, str)]
        self.errors += [_wrong_type("separators", item, "String") for item in wrong]
        if not value:
            self.errors.append("Recursive chunking settings can not have an empty list of separators")
        if len(value) > MOST_SEPARATORS:
            self.errors.append(f"separators list size [{len(value)}] must not exceed [{MOST_SEPARATORS}]")
        return None if wrong else list(value)


def _wrong_type(key: str, value: object, kind: str) -> str:
    shown = str(value).lower() if isinstance(value, bool) else value  # Java writes true and false
    return f"field [{key}] is not of the expected type. The value [{shown}] cannot be converted to a [{kind}]"
