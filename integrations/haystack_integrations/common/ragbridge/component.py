"""What every Haystack component needs: a client made at warm-up, closing, serialisation, texts of documents."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from haystack import Document, default_from_dict, default_to_dict
from haystack.core.errors import SerializationError
from haystack.tracing.tracer import is_tracing_enabled
from haystack.utils import Secret

from haystack_integrations.common.ragbridge.tags import TAGGING
from ragbridge import ConfigurationError, RateLimit, Retry, adapters
from ragbridge.adapters import CacheLike, QuotasLike, TransportName

if TYPE_CHECKING:
    from tqdm import tqdm

    from ragbridge import Elastic, Jina, Observer, ReaderOptions

V = TypeVar("V", RateLimit, "ReaderOptions", Retry)
S = TypeVar("S", bound="Jina | Elastic")


class ServiceComponent(adapters.Connected[S], Generic[S]):
    """Owns a component's client. Nothing is resolved, opened or sent before the component is warmed up.

    A subclass keeps each argument of its constructor in an attribute of the same name, from which the component is
    serialised. It sets its secrets and its address before it calls this constructor, which checks them.
    """

    _FRAMEWORK: ClassVar[str] = "haystack"
    _OBSERVERS: ClassVar[tuple[Observer, ...]] = (TAGGING,)
    _SECRETS: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        *,
        client: S | None,
        limits: RateLimit | dict[str, Any] | str | None,
        retry: Retry | dict[str, Any] | None,
        timeout: float,
        deadline: float | None,
        concurrency: int | None,
        transport: TransportName,
        headers: dict[str, str | Secret | None] | None,
        quotas: QuotasLike | None,
        cache: CacheLike | None,
        cache_version: str,
    ) -> None:
        for name in self._SECRETS:
            setattr(self, name, _secret(name, getattr(self, name)))
        self.transport = transport
        self.headers = _secrets(headers)
        self.client = client
        self.limits = value_of(RateLimit, limits)
        self.retry = value_of(Retry, retry)
        self.timeout = timeout
        self.deadline = deadline
        self.concurrency = concurrency
        self.quotas: QuotasLike | None = adapters.path_as_text(quotas)
        self.cache: CacheLike | None = adapters.path_as_text(cache)
        self.cache_version = cache_version
        self._made: adapters.Made[S] | None = None
        self._making = threading.Lock()
        if client is not None:
            self._check_client()

    def warm_up(self) -> None:
        """Resolve the key and make the client. ``run`` does it by itself."""
        self._connected()

    async def warm_up_async(self) -> None:
        """Do what ``warm_up`` does: one client serves threads and event loops alike."""
        self._connected()

    def close(self) -> None:
        """Close idle connections; a later ``run`` opens new ones. A client that was passed in stays open."""
        self._close_made()

    async def close_async(self) -> None:
        """Close idle connections, those of the running event loop included."""
        await self._aclose_made()

    def to_dict(self) -> dict[str, Any]:
        """Serialize the component to a dictionary.

        :raises SerializationError: The component was given a ready client, or a cache or quotas that no text names.
        :raises ValueError: The key is a token: only names of environment variables are written.
        """
        if self.client is not None:
            raise SerializationError(
                f"{type(self).__name__} with client= cannot be serialized: a client may hold a key and connections. "
                "Pass its settings instead (api_key=Secret.from_env_var(...), limits=, ...)"
            )
        names = [name for name in adapters.defaults_of(type(self).__init__) if name not in {"self", "client"}]
        settings = {name: adapters.plain(getattr(self, name)) for name in names}
        for name in (*self._SECRETS, "headers"):
            settings[name] = _written(f"{type(self).__name__}", name, settings[name])
        settings["quotas"] = adapters.written_quotas(self.quotas)
        if settings["quotas"] is None and self.quotas is not None:
            raise SerializationError(
                f"{type(self).__name__} with quotas={type(self.quotas).__name__} cannot be serialized: give the path of a "
                'file, or "redis://" for the server that RAGBRIDGE_REDIS_URL names'
            )
        settings["cache"] = adapters.written_cache(self.cache)
        if settings["cache"] is None and self.cache is not None:
            raise SerializationError(
                f"{type(self).__name__} with cache={type(self.cache).__name__} cannot be serialized: give the path of a file, "
                'or "redis://" for the server that RAGBRIDGE_REDIS_URL names'
            )
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

    def _connected(self) -> S:
        if self._made is None and self.client is None:
            with self._making:  # threads that come first get the same client
                return super()._connected()
        return super()._connected()

    def _is_heard(self) -> bool:
        return is_tracing_enabled()

    @classmethod
    def _settings(cls) -> Collection[str]:
        return adapters.defaults_of(cls.__init__)

    def _revealed(self, value: Any) -> Any:
        # A variable that is set to nothing counts as unset, as in the core.
        return adapters.changed(
            value, lambda part: (part.resolve_value() or None) if isinstance(part, Secret) else part
        )

    def _make(self, settings: dict[str, Any]) -> S:
        return super()._make({**settings, "retry": self.retry or Retry()})

    def _is_default(self, name: str) -> bool:
        return bool(getattr(self, name) == adapters.defaults_of(type(self).__init__)[name])

    def _check_client(self) -> None:
        service = self._service()
        if not isinstance(self.client, service):
            raise ConfigurationError(
                f"client is {type(self.client).__name__}, not {service.__name__}: pass a ready "
                f"ragbridge.{service.__name__}(...), or settings instead"
            )
        self._check_beside_client()


def check_documents(documents: list[Document], expected: str) -> None:
    """Raise TypeError unless ``documents`` is a list of documents, as Haystack's own components do."""
    if not isinstance(documents, list) or not all(isinstance(document, Document) for document in documents):
        raise TypeError(expected)


