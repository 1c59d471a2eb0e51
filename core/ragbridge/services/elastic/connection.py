"""What can be taken from an official ``elasticsearch`` client, 8.19 and later, without importing its package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.client.secret import Concealed
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.services.elastic.address import from_url
from ragbridge.services.elastic.credentials import Credential, from_header

if TYPE_CHECKING:
    import ssl

_OWN_HEADERS = frozenset(
    {"accept", "authorization", "content-type", "user-agent", "x-elastic-client-meta", "x-opaque-id"}
)
_NOT_TAKEN = {
    "client_cert": "verify= with an ssl.SSLContext that holds the client's certificate",
    "client_key": "verify= with an ssl.SSLContext that holds the client's certificate",
    "ssl_assert_fingerprint": "ca_certs= with the certificate of the authority",
    "ssl_assert_hostname": "verify= with an ssl.SSLContext of your own",
    "ssl_version": "verify= with an ssl.SSLContext of your own",
}


@dataclass(frozen=True, slots=True)
class Connection:
    """How one node of an official client is reached.

    Attributes:
        url: Its address.
        credential: The credential of its requests, or None.
        headers: Those that its user added to every request.
        ca_certs: File or folder of trusted certificates; None for the system's.
        verify: Whether certificates are checked; or the ``ssl.SSLContext`` that checks them.
        nodes: How many nodes the client has.
    """

    url: str
    credential: Credential | None
    headers: dict[str, str] | None
    ca_certs: str | None
    verify: bool | ssl.SSLContext
    nodes: int


def read_client(es: object) -> Connection:
    """How an official ``Elasticsearch`` or ``AsyncElasticsearch`` reaches one of its nodes.

    Raises:
        ConfigurationError: ``es`` is not such a client, or is connected in a way that cannot be taken over.
    """
    try:
        # Sorted, since the pool is shuffled: clients of one address share its quota, so always take the same node.
        nodes: list[Any] = sorted(es.transport.node_pool.all(), key=_place)  # type: ignore[attr-defined]
        headers: dict[str, str] = {name.lower(): value for name, value in es._headers.items()}  # type: ignore[attr-defined]  # noqa: SLF001
        config: Any = nodes[0].config
        headers = {**{name.lower(): value for name, value in config.headers.items()}, **headers}
        path = f"{config.path_prefix}".strip("/")
        host = f"[{config.host}]" if ":" in config.host else config.host
        url = f"{config.scheme}://{host}:{config.port}" + (f"/{path}" if path else "")
    except (AttributeError, LookupError, TypeError) as error:
        raise ConfigurationError(
            f"from_client: {type(es).__name__} is not an Elasticsearch or AsyncElasticsearch client of 8.19 or later "
            f"({error}); make Elastic(url, api_key=...) instead"
        ) from None
    _check(nodes[0], config)
    authorization = headers.get("authorization")
    return Connection(
        url=from_url(url),
        credential=from_header(authorization) if authorization else None,
        headers={name: Concealed(value) for name, value in headers.items() if name not in _OWN_HEADERS}
        or None,
        ca_certs=config.ca_certs,
        verify=config.ssl_context or config.verify_certs is not False,
        nodes=len(nodes),
    )


def _place(node: Any) -> tuple[str, int]:
    return node.config.host, node.config.port


def _check(node: object, config: Any) -> None:
    if type(node).__module__.partition(".")[0] != "elastic_transport":
        raise ConfigurationError(
            f"from_client: the client sends by a node class of its own, {type(node).__name__}, which cannot be taken over; "
            "make Elastic(url, ..., http_client=) with an httpx.Client that does the same"
        )
    for name, way in _NOT_TAKEN.items():
        if getattr(config, name, None) is not None:
            raise ConfigurationError(
                f"from_client: the client's {name} cannot be taken over; make Elastic(url, ...) and pass {way}"
            )
    if "requests.session.auth" in getattr(config, "_extras", {}):
        raise ConfigurationError(
            "from_client: the client's http_auth of requests cannot be taken over; pass api_key= to Elastic(url, ...)"
        )
