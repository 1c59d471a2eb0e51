"""What an adapter needs whatever its framework is: it holds a client's settings, and makes the client from them.

Importing it imports no client: that comes with the first object that makes one.

``Connected`` is the base of every adapter over a service. Which settings make up a client is read from the signature of
the client's class, so that it stands nowhere else. What frameworks do differently (how fields are declared, how secrets
are hidden, what is written down) is left to the subclass for each framework.
"""

from __future__ import annotations

import copy
import functools
import inspect
import operator
import os
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import ragbridge as _ragbridge
from ragbridge import errors as _errors
from ragbridge.cache.opening import CacheLike
from ragbridge.cache.opening import written as _written
from ragbridge.flow import TransportName
from ragbridge.ground.late import names as late_names
from ragbridge.ground.numbers import as_number, as_whole, plain
from ragbridge.ground.public import publish as _publish
from ragbridge.limiter.quotas import QuotasLike
from ragbridge.limiter.quotas import written as written_quotas
from ragbridge.services.jina import defaults as jina_defaults

if TYPE_CHECKING:
    from ragbridge.observers import Observer as _Observer
    from ragbridge.services.elastic import defaults as elastic_defaults
    from ragbridge.services.elastic.formats import AnswerFormat
else:

    def __getattr__(name: str) -> Any:
        """What is Elasticsearch's: those who embed by Jina's service do not import it."""
        if name == "AnswerFormat":
            from ragbridge.services.elastic.formats import AnswerFormat

            return AnswerFormat
        if name == "elastic_defaults":
            from ragbridge.services.elastic import defaults

            return defaults
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AnswerFormat",
    "CacheLike",
    "Client",
    "Connected",
    "Made",
    "QuotasLike",
    "TransportName",
    "as_number",
    "as_whole",
    "brings_own_key",
    "changed",
    "check_portable",
    "defaults_of",
    "elastic_defaults",
    "jina_defaults",
    "late_names",
    "listed",
    "named",
    "own_copy",
    "path_as_text",
    "plain",
    "written_cache",
    "written_quotas",
]


class Client(Protocol):
    """What is closed after use: a ``Jina``, an ``Elastic``."""

    def close(self) -> None:
        """Close idle connections."""

    async def aclose(self) -> None:
        """Close idle connections, those of the running event loop included."""


_C = TypeVar("_C", bound=Client)


class Made(Generic[_C]):  # noqa: PLW1641 - settings may hold a dict
    """The client that an adapter uses, and the settings that this follows from.

    Copies of an adapter share it until one of them is changed. A pickle has None in its place: the process that reads
    it makes a client of its own, with its own key.

    Attributes:
        settings: The adapter's ready client, or None, and its settings of a connection, secrets hidden.
        client: The client, whose calls say which framework's they are.
        told: The same client, which also tells the framework of its calls.
        own: What the adapter closes: the client that it made last, if it made one.
    """

    __slots__ = ("client", "own", "settings", "told")

    def __init__(self, settings: tuple[Any, ...], *, client: _C, told: _C, own: _C | None) -> None:
        self.settings = settings
        self.client = client
        self.told = told
        self.own = own

    def __eq__(self, other: object) -> bool:  # frameworks compare adapters by all that they hold
        return isinstance(other, Made) and self.settings == other.settings

    def __copy__(self) -> Made[_C]:
        return self

    def __deepcopy__(self, memo: object) -> Made[_C]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


