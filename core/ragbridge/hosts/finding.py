"""Which host it is, told by what it answers. Whoever asks does the sending."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ragbridge.flow import Response
from ragbridge.ground.records import dataclass
from ragbridge.hosts.addresses import unversioned, versioned, without_endpoint
from ragbridge.hosts.rows import Host
from ragbridge.hosts.table import HOSTS


@dataclass(frozen=True, slots=True)
class Signs:
    """What one answer says of its host.

    Attributes:
        host: Its row; None where the answer does not tell.
        models: The models that it serves, where the answer lists them.
        told: What told it, for a log.
    """

    host: Host | None = None
    models: tuple[str, ...] = ()
    told: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A host, and where it is.

    Attributes:
        host: Its row.
        api: What paths are put behind.
        models: The models that it says it serves; none where it was not asked.
    """

    host: Host
    api: str
    models: tuple[str, ...] = ()


def asked_at(given: str) -> list[str]:
    """The addresses to ask, best first, for a base address as the user gave it."""
    address = without_endpoint(given)
    root = unversioned(address)
    places = [f"{versioned(address)}/models", f"{root}/info", f"{root}/models", f"{root}/health"]
    return list(dict.fromkeys(places))


def recognise(response: Response) -> Signs:
    """What ``response`` tells. An answer of any status may tell by its headers; its body counts where it is a success."""
    for host in HOSTS.values():
        if found := host.headers.intersection(response.headers):
            return Signs(host, _models(_read(response)), f"header {min(found)}")
    body = _read(response)
    rows = _rows(body)
    for owner in dict.fromkeys(str(row.get("owned_by")) for row in rows):
        for host in HOSTS.values():
            if owner in host.owners:
                return Signs(host, _models(body), f"models owned by {owner!r}")
    if any(str(row.get("id")).startswith("jina-ai/") for row in rows):
        return Signs(HOSTS["jina"], _models(body), "models of 'jina-ai/'")
    if isinstance(body, Mapping):
        for host in HOSTS.values():
            if found := host.info.intersection(body):
                return Signs(host, told=f"field {min(found)!r}")
    return Signs(models=_models(body))


def _read(response: Response) -> Any:
    if not 200 <= response.status < 300:
        return None
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        return None


def _rows(body: Any) -> list[Mapping[str, Any]]:
    data = body.get("data") if isinstance(body, Mapping) else None
    return [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []


def _models(body: Any) -> tuple[str, ...]:
    return tuple(str(row["id"]) for row in _rows(body) if isinstance(row.get("id"), str))
