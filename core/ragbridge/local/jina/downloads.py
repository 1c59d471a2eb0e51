"""Signed addresses of results: they need no key, like the service's own."""

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
    from ragbridge.local.jina.store import Owned, Store

    T = TypeVar("T", bound=Owned)

JSON_LINES: Mapping[str, str] = {"content-type": "application/jsonl"}


class Signer:
    """Signs names with a random secret of its own."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def new(self, kind: str) -> str:
        """A new unique name."""
        return f"{kind}_{uuid.uuid4().hex}"

    def sign(self, name: str) -> str:
        """The signature that grants access to ``name`` without a key."""
        return hmac.new(self._secret, name.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def open(self, store: Store[T], call: Call) -> T:
        """The entry that the path names, if the request has its owner's key or a valid signature.

        Raises:
            Refusal: 404 for an unknown entry, 403 for a wrong signature.
        """
        name = call.parameters["id"] or ""
        signature = call.arguments.get("signature")
        if signature is None:
            return store.own(name, call.key)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), self.sign(name).encode()):
            raise Refusal(403, "The signature is wrong")
        return store.get(name)
