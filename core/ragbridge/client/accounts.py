"""Who asks: one key, several of which each has its own quota, or a function that gives the key of the moment."""

from __future__ import annotations

import functools
import inspect
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ragbridge.client.secret import Concealed, Secret, find_key
from ragbridge.errors import (
    AuthenticationError,
    ConfigurationError,
    QuotaExhaustedError,
    RagbridgeError,
    RateLimitError,
)
from ragbridge.flow import Flow, Request, Waiting, do, wait
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from ragbridge.limiter.limits import RateLimiter, Ticket

KeysLike: TypeAlias = "str | Sequence[str] | Callable[[], str]"
"""What ``api_key=`` takes: a key, several of which each has its own quota, or a function that gives one."""

log = logging.getLogger("ragbridge")

SHORT_PAUSE = 1.0
"""Seconds that a key rests after a 429 that does not say for how long, where no limiter paces it."""


class Account:
    """One key and the quota that belongs to it.

    Args:
        number: Its place in the caller's list, from 1.
        key: The key itself; None where a function gives it, or where there is none.
        find: Gives the key, called before each attempt of a request.
        name: What tells the quota of a function's keys from others.
    """

    def __init__(
        self,
        number: int,
        key: Secret | None,
        *,
        find: Callable[[], Secret] | None = None,
        name: str | None = None,
    ) -> None:
        self.number = number
        self._key = key
        self._find = find
        self._name = name
        self._given: deque[Secret] = deque(maxlen=_REMEMBERED)

    @property
    def identity(self) -> str | None:
        """What a quota is told from others by; None without a key."""
        return self._name if self._key is None else self._key.reveal()

    def known(self) -> tuple[Secret, ...]:
        """The key, or those that a function gave lately."""
        return tuple(self._given) if self._key is None else (self._key,)

    def key(self) -> Flow[Secret]:
        """The key of the moment. A function is called beside an event loop, since it may block."""
        if self._find is None:
            if self._key is None:
                raise RuntimeError("an account without a key signs nothing")
            return self._key
        key = yield from do(self._find)
        if key not in self._given:
            self._given.append(key)
        return key


_REMEMBERED = 8
"""Keys of a function that are kept, so that no error shows them."""


class Accounts:
    """The accounts of one client, in the order in which they are asked.

    Args:
        accounts: At least one; one without a key where the client has none.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        self.all = tuple(accounts)
        self._aside: set[int] = set()
        self._rests: dict[int, float] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, keys: Sequence[Secret]) -> Accounts:
        """Accounts of these keys; of none, a single one without."""
        return cls([Account(number, key) for number, key in enumerate(keys, 1)] or [Account(1, None)])

    @classmethod
    def found_by(cls, find: Callable[[], Any], read: Callable[[Any], Secret], setting: str) -> Accounts:
        """The account of a function.

        Args:
            find: The caller's function.
            read: Checks what it gives.
            setting: The argument that the function was given as.

        Raises:
            ConfigurationError: It is awaited, or needs arguments.
        """
        _check_function(find, setting)
        return cls([Account(1, None, find=functools.partial(_ask, find, read, setting), name=_name_of(find))])

    @property
    def first(self) -> Account:
        """The one that is asked first, and that stands for all where they are alike."""
        return self.all[0]

    @property
    def plain(self) -> bool:
        """Whether every request is signed alike."""
        return len(self.all) == 1 and self.first._find is None  # noqa: SLF001 - of this module

    def secrets(self) -> list[Secret]:
        """Every key that a service may repeat."""
        return [key for account in self.all for key in account.known()]

    def usable(self, now: float) -> list[Account]:
        """Those that may be asked, in their order; all of them rest or not where every other is set aside."""
        with self._lock:
            found = [account for account in self.all if account.number not in self._aside]
            awake = [account for account in found if self._rests.get(account.number, -math.inf) <= now]
        return awake or sorted(found, key=lambda account: self._rests.get(account.number, 0.0))

    def set_aside(self, account: Account, error: RagbridgeError) -> bool:
        """A key is not accepted, or its balance is empty. True if others are left; else all are tried again later."""
        with self._lock:
            new = account.number not in self._aside
            self._aside.add(account.number)
            left = len(self.all) - len(self._aside)
            if not left:
                self._aside.clear()
        if new and left:
            log.warning(
                "api_key=: key %d of %d is set aside until no other is left (%s)",
                account.number,
                len(self.all),
                error,
            )
        return left > 0

    def rest(self, account: Account, now: float, seconds: float) -> bool:
        """A key that no limiter paces got a 429. True if another one may be asked at once."""
        with self._lock:
            self._rests[account.number] = now + seconds
            return any(
                each.number not in self._aside and self._rests.get(each.number, -math.inf) <= now
                for each in self.all
            )


@dataclass(slots=True)
class Turn:
    """Which account answers one request, over all of its attempts.

    Attributes:
        accounts: All of the client.
        scheme: Of the ``Authorization`` header.
        limiter: The limiter of one account, for the request's product.
        now: The client's clock.
        account: The one of the latest attempt.
        refused: The keys that were not accepted for this request.
    """

    accounts: Accounts
    scheme: str
    limiter: Callable[[Account], RateLimiter | None]
    now: Callable[[], float]
    account: Account | None = None
    refused: set[object] = field(default_factory=set)
    _key: Secret | None = None

    def reserve(self, tokens: float, variance: float) -> Flow[Ticket | None]:
        """A booking with the first account that has room; where none has, with the first that gets it."""
        places: list[tuple[Account, Ticket]] = []
        try:
            for account in self.accounts.usable(self.now()):
                limiter = self.limiter(account)
                if limiter is None:
                    return self._take(account, None, places)
                ticket = limiter.reserve(tokens, variance=variance)
                places.append((account, ticket))
                if ticket.poll() is None:
                    return self._take(account, ticket, places)
            yield from wait(_First([ticket for _, ticket in places]))
            account, ticket = next((place for place in places if place[1].poll() is None), places[0])
            return self._take(account, ticket, places)
        except BaseException:
            for _, ticket in places:
                ticket.cancel()
            raise

    def sign(self, request: Request) -> Flow[Request]:
        """``request`` with the key of the moment; asked for right before it is sent."""
        account = self.account or self.accounts.first
        self._key = key = yield from account.key()
        return replace(request, headers={**request.headers, "authorization": key.header(self.scheme)})

    def another(self, error: RagbridgeError, retry_after: float | None) -> bool:
        """Whether the request should be sent again at once, by another key. Each key is refused once for one request."""
        account, key = self.account, self._key
        if account is None or key is None:
            return False
        if isinstance(error, (AuthenticationError, QuotaExhaustedError)):
            known = key in self.refused
            self.refused.add(key)
            if len(self.accounts.all) == 1:  # a function: it may have another key by now
                return isinstance(error, AuthenticationError) and not known and len(self.refused) == 1
            return self.accounts.set_aside(account, error) and not known
        if isinstance(error, RateLimitError) and len(self.accounts.all) > 1 and self.limiter(account) is None:
            return self.accounts.rest(account, self.now(), retry_after or SHORT_PAUSE)
        return False

    def _take(
        self, account: Account, ticket: Ticket | None, places: Sequence[tuple[Account, Ticket]]
    ) -> Ticket | None:
        for _, other in places:
            if other is not ticket:
                other.cancel()
        self.account = account
        return ticket


class _First(Waiting):
    """Waits for whichever of several tickets comes first."""

    __slots__ = ("_tickets",)

    def __init__(self, tickets: Sequence[Ticket]) -> None:
        super().__init__()
        self._tickets = tickets

    def poll(self) -> float | None:
        """None once one of them is granted; else seconds until the next look."""
        least = math.inf
        failure: RagbridgeError | None = None
        for ticket in self._tickets:
            try:
                seconds = ticket.poll()
            except RagbridgeError as error:
                failure = error
                continue
            if seconds is None:
                return None
            least = min(least, seconds)
        try:
            if failure is not None and math.isinf(least):
                raise failure
        finally:
            del failure  # this frame is among the error's own: each would keep the other
        return least

    def subscribe(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when any of them may be granted."""
        for ticket in self._tickets:
            ticket.subscribe(wake)


