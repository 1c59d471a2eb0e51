"""What the package says of itself: its version, and where its public names are."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType

__version__ = "0.1.0"


def publish(module: str, things: Iterable[object]) -> None:
    """Have exported classes and functions name the public module as theirs.

    Tracebacks, ``help`` and pickles then hold no internal path, so that modules inside can move. What another public
    module exports already keeps that one's name.

    Args:
        module: The public module.
        things: What it exports.
    """
    for thing in things:
        if isinstance(thing, (type, FunctionType)) and thing.__module__.startswith("ragbridge."):
            thing.__module__ = module
