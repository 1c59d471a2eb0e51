"""``JinaClassifier``: documents with labels in their metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    from langchain_core.documents import BaseDocumentTransformer, Document
except ImportError as error:
    raise ImportError(
        f'langchain_ragbridge needs langchain-core ({error}): pip install "ragbridge[langchain]"'
    ) from error

from pydantic import AliasChoices, Field

from langchain_ragbridge._images import contents_of
from langchain_ragbridge._settings import JinaSettings
from ragbridge import ConfigurationError, adapters
from ragbridge.adapters import jina_defaults

if TYPE_CHECKING:
    from ragbridge import Classifications


class JinaClassifier(JinaSettings, BaseDocumentTransformer):
    """Gives each document the label that fits it best: of those given (zero-shot), or those of a trained classifier.

    >>> classifier = JinaClassifier(base_url="local", labels=["cooking", "seafaring"])
    >>> (found,) = classifier.transform_documents([Document("The ship crosses the ocean.")])
    >>> found.metadata["label"], sorted(found.metadata)
    ('seafaring', ['label', 'label_score'])

    Raises:
        ConfigurationError: A setting is wrong or unknown, or the key is missing.
    """

    labels: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    """Up to 256 labels; or groups of labels by their names, of which each document gets one label a group."""
    classifier: str | None = None
    """The id of a trained classifier instead, see ``ragbridge.Jina.classifiers``."""
    model: str | None = Field(default=None, validation_alias=AliasChoices("model", "model_name"))
    """The model's name, with ``labels``; None for the service's usual one. Also accepted as ``model_name``."""
    label_key: str = "label"
    """Where labels go in the metadata; the score, 0 to 1, goes beside it under ``<label_key>_score``. With groups, their
    names take its place."""
    image_key: str | None = "image"
    """Where the metadata of documents without text names their image, as in ``JinaRerank``."""
    image_root: Path | None = None
    """Folder in which paths in metadata are looked up, as in ``JinaRerank``."""
    batch_size: int = jina_defaults.BATCH_SIZE
    """Documents in one request at most. Labels are billed with each request."""

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """Copies of the documents with labels; in their order, with their ``id``. No document sends nothing.

        Raises:
            RagbridgeError: See ``ragbridge.Jina.classify``.
        """
        documents = adapters.listed(documents, "documents")
        return self._labelled(
            documents, self._jina.classify(self._contents(documents, kwargs), **self._options())
        )

    async def atransform_documents(self, documents: Sequence[Document], **kwargs: Any) -> list[Document]:
        """``transform_documents`` on the running event loop."""
        documents = adapters.listed(documents, "documents")
        classifications = await self._jina.aclassify(self._contents(documents, kwargs), **self._options())
        return self._labelled(documents, classifications)

    def _contents(self, documents: Sequence[Document], unknown: Mapping[str, Any]) -> list[Any]:
        if unknown:
            raise ConfigurationError(f"{', '.join(unknown)}: there is no such option")
        return contents_of(documents, self.image_key, self.image_root)

    def _labelled(self, documents: Sequence[Document], classifications: Classifications) -> list[Document]:
        metadatas = [deepcopy(document.metadata) for document in documents]
        for row in classifications:
            key = row.group or self.label_key
            metadatas[row.index] |= {key: row.label, f"{key}_score": row.score}
        pairs = zip(documents, metadatas, strict=True)
        return [document.model_copy(update={"metadata": metadata}) for document, metadata in pairs]

    def _options(self) -> dict[str, Any]:
        return {"labels": self.labels, "classifier": self.classifier, "model": self.model}

    def _check_options(self) -> None:
        self._jina.classify([], **self._options())
