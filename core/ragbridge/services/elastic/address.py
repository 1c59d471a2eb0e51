"""Elasticsearch's address, given as such or in a Cloud ID."""

from __future__ import annotations

import base64

from ragbridge.client.wire import check_address
from ragbridge.errors import ConfigurationError
from ragbridge.services.elastic.defaults import LOCAL

_SCHEMES = ("https", "http")


def from_url(url: str, name: str = "url") -> str:
    """``url`` without a trailing slash. A path prefix is kept.

    Args:
        url: What the user gave.
        name: The setting, or the environment's variable.

    Raises:
        ConfigurationError: ``url`` is not an address, or contains a user name.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"{name} is {type(url).__name__}, not str")
    if url == LOCAL:
        return f"{LOCAL}://elasticsearch"
    return check_address(
        url,
        name,
        schemes=_SCHEMES,
        hint=", or be 'local'",
        credentials="what holds a password is shown in logs: pass basic_auth=(user, password)",
    )


def from_cloud_id(cloud_id: str, name: str = "cloud_id") -> str:
    """The address in a Cloud ID: ``name:`` and, in base64, ``domain[:port]$elasticsearch[:port]$kibana``.

    Raises:
        ConfigurationError: ``cloud_id`` is not a Cloud ID.
    """
    if not isinstance(cloud_id, str):
        raise ConfigurationError(f"{name} is {type(cloud_id).__name__}, not str")
    encoded = cloud_id.strip().rpartition(":")[2]
    try:
        text = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode("ascii")
        domain, uuid, *_ = text.split("$")
    except ValueError:
        raise _no_cloud_id(name, "it does not decode to domain$elasticsearch$kibana") from None
    domain, _, port = domain.partition(":")
    uuid, _, own_port = uuid.partition(":")
    port = own_port or port or "443"
    if not domain or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65536:
        raise _no_cloud_id(name, "it names no host")
    if not uuid:
        raise _no_cloud_id(name, "it names no Elasticsearch, only other parts of a deployment")
    return check_address(f"https://{uuid}.{domain}" + (f":{port}" if port != "443" else ""), name)


def _no_cloud_id(name: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is not a Cloud ID: {why}; copy it from the deployment's page, name and colon included, or pass url="
    )
