"""``GET /v1/models``, and the account's balance, which only the reader's host shows.

No quota is published for either. They count as requests to the reader, which has a quota for clients without a key too.
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
from ragbridge.services.jina import web
from ragbridge.services.jina.session import JinaMethods
from ragbridge.services.jina.wire import decode

if TYPE_CHECKING:
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

PRODUCT = "reader"
_DIGITS = 18
"""Digits of a balance at most: Python refuses to read thousands of them."""
_BALANCE = re.compile(r"""balance[ _]?left[\]":\s]{1,8}(-?\d[\d,]*)""", re.IGNORECASE)


class AccountMethods(JinaMethods):
    """The service's models and the account's balance."""

    def _models(self) -> Plan[tuple[ModelInfo, ...]]:
        """Lists the service's models with their prices. Also works without a key: ``Jina(limits="keyless")``."""
        return plan((models(self._channel),), itemgetter(0))

    def _find_host(self) -> Plan[str]:
        """What kind of server answers requests for vectors and rankings: one of the names that ``host=`` takes.

        It is asked once, unless it is known by its address or was named.

        Raises:
            RequestError: It cannot be reached.
        """
        return self._channel.hosted(lambda finding: plan((), lambda _: finding.host.name), sends=True)

    find_host = Blocking(_find_host)
    afind_host = Awaitable(_find_host)

    models = Blocking(_models)
    amodels = Awaitable(_models)

    def _balance(self) -> Plan[int]:
        """The balance of the key's account, in tokens.

        Read from the page that the reader's host shows; the API has no endpoint for it.

        Raises:
            ConfigurationError: The client has no key.
            ResponseError: The page shows no balance.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((balance(self._channel),), itemgetter(0))

    balance = Blocking(_balance)
    abalance = Awaitable(_balance)


def models(channel: JinaChannel) -> Flow[tuple[ModelInfo, ...]]:
    """Every model that the service lists."""
    infos, _ = yield from channel.get("/models", product=PRODUCT, read=_read_models)
    return infos


def _read_models(response: Response) -> tuple[tuple[ModelInfo, ...], None]:
    rows = decode(response).get("data")
    if not isinstance(rows, list):
        raise ResponseError("the answer has no list 'data'")
    return tuple(map(_model, rows)), None


def _model(row: Any) -> ModelInfo:
    name = row.get("id") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        raise ResponseError("a model in the list has no 'id'")
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


def _words(value: object) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _prices(pricing: dict[str, Any]) -> dict[str, Decimal]:
    """The prices that are finite numbers. Other entries are left to ``ModelInfo.raw``."""
    prices = {}
    for name, value in pricing.items():
        try:
            price = Decimal(str(value))
        except InvalidOperation:
            continue
        if price.is_finite():
            prices[name] = price
    return prices


def balance(channel: JinaChannel) -> Flow[int]:
    """The account's balance, in tokens."""
    if channel.keyless:
        raise ConfigurationError("balance needs a key: it is the balance of the key's account")
    channel.check_key()
    tokens, _ = yield from channel.request(
        "GET",
        f"{channel.hosts.reader}/",
        product=PRODUCT,
        read=lambda response: _read_balance(channel, response),
    )
    return tokens


def _read_balance(channel: JinaChannel, response: Response) -> tuple[int, None]:
    """Reads the balance from the host's front page: ``[Balance left] 123`` in text, or ``balanceLeft`` in JSON."""
    if response.status >= 300:
        decode(response)  # raises an error that names the redirect's target
    text = bytes(response.body).decode("utf-8", "replace")
    match = _BALANCE.search(text)
    digits = match[1].replace(",", "") if match else ""
    if digits and len(digits) <= _DIGITS:
        return int(digits), None
    if text.lstrip().startswith("{"):
        # raises if an error was sent with a successful status
        web.requests.open_envelope(channel.refusal, response)
    raise final("the reader's page shows no balance: does the key belong to an account that has one?")
