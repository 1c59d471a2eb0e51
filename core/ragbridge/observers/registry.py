"""The observers of this process, and what is done about those that fail."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Self

from ragbridge.errors import ConfigurationError
from ragbridge.observers.protocol import Observer

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger("ragbridge")


class Observing:
    """An observer that is told of every client of this process, until ``stop`` or the end of a ``with`` block."""

    __slots__ = ("observer",)

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def stop(self) -> None:
        """Tell it of no further operation. It is still told how those under way end."""
        global _everywhere  # noqa: PLW0603 - observers of the process
        with _lock:
            _everywhere = tuple(each for each in _everywhere if each is not self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


_lock = threading.Lock()
_everywhere: tuple[Observing, ...] = ()
_blamed: set[str] = set()
_asked = False


def observe(observer: Observer) -> Observing:
    """Have ``observer`` told of every call of every client in this process, from now on.

    Returns:
        What takes it back: call ``stop``, or use it as a context manager.

    Raises:
        ConfigurationError: It has no method ``started``.
    """
    global _everywhere  # noqa: PLW0603 - observers of the process
    (checked,) = check_observers((observer,), "observe(...)")
    observing = Observing(checked)
    with _lock:
        _everywhere = (*_everywhere, observing)
    return observing


def is_observing(observing: Observing) -> bool:
    """Whether it is told of calls."""
    return observing in _everywhere


def all_of(own: tuple[Observer, ...]) -> tuple[Observer, ...]:
    """A client's own observers, and those of this process; each once."""
    if not _everywhere:
        return own
    others = [each.observer for each in _everywhere if not any(each.observer is one for one in own)]
    return (*own, *others)


def is_first_client() -> bool:
    """Whether nobody has asked this before: who makes the first client looks at the environment."""
    global _asked
    if _asked:
        return False
    with _lock:
        first, _asked = not _asked, True
    return first


def forget() -> None:
    """Forget the observers of this process, and which of them were blamed. The next client is the first one."""
    global _everywhere, _asked
    with _lock:
        _everywhere, _asked = (), False
        _blamed.clear()


def check_observers(observers: Iterable[Observer], setting: str) -> tuple[Observer, ...]:
    """The observers as a tuple.

    Raises:
        ConfigurationError: It is no list, or one of them has no method ``started``.
    """
    if isinstance(observers, Observer) or not isinstance(observers, (list, tuple)):
        raise ConfigurationError(f"{setting} is {type(observers).__name__}, not a list of observers")
    for observer in observers:
        if isinstance(observer, type) or not isinstance(observer, Observer):
            name = observer.__name__ if isinstance(observer, type) else type(observer).__name__
            raise ConfigurationError(
                f"{setting}: {name} is no observer: give an object with a method started(operation)"
            )
    return tuple(observers)


def blame(culprit: object, error: Exception) -> None:
    """Log, once for each kind, that an observer raised ``error``."""
    name = f"{type(culprit).__module__}.{type(culprit).__qualname__}"
    with _lock:
        known = name in _blamed
        _blamed.add(name)
    if not known:
        logger.warning(
            "the observer %s raised %s: the call goes on, and this is not logged again",
            name,
            type(error).__name__,
            exc_info=error,
        )
