"""``quotas=``: where the limiters of a client come from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from ragbridge.errors import ConfigurationError
from ragbridge.ground.public import publish

if TYPE_CHECKING:
    from ragbridge.limiter.limits import RateLimit, RateLimiter


@runtime_checkable
class Quotas(Protocol):
    """Where limiters come from: one for each quota of a service. Implementations share quotas between processes."""

    def limiter(self, limit: RateLimit, *, service_host: str, key_digest: str, product: str) -> RateLimiter:
        """The limiter of one quota. The same arguments get the same one.

        Args:
            limit: What the client was told by ``limits=``.
            service_host: Where the service is.
            key_digest: SHA-256 of the credential, as hexadecimal digits: the credential itself is told to nobody.
            product: Whose quota it is, such as ``"embeddings"``.
        """
        ...


QuotasLike: TypeAlias = str | os.PathLike[str] | Quotas
"""``"redis://..."``, the path of a file, or an object with the method ``limiter``."""


def open_quotas(value: QuotasLike | None) -> Quotas | None:
    """What ``quotas=`` names.

    Args:
        value: ``"redis://host:6379/0"``, or ``"redis://"`` for the server that ``RAGBRIDGE_REDIS_URL`` names; the path of
            a file for the processes of one machine; an object of your own; None for this process alone.

    Raises:
        ConfigurationError: It is none of these, or cannot be used.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.startswith(("redis:", "rediss:")):
        from ragbridge.limiter.redis import RedisQuotas

        if "@" in value or "?" in value:
            raise ConfigurationError(
                'quotas="redis://..." would be written down with its password or options: set RAGBRIDGE_REDIS_URL and '
                'give quotas="redis://", or give RedisQuotas()'
            )
        return RedisQuotas(None if value in {"redis:", "redis://"} else value)
    if isinstance(value, (str, os.PathLike)):
        from ragbridge.limiter.file import FileQuotas

        return FileQuotas(value)
    if not isinstance(value, type) and callable(getattr(value, "limiter", None)):
        return value
    what = value.__name__ + ", a class" if isinstance(value, type) else type(value).__name__
    raise ConfigurationError(
        f"quotas is {what}: give RedisQuotas(), FileQuotas(path), or an object with the method limiter"
    )


def written(value: Any) -> str | None:
    """A text that names the same quotas in another process; None where no text does."""
    if isinstance(value, (str, os.PathLike)):
        return os.fspath(value)
    setting = getattr(value, "setting", None)
    return setting if isinstance(setting, str) else None


publish("ragbridge", [Quotas])
