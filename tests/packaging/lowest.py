"""Print constraints for the lowest versions that pyproject.toml allows, so that its bounds and the test of them agree.

What pyproject.toml names gets its lower bound; everything else at most the version of constraints.txt, so that today's
run is tomorrow's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXTRA = "test-lowest"
"""The extra that the test installs; others, such as ``check``, make no promise to anybody."""


def requirements(project: dict, extra: str) -> Iterator[str]:
    """What an extra brings, the extras of this project that it names included."""
    for requirement in project["optional-dependencies"][extra]:
        own = re.fullmatch(rf"{project['name']}\[(.+)\]", requirement)
        if own is None:
            yield requirement
        else:
            for name in own[1].split(","):
                yield from requirements(project, name)


def bounds(project: dict) -> dict[str, str]:
    """The lowest version of each package, by its normalized name."""
    found = {}
    for requirement in [*project["dependencies"], *requirements(project, EXTRA)]:
        parts = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?[>=]=([0-9][^,;]*)(?:,.*)?", requirement)
        if parts is None:
            raise SystemExit(f"pyproject.toml: {requirement!r} has no lower bound")
        found[normalized(parts[1])] = parts[2]
    return found


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest = bounds(project)
    for name, version in sorted(lowest.items()):
        print(f"{name}=={version}")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        if version and normalized(name) not in lowest:
            print(f"{name}<={version}")


if __name__ == "__main__":
    main()
