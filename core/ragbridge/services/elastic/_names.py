"""Names of indexes, by Elasticsearch's rules (``MetadataCreateIndexService.validateIndexOrAliasName``)."""

from __future__ import annotations

from collections.abc import Sequence

from ragbridge._errors import ConfigurationError
from ragbridge.services.elastic import _arguments as check
from ragbridge.services.elastic._wire import segment

_FORBIDDEN = '\\/*?"<>| ,#:'
_LONGEST = 255
"""Bytes of an index's name at most."""


def index_name(name: object) -> str:
    """The name of one index (or alias, or data stream) that is written to.

    Raises:
        ConfigurationError: Elasticsearch would refuse it.
    """
    found = check.text("index", name)
    wrong = sorted(set(found) & set(_FORBIDDEN))
    why = None
    if wrong:
        why = f"must not hold {' '.join(map(repr, wrong))}"
    elif found != found.lower():
        why = "must be lowercase"
    elif found[0] in "-_+":
        why = "must not start with '-', '_' or '+'"
    elif found in {".", ".."}:
        why = "must be more than dots"
    elif len(found.encode("utf-8", "replace")) > _LONGEST:
        why = f"must have {_LONGEST} bytes at most"
    if why:
        raise ConfigurationError(f"index={found!r} {why}")
    return found


def searched(index: str | Sequence[str]) -> str:
    """The names of indexes that are searched, as part of a path: one, several, or patterns such as ``docs-*``.

    Raises:
        ConfigurationError: There is none, or it is no text.
    """
    names = [index] if isinstance(index, str) else list(index)
    if not names:
        raise ConfigurationError("index is empty: name an index, or '_all' for all of them")
    return ",".join(segment("index", name).replace("%2C", ",").replace("%2A", "*") for name in names)
