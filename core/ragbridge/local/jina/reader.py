"""The reader: ``POST /r/`` and ``GET /r/<address>``. ``GET /r/`` shows the balance, which is constant here.

Pages are returned as Markdown, HTML or plain text. ``ragbridge.local.jina.options`` says what becomes of each option.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ragbridge.local.calls import Call, Work
from ragbridge.local.jina.envelope import PLAIN, Pages, answered, envelope, fields_of
from ragbridge.local.jina.html import Page, read_page
from ragbridge.local.jina.options import Settings, read_settings
from ragbridge.local.jina.store import user_of
from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragbridge.local.model import Embedder

BALANCE = 10_000_000
"""Balance of every key in tokens: the service's free grant of 2026. The engine bills nothing."""


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
        settings = read_settings(call, fields)
        page = (
            read_page(str(url or "about:blank"), content)
            if content is not None
            else self._pages.find(str(url))
        )
        return _answer(call, page, settings)


def _answer(call: Call, page: Page, settings: Settings) -> Work:
    data = formatted(page, settings, call.embedder())
    tokens = data["usage"]["tokens"]
    headers = {"x-usage-tokens": str(tokens)}
    return answered(call, data, lambda: _as_text(data, settings.formats), tokens, headers)


def _as_text(data: dict[str, Any], formats: Sequence[str]) -> str:
    """The page as an answer in plain text (``textRepresentation`` in the reader's ``snapshot-formatter.ts``)."""
    if "content" not in data:
        return str(data[formats[0]])
    if data.get("chunks"):
        return "\n\n\x1d".join(data["chunks"])
    text = f"Title: {data['title']}\n\nURL Source: {data['url']}\n\nMarkdown Content:\n{data['content']}\n"
    for name, head, mark, none in (
        ("images", "Images:", "!", "This page does not seem to contain any images."),
        ("links", "Links/Buttons:", "", "This page does not seem to contain any buttons/links."),
    ):
        if name in data:
            pairs = data[name].items() if isinstance(data[name], dict) else data[name]
            lines = [f"- {mark}[{label}]({address})" for label, address in pairs]
            text += "\n" + "\n".join([head, *(lines or [none])]) + "\n"
    return text


def formatted(page: Page, settings: Settings, embedder: Embedder) -> dict[str, Any]:
    """The page's data as the options ask for it, with its cost.

    Raises:
        Refusal: 400 for an option that this page cannot have, 409 for a page that exceeds its token budget, 422 where
            nothing is selected.
    """
    page.check_static(settings.browser)
    page = page.narrowed(settings.target, settings.remove, settings.unseen).styled(settings.style)
    data: dict[str, Any] = {"title": page.title, "description": page.description, "url": page.url}
    tokens = 0
    for name in settings.formats:
        content = {"html": page.html, "text": page.text}.get(name, page.markdown.text)
        kept, count = _cut(embedder, content, settings.most)
        data[name if name in {"html", "text"} else "content"] = kept
        tokens += count
    if settings.budget is not None and tokens > settings.budget:
        raise Refusal(409, f"Token budget ({settings.budget}) exceeded, intended charge amount {tokens}")
    if settings.chunking and "content" in data:
        data["chunks"] = chunked(data["content"], settings.chunking)
    if settings.links:
        written = page.markdown
        cited = settings.links == "gpt-oss"
        data["links"] = (
            written.cited if cited else written.links if settings.links == "all" else written.links_summary()
        )
    if settings.images:
        every = settings.images == "all"
        data["images"] = page.markdown.every_image() if every else page.markdown.images_summary()
    if page.metadata:
        data["metadata"] = page.metadata
    if page.external:
        data["external"] = page.external
    return {**data, "usage": {"tokens": tokens}}


def chunked(markdown: str, level: int) -> list[str]:
    """Markdown in chunks, each of which begins with a heading of at most this level (``chunkMarkdownByHeading``)."""
    begins = re.compile(rf"\n(?=#{{1,{level}}} )")
    return [chunk.strip() for chunk in begins.split(markdown) if chunk.strip()]


def _cut(embedder: Embedder, content: str, most: int | None) -> tuple[str, int]:
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
    return Work(0, lambda _: lines.encode(), headers=PLAIN)