_FIELDS = tuple(field.name for field in fields(Document))


def copied(document: Document, meta: Mapping[str, Any] | None = None, **changes: Any) -> Document:
    """A copy with the same id and these changes, whose meta is its own: ``replace`` alone would share it.

    A plain document is copied without its constructor, which would check again what it checked when the document was made:
    three quarters of what a copy costs.

    Args:
        document: Left as it is.
        meta: Fields that are added to the copy's meta, or replaced there.
        **changes: Attributes of the copy, such as ``embedding``.
    """
    own = adapters.own_copy(document.meta)
    changes["meta"] = {**own, **meta} if meta else own
    if type(document) is not Document:
        return replace(document, **changes)
    same = object.__new__(Document)
    for name in _FIELDS:
        value = changes[name] if name in changes else getattr(document, name)
        object.__setattr__(same, name, value)  # Haystack's own warns of changes
    return same


def texts_of(documents: list[Document], fields: list[str], separator: str) -> list[str]:
    """The text of each document to embed or rank: the chosen meta fields, then the content."""
    if not fields:
        return [document.content or "" for document in documents]
    return [
        separator.join(
            [
                *(str(document.meta[name]) for name in fields if document.meta.get(name) is not None),
                document.content or "",
            ]
        )
        for document in documents
    ]


def progress_of(documents: list[Document], *, shown: bool) -> tqdm[Any]:
    """A bar that counts embedded documents on standard error; one that is not shown does nothing."""
    from tqdm import tqdm  # which Haystack does not import either before it is needed

    return tqdm(total=len(documents), desc="Embedding", unit=" documents", disable=not shown)


def value_of(kind: type[V], given: V | Mapping[str, Any] | Any) -> Any:
    """Returns ``given``; a mapping, as in YAML, becomes the value that it describes."""
    if not isinstance(given, Mapping):
        return given
    try:
        return kind(**given)
    except TypeError as error:
        raise ConfigurationError(f"{kind.__name__}: {error}") from None


def _secret(name: str, given: Any) -> Any:
    """A secret, or a list of them; dictionaries, as in YAML, become the secrets that they describe."""
    if isinstance(given, Mapping):
        return Secret.from_dict(dict(given))
    if isinstance(given, list) and name == "api_key":
        return [_secret(f"{name}[{index}]", part) for index, part in enumerate(given)]
    if given is not None and not isinstance(given, Secret):
        raise ConfigurationError(
            f"{name} is {type(given).__name__}, not a Secret: pass Secret.from_env_var(...), "
            "or Secret.from_token(...) where the component is never serialised"
        )
    return given


def _secrets(headers: Any) -> Any:
    if not isinstance(headers, Mapping):
        return headers
    return {
        name: Secret.from_dict(dict(value)) if isinstance(value, Mapping) else value
        for name, value in headers.items()
    }


def _written(component: str, name: str, value: Any) -> Any:
    """Secrets within lists and headers as dictionaries; single ones are left to Haystack.

    :raises SerializationError: A header is a text, which may be a secret.
    """
    if isinstance(value, list):
        return [part.to_dict() for part in value]
    if not isinstance(value, Mapping):
        return value
    for header, part in value.items():
        if part is not None and not isinstance(part, Secret):
            raise SerializationError(
                f"{component} with {name}[{header!r}] as a text cannot be serialized, since it may be a secret: pass "
                "Secret.from_env_var(...), or None for the environment's RAGBRIDGE_HEADER_<NAME>"
            )
    return {header: part and part.to_dict() for header, part in value.items()}
