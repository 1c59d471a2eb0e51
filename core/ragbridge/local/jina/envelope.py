"""What reader, search and grounding share: the envelope of answers and refusals, options in headers, pages.

Sources: the reader's repository (``jina-ai/reader``) and its web page. The engine makes no network requests: the web
consists of the pages passed to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ragbridge.errors import ConfigurationError
from ragbridge.flow import Response
from ragbridge.local.calls import Work
from ragbridge.local.fields import Fields
from ragbridge.local.jina.addresses import compared, host_of
from ragbridge.local.jina.forms import is_form, read_form
from ragbridge.local.jina.html import Page, read_page
from ragbridge.local.refusals import JSON, Refusal

if TYPE_CHECKING:
    from ragbridge.local.calls import Call

_NAMES: Mapping[int, tuple[int, str]] = {
    400: (40001, "ParamValidationError"),
    401: (40103, "AuthenticationRequiredError"),
    402: (40203, "InsufficientBalanceError"),
    403: (40300, "OperationNotAllowedError"),
    404: (40400, "ResourceNotFoundError"),
    409: (40904, "BudgetExceededError"),
    422: (42206, "AssertionFailureError"),
    429: (42903, "RateLimitTriggeredError"),
    503: (50302, "ServiceCrashedError"),
}
"""The hosts' own status and name for each HTTP status."""


def envelope(data: object, tokens: int) -> bytes:
    """The body of a successful answer."""
    body = {"code": 200, "status": 20000, "data": data, "meta": {"usage": {"tokens": tokens}}}
    return json.dumps(body).encode()


def refuse(refusal: Refusal, request_id: str) -> Response:  # noqa: ARG001 - these hosts send no request id
    """A refusal in these hosts' shape. Invalid fields are a 400 there, not a 422."""
    status = 400 if refusal.problems else refusal.status
    number, name = _NAMES.get(status, (status * 100, "ApplicationError"))
    body: dict[str, Any] = {
        "data": None,
        "code": status,
        "name": name,
        "status": number,
        "message": refusal.message,
        "readableMessage": f"{name}: {refusal.message}",
    }
    return Response(status, {**JSON, **refusal.headers}, json.dumps(body).encode())


def fields_of(call: Call) -> Fields:
    """The fields of a POST's body, JSON or a form; a GET has none."""
    if call.method != "POST":
        return Fields({})
    if is_form(call):
        return Fields(
            {name: part.content.decode("utf-8", "replace") for name, part in read_form(call).items()}
        )
    return Fields.of(call.body)


PLAIN = {"content-type": "text/plain; charset=utf-8"}
_EVENTS = {"content-type": "text/event-stream; charset=utf-8"}


def wants_json(call: Call) -> bool:
    """Whether a request asks for JSON; without being asked, these hosts answer with text."""
    accepted = call.headers.get("accept", "")
    return "application/json" in accepted or "text/json" in accepted


def answered(
    call: Call, data: object, text: Callable[[], str], tokens: int, headers: Mapping[str, str]
) -> Work:
    """An answer in the form that ``Accept`` asks for: JSON, server-sent events, of which there is one, or plain text."""
    accepted = call.headers.get("accept", "")
    if wants_json(call):
        return Work(tokens, lambda _: envelope(data, tokens), headers={**JSON, **headers})
    if "text/event-stream" in accepted:
        event = f"event: data\ndata: {json.dumps(data)}\n\n".encode()
        return Work(tokens, lambda _: event, headers={**_EVENTS, **headers})
    plain = text().encode("utf-8", "replace")
    return Work(tokens, lambda _: plain, headers={**PLAIN, **headers})


def wrong(message: str) -> Refusal:
    """A 400 for an invalid option."""
    return Refusal(400, message)


class Pages:
    """The pages that the engine knows.

    Raises:
        ConfigurationError: An address or a content is not a string, or an address has no host.
    """

    def __init__(self, pages: Mapping[str, str]) -> None:
        for url, content in pages.items():
            if not isinstance(url, str) or not isinstance(content, str):
                raise ConfigurationError(
                    "pages must map addresses to strings of HTML, Markdown or plain text"
                )
            if not compared(url)[0]:
                raise ConfigurationError(f"pages: {url!r} is not an address such as https://example.com/page")
        self._contents = dict(pages)

    @cached_property
    def _read(self) -> dict[tuple[str, str], Page]:
        return {compared(url): read_page(url, content) for url, content in self._contents.items()}

    def find(self, url: str) -> Page:
        """The page at an address, compared as ``compared`` says.

        Raises:
            Refusal: 400 for an invalid address, 422 for an unknown page.
        """
        key = compared(url)
        if not key[0]:
            raise wrong(f"Invalid URL: {url[:200]!r}")
        page = self._read.get(key)
        if page is None:
            message = f"Failed to goto {url[:200]}: the embedded engine makes no network requests, and has no such page"
            raise Refusal(422, message)
        return page

    def of_sites(self, asked: str) -> list[Page]:
        """The pages of the sites, separated by commas; all pages where there are none."""
        sites = [host_of(site) for site in asked.split(",") if site.strip()]
        return [
            page
            for (host, _), page in self._read.items()
            if not sites or any(host == site or host.endswith(f".{site}") for site in sites)
        ]
