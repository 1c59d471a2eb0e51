"""Which host answers a client, and where: known by its address, said by the user, or found by asking once."""

from __future__ import annotations

import logging
import os
import random
import weakref
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ragbridge.errors import RequestError
from ragbridge.flow import Flow, Plan, Request, send, sleep, wait
from ragbridge.ground.addresses import shown
from ragbridge.hosts import FALLBACK, HOSTS, JINA, Finding, Host, asked_at, recognise
from ragbridge.hosts.addresses import as_given
from ragbridge.limiter.single_flight import Gate
from ragbridge.models import lookup
from ragbridge.observers import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragbridge.client.retry import Retry
    from ragbridge.hosts import Signs
    from ragbridge.models import Model, Role

logger = logging.getLogger("ragbridge")

T = TypeVar("T")

Prefixes: TypeAlias = "Mapping[Role, str | None]"
"""The user's own prefix for each role; None for the model's."""

ASKING = 5.0
"""Seconds that each question may take at most; the first that is not answered in time is the last."""
ANSWER = 1_000_000
"""Bytes of its answer that are read."""


class Place:
    """The host of one client.

    Args:
        given: The base address as the user gave it, checked.
        host: The host, where it is known.
        retry: How patiently a host is asked again that cannot be reached.

    Attributes:
        found: What was found; None as long as nobody has asked.
    """

    def __init__(self, given: str, host: Host | None, retry: Retry) -> None:
        self._given = given
        self._retry = retry
        self._gate = Gate(2 * ASKING)
        self._told: set[str] = set()
        self.found = None if host is None else Finding(host, host.address(given))
        _places.add(self)

    @property
    def guess(self) -> Finding:
        """What was found; where nobody has asked, a host that can do everything: for calls that send nothing."""
        return self.found or Finding(JINA, JINA.address(self._given))

    def plan(
        self,
        make: Callable[[Finding], Plan[T]],
        question: Callable[[str], Flow[Request]],
        *,
        sends: bool,
        about: Callable[[], Operation] | None = None,
    ) -> Plan[T]:
        """The plan that ``make`` makes for the host, which is asked for first where it is not known.

        Args:
            make: Makes the plan. What it refuses, is refused before anything else is sent.
            question: Makes the request that asks at an address.
            sends: Whether the plan sends anything.
            about: Says what observers are told of the call.
        """
        if self.found is not None or not sends:
            return make(self.guess)
        made: list[Plan[T]] = []

        def first() -> Flow[None]:
            plan = make((yield from self.find(question)))
            made.append(plan)
            if plan.first is not None:
                yield from plan.first

        def flows() -> Iterator[Flow[object]]:
            yield from made[0].flows

        def partial() -> object:
            return made[0].partial() if made and made[0].partial is not None else None

        def leave() -> None:
            if made and made[0].leave is not None:
                made[0].leave()

        def join(results: list[object]) -> T:
            return made[0].join(results)

        return Plan(
            flows(),
            join,
            first(),
            partial,
            leave,
            keeps=lambda: bool(made) and made[0].first is not None,
            about=about,
        )

    def find(self, question: Callable[[str], Flow[Request]]) -> Flow[Finding]:
        """Ask what the host is, unless it is known. Of any number of calls one asks, and the others wait for it.

        A host that cannot be reached is asked again, as its own requests would be. One that was reached and does not tell, or
        does not answer in time, is taken for an OpenAI-like one.

        Raises:
            RequestError: It cannot be reached.
        """
        with self._gate.enter() as turn:
            yield from wait(turn)
            if self.found is not None:
                return self.found
            failures = 0
            while self.found is None:
                try:
                    self.found = yield from self._ask(question)
                except RequestError as error:
                    failures += 1
                    pause = self._retry.delay(failures, error, draw=random.random())  # noqa: S311 - no secret
                    if pause is None:
                        raise
                    yield from sleep(pause)
            self._gate.open()
        return self.found

    def _ask(self, question: Callable[[str], Flow[Request]]) -> Flow[Finding]:
        models: tuple[str, ...] = ()
        reason = "none of its answers tells"
        for address in asked_at(self._given):
            try:
                response = yield from send((yield from question(address)))
            except RequestError as error:
                if not error.sent:
                    raise
                reason = f"no answer from {shown(address)}"
                break
            signs = recognise(response)
            models = models or signs.models
            if signs.host is not None:
                return self._tell(signs.host, address, signs)
        api = FALLBACK.address(self._given)
        logger.warning(
            "%s does not say what kind of host it is (%s): taken for %s; say host= if it is another",
            shown(self._given),
            reason,
            FALLBACK.title,
        )
        return Finding(FALLBACK, api, models)

    def _tell(self, host: Host, address: str, signs: Signs) -> Finding:
        # Where paths stand is told by where its models do, for hosts that let it be chosen.
        listed = host.base is as_given and address.endswith("/models")
        api = address.removesuffix("/models") if listed else host.address(self._given)
        logger.info("%s is %s (host=%r), by its %s", shown(self._given), host.title, host.name, signs.told)
        return Finding(host, api, signs.models)

    def warn_once(self, what: str, message: str) -> None:
        """Log a warning about ``what``, the first time."""
        if what not in self._told:
            self._told.add(what)
            logger.warning("%s", message)

    def restart(self) -> None:
        """Fresh locks, for a process that was forked; what was found stays."""
        self._gate.restart()


def served(finding: Finding, model: str, row: Model | None) -> str:
    """The name by which the host knows the model: the one of its list, where it has told one; else as its row says."""
    host = finding.host
    if host.embedding.role == "task" or model in finding.models:
        return model
    same = [name for name in finding.models if row is not None and lookup(name) is row]
    return same[0] if same else host.model(model, row)


def able(can: Callable[[Host], bool]) -> str:
    """The hosts that can, as an error lists them."""
    return ", ".join(host.title for host in HOSTS.values() if can(host))


_places: weakref.WeakSet[Place] = weakref.WeakSet()


def _after_fork() -> None:
    for place in tuple(_places):
        place.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
