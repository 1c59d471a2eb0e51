"""Settings of a client, which travel to an engine's workers where a client does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.services.jina.client import Jina

if TYPE_CHECKING:
    from ragbridge.services.elastic.client import Elastic


def client_of(settings: Mapping[str, Any] | None) -> Jina | Elastic:
    """The client of these settings, made in the process that uses it.

    Args:
        settings: Arguments of ``Jina``; of ``Elastic`` where they have ``url`` or ``cloud_id``. None for those of
            ``Jina()``.

    Raises:
        ConfigurationError: They are no mapping, or the client refuses one of them.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise ConfigurationError(
            f"client: settings such as {{'limits': 'paid'}} are wanted, not {type(settings).__name__}"
        )
    given = dict(settings or {})
    if given.keys() & {"url", "cloud_id"}:
        from ragbridge.services.elastic.client import Elastic

        return Elastic(**given)
    return Jina(**given)
