"""Which of this package's extras are installed."""

from __future__ import annotations

import re
from importlib import metadata

_REQUIREMENT = re.compile(
    r"""([A-Za-z0-9._-]+)(?:\[([^\]]*)\])?[^;]*;.*\bextra\s*==\s*["']([A-Za-z0-9._-]+)["']"""
)


def extras() -> dict[str, list[str]]:
    """For each extra that is for users the packages that are missing; none where it is installed.

    Extras for the project's own tests are left out. An extra's own extras count as its packages.
    """
    needed: dict[str, list[tuple[str, str]]] = {}
    for line in metadata.requires("ragbridge") or []:
        match = _REQUIREMENT.match(line)
        if match:
            needed.setdefault(match[3], []).append((match[1], match[2] or ""))
    public = [extra for extra in needed if not extra.startswith("test") and extra not in {"check", "docs"}]
    return {extra: _missing(extra, needed, ()) for extra in public}


def _missing(extra: str, needed: dict[str, list[tuple[str, str]]], above: tuple[str, ...]) -> list[str]:
    missing: list[str] = []
    for package, inner in needed.get(extra, []):
        if package == "ragbridge":
            parts = [part.strip() for part in inner.split(",") if part.strip() not in above]
            missing += [name for part in parts for name in _missing(part, needed, (*above, extra))]
        elif not _is_installed(package):
            missing.append(package)
    return list(dict.fromkeys(missing))


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
