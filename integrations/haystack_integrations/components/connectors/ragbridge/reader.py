"""``JinaReaderConnector``: the web as documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from haystack import Document, component
from haystack.core.errors import SerializationError
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import value_of
from haystack_integrations.common.ragbridge.jina import BASE_URL, KEY, TIMEOUT, JinaComponent
from haystack_integrations.components.connectors.ragbridge.reader_mode import JinaReaderMode
from ragbridge import ConfigurationError, Grounding, Page, RateLimit, ReaderOptions, Retry, SearchResults
from ragbridge.adapters import CacheLike, QuotasLike, TransportName

OWN: Mapping[JinaReaderMode, frozenset[str]] = {
    JinaReaderMode.READ: frozenset({"max_age", "options", "reader_url"}),
    JinaReaderMode.SEARCH: frozenset(
        {"options", "site", "num", "country", "language", "location", "content", "search_url"}
    ),
    JinaReaderMode.GROUND: frozenset({"site"}),
}
"""The settings that each mode has, of those that not every mode has."""


@component
class JinaReaderConnector(JinaComponent):
    """Reads pages of the web, searches it, or checks a statement, with Jina AI or over pages of the embedded engine.

    ### Usage example
    ```python
    from haystack_integrations.components.connectors.ragbridge import JinaReaderConnector

    reader = JinaReaderConnector("read", limits="keyless")  # reading needs no key, searching does
    print(reader.run("https://example.com")["documents"][0].content)
    ```
    """

    def __init__(
        self,
        mode: JinaReaderMode | str,
        api_key: Secret | list[Secret] | None = KEY,
        *,
        base_url: str = BASE_URL,
        region: str | None = None,
        reader_url: str | None = None,
        search_url: str | None = None,
        options: ReaderOptions | dict[str, Any] | None = None,
        site: str | None = None,
        num: int | None = None,
        country: str | None = None,
        language: str | None = None,
        location: str | None = None,
        content: bool = True,
        max_age: float | None = None,
        limits: RateLimit | dict[str, Any] | str | None = "auto",
        retry: Retry | dict[str, Any] | None = None,
        timeout: float = TIMEOUT,
        deadline: float | None = None,
        concurrency: int | None = None,
        transport: TransportName = "auto",
        headers: dict[str, str | Secret | None] | None = None,
        quotas: QuotasLike | None = None,
        cache: CacheLike | None = None,
        cache_version: str = "",
        client: ragbridge.Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param mode: `"read"` for the page at an address, `"search"` for a web search (expensive: 10,000 tokens
            or more each), `"ground"` for whether a statement holds (deprecated by the service; takes a minute).
        :param api_key: The key, resolved at warm-up, or a list of keys, each with a quota of its own: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Not sent with `limits="keyless"`.
        :param base_url: The API's address; its other hosts are derived from it. `"local"` for the embedded engine.
        :param region: `"eu"` for the hosts of the European Union, `"cn"` for the mirrors in China.
        :param reader_url: The reader's address, if it differs, such as behind a gateway.
        :param search_url: The search's address, if it differs.
        :param options: How pages are fetched and what is made of them: `ragbridge.ReaderOptions` or its fields as a
            dictionary, such as `{"return_format": "html"}`; to read and to search.
        :param site: The only domain to search or to rely on, such as `"jina.ai"`.
        :param num: Results of a search at most.
        :param country: Two letters: from where it is searched.
        :param language: Two letters: in which language.
        :param location: A city from which it is searched.
        :param content: Whether the pages that a search finds are read; else its documents hold their descriptions.
        :param max_age: Seconds that a page of the cache may be old, to read; None to read each page in any case, and to keep
            none.
        :param limits: The account's quota: a tier (`"free"`, `"paid"`, `"premium"`), `"keyless"` for reading without a
            key, a `RateLimit` or its fields as a dictionary, or None for no limiter.
        :param retry: How failures are retried: a `Retry` or its fields as a dictionary; None for its defaults.
        :param timeout: Seconds to wait for an answer's data.
        :param deadline: Seconds that one request may take as a whole; None for ten times `timeout`.
        :param concurrency: Requests in flight at most; None for what the quota allows.
        :param transport: Which HTTP library sends: `"httpx"`, `"httpx2"`, `"fast"` (extra `speed`), or `"auto"` for the
            fastest that is installed and serves.
        :param headers: Headers for every request, by name. A value is a `Secret`; None for the environment's
            `RAGBRIDGE_HEADER_<NAME>`; or a text, with which the component cannot be serialized.
        :param quotas: Where quotas are kept that several processes share: `"redis://"` for the server that
            `RAGBRIDGE_REDIS_URL` names, the path of a file for the processes of one machine, or an object such as
            `RedisQuotas()`. Only a text can be serialized.
        :param cache: Where answers are kept that were paid for: the path of a file, `"redis://"` for the server that
            `RAGBRIDGE_REDIS_URL` names, or a cache. Only a text can be serialized.
        :param cache_version: Any text. With another one, nothing is found that was kept before.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong, or the mode does not have it.
        """
        self.region = region
        self.reader_url = reader_url
        self.search_url = search_url
        super(JinaReaderConnector, self).__init__(  # noqa: UP008 - @component makes the class anew
            client=client,
            api_key=api_key,
            base_url=base_url,
            limits=limits,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            transport=transport,
            headers=headers,
            quotas=quotas,
            cache=cache,
            cache_version=cache_version,
        )
        try:
            self.mode = JinaReaderMode(str(mode))
        except ValueError:
            known = ", ".join(repr(each.value) for each in JinaReaderMode)
            raise ConfigurationError(f"mode={mode!r} must be one of {known}") from None
        self.options = value_of(ReaderOptions, options)
        self.site = site
        self.num = num
        self.country = country
        self.language = language
        self.location = location
        self.content = content
        self.max_age = max_age
        self._check_mode()

    def to_dict(self) -> dict[str, Any]:
        """Serialize the component to a dictionary.

        :raises SerializationError: The component was given a ready client, or options that may hold a secret.
        :raises ValueError: The key is a token: only names of environment variables are written.
        """
        data = super(JinaReaderConnector, self).to_dict()  # noqa: UP008 - @component makes the class anew
        options = {} if self.options is None else self.options.given()
        if secret := [name for name in ReaderOptions.SECRETS if name in options]:
            raise SerializationError(
                f"options with {' and '.join(secret)} may hold a secret and are not written: pass them to run(headers=...)"
            )
        data["init_parameters"] |= {"mode": self.mode.value, "options": options or None}
        return data

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, query: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Read, search or check.

        :param query: The page's address, the search query, or the statement to check.
        :param headers: Options of this call alone, as headers of the reader, such as `{"X-Return-Format": "html"}`;
            they go before `options`. The dictionary stays as it is.
        :returns: A dictionary with
            - `documents`: the page; the pages found, best first; or the reasons, with `factuality`, `result` and
              `references` in `meta`;
            - `meta`: `usage` (`total_tokens`, as far as the service tells what it bills).
        :raises TypeError: `query` is not a string.
        :raises ConfigurationError: A setting is wrong, a header is not an option of the reader, or a search has no key.
        :raises RagbridgeError: The service cannot be asked, or refuses, or there is no such page.
        """
        asked = self._asked(query, headers)
        # Modes have the names of the client's methods.
        return _answer(getattr(self._connected(), self.mode.value)(**asked))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, query: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Read, search or check, as `run` does, without blocking the event loop.

        :param query: The page's address, the search query, or the statement to check.
        :param headers: Options of this call alone, as headers of the reader.
        :returns: The same as `run`.
        :raises TypeError: `query` is not a string.
        :raises ConfigurationError: A setting is wrong, a header is not an option of the reader, or a search has no key.
        :raises RagbridgeError: The service cannot be asked, or refuses, or there is no such page.
        """
        asked = self._asked(query, headers)
        return _answer(await getattr(self._connected(), f"a{self.mode.value}")(**asked))

    def _check_mode(self) -> None:
        for name in frozenset().union(*OWN.values()) - OWN[self.mode]:
            if getattr(self, name) not in (None, True) or type(getattr(self, name)) is int:  # 1 equals True
                able = " and ".join(repr(mode.value) for mode, names in OWN.items() if name in names)
                raise ConfigurationError(f"{name}= is a setting of mode {able}, not of {self.mode.value!r}")

    def _asked(self, query: str, headers: dict[str, str] | None) -> dict[str, Any]:
        if not isinstance(query, str):
            raise TypeError("JinaReaderConnector expects a string as query.")
        if self.mode is JinaReaderMode.GROUND:
            if headers:
                raise ConfigurationError("mode 'ground' takes no headers; site= is the only setting it has")
            return {"statement": query, "sites": [self.site] if self.site else []}
        options = self.options
        if headers:
            options = replace(options or ReaderOptions(), **ReaderOptions.from_headers(headers).given())
        if self.mode is JinaReaderMode.READ:
            return {"url": query, "options": options, "max_age": self.max_age}
        asked = ("site", "num", "country", "language", "location", "content")
        return {**{name: getattr(self, name) for name in asked}, "query": query, "options": options}


def _answer(answer: Page | SearchResults | Grounding) -> dict[str, Any]:
    match answer:
        case Page():
            documents = [_document(answer)]
        case SearchResults():
            documents = [_document(page) for page in answer]
        case Grounding():
            references = [asdict(reference) for reference in answer.references]
            meta = {"factuality": answer.factuality, "result": answer.result, "references": references}
            documents = [Document(content=answer.reason, meta=meta)]
    return {"documents": documents, "meta": {"usage": {"total_tokens": answer.usage.tokens}}}


def _document(page: Page) -> Document:
    content = page.content or page.description
    extras = {
        "published": page.published,
        "html": page.html,
        "text": page.text,
        "screenshot_url": page.screenshot_url,
        "pageshot_url": page.pageshot_url,
        "links": [{"text": text, "url": url} for text, url in page.links],
        "images": [{"caption": caption, "url": url} for caption, url in page.images],
        "warning": page.warning,
    }
    meta = {"url": page.url, "title": page.title, "description": page.description}
    # A value that is already the content is not repeated.
    return Document(
        content=content,
        meta=meta | {name: value for name, value in extras.items() if value and value != content},
    )
