"""The base of every class in this package: settings as fields, hidden secrets, and the client made from them."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from ragbridge import ConfigurationError, Retry, adapters
from ragbridge.adapters import TransportName

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler

    from ragbridge import Elastic, Jina

    S = TypeVar("S", Jina, Elastic)
else:
    S = TypeVar("S")  # with the classes named, pydantic would import services that are not used


def environment(*names: str) -> Callable[[], str | None]:
    """The value of the first of these variables that is set, when it is asked for."""

    def find() -> str | None:
        values = (os.environ.get(name, "").strip() for name in names)
        return next(filter(None, values), None)

    return find


def secret_environment(*names: str) -> Callable[[], SecretStr | None]:
    """The same as a secret."""
    find = environment(*names)

    def find_secret() -> SecretStr | None:
        value = find()
        return None if value is None else SecretStr(value)

    return find_secret


class Connected(BaseModel, adapters.Connected[S], Generic[S]):
    """The policy of a connection as fields. Its address, and the settings of calls, are fields of subclasses.

    A wrong setting raises ``ConfigurationError`` when the object is made. Secrets are in no repr, dump or pickle: an
    unpickled object takes them from the environment of its own process.
    """

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    _FRAMEWORK: ClassVar[str] = "langchain"
    _SECRETS: ClassVar[tuple[str, ...]] = ()
    """Secret fields, by every name under which they may be given."""
    _ADDRESSES: ClassVar[tuple[str, ...]] = ()
    """Other fields whose default is in the environment."""

    retry: Retry = Retry()
    """How often and how patiently failures are retried."""
    deadline: float | None = None
    """Seconds that one request may take as a whole; None for ten times ``timeout``."""
    concurrency: int | None = None
    """Requests in flight at most; None for the limiter's own limit."""
    quotas: Any = Field(default=None, repr=False)
    """Where quotas are kept that several processes share: ``"redis://"``, the path of a file, or an object such as
    ``RedisQuotas()``. In dumps it is a text, or None where no text names it."""
    transport: TransportName = "auto"
    """Which HTTP library sends: ``"httpx"``, ``"httpx2"``, ``"fast"``, or the fastest that is installed and serves. A transport
    of your own goes to a ready ``client``."""
    headers: dict[str, SecretStr | None] | None = Field(default=None, repr=False)
    """Headers for every request, by name. In dumps and pickles their values are None, which stands for the environment's
    ``RAGBRIDGE_HEADER_<NAME>``."""
    cache: Any = Field(default=None, repr=False)
    """Where answers are kept that were paid for: the path of a file, ``"redis://"``, or anything else that ``ragbridge.Jina``
    takes. In dumps it is a text, or None where no text names it: a dict, a ``ByteStore``, a cache of your own."""
    cache_version: str = ""
    """Any text. With another one, nothing is found that was kept before."""
    client: SkipJsonSchema[S | None] = Field(default=None, exclude=True, repr=False)
    """A ready client instead of the connection's settings. It is pickled with the object, but is in no dump."""

    _made: adapters.Made[S] | None = PrivateAttr(default=None)

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
            self._check_options()

    @model_validator(mode="wrap")
    @classmethod
    def _hide_secrets(cls, settings: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Hide secrets before anything can fail, since pydantic's errors show their input. None counts as not given."""
        if isinstance(settings, dict):
            settings = {
                name: _hidden(value) if name in {*cls._SECRETS, "headers"} else value
                for name, value in settings.items()
                if value is not None or name not in {*cls._SECRETS, *cls._ADDRESSES}
            }
        return validate(settings)

    @field_validator("client")
    @classmethod
    def _is_ready(cls, client: S | None) -> S | None:
        return cls._ready(client)

    @field_validator("cache", "quotas", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return adapters.path_as_text(value)

    @field_serializer("quotas")
    def _written_quotas(self, quotas: Any) -> str | None:
        return adapters.written_quotas(quotas)

    @field_serializer("headers")
    def _written_headers(self, headers: dict[str, SecretStr | None] | None) -> dict[str, None] | None:
        return adapters.named(headers)

    @field_serializer("cache")
    def _written(self, cache: Any) -> str | None:
        return adapters.written_cache(cache)

    def close(self) -> None:
        """Close idle connections of this object's own client. It stays usable; a ready ``client`` is left alone."""
        self._close_made()

    async def aclose(self) -> None:
        """Close idle connections, those of the running event loop included."""
        await self._aclose_made()

    @abstractmethod
    def _check_options(self) -> None:
        """Refuse what the client refuses, by a call that sends nothing."""

    @classmethod
    def _settings(cls) -> Collection[str]:
        return cls.model_fields

    def _revealed(self, value: Any) -> Any:
        return adapters.changed(
            value, lambda part: part.get_secret_value() if isinstance(part, SecretStr) else part
        )

    def _is_default(self, name: str) -> bool:
        # A value from the environment was not given by the caller.
        return name not in self.model_fields_set or super()._is_default(name)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Every value is immutable, and a copied client would lose its key.
        return self.__copy__()

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        for name in self._SECRETS:
            adapters.check_portable(getattr(self, name, None), name)
        kept = {name for name in self._SECRETS if callable(getattr(self, name, None))}
        fields = {
            name: value
            for name, value in state["__dict__"].items()
            if name in kept or name not in self._SECRETS
        }
        fields["headers"] = adapters.named(fields["headers"])
        return {**state, "__dict__": fields}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        fields = type(self).model_fields
        secrets = {
            name: fields[name].get_default(call_default_factory=True)
            for name in self._SECRETS
            if name in fields and name not in state["__dict__"]
        }
        super().__setstate__({**state, "__dict__": {**state["__dict__"], **secrets}})


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(part) for name, part in value.items()}
    return adapters.changed(value, lambda part: SecretStr(part) if isinstance(part, str) else part)


def _in_words(error: ValidationError, kind: type[BaseModel]) -> str:
    """The validation errors as text, without the input."""
    known = ", ".join(kind.model_fields)
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            problems.append(f"{name}: no such setting, or given under two names; there are {known}")
        else:
            problems.append(f"{name}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(problems)
