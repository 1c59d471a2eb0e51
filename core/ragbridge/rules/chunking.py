"""Elasticsearch's rules for ``chunking_settings``, with its own messages. Chunkers, endpoints and mappings use them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from ragbridge.errors import ConfigurationError
from ragbridge.rules.reader import Problem, Scope, wrong_type

LARGEST_BEFORE_9_2 = 300
"""Upper bound of ``max_chunk_size`` from 8.16 until it was lifted (Elasticsearch pull request 133718, August 2025).
ELSER endpoints keep it: their model reads 512 tokens."""
MOST_SEPARATORS = 50
"""Since September 2026, for new requests (pull request 158589)."""

BLANK_LINE: Final = r"(?<!\n)\n\n(?!\n)"
END_OF_LINE: Final = r"(?<!\n)\n(?!\n)"
SETEXT: Final = {r"\n^(?!\s*$).*\n-{1,}\n": "-", r"\n^(?!\s*$).*\n={1,}\n": "="}

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "plaintext": (BLANK_LINE, END_OF_LINE),
    "markdown": (*(f"\n{'#' * level} " for level in range(1, 7)), *SETEXT),
}
"""Elasticsearch's separator groups."""


def read_settings(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The settings as ``check_settings`` gives them, and what is wrong with them."""
    if not settings:
        settings = {"strategy": "sentence", "max_chunk_size": 250}
    scope = Scope("chunking_settings", settings)
    given = scope.take("strategy")
    if given is None:
        scope.note("Can't generate Chunker without ChunkingStrategy provided", kind="argument")
        return {}, scope.problems
    strategy = str(given).lower()
    if strategy not in _STRATEGIES:
        names = ", ".join(_STRATEGIES)
        scope.note(f"Invalid chunkingStrategy {given}; use one of {names}", kind="argument")
        return {}, scope.problems
    values = _STRATEGIES[strategy](scope)
    if scope.left:
        scope.note(f"{_REFUSALS[strategy]}: [{', '.join(scope.left)}]")
    return {"strategy": strategy, **values}, scope.problems


def check_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as Elasticsearch shows them: all keys, the strategy in lower case, no ``separator_group``.

    Args:
        settings: As they are sent. ``{}`` means the default of new endpoints, sentences of 250 words with overlap 1.

    Raises:
        ConfigurationError: Elasticsearch would refuse them; the message quotes it.
    """
    values, problems = read_settings(settings)
    if problems:
        prefix = "" if problems[0].kind == "argument" else "chunking settings: "
        beside = (
            ""
            if values or not settings or settings.get("strategy") is not None
            else (
                f": strategy is missing beside {', '.join(map(str, settings))}; it is one of {', '.join(_STRATEGIES)}"
            )
        )
        raise ConfigurationError(prefix + "; ".join(map(str, problems)) + beside)
    return values


def warn_of_large_chunks(settings: Mapping[str, Any], *, stacklevel: int) -> None:
    """Warn where Elasticsearch before 9.2 would refuse the size.

    Args:
        settings: As ``check_settings`` gives them.
        stacklevel: The frame whose line the warning names, counted from the caller of this function.
    """
    size = settings.get("max_chunk_size", 0)
    if size > LARGEST_BEFORE_9_2:
        warnings.warn(
            f"max_chunk_size [{size}] is above {LARGEST_BEFORE_9_2}: Elasticsearch before 9.2 refuses it, and ELSER "
            "endpoints do in every version",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def check_elser(settings: Mapping[str, Any]) -> None:
    """Check settings for an ELSER endpoint.

    Args:
        settings: As ``check_settings`` or a chunker's ``settings`` gives them.

    Raises:
        ConfigurationError: ``max_chunk_size`` is above 300.
    """
    size = settings.get("max_chunk_size", 0)
    if size > LARGEST_BEFORE_9_2:
        raise ConfigurationError(
            f"ELSER based models do not support chunk sizes larger than {LARGEST_BEFORE_9_2}. "
            f"Requested chunk size: {size}"
        )


def _word(scope: Scope) -> dict[str, Any]:
    size = scope.positive("max_chunk_size", required=True, least=10)
    most = size // 2 if size else None
    return {"max_chunk_size": size, "overlap": scope.positive("overlap", required=True, most=most)}


def _sentence(scope: Scope) -> dict[str, Any]:
    size = scope.positive("max_chunk_size", required=True, least=20)
    overlap = scope.integer("sentence_overlap")
    if overlap not in {None, 0, 1}:
        scope.note(f"sentence_overlap[{overlap}] must be either 0 or 1")
    return {"max_chunk_size": size, "sentence_overlap": 1 if overlap is None else overlap}


def _recursive(scope: Scope) -> dict[str, Any]:
    size = scope.positive("max_chunk_size", required=True, least=10)
    group = scope.text("separator_group", choices=tuple(GROUPS))
    separators = _separators(scope)
    if group is not None and separators is not None:
        scope.note("Recursive chunking settings can not have both separators and separator_set")
    if separators is None:
        separators = list(GROUPS[(group or "plaintext").strip().lower()])
    return {"max_chunk_size": size, "separators": separators}


def _separators(scope: Scope) -> list[str] | None:
    value = scope.take("separators")
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        scope.note(wrong_type("separators", value, "List"))
        return None
    for item in value:
        if not isinstance(item, str):
            scope.note(wrong_type("separators", item, "String"))
    if not value:
        scope.note("Recursive chunking settings can not have an empty list of separators")
    if len(value) > MOST_SEPARATORS:
        scope.note(f"separators list size [{len(value)}] must not exceed [{MOST_SEPARATORS}]")
    return list(value)


_STRATEGIES: Final[dict[str, Callable[[Scope], dict[str, Any]]]] = {
    "none": lambda _: {},
    "word": _word,
    "sentence": _sentence,
    "recursive": _recursive,
}
_REFUSALS: Final = {
    "none": "When chunking is disabled (none), settings can not have the following",
    "word": "Word based chunking settings can not have the following settings",
    "sentence": "Sentence based chunking settings can not have the following settings",
    "recursive": "Recursive chunking settings can not have the following settings",
}


class HasSettings(Protocol):
    """A chunker that Elasticsearch has as well."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Elasticsearch's ``chunking_settings``."""
        ...


ChunkingSettings: TypeAlias = "Mapping[str, Any] | HasSettings"
"""Elasticsearch's ``chunking_settings``, or a chunker of ``ragbridge.chunking`` with such settings."""


def plain(settings: ChunkingSettings, *, name: str) -> dict[str, Any]:
    """Chunking settings as Elasticsearch's object, unchecked.

    Raises:
        ConfigurationError: ``settings`` is neither an object nor a chunker.
    """
    fields = settings if isinstance(settings, Mapping) else getattr(settings, "settings", None)
    if not isinstance(fields, Mapping):
        raise ConfigurationError(
            f"{name} is {type(settings).__name__}: pass a chunker of ragbridge.chunking, or "
            '{"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1} and the like'
        )
    return dict(fields)


def checked(settings: ChunkingSettings, *, name: str) -> dict[str, Any]:
    """Chunking settings as Elasticsearch's object, checked and not empty.

    Raises:
        ConfigurationError: They are empty or break Elasticsearch's rules; the message quotes Elasticsearch.
    """
    fields = plain(settings, name=name)
    if not fields:
        raise ConfigurationError(f"{name} is empty: name a strategy, or leave it out")
    check_settings(fields)
    return fields
