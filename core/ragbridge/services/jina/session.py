"""The way from any product of the API to its service: addresses, key, quota, retries, estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from ragbridge.client.meter import Meter
from ragbridge.client.secret import MissingKeyError
from ragbridge.client.service import Part
from ragbridge.client.session import Channel, Read
from ragbridge.client.sizes import OTHERS
from ragbridge.client.wire import check_address
from ragbridge.errors import ConfigurationError, StatusError
from ragbridge.flow import Flow, Request, Response
from ragbridge.ground.records import dataclass
from ragbridge.hosts import known_at
from ragbridge.limiter.limits import RateLimiter
from ragbridge.limiter.tiers import TIERS
from ragbridge.limiter.tokens import NOTHING, Features
from ragbridge.observers import Operation
from ragbridge.services.jina.defaults import KEY_VARIABLES, PUBLIC_HOST
from ragbridge.services.jina.errors import is_about_items, rate_reason, read_error
from ragbridge.services.jina.place import ANSWER, ASKING, Place, Prefixes, able
from ragbridge.services.jina.wire import secrets_of, with_parameters
from ragbridge.values.embeddings import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable

    from ragbridge.client.accounts import Account
    from ragbridge.flow import Plan
    from ragbridge.hosts import Finding


T = TypeVar("T")

_REGIONS = {"eu": ("eu.r.jina.ai", "eu.s.jina.ai"), "cn": ("r.jinaai.cn", "s.jinaai.cn")}
"""Hosts of the reader and of the search: Jina's documentation of 2026, and dsh-jina 0.12 of September 2026."""

DEFAULT_TIER = "free"
"""The most cautious tier of a key, for users who set nothing."""
AUTO = "auto"
"""That tier where the service publishes one, and none elsewhere."""
KEYLESS = "keyless"
"""The tier of requests without a key: it belongs to an IP address, and few products have it."""

READER = "reader"
"""The product whose quota and whose pages are those of another host."""

_OF_JINA = frozenset({"classify", "train", "segment", "batch", "bulk"})
"""Products that no other host has."""

_JSON = {"content-type": "application/json"}


