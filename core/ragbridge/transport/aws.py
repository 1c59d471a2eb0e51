"""Requests to AWS, signed with the machine's own credentials (Signature Version 4) right before they are sent."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Request, Response

if TYPE_CHECKING:
    from ragbridge.transport.base import Transport

_REGION = re.compile(r"\bsagemaker(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")
"""In ``runtime.sagemaker.eu-central-1.amazonaws.com``, with FIPS and in a VPC."""


class SignedTransport:
    """Signs requests for one AWS service and has another transport send them.

    Credentials and their renewal are botocore's business: the environment, profiles, roles, in its order. Each attempt of a
    request is signed anew, since a signature is good for five minutes.

    Args:
        inner: What sends.
        service: The service's name in signatures.
        base: The address, which names the region; else the environment's ``AWS_REGION`` or the profile's.

    Raises:
        ConfigurationError: botocore is not installed, or no region is named.
    """

    def __init__(self, inner: Transport, *, service: str, base: str) -> None:
        try:
            from botocore.session import Session
        except ImportError as error:
            raise ConfigurationError(
                f"host={service!r}: requests are signed by botocore, which is not installed ({error}): "
                'pip install "ragbridge[sagemaker]"'
            ) from None
        self._inner = inner
        self._service = service
        self._session: Any = Session()
        self._lock = threading.Lock()
        found = _REGION.search(urlsplit(base).hostname or "")
        self._region = found[1] if found else _region_of(self._session)
        if not self._region:
            raise ConfigurationError(
                f"host={service!r}: no region is named; use the address runtime.sagemaker.REGION.amazonaws.com, or set AWS_REGION"
            )

    def send(self, request: Request) -> Response:
        """Sign and send, blocking."""
        return self._inner.send(self._signed(request))

    async def send_async(self, request: Request) -> Response:
        """Sign in a thread, since credentials may have to be fetched, and send on the running loop."""
        from ragbridge.transport.threads import in_thread

        return await self._inner.send_async(await in_thread(functools.partial(self._signed, request)))

    def close(self) -> None:
        """Close what sends."""
        self._inner.close()

    async def close_async(self) -> None:
        """Close what sends, for the running loop."""
        await self._inner.close_async()

    def _signed(self, request: Request) -> Request:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        own = {name: value for name, value in request.headers.items() if name not in _UNSIGNED}
        draft: Any = AWSRequest(method=request.method, url=request.url, data=request.body, headers=own)
        SigV4Auth(self._credentials(), self._service, self._region).add_auth(draft)
        return replace(request, headers=_Signed({**request.headers, **_lower(draft.headers)}))

    def _credentials(self) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            with self._lock:  # one look-up, whoever comes first
                found = self._session.get_credentials()
            frozen = None if found is None else found.get_frozen_credentials()
        except BotoCoreError as error:
            raise ConfigurationError(f"AWS credentials cannot be read: {error}") from None
        if frozen is None or not frozen.access_key:
            raise ConfigurationError(
                f"host={self._service!r}: no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE, or run where a role gives some"
            )
        return frozen


_UNSIGNED = frozenset({"user-agent", "accept-encoding", "connection"})
"""Headers that those on the way may change."""


class _Signed(dict[str, str]):
    """Headers of a signed request. Its repr shows none: the token of a role is among them."""

    def __repr__(self) -> str:
        return f"{{{', '.join(self)}}}"


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in headers.items()
    }


def _region_of(session: Any) -> str | None:
    import os

    named = os.environ.get("AWS_REGION") or session.get_config_variable("region")
    return named if isinstance(named, str) and named else None