def find_accounts(given: Any, variables: Sequence[str]) -> Accounts:
    """The accounts of ``api_key=``: of one key, several or a function; else of the key in the environment.

    Raises:
        ConfigurationError: A key is none, or is given twice.
    """
    if callable(given):
        return Accounts.found_by(given, _read_key, "api_key")
    if not isinstance(given, (list, tuple)):
        key = find_key(given, variables)
        return Accounts.of(() if key is None else (key,))
    if not given:
        raise ConfigurationError(
            "api_key is an empty list: give at least one key, or None for the environment's"
        )
    keys: list[Secret] = []
    for index, value in enumerate(given):
        if not isinstance(value, str):
            raise ConfigurationError(f"api_key[{index}] is {type(value).__name__}, not str")
        keys.append(Secret(value, name=f"api_key[{index}]"))
        if keys[-1] in keys[:-1]:
            raise ConfigurationError(f"api_key[{index}] is the same as api_key[{keys.index(keys[-1])}]")
    return Accounts.of(keys)


def _read_key(value: Any) -> Secret:
    if not isinstance(value, str):
        raise ConfigurationError(f"the function given as api_key gives {type(value).__name__}, not str")
    return Secret(value, name="what the function given as api_key gives")


def portable(find: Callable[[], Any], setting: str) -> Callable[[], Any]:
    """``find``, where it can be named in another process: a function of a module.

    Raises:
        TypeError: It cannot, or may hold a key itself.
    """
    if not inspect.isroutine(find) or getattr(find, "__self__", None) is not None or "<" in find.__qualname__:
        raise TypeError(
            f"a client whose {setting}= is no function of a module cannot be pickled: what it holds may be a key"
        )
    return find


def _check_function(find: Callable[[], Any], setting: str) -> None:
    called = getattr(type(find), "__call__", None)  # noqa: B004 - it is looked at, not called
    if inspect.iscoroutinefunction(find) or inspect.iscoroutinefunction(called):
        raise ConfigurationError(
            f"{setting} is an async function: give one that blocks; it is called in a thread beside the event loop"
        )
    try:
        inspect.signature(find).bind()
    except TypeError as error:
        raise ConfigurationError(
            f"{setting} is a function that cannot be called without arguments ({error})"
        ) from None
    except ValueError:  # of a builtin, whose signature nobody knows
        return


def _ask(find: Callable[[], Any], read: Callable[[Any], Secret], setting: str) -> Secret:
    """The function's key. What the function raises is the caller's own."""
    value = _concealed(find())
    if inspect.isawaitable(value):
        getattr(value, "close", lambda: None)()
        raise ConfigurationError(f"{setting} gives what must be awaited: give a function that blocks")
    return read(value)


def _concealed(value: Any) -> Any:
    if isinstance(value, str):
        return Concealed(value)
    return tuple(map(_concealed, value)) if isinstance(value, (tuple, list)) else value


def _name_of(find: Callable[[], Any]) -> str:
    """The same for one function in every process; objects of one class share their quota."""
    kind = find if inspect.isroutine(find) else type(find)
    return f"function {kind.__module__}.{kind.__qualname__}"