class Connected(Generic[_C]):
    """An object with the settings of a client as attributes, or with a ready client.

    A subclass for a framework declares two attributes: ``client``, which is None or a ready client, and ``_made``, which
    is None at first. It says which settings an object has, and how a secret in one of them is revealed.

    Attributes:
        _SERVICE: The client's class, or the name under which ``ragbridge`` has it: it is then imported with the first client,
            and ``jina_defaults`` and ``elastic_defaults`` say what it is unless asked otherwise. Those of its parameters that
            the adapter has as settings make up a client.
        _FRAMEWORK: What observers know the adapter's framework by.
        _OBSERVERS: Who tells the framework of calls.
    """

    _SERVICE: ClassVar[type[Any] | str]
    _FRAMEWORK: ClassVar[str]
    _OBSERVERS: ClassVar[tuple[_Observer, ...]] = ()

    if TYPE_CHECKING:  # frameworks would take these for fields
        client: _C | None
        _made: Made[_C] | None

    def _connected(self) -> _C:
        """The ready client, or one made from the present settings; the same one until a setting changes.

        Every call asks, so nothing is looked at twice: a tuple whose parts are the same objects equals another at once.

        Raises:
            ConfigurationError: A setting is wrong, or would be ignored beside a ready client.
        """
        kind: Any = type(self)
        settings, made = _getter(kind)(self), self._made
        if made is None or made.settings != settings:
            self._made = made = self._resolved(settings, made)
        return made.told if self._is_heard() else made.client

    def _resolved(self, settings: tuple[Any, ...], before: Made[_C] | None) -> Made[_C]:
        """What follows from the settings, which are not those ``before``."""
        ready, *values = settings
        if ready is None:
            named = zip(self._names(), values, strict=True)
            found = self._make(dict(map(self._usable, named)))
        else:
            self._check_beside_client()
            found = ready
        client, told = self._marked(found, ()), self._marked(found, self._OBSERVERS)
        own = client if ready is None else None if before is None else before.own
        return Made(settings, client=client, told=told, own=own)

    def _marked(self, client: _C, observers: tuple[_Observer, ...]) -> _C:
        """``client``, whose calls are this adapter's, and are observed by ``observers`` as well."""
        within = getattr(client, "_within", None)  # which every client of ours has
        return client if within is None else within(self._FRAMEWORK, observers)

    def _is_heard(self) -> bool:
        """Whether the framework would show anybody what ``_OBSERVERS`` tell it. People begin to listen at any time."""
        return bool(self._OBSERVERS)

    def _make(self, settings: dict[str, Any]) -> _C:
        """A client of these settings, whose secrets are revealed."""
        client: _C = self._service()(**settings)
        return client

    @classmethod
    def _service(cls) -> type[Any]:
        """The client's class."""
        return getattr(_ragbridge, cls._SERVICE) if isinstance(cls._SERVICE, str) else cls._SERVICE

    @classmethod
    def _ready(cls, client: _C | None) -> _C | None:
        """``client``, where it is one of the adapter's service: a field's type would import it for those who have none yet.

        Raises:
            ValueError: It is something else; what pydantic expects of a validator.
        """
        if client is not None and not isinstance(client, cls._service()):
            raise ValueError(f"Input should be an instance of {cls._service().__name__}")
        return client

    @classmethod
    def _settings(cls) -> Collection[str]:
        """The names of all settings that an object has."""
        raise NotImplementedError

    @classmethod
    def _names(cls) -> list[str]:
        """The names of the settings that make up a client."""
        return [name for name in defaults_of(cls._service()) if name in cls._settings()]

    def _usable(self, setting: tuple[str, Any]) -> tuple[str, Any]:
        """A setting as the client takes it; what was hidden is still shown by no tool that prints frames."""
        from ragbridge.client.secret import concealed

        name, value = setting
        if name == "headers" and isinstance(
            value, Mapping
        ):  # no other one: a cache may be a dict of millions
            return name, {each: concealed(self._revealed(part)) for each, part in value.items()}
        revealed = self._revealed(value)
        return name, revealed if revealed == value else concealed(revealed)

    def _revealed(self, value: Any) -> Any:
        """A setting as the client takes it."""
        return value

    def _is_default(self, name: str) -> bool:
        """Whether a setting is what it is when nobody gives it."""
        return bool(getattr(self, name) == defaults_of(self._service())[name])

    def _check_beside_client(self) -> None:
        """Refuse settings that a ready client would ignore."""
        beside = sorted(name for name in self._names() if not self._is_default(name))
        if beside:
            raise _errors.ConfigurationError(
                f"client= brings its own connection: give {', '.join(beside)} to it, not to {type(self).__name__}"
            )

    def _close_made(self) -> None:
        """Close idle connections of the object's own client; a ready one is left alone."""
        if self._made is not None and self._made.own is not None:
            self._made.own.close()

    async def _aclose_made(self) -> None:
        """Close idle connections of the object's own client, those of the running event loop included."""
        if self._made is not None and self._made.own is not None:
            await self._made.own.aclose()


def defaults_of(service: Callable[..., Any]) -> Mapping[str, Any]:
    """The settings of a client and their defaults, by the signature of its class."""
    return _defaults_of(service)


@functools.cache
def _defaults_of(service: Callable[..., Any]) -> Mapping[str, Any]:
    parameters = inspect.signature(service).parameters
    return MappingProxyType({name: parameter.default for name, parameter in parameters.items()})


@functools.cache
def _getter(adapter: type[Connected[Any]]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads, of an adapter of this class, the ready client and the settings that make one up."""
    return operator.attrgetter("client", *adapter._names())  # noqa: SLF001 - of this module


def written_cache(value: CacheLike | None) -> str | None:
    """``cache=`` as a text that opens the same one in another process; None where no text does, as of a dict."""
    return _written(value)


_IMMUTABLE = frozenset({bool, bytes, complex, float, int, str, type(None)})


def own_copy(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata for a copy of a document: a change of the one is none of the other.

    What ``copy.deepcopy`` would leave as it is, which is nearly all metadata, is not looked at one by one.
    """
    if _IMMUTABLE.issuperset(map(type, metadata.values())):
        return dict(metadata)
    return {**copy.deepcopy(metadata)}


def path_as_text(value: Any) -> Any:
    """``value``, which is written down as a text if it is a path."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """``change`` of a setting, or of each part of one that has several, such as a user and a password."""
    if isinstance(value, (tuple, list)):
        return tuple(changed(part, change) for part in value)
    return change(value)


def named(headers: Mapping[str, Any] | None) -> dict[str, None] | None:
    """Headers as they are written down: their values, which may be secrets, are None and come from the environment."""
    return None if headers is None else dict.fromkeys(headers)


def brings_own_key(settings: Mapping[str, Any]) -> bool:
    """Whether a client of these settings has no use for a key that is only found in the environment, and would refuse it.

    It uses what needs no key, asks AWS with its credentials, or says who asks in a header of the caller's.
    """
    names = {str(name).lower() for name in settings.get("headers") or ()}
    return (
        settings.get("limits") == "keyless" or settings.get("host") == "sagemaker" or "authorization" in names
    )


def check_portable(key: Any, setting: str) -> None:
    """See that ``key`` can be named in another process, where it is a function that gives one.

    Raises:
        TypeError: It is no function of a module, and what it holds may be a key.
    """
    if callable(key):
        from ragbridge.client.accounts import portable

        portable(key, setting)


def listed(values: Any, name: str, *, of: str = "documents") -> list[Any]:
    """``values``, which may be any iterable, as a list: a generator can be read but once.

    Args:
        values: What the caller gave.
        name: The argument.
        of: What the list holds.

    Raises:
        ConfigurationError: It is a single item, a set, a table, or not iterable.
    """
    from ragbridge.client import arguments

    return arguments.listed(values, name, of=of)


_publish(__name__, [as_number, as_whole, late_names, plain, written_quotas])
