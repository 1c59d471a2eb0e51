"""Imports that wait until they are needed: packages whose modules and names are imported when they are first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def submodules(package: str, names: Collection[str]) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` of a package: ``package.name`` imports that module, once.

    A client has methods for all that a service can do, and a program uses a few. So the module with a family's methods
    imports the family's package, and what checks, sends and reads for them comes with the first call::

        from ragbridge.services.jina import web


        def _read(self, url): return web.reader.read(self._channel, url)

    Type checkers find the modules imported in the package, under ``TYPE_CHECKING``.

    Args:
        package: The package's name.
        names: Its modules that can be had in this way.
    """

    def find(name: str) -> ModuleType:
        if name in names:
            return import_module(f"{package}.{name}")  # which also makes it an attribute of the package
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return find


def names(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and the ``__dir__`` of a package: ``package.name`` is imported from the module that has it, once.

    Args:
        package: The package's name.
        places: Its names that can be had in this way, and the module of each.
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        thing = getattr(import_module(places[name]), name)
        setattr(sys.modules[package], name, thing)
        return thing

    return find, lambda: sorted({*vars(sys.modules[package]), *places})
