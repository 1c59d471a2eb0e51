"""``JinaDocumentClassifier``: the label that fits each document best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haystack import Document, component
from haystack.utils import Secret

import ragbridge
from haystack_integrations.common.ragbridge.component import check_documents, copied
from haystack_integrations.common.ragbridge.jina import BASE_URL, BATCH_SIZE, KEY, TIMEOUT, JinaComponent
from haystack_integrations.common.ragbridge.pictures import Pictures, check_size
from ragbridge import ConfigurationError, RateLimit, Retry
from ragbridge.adapters import CacheLike, QuotasLike, TransportName

if TYPE_CHECKING:
    from ragbridge import Classifications, Image


@component
class JinaDocumentClassifier(JinaComponent):
    """Finds the label that fits each document best, with Jina AI or with the embedded engine.

    Labels are given (zero-shot), or those that a classifier was trained with (few-shot): train one by
    `ragbridge.Jina.classifiers.train`, which returns its id. Documents without text are told apart by their pictures,
    with a model that takes images.

    ### Usage example
    ```python
    from haystack import Document
    from haystack_integrations.components.classifiers.ragbridge import JinaDocumentClassifier

    classifier = JinaDocumentClassifier(base_url="local", labels=["a text about animals", "a text about money"])
    documents = classifier.run([Document(content="Bees collect nectar.")])["documents"]
    print(documents[0].meta["classification"]["label"])
    ```
    """

    def __init__(
        self,
        *,
        labels: list[str] | dict[str, list[str]] | None = None,
        classifier: str | None = None,
        model: str | None = None,
        api_key: Secret | list[Secret] | None = KEY,
        base_url: str = BASE_URL,
        classification_field: str | None = None,
        file_path_meta_field: str | None = None,
        root_path: str | None = None,
        image_size: tuple[int, int] | None = None,
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
        batch_size: int = BATCH_SIZE,
        client: ragbridge.Jina | None = None,
    ) -> None:
        """Create the component. Nothing is resolved or opened before warm-up.

        :param labels: Up to 256 labels, or up to 8 groups of up to 64 labels by their names, of which each document gets
            one label a group. Labels that say what they mean do better than bare words.
        :param classifier: The id of a classifier instead.
        :param model: The model's name, with `labels`; None for `jina-embeddings-v5-text-small`.
        :param api_key: The key, resolved at warm-up, or a list of keys, each with a quota of its own: by default the environment's `JINA_API_KEY`, `JINAAI_API_KEY` or
            `JINA_AUTH_TOKEN`. Needed at `api.jina.ai`, optional elsewhere.
        :param base_url: The API's address, with or without `/v1`; `"local"` for the embedded engine.
        :param classification_field: The meta field whose value is classified; None for the content.
        :param file_path_meta_field: The meta field that names the file of the image, or of the PDF whose `page_number`
            it is, by which a document without text is classified; None where files are left alone. The image in a
            document's `blob` needs no setting.
        :param root_path: The folder that such files are in, which they cannot leave; None to open no file.
        :param image_size: Width and height into which larger pictures are fitted. Needs pillow.
        :param limits: The account's quota: a tier (`"free"`, `"paid"`, `"premium"`), a `RateLimit` or its fields as a
            dictionary, or None for no limiter; `"auto"` is the free tier at `*.jina.ai` and none elsewhere. Components with the same key share one quota.
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
        :param batch_size: Documents in one request at most. Labels are billed with each request.
        :param client: A ready client instead of connection settings. Such a component cannot be serialized.
        :raises ConfigurationError: A setting is wrong.
        """
        super(JinaDocumentClassifier, self).__init__(  # noqa: UP008 - @component makes the class anew
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
            batch_size=batch_size,
        )
        if (labels is None) == (classifier is None):
            raise ConfigurationError("pass exactly one of labels= and classifier= (the id of a trained one)")
        self.labels = labels
        self.classifier = classifier
        self.model = model
        self.classification_field = classification_field
        self.file_path_meta_field = file_path_meta_field
        self.root_path = root_path
        self.image_size = check_size(image_size)

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Classify documents.

        :param documents: The documents to classify. An empty list sends nothing.
        :returns: A dictionary with
            - `documents`: copies in the same order, with their ids, and in `meta["classification"]` with `label`,
              `score` and `details` (the score of each label, best first); with groups of labels, these by group;
            - `meta`: `model` (None with a classifier, which has its own) and `usage` (`total_tokens`, as billed).
        :raises TypeError: `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong, or a document has nothing to classify; the message names it.
        :raises RagbridgeError: The service cannot be asked, or refuses; the message names the document by its index.
        """
        texts = self._texts(documents)
        asked = self._asked(documents, texts, self._pictures().of_textless(documents, texts))
        return _answer(documents, self._connected().classify(**asked))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """Classify documents, as `run` does, without blocking the event loop.

        :param documents: The documents to classify. An empty list sends nothing.
        :returns: The same as `run`.
        :raises TypeError: `documents` is not a list of Documents.
        :raises ConfigurationError: A setting is wrong, or a document has nothing to classify; the message names it.
        :raises RagbridgeError: The service cannot be asked, or refuses; the message names the document by its index.
        """
        texts = self._texts(documents)
        asked = self._asked(documents, texts, await self._pictures().of_textless_async(documents, texts))
        return _answer(documents, await self._connected().aclassify(**asked))

    def _texts(self, documents: list[Document]) -> list[str]:
        check_documents(documents, "JinaDocumentClassifier expects a list of Documents as input.")
        return [self._text(document) for document in documents]

    def _pictures(self) -> Pictures:
        return Pictures(self.file_path_meta_field, self.root_path, self.image_size)

    def _asked(self, documents: list[Document], texts: list[str], images: dict[int, Image]) -> dict[str, Any]:
        for place, text in enumerate(texts):
            if not text and place not in images:
                field = self.classification_field
                raise ConfigurationError(
                    f"documents[{place}] (id {documents[place].id}) has "
                    f"{f'nothing in meta[{field!r}]' if field else 'no content'} and no picture to classify"
                )
        return {
            "inputs": [images.get(place, text) for place, text in enumerate(texts)],
            "labels": self.labels,
            "classifier": self.classifier,
            "model": self.model,
        }

    def _text(self, document: Document) -> str:
        if self.classification_field is None:
            return document.content or ""
        value = document.meta.get(self.classification_field)
        return "" if value is None else str(value)


def _answer(documents: list[Document], classifications: Classifications) -> dict[str, Any]:
    results: list[dict[str, Any]] = [{} for _ in documents]
    for row in classifications:
        result = {"label": row.label, "score": row.score, "details": dict(row.scores)}
        results[row.index] |= result if row.group is None else {row.group: result}
    return {
        "documents": [
            copied(document, {"classification": result})
            for document, result in zip(documents, results, strict=True)
        ],
        "meta": {"model": classifications.model, "usage": {"total_tokens": classifications.usage.tokens}},
    }
