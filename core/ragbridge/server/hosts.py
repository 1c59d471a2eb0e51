"""Which values of the header ``Host`` are answered.

A web page whose name is made to resolve to 127.0.0.1 (DNS rebinding) may read what a server there answers; only the ``Host``
that the browser sends tells such a request from others. An address of digits cannot be rebound.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from ragbridge.errors import ConfigurationError

_HOST = re.compile(r"(?P<name>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
ANY = "*"


class Hosts:
    """The hosts for which a server answers.

    Args:
        address: The address that it listens at.
        names: Names to accept beside those of loopback, without ports; ``*`` for all. None: those of loopback where
            ``address`` is one of them, else all.

    Raises:
        ConfigurationError: One of the names is no host name.
    """

    def __init__(self, address: str, names: Collection[str] | None = None) -> None:
        if isinstance(names, str):
            raise ConfigurationError(f"hosts={names!r} must be a list of names")
        for name in names or ():
            if name != ANY and not ((match := _HOST.fullmatch(name)) and match["name"] == name):
                raise ConfigurationError(
                    f"hosts: {name!r} is not the name of a host: write it as in an address, without port"
                )
        self._all = ANY in names if names is not None else not _is_loopback(address)
        self._names = frozenset(map(str.lower, names or ()))

    def allow(self, header: str | None) -> bool:
        """Whether a request with this ``Host`` is answered. HTTP/1.0 may leave it out, browsers never do."""
        if self._all or header is None:
            return True
        match = _HOST.fullmatch(header)
        return match is not None and (match["name"].lower() in self._names or _is_loopback(match["name"]))


def authority(header: str | None) -> str:
    """The header's value, if addresses can be made of it; else ``localhost``."""
    return header if header is not None and _HOST.fullmatch(header) else "localhost"


def _is_loopback(name: str) -> bool:
    name = name.lower().strip("[]").removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
