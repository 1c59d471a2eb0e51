"""The reader: ``POST /r/`` and ``GET /r/<address>``. ``GET /r/`` shows the balance, which is constant here.

Pages are returned as Markdown, HTML or plain text. Options for browsers, caches and proxies are ignored. Formats that need a
browser or a model are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ragbridge.local.calls import Call, Work
from ragbridge.local.jina.envelope import Pages, envelope, fields_of, number, switch, wrong
from ragbridge.local.jina.html import Page, read_page
from ragbridge.local.jina.store import user_of
from ragbridge.local.refusals import JSON, Refusal
from ragbridge.models import MIN_MAX_TOKENS

if TYPE_CHECKING:
    from ragbridge.local.model import StaticEmbedder

BALANCE = 10_000_000
"""Balance of every key in tokens: the service's free grant of 2026. The engine bills nothing."""

_FORMATS = ("markdown", "content", "html", "text")
_PLAIN = {"content-type": "text/plain; charset=utf-8"}


class Reader:
    """Reads the requests of the reader."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def read(self, call: Call) -> Work:
        """Reads one page.

        Raises:
            Refusal: 400 for an invalid option, 409 for a page that exceeds ``X-Token-Budget``, 422 for an unknown page.
        """
        fields = fields_of(call)
        target = call.parameters.get("target")
        if target is not None:
            url: object = f"{target}?{call.query}" if call.query else target
        else:
            url = fields.get("url")
        if url is None and call.method == "GET":
            return _index(call)
        if fields.get("pdf", "file") is not None:
            raise Refusal(
                422, "The embedded engine does not parse files: pass their text with Engine(pages=...)"
            )
        content = fields.get("html")
        if content is not None and not isinstance(content, str):
            fields.report("html", "Input should be a valid string", "string_type", content)
        if url is None and content is None:
            fields.report("url", "Field required", "missing")
        elif url is not None and not isinstance(url, str):
            fields.report("url", "Input should be a valid string", "string_type", url)
        fields.check()
        page = (
            read_page(str(url or "about:blank"), content)
            if content is not None
            else self._pages.find(str(url))
        )
        return _answer(call, page)


def _answer(call: Call, page: Page) -> Work:
    names, data = formatted(call, page, call.embedder())
    tokens = data["usage"]["tokens"]
    if switch(call, "x-with-links-summary"):
        everything = call.headers["x-with-links-summary"].lower() == "all"
        data["links"] = [*page.links] if everything else dict(page.links)
    if switch(call, "x-with-images-summary"):
        data["images"] = dict(page.images)
    headers = {"x-usage-tokens": str(tokens)}
    if "application/json" in call.headers.get("accept", ""):
        return Work(tokens, lambda _: envelope(data, tokens), headers={**JSON, **headers})
    body = data.get(names[0] if names[0] != "markdown" else "content", "")
    if names[0] in {"markdown", "content"}:
        body = f"Title: {page.title}\n\nURL Source: {page.url}\n\nMarkdown Content:\n{body}\n"
    text: bytes = body.encode("utf-8", "replace")
    return Work(tokens, lambda _: text, headers={**_PLAIN, **headers})


def formatted(call: Call, page: Page, embedder: StaticEmbedder) -> tuple[list[str], dict[str, Any]]:
    """The formats that a request asks for, and the page's data in these formats, with its cost.

    Raises:
        Refusal: 400 for an invalid option, 409 for a page that exceeds its token budget.
    """
    asked = call.headers.get("x-respond-with") or call.headers.get("x-return-format") or "markdown"
    names = asked.lower().replace("+", ",").replace(" ", ",").split(",")
    names = [name for name in names if name and name != "no-content"] or ["markdown"]
    if not set(names) <= set(_FORMATS):
        raise wrong(f"X-Respond-With: {asked[:50]!r}; the embedded engine supports {', '.join(_FORMATS)}")
    most = number(call, "x-max-tokens")
    if most is not None and most < MIN_MAX_TOKENS:
        raise wrong(f"X-Max-Tokens: {most} must be at least {MIN_MAX_TOKENS}")
    budget = number(call, "x-token-budget")
    data: dict[str, Any] = {"title": page.title, "description": page.description, "url": page.url}
    tokens = 0
    for name in names:
        content = {"html": page.html, "text": page.text}.get(name, page.markdown)
        kept, count = _cut(embedder, content, most)
        data[name if name in {"html", "text"} else "content"] = kept
        tokens += count
    if budget is not None and tokens > budget:
        raise Refusal(409, f"Token budget ({budget}) exceeded, intended charge amount {tokens}")
    return names, {**data, "usage": {"tokens": tokens}}


def _cut(embedder: StaticEmbedder, content: str, most: int | None) -> tuple[str, int]:
    """``content`` truncated to at most ``most`` tokens, and its number of tokens."""
    count = len(embedder.ids(content)) if content else 0
    if most is None or count <= most:
        return content, count
    kept, count = [], 0
    for text, ids in embedder.tokens(content):
        if count + len(ids) > most:
            break
        kept.append(text)
        count += len(ids)
    return "".join(kept), count


def _index(call: Call) -> Work:
    """The host's front page, with the balance. The engine shows a balance without a key too."""
    index: dict[str, tuple[str, Any]] = {
        "usage1": ("Usage 1", f"{call.base}/r/YOUR_URL"),
        "usage2": ("Usage 2", f"{call.base}/s/YOUR_SEARCH_QUERY"),
    }
    if call.key:
        index["authenticatedAs"] = ("Authenticated as", user_of(call.key))
    index["balanceLeft"] = ("Balance left", BALANCE)
    if "application/json" in call.headers.get("accept", ""):
        return Work(0, lambda _: envelope({name: value for name, (_, value) in index.items()}, 0))
    lines = "".join(f"[{title}] {value}\n" for title, value in index.values())
    return Work(0, lambda _: lines.encode(), headers=_PLAIN)
