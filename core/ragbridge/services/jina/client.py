"""The Jina AI API as one object: ``Jina``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from ragbridge.client.accounts import Accounts, KeysLike, find_accounts
from ragbridge.client.headers import HeadersLike, OwnHeaders
from ragbridge.client.retry import Retry
from ragbridge.client.secret import concealed
from ragbridge.client.service import Service, check_policy, transport_name
from ragbridge.errors import ConfigurationError
from ragbridge.ground.addresses import shown
from ragbridge.ground.public import publish
from ragbridge.hosts import JINA, host_named, known_at
from ragbridge.limiter.limits import RateLimit, RateLimiter
from ragbridge.models import MAX_ITEMS
from ragbridge.services.jina import defaults, wire
from ragbridge.services.jina.account import AccountMethods
from ragbridge.services.jina.classify.methods import ClassifyingMethods
from ragbridge.services.jina.embed import multivectors
from ragbridge.services.jina.embed.methods import EmbeddingMethods
from ragbridge.services.jina.embed.sparse import SparseMethods
from ragbridge.services.jina.embed.streams import EmbeddingStreams
from ragbridge.services.jina.jobs.methods import JobMethods
from ragbridge.services.jina.place import Place
from ragbridge.services.jina.rerank.methods import RankingMethods
from ragbridge.services.jina.segment.methods import SegmentingMethods
from ragbridge.services.jina.session import (
    AUTO,
    KEYLESS,
    Hosts,
    JinaChannel,
    default_tier,
)
from ragbridge.services.jina.web.methods import WebMethods

if TYPE_CHECKING:
    from ragbridge.cache.opening import CacheLike
    from ragbridge.flow import Clock, TransportName
    from ragbridge.hosts import Host
    from ragbridge.hosts.names import HostName
    from ragbridge.limiter.quotas import QuotasLike
    from ragbridge.local import Engine
    from ragbridge.observers import Observer
    from ragbridge.services.jina.place import Prefixes
    from ragbridge.transport.base import Transport


class Jina(
    EmbeddingMethods,
    EmbeddingStreams,
    SparseMethods,
    RankingMethods,
    ClassifyingMethods,
    SegmentingMethods,
    WebMethods,
    JobMethods,
    AccountMethods,
    Service,
):
    """The Jina AI API, or the embedded engine in its place.

    One object serves any number of threads and event loops; make one and keep it. Objects with the same key share
    one quota, so several of them together stay within it.

    Args:
        api_key: The key; else the environment's ``JINA_API_KEY``, ``JINAAI_API_KEY`` or ``JINA_AUTH_TOKEN``. Needed
            at ``api.jina.ai``, optional elsewhere. A list of keys, each with a quota of its own: a request goes to the first
            that has room, and to the next where one is not accepted or its balance is empty. Or a function that gives the
            key: it is called before each request is sent, in a thread beside an event loop, and nothing it gives is kept.
        base_url: Where the API is, with or without ``/v1``; ``"local"`` for the embedded engine, which needs neither
            key nor network (extra ``local``). Of an OpenAI-like host whatever its documentation calls the base URL.
            Parameters behind ``?``, such as Azure's ``api-version``, go along with every request to it.
        host: What kind of server is at ``base_url``: one of the names in ``ragbridge.hosts``, such as ``"vllm"``, ``"tei"`` or
            ``"jina-on-prem"``. None: known by its address, else found out by asking it once, before the first request for
            vectors or a ranking; a ``transport`` of yours is never asked, and taken for ``"jina"``.
        query_prefix: What stands before the text of each query, on any host; ``""`` for nothing. None: what the model wants,
            where the host does not put it there itself.
        document_prefix: The same for documents. With late chunking it stands before a document's first chunk.
        limits: A published tier (``"free"``, ``"paid"``, ``"premium"``), a ``RateLimit``, a limiter of your own,
            or None for no limiter. ``"auto"``: the most cautious tier at ``*.jina.ai``, which publishes them; none at
            other hosts and for the embedded engine. ``"keyless"`` uses what works without a key, the reader and the
            segmenter, and sends none.
        quotas: Where quotas are kept that several processes share: ``RedisQuotas()`` or ``"redis://"`` for any number of
            machines, ``FileQuotas(path)`` or the path of a file for the processes of one machine. None for this process
            alone.
        retry: How often and how patiently failures are retried.
        timeout: Seconds to wait for an answer's data. Cold starts and late chunking take many.
        deadline: Seconds that one request may take as a whole, for servers that go on sending but never end; None for ten
            times ``timeout``.
        concurrency: Requests in flight at most; the limiter's own figure applies as well. None for 8, or for the
            limiter's.
        batch_size: Items in one request at most, up to 512.
        region: ``"eu"`` for the reader and the search of the European Union, ``"cn"`` for their mirrors in China; embeddings and
                the rest have no such hosts.
        reader_url: Where the reader is; None for Jina's own host, or for ``/r`` beside the ``/v1`` of ``base_url``.
        search_url: Where the search is; else ``/s``.
        grounding_url: Where the grounding is; else ``/g``.
        multivector_path: Route of the ColBERT models below ``/v1``, such as ``"/multi-vector"``; None for ``"/embeddings"``,
            and for the former where the service does not know them there.
        http_client: Your own ``httpx.Client`` or ``httpx2.Client``; never closed here.
        async_http_client: Your own ``AsyncClient`` of either; it belongs to one event loop; never closed here.
        headers: Headers for every request, by name, such as a tenant's. Their values are concealed and travel in no pickle:
            None for a value stands for the environment's ``RAGBRIDGE_HEADER_<NAME>``. ``Authorization`` among them takes the
            place of ``api_key``.
        count_tokens: A real tokenizer's count of one text, for the limiter; None for estimates that calibrate themselves.
        cache: Where answers are kept that were paid for, so that nothing is paid twice: the path of a file, which all
            processes of a machine may share; a ``RedisCache`` or ``"redis://"`` for several machines; a dict or any other
            ``MutableMapping``; a LangChain ``ByteStore``; or an object of your own, see ``Cache``. None for nowhere.
        cache_version: Any text. With another one, nothing is found that was kept before: for a hosted model that was
            silently renewed.
        transport: What sends: ``"httpx"``, ``"httpx2"``, ``"fast"`` (connections of our own, a third of httpx's processor time), or
            ``"auto"`` for the fastest that serves. Or a ``Transport`` of your own, or a
            ``ragbridge.local.Engine`` with settings of its own.
        observers: Who is told of every call of this client, see ``ragbridge.Observer``; they travel in pickles.
            ``ragbridge.observe`` has one told of every client of the process.
        clock: Time, for tests that wait.

    Attributes:
        BASE_URL: The service's address.
        LOCAL: The embedded engine's.
        KEY_VARIABLES: Environment variables that hold a key, in the order in which they are looked up.
        TIMEOUT: Seconds to wait for an answer's data unless asked otherwise.
        BATCH_SIZE: Items in one request unless asked otherwise: within the plateau of throughput (64 to 512), and cheap
            to send again.

    Raises:
        ConfigurationError: A setting is wrong, or the key is missing.
    """

    BASE_URL: ClassVar[str] = defaults.BASE_URL
    LOCAL: ClassVar[str] = defaults.LOCAL
    KEY_VARIABLES: ClassVar[tuple[str, ...]] = defaults.KEY_VARIABLES
    TIMEOUT: ClassVar[float] = defaults.TIMEOUT
    BATCH_SIZE: ClassVar[int] = defaults.BATCH_SIZE

    def __init__(
        self,
        api_key: KeysLike | None = None,
        *,
        base_url: str = BASE_URL,
        host: HostName | None = None,
        query_prefix: str | None = None,
        document_prefix: str | None = None,
        limits: RateLimit | RateLimiter | str | None = AUTO,
        quotas: QuotasLike | None = None,
        retry: Retry = Retry(),  # noqa: B008 - frozen
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        batch_size: int = BATCH_SIZE,
        region: str | None = None,
        reader_url: str | None = None,
        search_url: str | None = None,
        grounding_url: str | None = None,
        multivector_path: str | None = None,
        http_client: object | None = None,
        async_http_client: object | None = None,
        headers: HeadersLike | None = None,
        count_tokens: Callable[[str], int] | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        transport: Transport | Engine | TransportName = "auto",
        observers: Sequence[Observer] = (),
        clock: Clock | None = None,
    ) -> None:
        api_key, headers = concealed(api_key), concealed(headers)  # first: no frame of an error shows them
        timeout, deadline, concurrency, batch_size = check_policy(
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            batch_size=batch_size,
            max_batch=MAX_ITEMS,
        )
        own_headers = OwnHeaders(headers)
        settings: dict[str, Any] = {
            "base_url": base_url,
            "host": host,
            "query_prefix": query_prefix,
            "document_prefix": document_prefix,
            "limits": limits,
            "quotas": quotas,
            "retry": retry,
            "timeout": timeout,
            "deadline": deadline,
            "concurrency": concurrency,
            "batch_size": batch_size,
            "region": region,
            "reader_url": reader_url,
            "search_url": search_url,
            "grounding_url": grounding_url,
            "multivector_path": multivector_path,
            "count_tokens": count_tokens,
            "cache": cache,
            "cache_version": cache_version,
            "transport": transport_name(transport) or "auto",
            "observers": observers,
            "headers": own_headers.names(),
        }
        if callable(api_key):
            settings["api_key"] = api_key
        own = None if isinstance(transport, str) else transport
        bound = any(part is not None for part in (http_client, async_http_client, own))
        super().__init__(settings, bound=bound, clock=clock)
        self._batch_size = batch_size
        self._multivector_route = multivectors.Route(multivector_path)
        local = base_url == self.LOCAL
        given, query = wire.check_base(f"{self.LOCAL}://{defaults.PUBLIC_HOST}" if local else base_url)
        known = (
            host_named(host) if host is not None else JINA if local or own is not None else known_at(given)
        )
        base = (known or JINA).address(given)
        self._channel = JinaChannel(
            hosts=Hosts.beside(base, region, reader=reader_url, search=search_url, grounding=grounding_url),
            place=Place(given, known, retry),
            prefixes=_prefixes(query_prefix, document_prefix),
            query=query,
            accounts=_accounts(api_key, own_headers, known, local=local, keyless=limits == KEYLESS),
            headers=own_headers,
            timeout=timeout,
            retry=retry,
            limits=limits if limits != AUTO else None if local else default_tier(given),
            quotas=quotas,
            totals=self.usage,
            clock=self._clock,
            virtual=clock is not None,
            count_tokens=count_tokens,
            cache=self.cache,
            cache_version=cache_version,
        )
        busiest = "reader" if limits == KEYLESS else "embeddings"
        allowed = self._channel.concurrency(busiest)
        self._connect(
            base,
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            allowed=allowed,
            transport=transport,
            clients=(http_client, async_http_client),
            aws=None if known is None else known.aws,
        )
        self._channel.embedded = self._embedded
        if limits != KEYLESS:
            self._channel.check_key()  # last: an object without a key is whole, see _revive
        own_headers.check()

    @property
    def _provider(self) -> str:
        return self._channel.place.guess.host.name

    @property
    def base_url(self) -> str:
        """Where the API is, as it was given."""
        return str(self._settings["base_url"])

    @property
    def hosted(self) -> dict[str, str | None]:
        """What vectors depend on beside the address: ``host``, ``query_prefix`` and ``document_prefix``, as they were given."""
        return {name: self._settings[name] for name in ("host", "query_prefix", "document_prefix")}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(base_url={shown(self.base_url)!r}, limits={self._settings['limits']!r})"
        )


def _prefixes(query: object, document: object) -> Prefixes:
    for name, value in (("query_prefix", query), ("document_prefix", document)):
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{name} is {type(value).__name__}, not str")
    return cast("Prefixes", {"query": query, "document": document})


def _accounts(given: Any, headers: OwnHeaders, host: Host | None, *, local: bool, keyless: bool) -> Accounts:
    if host is not None and host.aws is not None:
        if given is not None or "authorization" in headers:
            raise ConfigurationError(
                f"host={host.name!r} is asked with AWS credentials: leave out api_key= and headers['Authorization']"
            )
        return Accounts.of(())
    if keyless and given is not None:
        raise ConfigurationError(f"api_key= and limits={KEYLESS!r}: give one of them")
    if "authorization" in headers:
        if given is not None:
            raise ConfigurationError("api_key= and headers['Authorization']: give one of them")
        return Accounts.of(())
    return Accounts.of(()) if local or keyless else find_accounts(given, defaults.KEY_VARIABLES)


publish("ragbridge", [Jina])
