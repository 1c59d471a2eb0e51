"""Addresses as errors, logs and representations may show them: without what may be a secret."""

from __future__ import annotations

import re
from urllib.parse import unquote

HIDDEN = "[hidden]"
LONGEST = 200
"""Characters of an address that are shown."""

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,20}):(?:\\?/){2}")
_HOST = re.compile(r"(?:[^\s@:/\\\[\]]+|\[[0-9A-Fa-f:.%a-z]+\])(?::\d*)?")
_PLAIN = re.compile(r"[a-z]+://[\w.-]+(?::\d+)?(?:/[\w./~-]*)?")
"""An address in which there is nothing to hide, as nearly all are."""
_END = re.compile(r"[?#]")
_AUTHORITY_END = re.compile(r"[/\\?#]")
_IN_TEXT = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}:(?:\\?/){2}[^\s\"'<>]*[^\s\"'<>.,:;)}]")


def shown(address: str, longest: int = LONGEST) -> str:
    """``address`` without user, password, query and fragment.

    An address may be mistyped: without a scheme, or with a password that holds ``/``, ``#``, ``?`` or ``@``. What may be a
    password by one reading of several is hidden as a whole.
    """
    address = address.strip()
    if not address or (_PLAIN.fullmatch(address) and len(address) <= longest):
        return address
    scheme, rest = _split(address)
    authority, tail = _authority(rest)
    before, at, host = authority.rpartition("@")
    if not at and _may_hold_user(rest):
        return scheme + HIDDEN
    if at and (_may_hold_user(tail) or "@" in tail or not before):
        return scheme + HIDDEN
    if not _HOST.fullmatch(host):
        return scheme + HIDDEN
    path = _END.split(tail, maxsplit=1)[0]
    whole = scheme + host + path
    return whole if len(whole) <= longest else whole[: longest - 3] + "..."


def secrets_in(address: str) -> tuple[str, ...]:
    """What ``shown`` leaves out of ``address``, in the forms in which a server may repeat it."""
    scheme, rest = _split(address.strip())
    visible = shown(address, len(address) + len(HIDDEN))
    if scheme + rest == visible:
        return ()
    user = rest.rpartition("@")[0]
    tail = _authority(rest)[1]
    query, fragment = (tail.partition(mark)[2] for mark in "?#")
    found = (
        rest if HIDDEN in visible and not user else "",
        user,
        user.partition(":")[2],
        query,
        query.partition("#")[0],
        fragment,
    )
    values = [value for part in (query, fragment) for value in re.split(r"[&=#]", part)]
    # Names of parameters are no secrets; their values are longer than most names.
    parts = [*found, *(value for value in values if len(value) >= _VALUE)]
    every = [part for text in parts for part in (text, unquote(text))]
    return tuple(dict.fromkeys(part for part in every if part and part not in visible))


_VALUE = 16
"""Characters from which on a part of a query may be a signature or a token."""


def in_text(text: str) -> str:
    """``text`` with every address in it as ``shown`` has it."""
    return _IN_TEXT.sub(lambda found: shown(found[0], len(found[0])), text)


def is_host(name: str) -> bool:
    """Whether ``name`` can be looked up: labels that are not empty nor too long, and no spaces."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return bool(name) and not re.search(r"[\s\\^|\"<>`{}\x00-\x1f\x7f]", name)


def _split(address: str) -> tuple[str, str]:
    """The scheme with its slashes, and the rest. Both as they are written."""
    found = _SCHEME.match(address)
    return (found[0], address[found.end() :]) if found else ("", address)


def _authority(rest: str) -> tuple[str, str]:
    end = _AUTHORITY_END.search(rest)
    return (rest[: end.start()], rest[end.start() :]) if end else (rest, "")


def _may_hold_user(text: str) -> bool:
    """Whether ``text`` can be read as ``user:password@...``."""
    before = re.split(r"@|%40", text)[:-1]
    return ":" in "@".join(before)
