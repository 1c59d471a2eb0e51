"""Credentials: an API key, a user and password, or a token. They are never shown."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from ragbridge.client.accounts import Accounts
from ragbridge.client.secret import Concealed, Secret, find_key
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.services.elastic.defaults import KEY_VARIABLES

ApiKey: TypeAlias = "str | tuple[str, str] | Callable[[], str | tuple[str, str]]"
"""An API key as Elasticsearch gives it: ``encoded``, or its ``id`` and ``api_key``; or a function that gives one."""
Bearer: TypeAlias = "str | Callable[[], str]"
"""A token, or a function that gives the one of the moment."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The ``Authorization`` header in its two parts.

    Attributes:
        scheme: ``ApiKey``, ``Basic`` or ``Bearer``.
        key: The text after the scheme.
    """

    scheme: str
    key: Secret

    def accounts(self) -> Accounts:
        """The one account that it stands for."""
        return Accounts.of((self.key,))

    def parts(self) -> Iterator[str]:
        """Every text that would reveal it: as it is sent, and the decoded parts."""
        key = self.key.reveal()
        yield key
        try:
            pair = base64.b64decode(key, validate=True).decode()
        except ValueError:
            pair = ""
        name, colon, secret = pair.partition(":")
        pair, secret = Concealed(pair), Concealed(secret)
        if colon:
            yield from (pair, secret)
            if self.scheme.lower() == "apikey":
                yield name


@dataclass(frozen=True, slots=True)
class FoundCredential:
    """A credential that a function of the caller's gives, before each request.

    Attributes:
        scheme: ``ApiKey`` or ``Bearer``.
        find: The function.
        setting: The argument that it was given as.
    """

    scheme: str
    find: Callable[[], Any]
    setting: str

    def accounts(self) -> Accounts:
        """The one account that it stands for.

        Raises:
            ConfigurationError: The function is awaited, or needs arguments.
        """
        return Accounts.found_by(self.find, self._read, self.setting)

    def _read(self, value: Any) -> Secret:
        if self.setting == "api_key" and isinstance(value, (tuple, list)):
            return _pair(value, "what the function given as api_key gives", "(id, key)")
        name = f"what the function given as {self.setting} gives"
        if not isinstance(value, str):
            raise ConfigurationError(f"{name} is {type(value).__name__}, not str")
        return Secret(value, name=name)


def choose(
    *, api_key: ApiKey | None, basic_auth: tuple[str, str] | None, bearer_auth: Bearer | None
) -> Credential | FoundCredential | None:
    """The given credential, or the environment's API key, or None.

    Raises:
        ConfigurationError: More than one was given, or one has the wrong form.
    """
    given = {"api_key": api_key, "basic_auth": basic_auth, "bearer_auth": bearer_auth}
    names = [f"{name}=" for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise ConfigurationError(f"{' and '.join(names)}: give one of them")
    if basic_auth is not None:
        return Credential("Basic", _pair(basic_auth, "basic_auth", "(user, password)"))
    if callable(bearer_auth):
        return FoundCredential("Bearer", bearer_auth, "bearer_auth")
    if callable(api_key):
        return FoundCredential("ApiKey", api_key, "api_key")
    if bearer_auth is not None:
        if not isinstance(bearer_auth, str):
            raise ConfigurationError(f"bearer_auth is {type(bearer_auth).__name__}, not str")
        return Credential("Bearer", Secret(bearer_auth, name="bearer_auth"))
    if isinstance(api_key, (tuple, list)):
        return Credential("ApiKey", _pair(api_key, "api_key", "(id, key)"))
    key = find_key(api_key, KEY_VARIABLES)
    if key is not None and ":" in key.reveal():
        raise ConfigurationError(
            "api_key= contains a colon, so it is not an encoded key: pass api_key=(id, key), or the value named 'encoded'"
        )
    return Credential("ApiKey", key) if key else None


def from_header(value: str) -> Credential:
    """The credential in an ``Authorization`` header.

    Raises:
        ConfigurationError: The header has another form.
    """
    value = Concealed(value)
    scheme, key = _parted(value)
    if not key:
        raise ConfigurationError(
            "the client's Authorization header has no scheme and value; pass api_key= instead"
        )
    return Credential(scheme, Secret(key, name="the client's Authorization header"))


def _parted(value: str) -> tuple[str, str]:
    scheme, _, key = value.strip().partition(" ")
    return scheme, Concealed(key)


def _pair(value: object, name: str, form: str) -> Secret:
    match value:
        case (str(first), str(second)) if first and second:
            if name == "basic_auth" and ":" in first:
                raise ConfigurationError("basic_auth: a user name cannot hold a colon")
            return Secret(base64.b64encode(f"{first}:{second}".encode()).decode(), name=name)
    raise ConfigurationError(f"{name} must be {form}, two texts that are not empty")
