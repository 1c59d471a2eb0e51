"""What both classes are told about the connection, and the client that follows from it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from ragbridge import ConfigurationError, Jina, RateLimit, Retry

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler

_KEY_NAMES = ("api_key", "jina_api_key")


def _key_from_environment() -> SecretStr | None:
    found = (os.environ.get(name, "").strip() for name in Jina.KEY_VARIABLES)
    return next((SecretStr(value) for value in found if value), None)


class JinaSettings(BaseModel):
    """The connection's settings as fields. Per-call settings are the subclasses' own.

    Whatever is wrong with a setting raises ``ConfigurationError`` when the object is made. The key is in no repr, dump
    or pickle: an unpickled object takes the key of its own process's environment.
    """

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        protected_namespaces=(),
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )

    api_key: SecretStr | None = Field(
        default_factory=_key_from_environment,
        validation_alias=AliasChoices(*_KEY_NAMES),
        exclude=True,
        repr=False,
    )
    """The key; else ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN``. Also accepted as ``jina_api_key``."""
    base_url: str = Jina.BASE_URL
    """Where the API is, with or without ``/v1``; ``"local"`` for the embedded engine, which needs no key."""
    limits: RateLimit | str | None = "free"
    """A published tier, a ``RateLimit``, or None for no limiter. Objects with one key share one quota."""
    retry: Retry = Retry()
    """How often and how patiently failures are retried."""
    timeout: float = Jina.TIMEOUT
    """Seconds to wait for an answer's data."""
    concurrency: int | None = None
    """Requests in flight at most; None for the limiter's own figure."""
    batch_size: int = Jina.BATCH_SIZE
    """Items in one request at most, up to 512."""
    client: SkipJsonSchema[Jina | None] = Field(default=None, exclude=True, repr=False)
    """A ready client instead of the settings above. It is pickled with the object, but is in no dump."""

    _built: tuple[dict[str, Any], Jina] | None = PrivateAttr(default=None)

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
    def _hide_key(cls, settings: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        """Make the key a secret before anything can fail: pydantic's errors hold what it was given. None is no key."""
        if isinstance(settings, dict):
            settings = {
                name: SecretStr(value) if name in _KEY_NAMES and isinstance(value, str) else value
                for name, value in settings.items()
                if name not in _KEY_NAMES or value is not None
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
    def _jina(self) -> Jina:
        """The client: the one that was given, or the one of the present settings."""
        if self.client is not None:
            return self.client
        settings, built = self._connection(), self._built
        if built is None or built[0] != settings:
            key = self.api_key.get_secret_value() if self.api_key else None
            self._built = built = (settings, Jina(**{**settings, "api_key": key}))
        return built[1]

    @property
    def _address(self) -> str:
        """Where vectors come from, as it was given."""
        return self.base_url if self.client is None else self.client.base_url

    def _connection(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in JinaSettings.model_fields if name != "client"}

    def _check(self) -> None:
        """Refuse settings that contradict each other or that the client refuses."""
        if self.client is not None:
            fields = JinaSettings.model_fields
            given = self.model_fields_set & self._connection().keys()
            beside = sorted(name for name in given if getattr(self, name) != fields[name].default)
            if beside:
                raise ConfigurationError(
                    f"client= brings its own connection: give {', '.join(beside)} to it, not to {type(self).__name__}"
                )
        self._check_options()

    def _check_options(self) -> None:
        """Refuse what the model does not have; asking about nothing sends nothing."""
        raise NotImplementedError

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Every value is immutable, and a copied client would lose its key.
        return self.__copy__()

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name != "api_key"}
        private = {**(state["__pydantic_private__"] or {}), "_built": None}
        return {**state, "__dict__": fields, "__pydantic_private__": private}

    def __setstate__(self, state: dict[Any, Any]) -> None:
        fields = {**state["__dict__"], "api_key": _key_from_environment()}
        super().__setstate__({**state, "__dict__": fields})


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
