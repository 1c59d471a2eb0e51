"""The items of a batch job: a list, a file, or an address. Validated before anything is sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ragbridge.client.arguments import listed
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.models import MAX_BATCH_ITEMS, MAX_BATCH_LINES

_TOO_MANY = (
    f"more than {MAX_BATCH_ITEMS:,} items: submit several jobs, or pass input_url= with the address of up to "
    f"{MAX_BATCH_LINES:,} JSON lines that the service can fetch"
)
_JSONL = frozenset({".jsonl", ".ndjson"})
_SCHEMES = frozenset({"http", "https", "s3", "gs"})


@dataclass(frozen=True, slots=True)
class BatchInputs:
    """The items of a job, or their address.

    Attributes:
        texts: The items; empty if ``url`` is set.
        ids: The caller's own ids; None if the ids are the items' positions.
        url: The address of the items; None if they are in ``texts``.
    """

    texts: list[str]
    ids: tuple[str, ...] | None
    url: str | None = None

    def payload(self) -> dict[str, Any]:
        """The items' fields in the request's body."""
        if self.url is not None:
            return {"input_url": self.url}
        ids = self.ids or map(str, range(len(self.texts)))
        return {
            "input": [
                {"custom_id": custom_id, "body": {"input": text}}
                for custom_id, text in zip(ids, self.texts, strict=False)
            ]
        }


def check_inputs(
    inputs: Iterable[str] | os.PathLike[str] | None,
    *,
    custom_ids: Sequence[str] | None,
    input_url: str | None,
) -> BatchInputs:
    """Validates a job's items, and reads them from a file if ``inputs`` is a path.

    Raises:
        ConfigurationError: There are no items or too many, an item is not a string, an id occurs twice, or the numbers of
            items and ids differ.
    """
    if (inputs is None) == (input_url is None):
        raise ConfigurationError("give either inputs or input_url=")
    if input_url is not None:
        if custom_ids is not None:
            raise ConfigurationError(
                "custom_ids: the lines at input_url have their own ids; pass those to results(ids=...)"
            )
        if not isinstance(input_url, str) or urlsplit(input_url).scheme not in _SCHEMES:
            raise ConfigurationError(
                f"input_url must start with one of {', '.join(sorted(_SCHEMES))} and ://"
            )
        return BatchInputs([], None, input_url)
    if isinstance(inputs, os.PathLike):
        texts, ids = _read_file(Path(inputs))
    else:
        texts, ids = _listed(inputs), None
    if not texts:
        raise ConfigurationError("inputs is empty: there is nothing to embed")
    if custom_ids is not None:
        ids = check_ids(custom_ids, "custom_ids")
        if len(ids) != len(texts):
            raise ConfigurationError(f"custom_ids has {len(ids)} ids for {len(texts)} items")
    elif ids is not None:
        ids = check_ids(ids, "custom_id in the file")
    return BatchInputs(texts, ids)


def check_ids(ids: Sequence[str], name: str) -> tuple[str, ...]:
    """``ids`` as a tuple.

    Raises:
        ConfigurationError: An id is not a string, is empty or occurs twice.
    """
    custom_ids = tuple(listed(ids, name))
    seen: dict[str, int] = {}
    for index, custom_id in enumerate(custom_ids):
        if not isinstance(custom_id, str) or not custom_id:
            raise ConfigurationError(f"{name}[{index}] must be a non-empty string")
        if custom_id in seen:
            raise ConfigurationError(
                f"{name}[{index}] is {custom_id!r}, as is {name}[{seen[custom_id]}]: ids must be unique"
            )
        seen[custom_id] = index
    return custom_ids


def _listed(inputs: Any) -> list[str]:
    texts = listed(inputs, "inputs", instead=", or pathlib.Path(...) for a file", most=MAX_BATCH_ITEMS + 1)
    if len(texts) > MAX_BATCH_ITEMS:
        raise ConfigurationError(f"inputs has {_TOO_MANY}")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ConfigurationError(f"inputs[{index}] is {type(text).__name__}, not str")
    return texts


def _read_file(path: Path) -> tuple[list[str], tuple[str, ...] | None]:
    """The texts of a file, and their ids, or None if its lines have none.

    A line of a ``.jsonl`` or ``.ndjson`` file is an object with ``input`` or ``text``, or has the service's own shape,
    ``{"custom_id": ..., "body": {"input": ...}}``. A line of any other file is a text.
    """
    texts: list[str] = []
    ids: list[str] = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                if len(texts) == MAX_BATCH_ITEMS:
                    raise ConfigurationError(f"{path.name} has {_TOO_MANY}")
                text, custom_id = (
                    _read_line(line, f"{path.name}, line {number}")
                    if path.suffix.lower() in _JSONL
                    else (line.rstrip("\r\n"), None)
                )
                texts.append(text)
                if custom_id is not None:
                    ids.append(custom_id)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"inputs: {path.name} cannot be read: {error}") from None
    if ids and len(ids) != len(texts):
        raise ConfigurationError(
            f"{path.name}: {len(ids)} of {len(texts)} lines have a custom_id; either all or none must have one"
        )
    return texts, tuple(ids) or None


def _read_line(line: str, where: str) -> tuple[str, str | None]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{where}: not JSON ({error})") from None
    match row:
        case {"body": {"input": str(text)}} | {"input": str(text)} | {"text": str(text)}:
            custom_id = row.get("custom_id")
            if custom_id is not None and not isinstance(custom_id, str):
                raise ConfigurationError(f"{where}: custom_id is {type(custom_id).__name__}, not str")
            return text, custom_id
    raise ConfigurationError(f"{where}: not an object with a string in 'input', 'text' or 'body.input'")
