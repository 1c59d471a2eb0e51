"""Check that every extra can be installed without a compiler wherever its libraries allow it. Asks the package index.

For each supported Python on each platform, uv resolves the extras with wheels only, as pip would choose them there. What
cannot be had stands in ``MISSING``, and the check fails too where an entry is no longer true.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from lowest import ROOT, requirements

PYTHONS = ("3.11", "3.12", "3.13", "3.14")

PLATFORMS = {
    "Linux x86_64": "x86_64-manylinux_2_28",
    "Linux arm64": "aarch64-manylinux_2_28",
    "Alpine x86_64": "x86_64-unknown-linux-musl",
    "Alpine arm64": "aarch64-unknown-linux-musl",
    "macOS arm64": "aarch64-apple-darwin",
    "Windows x86_64": "x86_64-pc-windows-msvc",
}
"""uv's names of the platforms; glibc 2.28 is Debian 10's and Red Hat's 8, and macOS is ``MACOS``."""

MACOS = "14.0"

OURS = ("check", "docs", "test")
"""How the names of extras begin that are for those who develop this package; they promise nothing to users."""

ALPINE = ("Alpine x86_64", "Alpine arm64")

MISSING: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    **{(place, "ray"): (PYTHONS, "ray has wheels for glibc only") for place in ALPINE},
    **{(place, "minilm"): (PYTHONS, "onnxruntime has wheels for glibc only") for place in ALPINE},
    ("Alpine arm64", "notebooks"): (PYTHONS, "matplotlib has wheels for musl on x86_64 only"),
}
"""Which extra cannot be installed where, on which Pythons, and why."""


def resolve(project: dict, extras: Collection[str], python: str, platform: str) -> str:
    """Why the extras cannot be installed there with wheels only; "" if they can."""
    wanted = [*project["dependencies"], *(line for extra in extras for line in requirements(project, extra))]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(wanted))
        file.flush()
        done = subprocess.run(
            [
                sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-build", "--no-config",
                "--no-python-downloads", "--python-version", python, "--python-platform", platform, file.name,
            ],
            capture_output=True,
            text=True,
            env={**os.environ, "UV_NO_PROGRESS": "1", "MACOSX_DEPLOYMENT_TARGET": MACOS},
        )  # fmt: skip
    return done.stderr.strip() if done.returncode else ""


def check(project: dict, python: str, place: str) -> list[str]:
    """What is not as ``MISSING`` says for one Python on one platform."""
    platform = PLATFORMS[place]
    users = [extra for extra in project["optional-dependencies"] if not extra.startswith(OURS)]
    missing = [extra for extra in users if python in MISSING.get((place, extra), ((), ""))[0]]
    kept = [extra for extra in users if extra not in missing]
    wrong = [
        f"{extra} can be installed on Python {python}, {place}: take it out of MISSING"
        for extra in missing
        if not resolve(project, [extra], python, platform)
    ]
    if resolve(project, kept, python, platform):  # all at once is quick; one by one says which
        refusals = {extra: resolve(project, [extra], python, platform) for extra in kept}
        wrong += [
            f"{extra} cannot be installed on Python {python}, {place}, without a compiler:\n{why}"
            for extra, why in refusals.items()
            if why
        ] or [f"each extra can be installed on Python {python}, {place}, but not all together"]
    return wrong


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {line.rpartition(" ")[2] for line in project["classifiers"] if ":: 3." in line}
    if declared != {*PYTHONS}:
        raise SystemExit(f"pyproject.toml claims {sorted(declared)}, and this checks {PYTHONS}")
    cells = [(python, place) for place in PLATFORMS for python in PYTHONS]
    with ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda cell: check(project, *cell), cells)
        wrong = []
        for (python, place), refusals in zip(cells, found, strict=True):
            print(f"{'FAILED' if refusals else 'ok'}: wheels for Python {python}, {place}", flush=True)
            wrong += refusals
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
