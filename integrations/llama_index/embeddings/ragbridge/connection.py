"""What a component needs to know to reach a service, as public fields; shared by all of ragbridge's leaves."""

from __future__ import annotations

import inspect
import pickle
from typing import Any, ClassVar, Generic, TypeVar

try:
    from llama_index.core.schema import BaseComponent
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer

from ragbridge import ConfigurationError, Jina, RateLimit, Retry

S = TypeVar("S", bound=Jina)


class Connected(BaseComponent, Generic[S]):
    """A component with the settings of a service, or with a ready one; pickled and dumped without secrets.

    A subclass names the fields that make up a client: those that the component has of them count.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    _SERVICE: ClassVar[type[Any]]
    _CONNECTION: ClassVar[tuple[str, ...]]
    _SECRETS: ClassVar[tuple[str, ...]]

    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    concurrency: int | None
    client: S | None

    _made: tuple[dict[str, Any], S] | None = PrivateAttr(default=None)

    def _connected(self) -> S:
        """The client that was given, else one for the connection's settings as they are now."""
        names = [name for name in self._CONNECTION if name in type(self).model_fields]
        settings = {name: getattr(self, name) for name in names}
        if self.client is not None:
            parameters = inspect.signature(self._SERVICE).parameters
            doubled = [name for name in names if settings[name] != parameters[name].default]
            if doubled:
                raise ConfigurationError(f"client= has its own connection: leave out {', '.join(doubled)}")
            return self.client
        if self._made is None or self._made[0] != settings:
            revealed = {name: _revealed(value) for name, value in settings.items()}
            self._made = settings, self._SERVICE(**revealed)
        return self._made[1]

    @field_serializer("client")
    def _describe(self, client: S | None) -> str | None:
        # Part of what identifies this component in caches, since vectors depend on where they come from.
        return None if client is None else client.base_url

    def __getstate__(self) -> dict[str, Any]:
        # Fails where the framework would leave the client out and use the default service instead.
        pickle.dumps(self.client)
        # The framework deletes from the object itself what it cannot pickle: it gets a copy, which has no secret.
        bare = self.model_copy(update=dict.fromkeys(self._SECRETS))
        bare._made = None  # noqa: SLF001 - of its own kind
        return super(Connected, bare).__getstate__()


class JinaConnected(Connected[Jina]):
    """A component over the Jina AI API."""

    _SERVICE: ClassVar[type[Any]] = Jina
    _CONNECTION: ClassVar[tuple[str, ...]] = (
        "api_key",
        "base_url",
        "limits",
        "retry",
        "timeout",
        "concurrency",
        "batch_size",
    )
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key",)

    api_key: SecretStr | None = Field(exclude=True, repr=False)
    base_url: str

    def _jina(self) -> Jina:
        return self._connected()


def check_client(client: object, service: str) -> None:
    """Refuse what ``from_dict`` finds in the place of a client."""
    if isinstance(client, str):
        raise ConfigurationError(
            f"client={client!r}: a dict holds only a client's address; from_dict(data, client={service}(...)) restores it"
        )


def _revealed(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return tuple(map(_revealed, value)) if isinstance(value, tuple) else value
