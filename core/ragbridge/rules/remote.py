"""Settings of services that Elasticsearch asks over the network: where they are, and how often it asks."""

from __future__ import annotations

import functools
import re
from typing import Any, Final

from ragbridge.ground.addresses import shown
from ragbridge.rules.reader import Scope
from ragbridge.rules.table import Setting, unknown

_NO_ADDRESS: Final = re.compile(r'[\s"<>\\^`{|}]')
"""What ``java.net.URI`` takes in no part of an address."""


def address(scope: Scope, row: Setting) -> str | None:
    """An address, as far as Java's ``URI`` checks one."""
    value = scope.text(row.name)
    if value is not None and _NO_ADDRESS.search(value):
        scope.note(f"[{scope.name}] Invalid url [{shown(value)}] received for field [{row.name}]")
        return None
    return value


def anything(scope: Scope, row: Setting) -> Any:
    """A value that is passed on as it is."""
    return scope.take(row.name)


def rate_limit(service: str, scope: Scope, row: Setting) -> dict[str, int] | None:
    """An object with one figure, ``requests_per_minute``."""
    limit = scope.scope(row.name)
    if limit is None:
        return None
    requests = limit.positive_long("requests_per_minute")
    if limit.left:
        scope.note(unknown(limit.left, service), kind="unknown")
    return None if requests is None else {"requests_per_minute": requests}


def rate_limits(service: str, requests_per_minute: int) -> Setting:
    """The row of ``rate_limit``, with what Elasticsearch sends at most where it is left out."""
    read = functools.partial(rate_limit, service)
    return Setting(
        "rate_limit",
        read,
        default=lambda _: {"requests_per_minute": requests_per_minute},
        changeable=True,
    )
