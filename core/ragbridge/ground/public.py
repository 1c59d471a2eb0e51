"""The package's version, and the public module of each exported name."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable
from types import FunctionType
from typing import ForwardRef

__version__ = "0.1.0"

_NAMES = re.compile(r"[A-Za-z_]\w*")


def publish(module: str, things: Iterable[object]) -> None:
    """Set the ``__module__`` of exported classes and functions to the public module.

    Tracebacks, ``help`` and pickles then hold no internal path, so that modules inside can move. What another public
    module exports already keeps that one's name.

    Args:
        module: The public module.
        things: What it exports.
    """
    for thing in things:
        if isinstance(thing, (type, FunctionType)) and thing.__module__.startswith("ragbridge."):
            if isinstance(thing, type):
                _keep_readable(thing)
            thing.__module__ = module


def _keep_readable(kind: type) -> None:
    """Have annotations say where their names are, for those who read them in the module that ``kind`` names: pydantic."""
    annotations = vars(kind).get("__annotations__", {})
    for name, text in annotations.items():
        if isinstance(text, str) and not all(hasattr(builtins, word) for word in _NAMES.findall(text)):
            annotations[name] = ForwardRef(text, module=kind.__module__, is_class=True)
    if hasattr(kind, "__dataclass_fields__"):
        from dataclasses import fields  # dear by itself, and here it was imported already

        for field in fields(kind):
            field.type = annotations.get(field.name, field.type)
