"""Proxies that the environment names, checked before httpx reads them: its own errors do not name the variable."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from collections.abc import Callable
from urllib.parse import urlsplit
from urllib.request import getproxies

from ragbridge.errors import ConfigurationError
from ragbridge.ground.addresses import is_host, shown

_SOCKS = frozenset({"socks5", "socks5h"})
_SCHEMES = frozenset({"http", "https", *_SOCKS})
"""What httpx can speak to (0.28)."""


def check_proxies(parse: Callable[[str], object]) -> None:
    """See that httpx can use the proxies of the environment, and knows the hosts that need none.

    Args:
        parse: Reads an address, as httpx does.

    Raises:
        ConfigurationError: A variable holds what is none. The message names it, and holds no password.
    """
    found = getproxies()
    exempt = [host.strip() for host in found.get("no", "").split(",")]
    if "*" in exempt:
        return
    for kind in ("http", "https", "all"):
        if (address := found.get(kind)) and (wrong := _wrong(address)):
            raise ConfigurationError(f"{_variable(kind)}={shown(address)!r} is no proxy: {wrong}")
    for host in filter(None, exempt):
        if wrong := _unreadable(host, parse):
            raise ConfigurationError(f"{_variable('no')}: {shown(host)!r} is no host: {wrong}")


def _wrong(address: str) -> str | None:
    """What is wrong with the address of a proxy; without a scheme it is one of HTTP."""
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme not in _SCHEMES:
            return "its address must begin with http://, https://, socks5:// or socks5h://"
        _ = parts.port
    except ValueError:  # its text quotes what may be a password
        return (
            "its port is no number below 65536; percent-encode / # ? @ in the password (%2F, %23, %3F, %40)"
        )
    if not is_host(parts.hostname or ""):
        return "its host is no name that can be looked up"
    if parts.scheme in _SOCKS and importlib.util.find_spec("socksio") is None:
        return 'SOCKS needs the package socksio: pip install "httpx[socks]"'
    return None


def _unreadable(host: str, parse: Callable[[str], object]) -> str | None:
    """Why httpx cannot read the name of a host that needs no proxy; None where it can."""
    try:
        parse(host if "://" in host else f"all://{_pattern(host)}")
    except Exception:  # noqa: BLE001 - httpx's InvalidURL is of no other kind
        if "[" in host or "/" in host:
            return "write an address of IPv6 alone, as ::1: no brackets, port or network"
        return "write it in ASCII (xn--...)" if not host.isascii() else "its port is no number"
    return None


def _pattern(host: str) -> str:
    """As httpx makes it (``get_environment_proxies``)."""
    try:
        kind = ipaddress.ip_address(host.partition("/")[0]).version
    except ValueError:
        return host if host.lower() == "localhost" else f"*{host}"
    return host if kind == 4 else f"[{host}]"


def _variable(kind: str) -> str:
    """The variable that names this proxy: lower case comes first, as in ``urllib``."""
    names = (f"{kind}_proxy", f"{kind}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), "the system's proxy settings")
