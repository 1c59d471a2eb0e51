"""Methods that sort things into classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from ragbridge.client.lookup import Manner
from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, EmbeddingModel
from ragbridge.services.jina import classify
from ragbridge.services.jina.session import JinaMethods, JinaPart

if TYPE_CHECKING:
    from ragbridge.client.service import Service
    from ragbridge.flow import Plan
    from ragbridge.services.jina.classify.options import Input, Labels
    from ragbridge.services.jina.classify.training import Example
    from ragbridge.values.classification import Classifications, Classifier, Training
    from ragbridge.values.partial import OnError


class ClassifyingMethods(JinaMethods):
    """Classification, and the classifiers that it uses."""

    def _classify(
        self,
        inputs: Sequence[Input],
        *,
        labels: Labels | None = None,
        classifier: str | None = None,
        model: EmbeddingModel | None = None,
        progress: Callable[[int], object] | None = None,
        on_error: OnError = "raise",
    ) -> Plan[Classifications]:
        """The label that fits each input best: of those given (zero-shot), or of those a classifier was trained with.

        Inputs are cut into requests that fit the quota, which run side by side. Labels are billed with each request.
        Labels that say what they mean ("a complaint about delivery") do better than bare words.

        Args:
            inputs: Texts, and images (``Image``) for CLIP models and ``jina-embeddings-v4``; the published description
                of the service names images for CLIP alone. An empty list sends nothing.
            labels: Up to 256 labels; or up to 8 groups of up to 64 labels by their names, of which each input gets one
                label a group.
            classifier: The id of a classifier instead, see ``classifiers``.
            model: The model's name, with ``labels``; None for ``jina-embeddings-v5-text-small``.
            progress: Called with the number of inputs of each request that is done, from whichever thread did it.
            on_error: ``"report"`` names inputs that fail in ``failed`` and classifies the others. ``"raise"`` ends the call
                with the error, whose ``partial`` has the inputs that were done by then.

        Returns:
            ``Classifications``: ``label``, ``score`` and ``scores`` of each input, with groups of each input and group.

        Raises:
            ConfigurationError: An argument is wrong, or the model does not classify such inputs; nothing was sent.
            InvalidRequestError: The service refuses an input (``index`` says which), the labels, or the classifier.
            QuotaExhaustedError: The account's balance is used up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        target = classify.options.check_target(labels=labels, classifier=classifier, model=model)
        return classify.requests.classify(
            self._channel,
            inputs,
            target,
            batch_size=self._batch_size,
            manner=Manner(progress, on_error),
        )

    classify = Blocking(_classify)
    aclassify = Awaitable(_classify)

    @property
    def classifiers(self) -> Classifiers:
        """Classifiers that learn from examples: ``train``, ``update``, ``list``, ``delete``, each with its awaitable twin."""
        return Classifiers(cast("Service", self))


class Classifiers(JinaPart):
    """The classifiers that the account keeps: at most 16 (API description of 2026-04).

    Requests that train are sent again only where the service surely did not get or do them: one whose answer was lost
    may have made a classifier. ``list`` shows it.
    """

    _NAME = "classifiers"

    def _train(
        self,
        examples: Sequence[Example],
        *,
        model: EmbeddingModel = DEFAULT_EMBEDDING_MODEL,
        access: str = "private",
        iterations: int = 10,
    ) -> Plan[Training]:
        """Make a classifier from examples.

        Billed are the examples' tokens times ``iterations``. 200 to 400 examples are recommended.

        Args:
            examples: 2 to 512 pairs of an input (text, or ``Image`` for CLIP models and ``jina-embeddings-v4``) and its
                label, or objects with ``text`` or ``image``, and ``label``. 2 to 16 different labels. More examples go
                to ``update``.
            model: The model that embeds examples, and later inputs.
            access: ``"private"``, or ``"public"``: everybody who knows the id may use it.
            iterations: How often the examples are gone through.

        Returns:
            ``Training``: ``classifier_id`` is what ``Jina.classify`` takes as ``classifier=``.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: The service refuses an example.
            QuotaExhaustedError: The balance is used up, or the account has as many classifiers as it may have.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return classify.classifiers.train(
            self._channel, examples, model=model, access=access, iterations=iterations
        )

    train = Blocking(_train)
    atrain = Awaitable(_train)

    def _update(
        self, classifier_id: str, examples: Sequence[Example], *, iterations: int = 10
    ) -> Plan[Training]:
        """Train a classifier further.

        Args:
            classifier_id: Its id.
            examples: 1 to 512 examples, as ``train`` takes them.
            iterations: How often they are gone through.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            InvalidRequestError: There is no such classifier, or the service refuses an example.
            ServiceError: The classifier is being changed, and still was after several attempts.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return classify.classifiers.update(self._channel, classifier_id, examples, iterations=iterations)

    update = Blocking(_update)
    aupdate = Awaitable(_update)

    def _list(self) -> Plan[tuple[Classifier, ...]]:
        """Every classifier of the account.

        Raises:
            RagbridgeError: The service did not say, see ``ragbridge.RagbridgeError``.
        """
        return classify.classifiers.list_all(self._channel)

    list = Blocking(_list)
    alist = Awaitable(_list)

    def _delete(self, classifier_id: str) -> Plan[None]:
        """Delete a classifier.

        Args:
            classifier_id: Its id.

        Raises:
            ConfigurationError: The id is none.
            InvalidRequestError: There is no such classifier.
            RequestError: The answer was lost: ``list`` shows whether it was deleted.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return classify.classifiers.delete(self._channel, classifier_id)

    delete = Blocking(_delete)
    adelete = Awaitable(_delete)
