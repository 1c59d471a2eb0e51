"""Headers of the caller's own, which go along with every request of a client. Their values may be secrets."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from ragbridge.client.secret import Concealed, MissingKeyError, Secret
from ragbridge.errors import ConfigurationError

HeadersLike: TypeAlias = "Mapping[str, str | None]"
"""What ``headers=`` takes. A value of None stands for the environment's ``RAGBRIDGE_HEADER_<NAME>``."""

VARIABLE = "RAGBRIDGE_HEADER_"
LONGEST = 32_768
"""Characters of all headers together: uvicorn and nginx read 64 and 32 KB by default, most gateways less."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, 5.1)."""
_VALUE = re.compile(r"[\t -~]*")
"""What all HTTP libraries send alike: beyond ASCII, httpx and ours write other bytes, or none."""
_OURS = frozenset(
    {"accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
     "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip
"""What each request says of itself, and what belongs to its connection."""
_WHO = frozenset({"api-key", "apikey", "authorization", "ocp-apim-subscription-key", "x-api-key"})
"""Headers that say who asks: quotas are told apart by them, and answers do not depend on them."""
_PLAIN = frozenset({"false", "no", "none", "off", "on", "true", "yes"})
"""Words that are no secrets: they are not looked for in what a service says."""


class HeaderValue(Secret):
    """A header's value. It shows itself to nobody, as a key."""

    __slots__ = ()

    def __init__(self, value: str, *, name: str) -> None:
        value = Concealed(value.strip())
        if not _VALUE.fullmatch(value):
            raise ConfigurationError(
                f"headers[{name!r}] holds a line break, a control character or a letter beyond ASCII, which headers cannot "
                "carry; percent-encode it"
            )
        self._value = value


class OwnHeaders:
    """The headers of one client.

    Args:
        given: By name.

    Attributes:
        missing: Names without a value: of None, where the environment has none either.

    Raises:
        ConfigurationError: A name or a value is none, or is for ragbridge to say.
    """

    def __init__(self, given: Any) -> None:
        if given is not None and not isinstance(given, Mapping):
            kind = "str" if isinstance(given, str) else type(given).__name__
            raise ConfigurationError(f"headers is {kind}, not a dict of names and values")
        found: dict[str, HeaderValue] = {}
        self._written: dict[str, str] = {}
        missing: list[str] = []
        for name, value in (given or {}).items():
            key = _checked_name(name)
            if key in self._written:
                raise ConfigurationError(f"headers[{name!r}] is given twice: case makes no difference")
            self._written[key] = name
            text = Concealed(os.environ.get(variable_of(name), "")) if value is None else _text(name, value)
            if value is None and not text.strip():
                missing.append(name)
            else:
                found[key] = HeaderValue(text, name=name)
        self._values: Mapping[str, HeaderValue] = MappingProxyType(found)
        self.missing = tuple(missing)
        if sum(len(name) + len(value.reveal()) for name, value in found.items()) > LONGEST:
            raise ConfigurationError(f"headers hold more than {LONGEST} characters, which few servers read")

    def __contains__(self, name: str) -> bool:
        return name in self._written

    def __bool__(self) -> bool:
        return bool(self._written)

    def __repr__(self) -> str:
        return f"OwnHeaders({', '.join(self._written.values())})"

    def names(self) -> dict[str, None] | None:
        """What makes the same headers in another process, whose environment has the values."""
        return dict.fromkeys(self._written.values()) or None

    def sent(self) -> dict[str, str]:
        """The headers, names in lower case.

        Raises:
            MissingKeyError: Some have no value.
        """
        self.check()
        return {name: value.reveal() for name, value in self._values.items()}

    def check(self) -> None:
        """Raise ``MissingKeyError`` where a value is missing."""
        if self.missing:
            wanted = ", ".join(map(variable_of, self.missing))
            raise MissingKeyError(
                f"headers without a value: {', '.join(self.missing)}; values of headers do not travel in pickles and dumps: "
                f"set {wanted} in this process, or give headers= here"
            )

    def secrets(self) -> Iterator[str]:
        """Every text that would reveal a value."""
        for value in self._values.values():
            text = value.reveal()
            if text.lower() in _PLAIN or text.isdecimal():
                continue
            yield text
            rest = Concealed(text.partition(" ")[2])
            yield rest
            try:
                pair = Concealed(base64.b64decode(rest, validate=True).decode())
            except ValueError:
                continue
            if ":" in pair:
                yield from (pair, Concealed(pair.partition(":")[2]))

    def who(self) -> str | None:
        """What tells whose quota counts; None where no header says it."""
        said = [f"{name}:{value.reveal()}" for name, value in sorted(self._values.items()) if name in _WHO]
        return Concealed("\n".join(said)) if said else None

    def asked(self) -> dict[str, Any]:
        """What an answer may depend on, for the keys of a cache; nothing where that is nothing."""
        names = sorted(name for name in self._values if name not in _WHO | {"user-agent"})
        if not names:
            return {}
        text = json.dumps([(name, self._values[name].reveal()) for name in names])
        return {"own headers": hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}


def variable_of(name: str) -> str:
    """The environment variable that holds a header's value."""
    return VARIABLE + re.sub(r"[^A-Z0-9]", "_", name.upper())


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        what = (
            repr(name)
            if isinstance(name, str) and len(name) < 80 and name.isprintable()
            else type(name).__name__
        )
        raise ConfigurationError(f"headers: {what} is no name of a header: letters, digits and hyphens")
    key = name.lower()
    if key in _OURS:
        raise ConfigurationError(
            f"headers[{name!r}] belongs to each request or its connection, and ragbridge says it itself: leave it out"
        )
    return key


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"headers[{name!r}] is {type(value).__name__}, not str")
    return Concealed(value)
