"""Addresses of pages, compared in the form in which browsers write them (WHATWG's URL standard, as far as it matters here).

Beyond the standard, these are one page: ``http`` and ``https``, with and without ``www.``, with and without a slash at the
end, with and without a fragment.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote, unquote_to_bytes

_START = re.compile(r"(https?):[/\\\\]*", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d{1,5}(?:[/?#]|$))")
_REMOVED = str.maketrans("", "", "\t\n\r")
_ENDS = "".join(map(chr, range(33)))
_TRIPLET = re.compile("%([0-9A-Fa-f]{2})")
_PORTS = {"http": "80", "https": "443"}
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PATH_SAFE = "%!$&'()*+,;=:@/-._~[]|^"
_QUERY_SAFE = _PATH_SAFE + "?`{}\\\\"


def compared(url: str) -> tuple[str, str]:
    """Host, and path with query, of an address; the host is "" if it is not an address of a page."""
    text = url.strip(_ENDS).translate(_REMOVED)
    start = _START.match(text)
    if start is None and _OTHER_SCHEME.match(text):
        return "", ""
    scheme = start[1].lower() if start else "https"
    rest = text[start.end() :] if start else text
    rest = rest.partition("#")[0]
    rest, question, query = rest.partition("?")
    authority, slash, path = rest.replace("\\", "/").partition("/")
    host = _host(authority.rpartition("@")[2], scheme)
    path = _path(slash + path)
    return host, path + (f"?{_encoded(query, _QUERY_SAFE)}" if question and query else "")


def host_of(site: str) -> str:
    """The host of a site, which may be an address."""
    return compared(site)[0]


def _host(authority: str, scheme: str) -> str:
    host, port = authority, ""
    if match := re.fullmatch(r"(.*?):([0-9]*)", authority, re.DOTALL):
        host, port = match[1], match[2].lstrip("0")
    if host.startswith("["):
        try:
            host = f"[{ipaddress.IPv6Address(host[1:-1]).compressed}]" if host.endswith("]") else ""
        except ValueError:
            return ""
    else:
        host = unquote(host)
        try:
            host = host.encode("idna").decode() if not host.isascii() else host
        except UnicodeError:
            return ""
        host = host.lower().removesuffix(".").removeprefix("www.")
        if not host or re.search(r"[\0-\x20#/:<>?@\[\\\]^|%\x7f]", host):
            return ""
    return host if port in {"", _PORTS[scheme]} else f"{host}:{port}"


def _path(path: str) -> str:
    """The path without ``.`` and ``..``, encoded, and without slashes at its end."""
    parts: list[str] = []
    for part in path.split("/")[1:]:
        plain = part.lower().replace("%2e", ".")
        if plain == "..":
            parts[-1:] = []
        elif plain != ".":
            parts.append(part)
    return _encoded("".join(f"/{part}" for part in parts), _PATH_SAFE).rstrip("/")


def _encoded(text: str, safe: str) -> str:
    """Percent-encoded as browsers do; what needs no encoding is not encoded, so that either way of writing is one."""
    encoded = quote(text.encode("utf-8", "surrogatepass"), safe=safe)
    return _TRIPLET.sub(lambda match: _plain(match[0].upper()), encoded)


def _plain(triplet: str) -> str:
    byte = unquote_to_bytes(triplet)
    return byte.decode() if byte[0] in _UNRESERVED else triplet
