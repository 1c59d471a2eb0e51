"""Addresses of results that need no key: whoever has one may fetch it, as with the service's signed addresses."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from typing import TYPE_CHECKING, TypeVar

from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ragbridge.local.calls import Call
    from ragbridge.local.jina.store import Owned, Shelf

    T = TypeVar("T", bound=Owned)

JSON_LINES: Mapping[str, str] = {"content-type": "application/jsonl"}


class Signer:
    """Signs names with a secret of its own."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def new(self, kind: str) -> str:
        """A name that nothing else has."""
        return f"{kind}_{uuid.uuid4().hex}"

    def sign(self, name: str) -> str:
        """What opens ``name`` without a key."""
        return hmac.new(self._secret, name.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def open(self, shelf: Shelf[T], call: Call) -> T:
        """What the path names, for its owner or for a signature.

        Raises:
            Refusal: 404, 403 for a wrong signature.
        """
        name = call.parameters["id"] or ""
        signature = call.arguments.get("signature")
        if signature is None:
            return shelf.own(name, call.key)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self.sign(name).encode()):
            raise Refusal(403, "The signature is wrong")
        return shelf.get(name)
