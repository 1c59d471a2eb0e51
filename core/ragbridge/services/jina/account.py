"""``GET /v1/models``, and the account's balance, which only the reader's host tells.

No quota is published for either; they count as requests of the reader, which has one for those without a key.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.client.wire import final
from ragbridge.errors import ConfigurationError, ResponseError
from ragbridge.flow import Plan, plan
from ragbridge.models import ModelInfo
from ragbridge.services.jina.session import JinaMethods
from ragbridge.services.jina.web.requests import open_envelope
from ragbridge.services.jina.wire import decode

if TYPE_CHECKING:
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

PRODUCT = "reader"
_BALANCE = re.compile(r"""balance[ _]?left[\]":\s]{1,8}(-?\d[\d,]*)""", re.IGNORECASE)


class AccountMethods(JinaMethods):
    """The service's models, and what the account has left."""

    def _models(self) -> Plan[tuple[ModelInfo, ...]]:
        """The models that the service has, with their prices. Works without a key: ``Jina(limits="keyless")``."""
        return plan((models(self._channel),), itemgetter(0))

    models = Blocking(_models)
    amodels = Awaitable(_models)

    def _balance(self) -> Plan[int]:
        """Tokens that the key's account has left, as the reader's page says; no other place of the API does.

        Raises:
            ConfigurationError: There is no key.
            ResponseError: The page names no balance.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((balance(self._channel),), itemgetter(0))

    balance = Blocking(_balance)
    abalance = Awaitable(_balance)


def models(channel: JinaChannel) -> Flow[tuple[ModelInfo, ...]]:
    """Every model that the service lists."""
    found, _ = yield from channel.get("/models", product=PRODUCT, read=_read_models)
    return found


def _read_models(response: Response) -> tuple[tuple[ModelInfo, ...], None]:
    rows = decode(response).get("data")
    if not isinstance(rows, list):
        raise ResponseError("the answer has no list 'data'")
    return tuple(map(_model, rows)), None


def _model(row: Any) -> ModelInfo:
    name = row.get("id") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        raise ResponseError("a model of the list has no 'id'")
    context, title, pricing = row.get("context_length"), row.get("name"), row.get("pricing")
    return ModelInfo(
        id=name.removeprefix("jina-ai/"),
        name=title if isinstance(title, str) else "",
        context=context if type(context) is int and context > 0 else None,
        input_modalities=_words(row.get("input_modalities")),
        output_modalities=_words(row.get("output_modalities")),
        prices=_prices(pricing) if isinstance(pricing, dict) else {},
        raw=row,
    )


def _words(found: object) -> tuple[str, ...]:
    return tuple(word for word in found if isinstance(word, str)) if isinstance(found, list) else ()


def _prices(found: dict[str, Any]) -> dict[str, Decimal]:
    """The prices that are numbers; whatever else the service wrote is in ``raw``."""
    prices = {}
    for name, value in found.items():
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            continue
        if price.is_finite():
            prices[name] = price
    return prices


def balance(channel: JinaChannel) -> Flow[int]:
    """Tokens that the account has left."""
    if channel.keyless:
        raise ConfigurationError("balance asks for a key: it is that of the key's account")
    channel.check_key()
    found, _ = yield from channel.request(
        "GET",
        f"{channel.hosts.reader}/",
        product=PRODUCT,
        read=lambda response: _read_balance(channel, response),
    )
    return found


def _read_balance(channel: JinaChannel, response: Response) -> tuple[int, None]:
    """``[Balance left] 123`` in a text, or ``balanceLeft`` in an object: the page that the host shows without a path."""
    if response.status >= 300:
        decode(response)  # says where it redirects to
    text = bytes(response.body).decode("utf-8", "replace")
    match = _BALANCE.search(text)
    if match:
        return int(match[1].replace(",", "")), None
    if text.lstrip().startswith("{"):
        open_envelope(channel, response)  # an error that came as a success is raised as what it is
    raise final("the reader's page names no balance: is the key one of an account that has one?")
