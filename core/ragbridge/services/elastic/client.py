"""Elasticsearch as one object: ``Elastic``."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ragbridge.client.headers import HeadersLike, OwnHeaders
from ragbridge.client.retry import Retry
from ragbridge.client.secret import concealed
from ragbridge.client.service import Service, check_policy, transport_name
from ragbridge.errors import ConfigurationError
from ragbridge.ground.public import publish
from ragbridge.limiter.limits import RateLimit, RateLimiter
from ragbridge.rules.endpoints import BATCH_CAPS
from ragbridge.services.elastic import defaults
from ragbridge.services.elastic.address import from_cloud_id, from_url
from ragbridge.services.elastic.connection import read_client
from ragbridge.services.elastic.credentials import (
    ApiKey,
    Bearer,
    Credential,
    FoundCredential,
    choose,
)
from ragbridge.services.elastic.endpoints.methods import Endpoints
from ragbridge.services.elastic.esql.methods import EsqlMethods
from ragbridge.services.elastic.formats import AnswerFormat
from ragbridge.services.elastic.inference.methods import InferenceMethods
from ragbridge.services.elastic.inference.streams import InferenceStreams
from ragbridge.services.elastic.retrieval.methods import RetrievalMethods
from ragbridge.services.elastic.session import CLUSTER, ElasticChannel

if TYPE_CHECKING:
    import ssl

    from ragbridge.cache.opening import CacheLike
    from ragbridge.flow import Clock, TransportName
    from ragbridge.limiter.quotas import QuotasLike
    from ragbridge.local import Engine
    from ragbridge.observers import Observer
    from ragbridge.transport.base import Transport

log = logging.getLogger("ragbridge")

MAX_BATCH = max(BATCH_CAPS.values())


class Elastic(InferenceMethods, InferenceStreams, RetrievalMethods, EsqlMethods, Service):
    """Elasticsearch's inference API and semantic retrieval, or the embedded engine in its place.

    One object serves any number of threads and event loops; create one and keep it. It speaks HTTP itself, in a form
    that Elasticsearch 8.19 and 9 both accept. The official client is not needed.

    Args:
        url: Elasticsearch's address, with any path prefix; by default the environment's ``ELASTICSEARCH_URL``.
            ``"local"`` for the embedded engine, which needs neither credentials nor network (extra ``local``).
        cloud_id: A deployment of Elastic Cloud instead; by default the environment's ``ELASTIC_CLOUD_ID``.
        api_key: An API key, encoded or as ``(id, key)``; by default the environment's ``ELASTIC_API_KEY``. Or a function that
            gives one: it is called before each request is sent, in a thread beside an event loop, and nothing it gives is kept.
        basic_auth: User and password instead.
        bearer_auth: A token instead, or a function that gives it.
        ca_certs: File or folder of trusted certificates (PEM), such as Elasticsearch's ``http_ca.crt``; None for the
            system's.
        verify: False to accept any certificate, which allows eavesdropping; or an ``ssl.SSLContext``.
        limits: ``"cluster"`` counts nothing, since Elasticsearch publishes no quota; a 429 pauses all requests to the
            same inference endpoint for as long as it says. ``"eis"`` is the Elastic Inference Service's published
            quota, of its slowest models; ``"eis-v5"`` that of ``jina-embeddings-v5``, five times as large and more. Or a ``RateLimit`` for each inference endpoint, a limiter of your own, or None for no limiter.
        quotas: Where quotas are kept that several processes share: ``RedisQuotas()`` or ``"redis://"`` for any number of
            machines, ``FileQuotas(path)`` or the path of a file for the processes of one machine. None for this process
            alone.
        retry: How often failures are retried, and how long the pauses are.
        timeout: Seconds to wait for an answer's data. Elasticsearch itself waits 30 for a model.
        deadline: Seconds that one request may take as a whole, against servers that keep sending without an end; None
            for ten times ``timeout``.
        concurrency: The largest number of requests in flight; the limiter's own figure applies as well. None for the
            limiter's, or 8.
        batch_size: The largest number of texts in one request; the cap of the endpoint's service applies as well.
        http_client: Your own ``httpx.Client`` or ``httpx2.Client``, which is never closed here.
        async_http_client: Your own ``AsyncClient`` of either, which belongs to one event loop and is never closed here.
        headers: Headers for every request, by name. Their values are concealed and travel in no pickle: None for a value
            stands for the environment's ``RAGBRIDGE_HEADER_<NAME>``. ``Authorization`` among them takes the place of other
            credentials.
        count_tokens: Counts the tokens of one text, for limits that count tokens; None for estimates.
        cache: Where answers are kept that were paid for, so that nothing is paid twice: the path of a file, which all
            processes of a machine may share; a ``RedisCache`` or ``"redis://"`` for several machines; a dict or any other
            ``MutableMapping``; a LangChain ``ByteStore``; or an object of your own, see ``Cache``. None for nowhere.
        cache_version: Any text. With another one, nothing is found that was kept before: for a hosted model that was
            silently renewed, or an endpoint whose settings these credentials may not read.
        answer_format: In which form vectors are asked for. ``"auto"``: CBOR where ``cbor2`` is installed (extra ``speed``),
            as long as that is what comes, and JSON from the first other answer on. ``"cbor"`` or ``"json"`` settle it.
            Vectors are the same to the bit.
        transport: What sends: ``"httpx"``, ``"httpx2"``, ``"fast"`` (connections of our own, a third of httpx's processor time), or
            ``"auto"`` for the fastest that serves. Or a ``Transport`` of your own, or a
            ``ragbridge.local.Engine`` with its own settings.
        observers: Who is told of every call of this client, see ``ragbridge.Observer``; they travel in pickles.
            ``ragbridge.observe`` has one told of every client of the process.
        clock: The source of time, for tests.

    Attributes:
        LOCAL: The embedded engine's address.
        KEY_VARIABLES: Environment variables that hold an API key.
        TIMEOUT: The default of ``timeout``.
        BATCH_SIZE: The default of ``batch_size``. A model embeds this many texts well within Elasticsearch's 30
            seconds, and they are cheap to send again.

    Raises:
        ConfigurationError: A setting is wrong, or there is no address.
    """

    LOCAL: ClassVar[str] = defaults.LOCAL
    KEY_VARIABLES: ClassVar[tuple[str, ...]] = defaults.KEY_VARIABLES
    TIMEOUT: ClassVar[float] = defaults.TIMEOUT
    BATCH_SIZE: ClassVar[int] = defaults.BATCH_SIZE

    def __init__(
        self,
        url: str | None = None,
        *,
        cloud_id: str | None = None,
        api_key: ApiKey | None = None,
        basic_auth: tuple[str, str] | None = None,
        bearer_auth: Bearer | None = None,
        ca_certs: str | os.PathLike[str] | None = None,
        verify: bool | ssl.SSLContext = True,
        limits: RateLimit | RateLimiter | str | None = CLUSTER,
        quotas: QuotasLike | None = None,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        batch_size: int = BATCH_SIZE,
        http_client: object | None = None,
        async_http_client: object | None = None,
        headers: HeadersLike | None = None,
        count_tokens: Callable[[str], int] | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        answer_format: AnswerFormat = "auto",
        transport: Transport | Engine | TransportName = "auto",
        observers: Sequence[Observer] = (),
        clock: Clock | None = None,
    ) -> None:
        api_key = concealed(api_key)  # first: no frame of an error shows it
        basic_auth, bearer_auth, headers = concealed(basic_auth), concealed(bearer_auth), concealed(headers)
        address = _address(url, cloud_id)
        local = address.startswith(f"{self.LOCAL}:")
        given = {"api_key": api_key, "basic_auth": basic_auth, "bearer_auth": bearer_auth}
        if local and any(value is not None for value in given.values()):
            names = " and ".join(f"{name}=" for name, value in given.items() if value is not None)
            raise ConfigurationError(f"{names}: the embedded engine asks for no credentials; leave it out")
        settings: dict[str, Any] = {
            "url": self.LOCAL if local else address,
            "ca_certs": ca_certs,
            "verify": verify,
            "limits": limits,
            "quotas": quotas,
            "retry": retry,
            "timeout": timeout,
            "deadline": deadline,
            "concurrency": concurrency,
            "batch_size": batch_size,
            "count_tokens": count_tokens,
            "cache": cache,
            "cache_version": cache_version,
            "transport": transport_name(transport) or "auto",
            "observers": observers,
            "headers": headers,
            "answer_format": answer_format,
        }
        credential = None
        if headers is not None and any(
            isinstance(name, str) and name.lower() == "authorization" for name in headers
        ):
            if any(value is not None for value in given.values()):
                names = " and ".join(f"{name}=" for name, value in given.items() if value is not None)
                raise ConfigurationError(f"{names} and headers['Authorization']: give one of them")
        elif not local:
            credential = choose(api_key=api_key, basic_auth=basic_auth, bearer_auth=bearer_auth)
        own = None if isinstance(transport, str) else transport
        self._begin(settings, credential, (http_client, async_http_client), own, clock)
        self._channel.headers.check()

    @classmethod
    def from_client(
        cls,
        es: object,
        *,
        limits: RateLimit | RateLimiter | str | None = CLUSTER,
        quotas: QuotasLike | None = None,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        batch_size: int = BATCH_SIZE,
        count_tokens: Callable[[str], int] | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        transport: TransportName = "auto",
        answer_format: AnswerFormat = "auto",
        observers: Sequence[Observer] = (),
    ) -> Self:
        """A client for the Elasticsearch that an official client is connected to.

        The address of one node, the credentials and the trusted certificates are taken over. Retries are not, since the
        official client's do not pause; nor is the timeout, which is shorter than Elasticsearch's own for a model.

        Args:
            es: An ``Elasticsearch`` or ``AsyncElasticsearch`` of 8.19 to 9.x. It is not changed or closed.
            limits: See ``Elastic``.
            quotas: See ``Elastic``.
            retry: See ``Elastic``.
            timeout: See ``Elastic``.
            deadline: See ``Elastic``.
            concurrency: See ``Elastic``.
            batch_size: See ``Elastic``.
            count_tokens: See ``Elastic``.
            cache: See ``Elastic``.
            cache_version: See ``Elastic``.
            transport: Which HTTP library sends, see ``Elastic``.
            answer_format: See ``Elastic``.
            observers: See ``Elastic``.

        Raises:
            ConfigurationError: ``es`` is not such a client, or has something that cannot be taken over: a custom node
                class, a client certificate, a fingerprint. The message says what to do instead.
        """
        connection = read_client(es)
        if connection.nodes > 1:
            log.info("from_client: one of %d nodes is used, %s", connection.nodes, connection.url)
        settings: dict[str, Any] = {
            "url": connection.url,
            "ca_certs": connection.ca_certs,
            "verify": connection.verify,
            "limits": limits,
            "quotas": quotas,
            "retry": retry,
            "timeout": timeout,
            "deadline": deadline,
            "concurrency": concurrency,
            "batch_size": batch_size,
            "count_tokens": count_tokens,
            "cache": cache,
            "cache_version": cache_version,
            "transport": transport_name(transport) or "auto",
            "observers": observers,
            "headers": connection.headers,
            "answer_format": answer_format,
        }
        client = cls.__new__(cls)
        client._begin(settings, connection.credential)  # noqa: SLF001 - an alternative constructor
        return client

    def _begin(
        self,
        settings: dict[str, Any],
        credential: Credential | FoundCredential | None,
        clients: tuple[object | None, object | None] = (None, None),
        transport: Transport | Engine | None = None,
        clock: Clock | None = None,
        *,
        expects_key: bool = False,
    ) -> None:
        limits = settings["limits"]
        policy = check_policy(
            timeout=settings["timeout"],
            deadline=settings["deadline"],
            concurrency=settings["concurrency"],
            batch_size=settings["batch_size"],
            max_batch=MAX_BATCH,
        )
        timeout, deadline, concurrency, self._batch_size = policy
        headers = OwnHeaders(settings["headers"])
        settings = {**settings, **policy._asdict(), "headers": headers.names()}
        if isinstance(credential, FoundCredential):
            settings[credential.setting] = credential.find
        own_trust = _own_trust(settings, clients)
        bound = own_trust or any(part is not None for part in (*clients, transport))
        super().__init__(settings, bound=bound, clock=clock)
        local = settings["url"] == self.LOCAL
        base = from_url(settings["url"])
        self._channel = ElasticChannel(
            base=base,
            credential=credential,
            headers=headers,
            expects_key=expects_key,
            timeout=timeout,
            retry=settings["retry"],
            limits=None if local and limits == CLUSTER else limits,
            quotas=settings["quotas"],
            totals=self.usage,
            clock=self._clock,
            virtual=clock is not None,
            count_tokens=settings["count_tokens"],
            cache=self.cache,
            cache_version=settings["cache_version"],
            answer_format=settings["answer_format"],
        )
        self._connect(
            base,
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            allowed=self._channel.concurrency("text_embedding/"),
            transport=settings["transport"] if transport is None else transport,
            clients=clients,
            ca_certs=settings["ca_certs"],
            verify=settings["verify"],
        )
        self._channel.embedded = self._embedded

    @property
    def endpoints(self) -> Endpoints:
        """Inference endpoints: create, get, list, update, delete."""
        return Endpoints(self)

    @property
    def url(self) -> str:
        """Elasticsearch's address, also where a Cloud ID was given."""
        return str(self._settings["url"])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, limits={self._settings['limits']!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        _, (settings,) = super().__reduce__()
        return self._revive, (settings, self._channel.signed)

    @classmethod
    def _revive(cls, settings: dict[str, Any], signed: bool = False) -> Self:
        """Restore a pickled client. The API key is that of the current environment, since pickles hold no credentials.

        A missing key is reported by the first request, since an error raised here would be lost in a worker of a
        process pool. A client without credentials is restored without.
        """
        client = cls.__new__(cls)
        found = {name: settings.pop(name, None) for name in ("api_key", "bearer_auth")}
        credential = choose(**found, basic_auth=None) if signed else None
        client._begin(settings, credential, expects_key=signed)  # noqa: SLF001 - an alternative constructor
        return client


def _address(url: str | None, cloud_id: str | None) -> str:
    """The given address, or the environment's."""
    names = ("url=", "cloud_id=")
    if url is None and cloud_id is None:
        names = ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID")
        url, cloud_id = (os.environ.get(name, "").strip() or None for name in names)
    if url is not None and cloud_id is not None:
        raise ConfigurationError(f"{' and '.join(names)}: give one of them")
    if url is not None:
        return from_url(url, names[0].rstrip("="))
    if cloud_id is not None:
        return from_cloud_id(cloud_id, names[1].rstrip("="))
    raise ConfigurationError(
        "no address: pass url= or cloud_id=, or set ELASTICSEARCH_URL or ELASTIC_CLOUD_ID; "
        'url="local" needs none and runs the embedded engine'
    )


def _own_trust(settings: dict[str, Any], clients: tuple[object | None, ...]) -> bool:
    """Whether the caller passed an ``SSLContext``, which cannot leave this process.

    Raises:
        ConfigurationError: ``ca_certs`` and ``verify`` contradict each other or a client of the caller's own, or
            ``verify`` has the wrong type.
    """
    ca_certs, verify = settings["ca_certs"], settings["verify"]
    if (ca_certs is not None or verify is not True) and any(client is not None for client in clients):
        raise ConfigurationError(
            "ca_certs= and verify= have no effect on your own HTTP client: set them on that client"
        )
    if isinstance(verify, bool):
        if ca_certs is not None and not verify:
            raise ConfigurationError("ca_certs= and verify=False: give one of them")
        return False
    if ca_certs is not None:
        raise ConfigurationError("ca_certs= and an SSLContext as verify=: give one of them")
    if not hasattr(verify, "verify_mode"):
        raise ConfigurationError(f"verify is {type(verify).__name__}, neither a bool nor an ssl.SSLContext")
    return True


publish("ragbridge", [Elastic])
