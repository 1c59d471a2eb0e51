"""What a component needs to know to reach the service, as public fields; shared by all of ragbridge's leaves."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

try:
    from llama_index.core.schema import BaseComponent
except ImportError as error:
    raise ImportError(
        f'this adapter needs LlamaIndex ({error}): pip install "ragbridge[llama-index]"'
    ) from error

from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer

from ragbridge import ConfigurationError, Jina, RateLimit, Retry

_CONNECTION = ("api_key", "base_url", "limits", "retry", "timeout", "concurrency", "batch_size")
_DEFAULTS = {name: inspect.signature(Jina).parameters[name].default for name in _CONNECTION}


class Connected(BaseComponent):
    """A component with the settings of a ``Jina``, or with a ready one; pickled and dumped without the key."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    api_key: SecretStr | None = Field(exclude=True, repr=False)
    base_url: str
    limits: RateLimit | str | None
    retry: Retry
    timeout: float
    concurrency: int | None
    client: Jina | None

    _made: tuple[dict[str, Any], Jina] | None = PrivateAttr(default=None)

    def _jina(self) -> Jina:
        """The client that was given, else one for the connection's settings as they are now."""
        settings = {name: getattr(self, name) for name in _CONNECTION if name in type(self).model_fields}
        if self.client is not None:
            doubled = [name for name in settings if settings[name] != _DEFAULTS[name]]
            if doubled:
                raise ConfigurationError(f"client= has its own connection: leave out {', '.join(doubled)}")
            return self.client
        if self._made is None or self._made[0] != settings:
            key = self.api_key.get_secret_value() if self.api_key else None
            self._made = settings, Jina(**{**settings, "api_key": key})
        return self._made[1]

    @field_serializer("client")
    def _describe(self, client: Jina | None) -> str | None:
        # Part of what identifies this component in caches, since vectors depend on where they come from.
        return None if client is None else client.base_url

    def __getstate__(self) -> dict[str, Any]:
        # Fails where the framework would leave the client out and use the default service instead.
        pickle.dumps(self.client)
        # The framework deletes from the object itself what it cannot pickle: it gets a copy, which has no key.
        bare = self.model_copy(update={"api_key": None})
        bare._made = None  # noqa: SLF001 - of its own kind
        return super(Connected, bare).__getstate__()
