"""What every class of this package shares: settings as fields, secrets that stay secret, and the client that follows."""

from __future__ import annotations

import functools
import inspect
import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from ragbridge import ConfigurationError, Retry

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler

    from ragbridge import Elastic, Jina

    S = TypeVar("S", Jina, Elastic)
else:
    S = TypeVar("S")  # pydantic would ask for the classes, and with them for services that nobody uses


def environment(*names: str) -> Callable[[], str | None]:
    """The value of the first of these variables that is set, when it is asked for."""

    def find() -> str | None:
        found = (os.environ.get(name, "").strip() for name in names)
        return next((value for value in found if value), None)

    return find


def secret_environment(*names: str) -> Callable[[], SecretStr | None]:
    """The same as a secret."""
    find = environment(*names)

    def find_secret() -> SecretStr | None:
        value = find()
        return None if value is None else SecretStr(value)

    return find_secret


class Connected(BaseModel, Generic[S]):
    """The policy of a connection as fields; where it leads, and per-call settings, are the subclasses' own.

    Whatever is wrong with a setting raises ``ConfigurationError`` when the object is made. Secrets are in no repr, dump
    or pickle: an unpickled object takes those of its own process's environment.
    """

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    _SERVICE: ClassVar[Callable[..., Any]]
    """Of what a client is made by the fields that have the names of its parameters."""
    _SECRETS: ClassVar[tuple[str, ...]] = ()
    """Fields that are secret, by every name under which they may be given."""
    _ADDRESSES: ClassVar[tuple[str, ...]] = ()
    """Other fields that the environment has where nobody gives them."""

    retry: Retry = Retry()
    """How often and how patiently failures are retried."""
    concurrency: int | None = None
    """Requests in flight at most; None for the limiter's own figure."""
    client: SkipJsonSchema[S | None] = Field(default=None, exclude=True, repr=False)
    """A ready client instead of the connection's settings. It is pickled with the object, but is in no dump."""

    _built: tuple[dict[str, Any], S] | None = PrivateAttr(default=None)

    if not TYPE_CHECKING:  # type checkers derive the signature from the fields

        def __init__(self, **settings: Any) -> None:
            problems = ""
            try:
                super().__init__(**settings)
            except ValidationError as error:
                problems = _in_words(error, type(self))
            if problems:
                # Raised out here, so that no traceback leads to pydantic's error, which holds every input.
                raise ConfigurationError(f"{type(self).__name__}: {problems}")
            self._check()

    @model_validator(mode="wrap")
    @classmethod
    def _hide_secrets(cls, settings: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Make secrets secret before anything can fail: pydantic's errors hold what it was given. None gives nothing."""
        if isinstance(settings, dict):
            settings = {
                name: _hidden(value) if name in cls._SECRETS else value
                for name, value in settings.items()
                if value is not None or name not in {*cls._SECRETS, *cls._ADDRESSES}
            }
        return validate(settings)

    def close(self) -> None:
        """Close idle connections of this object's own client. It stays usable; a ready ``client`` is left alone."""
        if self._built is not None:
            self._built[1].close()

    async def aclose(self) -> None:
        """Close idle connections, those of the running event loop included."""
        if self._built is not None:
            await self._built[1].aclose()

    @property
    def _service(self) -> S:
        """The client: the one that was given, or the one of the present settings."""
        if self.client is not None:
            return self.client
        settings, built = self._connection(), self._built
        if built is None or built[0] != settings:
            revealed = {name: _revealed(value) for name, value in settings.items()}
            self._built = built = (settings, self._make(revealed))
        return built[1]

    @classmethod
    def _names(cls) -> Sequence[str]:
        return [name for name in _parameters(cls._SERVICE) if name in cls.model_fields]

    @abstractmethod
    def _make(self, settings: dict[str, Any]) -> S:
        """A client of these settings."""

    @abstractmethod
    def _check_options(self) -> None:
        """Refuse what the model does not have; asking about nothing sends nothing."""

    def _connection(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names()}

    def _check(self) -> None:
        """Refuse settings that contradict each other or that the client refuses."""
        if self.client is not None:
            fields = type(self).model_fields
            given = self.model_fields_set & set(self._names())
            beside = sorted(name for name in given if getattr(self, name) != fields[name].default)
            if beside:
                raise ConfigurationError(
                    f"client= brings its own connection: give {', '.join(beside)} to it, not to {type(self).__name__}"
                )
        self._check_options()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Every value is immutable, and a copied client would lose its key.
        return self.__copy__()

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name not in self._SECRETS}
        private = {**(state["__pydantic_private__"] or {}), "_built": None}
        return {**state, "__dict__": fields, "__pydantic_private__": private}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        fields = type(self).model_fields
        secrets = {
            name: fields[name].get_default(call_default_factory=True)
            for name in self._SECRETS
            if name in fields
        }
        super().__setstate__({**state, "__dict__": {**state["__dict__"], **secrets}})


@functools.cache
def _parameters(service: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(service).parameters)


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return SecretStr(value)
    return tuple(map(_hidden, value)) if isinstance(value, (tuple, list)) else value


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return tuple(map(_revealed, value)) if isinstance(value, tuple) else value


def _in_words(error: ValidationError, kind: type[BaseModel]) -> str:
    """What is wrong, without what was given."""
    known = ", ".join(kind.model_fields)
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            problems.append(f"{name}: no such setting, or given under two names; there are {known}")
        else:
            problems.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(problems)