def default_tier(base: str) -> str | None:
    """The tier that is kept where nobody chose one; None at hosts that publish none."""
    host = known_at(base)
    return DEFAULT_TIER if host is not None and host.publishes else None


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the products are: addresses without a slash at their end.

    Attributes:
        api: Up to and including ``/v1``.
        reader: Of the reader.
        search: Of the search.
        grounding: Of the grounding.
    """

    api: str
    reader: str
    search: str
    grounding: str

    @classmethod
    def beside(
        cls,
        api: str,
        region: str | None = None,
        *,
        reader: str | None = None,
        search: str | None = None,
        grounding: str | None = None,
    ) -> Hosts:
        """The other hosts of ``api``: Jina's own, or paths beside ``/v1``, which is how ``ragbridge serve`` has them.

        Args:
            api: Address up to and including ``/v1``.
            region: ``"eu"`` for the reader and the search of the European Union, ``"cn"`` for their mirrors in China. The API
                itself has no such hosts.
            reader: The reader's address, where it is another.
            search: The search's.
            grounding: The grounding's.

        Raises:
            ConfigurationError: An address is none, or there is no such region at this one.
        """
        if region is not None and region not in _REGIONS:
            raise ConfigurationError(f"region={region!r} must be {' or '.join(map(repr, _REGIONS))}, or None")
        address = urlsplit(api)
        public = address.hostname == PUBLIC_HOST and address.scheme != "local"
        if region and not public:
            raise ConfigurationError(f"region={region!r}: only {PUBLIC_HOST} has regions; leave it out")
        readers, searches = _REGIONS[region] if region else ("r.jina.ai", "s.jina.ai")
        origin = api.removesuffix("/v1")
        own = (
            (f"https://{readers}", f"https://{searches}", "https://g.jina.ai")
            if public
            else (f"{origin}/r", f"{origin}/s", f"{origin}/g")
        )
        given = {"reader_url": reader, "search_url": search, "grounding_url": grounding}
        return cls(
            api,
            *(
                default if url is None else check_address(url, name)
                for default, (name, url) in zip(own, given.items(), strict=True)
            ),
        )


class JinaChannel(Channel):
    """What all products of one ``Jina`` share.

    Args:
        hosts: Where the products are.
        place: Which host answers requests for vectors and rankings, and where.
        prefixes: What the caller wants to stand before texts of each role.
        query: Parameters for the address of every request below the API's.
        **policy: What any channel is told, see ``Channel``.
    """

    def __init__(
        self, *, hosts: Hosts, place: Place, prefixes: Prefixes, query: str = "", **policy: Any
    ) -> None:
        self.hosts = hosts
        self._query = query
        self.place = place
        self.prefixes = prefixes
        super().__init__(
            service="jina",
            base=hosts.api,
            read_error=read_error,
            rate_reason=rate_reason,
            about_items=is_about_items,
            **policy,
        )

    def _source(self, product: str) -> str:
        return f"jina:{self.hosts.reader}" if product == READER else super()._source(product)

    def hosted(
        self,
        make: Callable[[Finding], Plan[T]],
        *,
        sends: bool,
        about: Callable[[], Operation] | None = None,
    ) -> Plan[T]:
        """The plan that ``make`` makes for the host; see ``Place.plan``."""
        if sends and not self.keyless:
            self.check_key()
        return self.place.plan(make, self._question, sends=sends, about=about)

    def _question(self, url: str) -> Flow[Request]:
        """A request that asks what a host is. The key goes along: it is the host that gets it anyway."""
        headers = {**self.headers.sent(), "accept": "application/json"}
        account = self.accounts.first
        if account.identity is not None:
            headers["authorization"] = (yield from account.key()).header(self._scheme)
        url = with_parameters(url, self._query)
        return Request("GET", url, headers, timeout=min(self._timeout, ASKING), most=ANSWER)

    def secrets(self) -> list[str]:
        """Every text that no error may show, see ``Channel.secrets``; and what may be a secret in the address."""
        return [*super().secrets(), *secrets_of(self._query)]

    def refusal_without(self, secrets: Sequence[str]) -> Callable[[Response], StatusError]:
        """Reads answers of 400 or more as ``refusal`` does; errors show neither the key nor ``secrets``."""
        return lambda response: read_error(response, secrets=[*self.secrets(), *secrets])

    @property
    def keyless(self) -> bool:
        """Whether the caller chose to use what needs no key."""
        return self._limits == KEYLESS

    def limiter(self, product: str, account: Account | None = None) -> RateLimiter | None:
        """The limiter of one product, see ``Channel.limiter``.

        Raises:
            ConfigurationError: The product asks for a key, and the caller chose to use none.
        """
        if self.keyless:
            able = [tier.product for tier in TIERS if tier.name == KEYLESS]
            if product not in able:
                raise ConfigurationError(
                    f"limits={KEYLESS!r}: {product} asks for a key; without one there are {' and '.join(able)}"
                )
        return super().limiter(product, account)

    def check_key(self) -> None:
        """Raise ``MissingKeyError`` where the service will ask for a key and there is none."""
        if self.is_known:
            return
        address = urlsplit(self._base)
        if address.hostname == PUBLIC_HOST and address.scheme != "local":
            raise MissingKeyError(
                f"no key for {PUBLIC_HOST}: pass api_key=, or set one of {', '.join(KEY_VARIABLES)}; "
                'base_url="local" needs none and runs the embedded engine'
            )

    def post(
        self,
        path: str,
        body: bytes,
        *,
        product: str | Meter,
        read: Read[T],
        model: str | None = None,
        measure: Callable[[], Features] = lambda: NOTHING,
        extra: float = 0.0,
        idempotent: bool = True,
        timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
        most: int | None = OTHERS,
        api: str | None = None,
    ) -> Flow[tuple[T, Usage]]:
        """One request with a JSON body to ``path`` below the API's address, or below ``api``; see ``Channel.request``."""
        return self.request(
            "POST",
            with_parameters((self.hosts.api if api is None else api) + path, self._query),
            product=self._allowed(product, model),
            read=read,
            headers={**_JSON, **(headers or {})},
            body=body,
            timeout=timeout,
            idempotent=idempotent,
            measure=measure,
            extra=extra,
            most=most,
        )

    def get(self, path: str, *, product: str, read: Read[T], most: int = OTHERS) -> Flow[tuple[T, Usage]]:
        """One request to read what stands at ``path``."""
        return self.request(
            "GET",
            with_parameters(self.hosts.api + path, self._query),
            product=self._allowed(product),
            read=read,
            most=most,
        )

    def delete(
        self, path: str, *, product: str, read: Read[T], idempotent: bool = True
    ) -> Flow[tuple[T, Usage]]:
        """One request to delete what stands at ``path``."""
        return self.request(
            "DELETE",
            with_parameters(self.hosts.api + path, self._query),
            product=self._allowed(product),
            read=read,
            idempotent=idempotent,
        )

    def _allowed(self, product: str | Meter, model: str | None = None) -> Meter:
        """The meter of a request below the API's address, which needs a key unless its product has a keyless tier."""
        if isinstance(product, Meter):  # of a job, whose key was checked
            return product
        if not self.keyless:
            self.check_key()
        return self.meter(product, model)

    def meter(self, product: str, model: str | None = None) -> Meter:
        """The quota of ``product`` and the estimates for ``model``; see ``Channel.meter``.

        Raises:
            ConfigurationError: The product is Jina's alone, and the host is known to be another.
        """
        found = self.place.found
        if product in _OF_JINA and found is not None and not found.host.products:
            raise ConfigurationError(
                f"{product}: {found.host.title} has no such product; hosts that have it: {able(lambda host: host.products)}"
            )
        return super().meter(product, model)


class JinaMethods:
    """A family of methods of ``Jina``, which has what they need."""

    _channel: JinaChannel
    _batch_size: int

    if TYPE_CHECKING:

        def _stream(
            self,
            plans: Iterable[Plan[T]],
            name: str,
            *,
            ahead: int | None = None,
            about: Callable[[], Operation] | None = None,
            count: Callable[[Any], int] = lambda _: 1,
        ) -> Generator[T, None, None]: ...

        def _stream_async(
            self,
            plans: Iterable[Plan[T]] | AsyncIterable[Plan[T]],
            name: str,
            *,
            ahead: int | None = None,
            about: Callable[[], Operation] | None = None,
            count: Callable[[Any], int] = lambda _: 1,
        ) -> AsyncGenerator[T, None]: ...


class JinaPart(Part):
    """A group of methods, or a handle, that belongs to one ``Jina`` and asks by its channel."""

    @property
    def _channel(self) -> JinaChannel:
        return cast("JinaMethods", self._service)._channel  # noqa: SLF001 - a part of it
