"""Quotas in a Redis server, which performs ``quota.lua``."""

from __future__ import annotations

import math
import os
import threading
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.public import publish
from ragbridge.ground.redis_servers import URL_VARIABLE, Server, find_server
from ragbridge.limiter.ledger import GRACE, SEEN, Answer, Known, Operation
from ragbridge.limiter.remote.desk import UnreachableError
from ragbridge.limiter.remote.limiter import RemoteLimiter
from ragbridge.limiter.shared import SharedQuotas

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.limiter.limits import RateLimit
    from ragbridge.limiter.quota import Pacing

OWNER = "RedisQuotas"
LISTEN = 1.0  # seconds after which a listener looks whether it is still wanted
PARTS = ("state", "log", "leases", "flights", "line", "seen")


class RedisQuotas(SharedQuotas):
    """A Redis server that keeps the quotas of any number of processes and machines. Needs the extra ``redis``.

    Clients with the same key share one quota for each product, first come, first served. A 429 that one of them gets
    pauses all. While the server is out of reach nothing is sent.

    Args:
        url: The server's address, such as ``redis://localhost:6379/0``; by default the environment's
            ``RAGBRIDGE_REDIS_URL``. A password in it is never shown, and does not travel in pickles.
        lease: Seconds after which what a process that died had under way counts as used.
        outage: Seconds without an answer of the server after which requests fail with a ``RequestError``, which is
            retried like any other.

    Raises:
        ConfigurationError: There is no address, it is none of Redis, the extra is not installed, or a figure is no number
            of seconds.
    """

    def __init__(self, url: str | None = None, *, lease: float = 15.0, outage: float = 60.0) -> None:
        super().__init__(lease, outage)
        self._server: Server | None = find_server(url, OWNER)
        self._address = None if url is None else self._server.shown

    @classmethod
    def _revive(cls, address: str | None, lease: float, outage: float) -> RedisQuotas:
        """Quotas out of a pickle. Their first use says what is wrong: an error in here would be lost in a worker."""
        quotas = cls.__new__(cls)
        SharedQuotas.__init__(quotas, lease, outage)
        quotas.__dict__.update(_server=None, _address=address)
        return quotas

    @property
    def setting(self) -> str | None:
        """What ``quotas=`` says for it; None where no text does."""
        if self._server is not None and self._server.has_secret and self._address:
            return None
        return self._address or "redis://"

    def _make(self, name: str, limit: RateLimit) -> RemoteLimiter:
        return RemoteLimiter(
            limit, Script(self.server, name, limit, self._lease), lease=self._lease, outage=self._outage
        )

    def server(self) -> Server:
        """The server.

        Raises:
            ConfigurationError: The address did not travel, and the environment has none.
        """
        if self._server is None:
            if self._address is None and not os.environ.get(URL_VARIABLE, "").strip():
                raise ConfigurationError(
                    f"the address of a Redis server does not travel with its password: set {URL_VARIABLE} in this process"
                )
            self._server = find_server(self._address, OWNER)
        return self._server

    def __reduce__(self) -> tuple[Any, ...]:
        secret = self._server is not None and self._server.has_secret
        return self._revive, (None if secret else self._address, self._lease, self._outage)

    def __repr__(self) -> str:
        shown = self._server.shown if self._server is not None else self._address or f"${URL_VARIABLE}"
        return f"{type(self).__name__}({shown!r})"


class Script:
    """A ledger in a Redis server.

    Args:
        server: Finds the server when it is first asked.
        name: The quota's name. All keys have it as their hash tag, so that a cluster keeps them on one node.
        limit: What the service allows.
        lease: Seconds after which a booking that nobody renewed counts as used.
        pacing: See ``Limiter``.
        now: Tells the time in place of the server's clock, for tests.
    """

    looks = (0.5, 0.5)

    def __init__(
        self,
        server: Callable[[], Server],
        name: str,
        limit: RateLimit,
        lease: float,
        *,
        pacing: Pacing = "auto",
        now: Callable[[], float] | None = None,
    ) -> None:
        self._find = server
        self._keys = [f"{{{name}}}:{part}" for part in PARTS]
        given = (limit.requests_per_window, limit.tokens_per_window, limit.concurrency)
        figures = [math.inf if figure is None else float(figure) for figure in given]
        self._settings = [limit.window, *figures, pacing, lease, GRACE, SEEN]
        self._now = now
        self._script: Any = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._keys[0]!r})"

    def exchange(self, client: str, known: Known, operations: list[Operation]) -> Answer:
        """Have the server perform ``operations``."""
        arguments = [self._now() if self._now else "", *self._settings, client, known.epoch, known.count]
        for operation in operations:
            arguments += operation
        answer = self._perform([_text(argument) for argument in arguments])
        results: list[Any] = []
        rest = iter(answer[2:])
        for operation in operations:
            if operation[0] == "A":
                results.append((next(rest).decode(), float(next(rest))))
            else:
                results.append(float(next(rest)))
        return Answer(Known(answer[0].decode(), int(answer[1])), results)

    def _perform(self, arguments: list[str]) -> list[bytes]:
        from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

        client = self._find().client
        if self._script is None:
            self._script = client.register_script(
                files("ragbridge.limiter.redis").joinpath("quota.lua").read_text()
            )
        problem = ""
        try:
            answer: list[bytes] = self._script(keys=self._keys, args=arguments, client=client)
        except (AuthenticationError, NoPermissionError) as error:
            problem = str(error)
        except (RedisError, OSError) as error:
            raise UnreachableError(str(error)) from None
        else:
            return answer
        raise ConfigurationError(f"{self._find()!r} refuses to keep quotas: {problem}")

    def listen(self, client: str, call: Callable[[], object]) -> Callable[[], None]:
        """Have ``call`` called when the script publishes that it is this client's turn."""
        over = threading.Event()
        channel = f"{self._keys[0]}:{client}"
        thread = threading.Thread(
            target=_listen, args=(self._find, channel, call, over), name="ragbridge-quota-news", daemon=True
        )
        thread.start()
        return over.set


def _listen(
    find: Callable[[], Server], channel: str, call: Callable[[], object], over: threading.Event
) -> None:
    import redis

    while not over.is_set():
        try:
            subscription: Any = find().client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            with subscription as news:
                news.subscribe(channel)
                while not over.is_set():
                    if news.get_message(timeout=LISTEN) is not None:
                        call()
        except (
            redis.RedisError,
            OSError,
            ConfigurationError,
        ):  # the clerk says so, and asks by itself meanwhile
            over.wait(LISTEN)


def _text(argument: Any) -> str:
    if argument is None:
        return ""
    return argument if isinstance(argument, str) else repr(argument)


publish("ragbridge", [RedisQuotas])
