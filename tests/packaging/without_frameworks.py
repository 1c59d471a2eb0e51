"""The core where no framework is: check that this is such a place, and import every module of the core in it."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.util import find_spec

import ragbridge

FRAMEWORKS = ("haystack", "langchain_core", "llama_index.core")


def main() -> None:
    if present := [name for name in FRAMEWORKS if find_spec(name)]:
        raise SystemExit(f"this environment is to have no framework, but it has {', '.join(present)}")
    from ragbridge.demo.pipelines import FRAMEWORKS as PIPELINES

    names = [module.name for module in pkgutil.walk_packages(ragbridge.__path__, "ragbridge.")]
    for name in sorted({*names} - {*PIPELINES.values()}):
        importlib.import_module(name)
    print(f"{len(names) - len(PIPELINES)} modules of the core were imported without {', '.join(FRAMEWORKS)}")


if __name__ == "__main__":
    main()
