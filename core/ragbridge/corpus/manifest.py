"""Which job a folder belongs to: written once, compared by every later run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ragbridge.errors import ConfigurationError

FORMAT = 1
"""Of the manifest, the log of shards and their names. Another one is refused."""
_PRIVATE = 0o600
_NAMED = 3
"""Files that a message names at most."""


def read(path: Path, out: Path) -> dict[str, Any] | None:
    """The manifest at ``path``; None where there is none.

    Raises:
        ConfigurationError: It is none, or one of another version.
    """
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        version = found.get("format") if isinstance(found, dict) else None
        raise ConfigurationError(
            f"{path} is of format {version}, and this version of ragbridge knows {FORMAT}: name another output than {out}"
        )
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace the manifest, whole or not at all."""
    replace(path, json.dumps({"format": FORMAT, **content}, indent=1).encode() + b"\n")


def replace(path: Path, data: bytes) -> None:
    """Replace a file, whole or not at all."""
    new = path.with_name(f"{path.name}.tmp")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the disk keep a file, or the names in a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def differences(there: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What two jobs do not have in common, in words."""
    found = [
        f"{name} was {there.get(name)!r} and is {now.get(name)!r}"
        for name in dict.fromkeys([*there, *now])
        if name != "files" and there.get(name) != now.get(name)
    ]
    before = {name: identity for name, *identity in there.get("files", ())}
    after = {name: identity for name, *identity in now.get("files", ())}
    changed = [name for name, identity in after.items() if before.get(name, identity) != identity]
    for what, names in (
        ("missing now", [name for name in before if name not in after]),
        ("new", [name for name in after if name not in before]),
        ("changed since", changed),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            found.append(f"{', '.join(names[:_NAMED])}{more}: {what}")
    if not found and there != now:
        found.append("the files come in another order")
    return found
