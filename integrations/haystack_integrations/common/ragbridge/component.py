"""What Haystack asks of every component alike: a client made at warm-up, closing, serialising; texts of documents."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self, TypeVar

from haystack import Document, default_from_dict, default_to_dict
from haystack.core.errors import SerializationError
from haystack.utils import Secret

from ragbridge import ConfigurationError, Jina, RateLimit, Retry

KEY = Secret.from_env_var(list(Jina.KEY_VARIABLES), strict=False)
BASE_URL = Jina.BASE_URL
TIMEOUT = Jina.TIMEOUT
BATCH_SIZE = Jina.BATCH_SIZE
CONNECTION = ("api_key", "base_url", "limits", "retry", "timeout", "concurrency", "batch_size")
"""Settings that make up a client: a ready one has its own."""

V = TypeVar("V", RateLimit, Retry)


class JinaComponent:
    """Owns a component's client. Nothing is resolved, opened or sent before the component is warmed up.

    A subclass keeps each argument of its constructor in an attribute of the same name: that is what is serialised.
    """

    def __init__(
        self,
        *,
        client: Jina | None,
        api_key: Secret | None,
        base_url: str,
        limits: RateLimit | dict[str, Any] | str | None,
        retry: Retry | dict[str, Any] | None,
        timeout: float,
        concurrency: int | None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        if api_key is not None and not isinstance(api_key, Secret):
            raise ConfigurationError(
                f"api_key is {type(api_key).__name__}, not a Secret: pass Secret.from_env_var(...), "
                "or Secret.from_token(...) where the component is never serialised"
            )
        self.client = client
        self.api_key = api_key
        self.base_url = base_url
        self.limits = _value(RateLimit, limits)
        self.retry = _value(Retry, retry)
        self.timeout = timeout
        self.concurrency = concurrency
        self.batch_size = batch_size
        if client is not None:
            self._refuse_settings_beside_client()
        self._jina = client
        self._making = threading.Lock()

    def warm_up(self) -> None:
        """Resolve the key and make the client. ``run`` does it by itself."""
        self._connected()

    async def warm_up_async(self) -> None:
        """Do what ``warm_up`` does: one client serves threads and event loops alike."""
        self._connected()

    def close(self) -> None:
        """Close idle connections; a later ``run`` opens new ones. A client that was passed in stays open."""
        if self._jina is not None and self.client is None:
            self._jina.close()

    async def close_async(self) -> None:
        """Close idle connections, those of the running event loop included."""
        if self._jina is not None and self.client is None:
            await self._jina.aclose()

    def to_dict(self) -> dict[str, Any]:
        """Serialize the component to a dictionary.

        :raises SerializationError: The component was given a ready client.
        :raises ValueError: The key is a token: only names of environment variables are written.
        """
        if self.client is not None:
            raise SerializationError(
                f"{type(self).__name__} with client= cannot be serialized: a client may hold a key and connections. "
                "Pass its settings instead (api_key=Secret.from_env_var(...), base_url=, limits=, ...)"
            )
        names = [name for name in inspect.signature(type(self).__init__).parameters if name != "self"]
        settings = {name: getattr(self, name) for name in names if name != "client"}
        for name in ("limits", "retry"):
            if isinstance(settings[name], (RateLimit, Retry)):
                settings[name] = asdict(settings[name])
        return default_to_dict(self, **settings)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make a component from what ``to_dict`` gave; ``data`` stays as it is."""
        return default_from_dict(cls, data)

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled as it is serialised, so that a pickle holds no key either.
        return type(self).from_dict, (self.to_dict(),)

    def _connected(self) -> Jina:
        if self._jina is None:
            with self._making:
                if self._jina is None:
                    self._jina = self._make()
        return self._jina

    def _make(self) -> Jina:
        return Jina(
            # A variable that is set to nothing counts as unset, as in the core.
            (self.api_key.resolve_value() or None) if self.api_key else None,
            base_url=self.base_url,
            limits=self.limits,
            retry=self.retry or Retry(),
            timeout=self.timeout,
            concurrency=self.concurrency,
            batch_size=self.batch_size,
        )

    def _refuse_settings_beside_client(self) -> None:
        parameters = inspect.signature(type(self).__init__).parameters
        given = [
            f"{name}="
            for name in CONNECTION
            if name in parameters and getattr(self, name) != parameters[name].default
        ]
        if given:
            raise ConfigurationError(f"client= brings its own settings: leave out {', '.join(given)}")


def check_documents(documents: list[Document], expected: str) -> None:
    """Refuse what is no list of documents, as Haystack's own components do."""
    if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
        raise TypeError(expected)


def texts_of(documents: list[Document], fields: list[str], separator: str) -> list[str]:
    """What is embedded or ranked of each document: the chosen meta fields, then the content."""
    return [
        separator.join(
            [
                *(str(document.meta[name]) for name in fields if document.meta.get(name) is not None),
                document.content or "",
            ]
        )
        for document in documents
    ]


def _value(kind: type[V], given: V | Mapping[str, Any] | Any) -> Any:
    """``given``, where it is a mapping (as in YAML) as the value that it describes."""
    if not isinstance(given, Mapping):
        return given
    try:
        return kind(**given)
    except TypeError as error:
        raise ConfigurationError(f"{kind.__name__}: {error}") from None
