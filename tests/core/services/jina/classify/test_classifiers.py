"""Classifiers that are trained with examples: what is sent, refused, read, and not sent twice."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import (
    Classifier,
    ConfigurationError,
    Image,
    InvalidRequestError,
    Jina,
    Limiter,
    QuotaExhaustedError,
    RagbridgeError,
    RateLimit,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
)
from ragbridge.flow import Response
from ragbridge.models import MODELS
from ragbridge.testing import VirtualClock

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SENT_PNG = base64.b64encode(PNG).decode()
EXAMPLES = [("the sea", "water"), ("a hill", "land")]
TRAINED = {"classifier_id": "id-1", "num_samples": 2, "usage": {"total_tokens": 60}}
LISTED = {
    "classifier_id": "id-1",
    "user_id": "u-1",
    "model": "jina-clip-v2",
    "labels": ["water", "land"],
    "access": "private",
    "updated_number": 1,
    "used_number": 0,
    "created_at": "2026-11-20T10:00:00Z",
    "updated_at": "2026-11-20T11:00:00Z",
    "used_at": None,
    "is_active": True,
    "is_latest": True,
    "metadata_": {"a": 1},
}


def answer(body, status=200):
    return Response(status, {}, json.dumps(body).encode())


@pytest.fixture
def service(scripted):
    """``service(*outcomes)``: the classifiers of a client, and the transport that it sends through."""

    def make(*outcomes, **arguments):
        transport = scripted(*outcomes)
        arguments = {"limits": None, "retry": Retry(initial=0.0), **arguments}
        return Jina(base_url="http://x", transport=transport, **arguments).classifiers, transport

    return make


def bodies(transport):
    return [json.loads(request.body) for request in transport.requests]


TRAINERS = [model for model in MODELS.values() if "train" in model.products]


@pytest.mark.parametrize("model", TRAINERS, ids=lambda model: model.name)
def test_a_training_is_private_unless_asked_otherwise(service, model):
    """The service's default is public: what is not said would be seen by everybody."""
    classifiers, transport = service(answer(TRAINED), answer(TRAINED))
    training = classifiers.train(EXAMPLES, model=model.name)
    classifiers.train(EXAMPLES, model=model.name, access="public", iterations=3)
    sent = [{"text": "the sea", "label": "water"}, {"text": "a hill", "label": "land"}]
    assert bodies(transport) == [
        {"model": model.name, "access": "private", "num_iters": 10, "input": sent},
        {"model": model.name, "access": "public", "num_iters": 3, "input": sent},
    ]
    assert transport.requests[0].url == "http://x/v1/train"
    assert (training.classifier_id, training.samples, training.usage.tokens) == ("id-1", 2, 60)


@pytest.mark.parametrize("model", ["jina-clip-v2", "jina-embeddings-v4"])
def test_images_are_examples_for_models_that_see(service, model):
    """As pairs or as the service's own objects, beside texts."""
    classifiers, transport = service(answer(TRAINED))
    examples = [(Image(PNG), "a"), {"image": "https://y/z.png", "label": "b"}, {"text": "t", "label": "b"}]
    classifiers.train(examples, model=model)
    assert bodies(transport)[0]["input"] == [
        {"image": SENT_PNG, "label": "a"},
        {"image": "https://y/z.png", "label": "b"},
        {"text": "t", "label": "b"},
    ]


def test_an_update_names_the_classifier_and_no_model(service):
    """One more example of one label is enough."""
    classifiers, transport = service(answer(TRAINED))
    classifiers.update("id-1", [(Image(PNG), "water")], iterations=5)
    assert bodies(transport) == [
        {"classifier_id": "id-1", "num_iters": 5, "input": [{"image": SENT_PNG, "label": "water"}]}
    ]


REFUSED = [
    ({"examples": []}, "0 of them: pass 2 to 512"),
    ({"examples": EXAMPLES[:1]}, "1 of them"),
    ({"examples": EXAMPLES * 257}, "514 of them.*update"),
    ({"examples": [EXAMPLES[0]] * 3}, "1 different labels"),
    ({"examples": [("a", str(n)) for n in range(17)]}, "17 different labels.*16"),
    ({"examples": "ab"}, "examples is one str"),
    ({"examples": {"text": "a", "label": "b"}}, "examples is one dict"),
    ({"examples": [*EXAMPLES, "ab"]}, r"examples\[2\] is str"),
    ({"examples": [*EXAMPLES, ("a", "b", "c")]}, r"examples\[2\] is tuple"),
    ({"examples": [*EXAMPLES, ("a", 5)]}, r"examples\[2\] has the label 5"),
    ({"examples": [*EXAMPLES, ("a", " ")]}, r"examples\[2\] has the label"),
    ({"examples": [*EXAMPLES, {"text": "a"}]}, r"examples\[2\] has the label None"),
    ({"examples": [*EXAMPLES, {"label": "a"}]}, r"examples\[2\]"),
    ({"examples": [*EXAMPLES, (None, "a")]}, r"examples\[2\] is NoneType"),
    ({"examples": [*EXAMPLES, (Image(PNG), "a")]}, r"examples\[2\] is Image.*jina-clip-v2"),
    ({"examples": [*EXAMPLES, ("half \ud800", "a")]}, r"examples\[2\].*surrogate"),
    ({"examples": [*EXAMPLES, ("a", "half \ud800")]}, r"examples\[2\].*surrogate"),
    ({"access": "secret"}, "private"),
    ({"iterations": 0}, "iterations"),
    ({"iterations": True}, "iterations"),
    ({"model": "jina-code-embeddings-0.5b"}, "cannot train"),
    ({"model": "jina-reranker-v3"}, "cannot train"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_what_is_wrong_is_refused_before_sending(service, arguments, says):
    """Each example and argument is named, with what would be right."""
    classifiers, transport = service()
    with pytest.raises(ConfigurationError, match=says):
        classifiers.train(**{"examples": EXAMPLES, **arguments})
    assert transport.requests == []


@pytest.mark.parametrize("name", ["", ".", "..", " ", None, 5])
def test_an_id_that_is_none_is_refused_before_sending(service, name):
    """An empty path would mean all classifiers, and dots another address."""
    classifiers, transport = service()
    with pytest.raises(ConfigurationError, match="classifier_id"):
        classifiers.delete(name)
    with pytest.raises(ConfigurationError, match="classifier_id"):
        classifiers.update(name, EXAMPLES)
    assert transport.requests == []


LOST = [
    RequestError("no answer within 60 s"),
    answer({"detail": "x"}, 500),
    answer({"detail": "x"}, 504),
    Response(200, {}, b"<html>"),
    answer({"classifier_id": "id-1"}),
    answer({"num_samples": 2}),
]


@pytest.mark.parametrize("outcome", LOST, ids=range(len(LOST)))
@pytest.mark.parametrize("update", [False, True])
def test_a_training_that_may_have_been_done_is_not_asked_for_again(service, outcome, update):
    """A second request would make a second classifier, or count its examples twice."""
    classifiers, transport = service(outcome, answer(TRAINED))
    with pytest.raises((RequestError, ServiceError, ResponseError)):
        classifiers.update("id-1", EXAMPLES) if update else classifiers.train(EXAMPLES)
    assert len(transport.requests) == 1


def refused_connection():
    error = RequestError("connection refused")
    error.sent = False
    return error


NOT_DONE = [
    refused_connection(),
    answer({"detail": "x", "code": "CONFLICT_RESOURCE_BUSY"}, 409),
    answer({"detail": "x", "code": "RATE_REQUEST_LIMIT_EXCEEDED"}, 429),
    answer({"detail": "x"}, 503),
]


@pytest.mark.parametrize("outcome", NOT_DONE, ids=range(len(NOT_DONE)))
def test_a_training_that_was_surely_not_done_is_asked_for_again(service, outcome):
    """Refusals and connections that never came about have changed nothing; a busy classifier is soon free."""
    classifiers, transport = service(outcome, answer(TRAINED))
    assert classifiers.update("id-1", EXAMPLES).samples == 2
    assert len(transport.requests) == 2


def test_too_many_classifiers_are_a_matter_of_the_quota(service):
    """Sixteen is all that an account may have: no attempt helps."""
    classifiers, transport = service(answer({"detail": "x", "code": "AUTHZ_RESOURCE_LIMIT_EXCEEDED"}, 403))
    with pytest.raises(QuotaExhaustedError):
        classifiers.train(EXAMPLES)
    assert len(transport.requests) == 1


def test_a_refused_example_is_named(service):
    """By its place in the caller's list."""
    errors = [{"field": "input.1.text", "message": "too bad"}]
    classifiers, _ = service(answer({"detail": "x", "errors": errors}, 422))
    with pytest.raises(InvalidRequestError, match=r"examples\[1\]: .*too bad"):
        classifiers.train(EXAMPLES)


def test_the_list_holds_all_that_the_service_says(service):
    """Every field, under the service's names."""
    bare = {name: LISTED[name] for name in ("classifier_id", "model", "labels", "access")}
    classifiers, transport = service(answer([LISTED, bare]))
    found = classifiers.list()
    assert found == (
        Classifier(
            classifier_id="id-1",
            model="jina-clip-v2",
            labels=("water", "land"),
            access="private",
            user_id="u-1",
            created_at="2026-11-20T10:00:00Z",
            updated_at="2026-11-20T11:00:00Z",
            updated_number=1,
            used_number=0,
        ),
        Classifier(classifier_id="id-1", model="jina-clip-v2", labels=("water", "land"), access="private"),
    )
    assert found[0].metadata == {"a": 1}
    assert [(request.method, request.url) for request in transport.requests] == [
        ("GET", "http://x/v1/classifiers")
    ]


WRONG = [{}, None, "x", [1], [{}], *([{**LISTED, name: value}] for name, value in (("labels", "ab"), ("labels", [1]), ("classifier_id", None), ("model", 5), ("access", None), ("used_number", "many"), ("is_active", "yes"), ("metadata_", [])))]  # fmt: skip


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_a_wrong_list_is_an_error(service, body):
    """No KeyError, and nothing guessed."""
    classifiers, _ = service(answer(body), retry=Retry(attempts=1))
    with pytest.raises(ResponseError):
        classifiers.list()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(LISTED)), inner, max_size=13),
    max_leaves=14,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_answer_is_read_or_a_typed_error(body):
    """Whatever a gateway makes of the answers to a list and to a training."""

    class Gateway:
        def send(self, request):
            return answer(body)

    classifiers = Jina(
        base_url="http://x", limits=None, retry=Retry(attempts=1), transport=Gateway()
    ).classifiers
    for call in (classifiers.list, lambda: classifiers.train(EXAMPLES)):
        try:
            call()
        except RagbridgeError:
            continue


@pytest.mark.parametrize("gone", [answer({}), Response(204, {}, b"")])
def test_a_classifier_is_deleted_by_its_id(service, gone):
    """The id is one part of the path, whatever characters it has."""
    classifiers, transport = service(gone)
    classifiers.delete("a/b?c")
    assert [(request.method, request.url) for request in transport.requests] == [
        ("DELETE", "http://x/v1/classifiers/a%2Fb%3Fc")
    ]


def test_a_classifier_that_is_not_there_cannot_be_deleted(service):
    """The service's answer is the error."""
    classifiers, transport = service(answer({"detail": "gone", "code": "RESOURCE_NOT_FOUND"}, 404))
    with pytest.raises(InvalidRequestError, match="gone"):
        classifiers.delete("id-1")
    assert len(transport.requests) == 1


async def test_every_method_has_an_awaitable_twin(service):
    """The same on an event loop."""
    classifiers, _ = service(answer(TRAINED), answer(TRAINED), answer([LISTED]), answer({}))
    assert (await classifiers.atrain(EXAMPLES)).classifier_id == "id-1"
    assert (await classifiers.aupdate("id-1", EXAMPLES)).samples == 2
    assert (await classifiers.alist())[0].labels == ("water", "land")
    assert await classifiers.adelete("id-1") is None


class Watched(Limiter):
    """A limiter that remembers what was booked."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.booked = []

    def reserve(self, tokens, *, variance=0.0):
        self.booked.append(tokens)
        return super().reserve(tokens, variance=variance)


def test_a_training_is_booked_with_its_iterations(service):
    """It is billed the examples' tokens times the iterations."""
    limiter = Watched(RateLimit(100, 1_000_000, 1))
    classifiers, _ = service(answer(TRAINED), limits=limiter, count_tokens=len)
    classifiers.train([("x" * 100, "a"), ("y" * 100, "b")], iterations=20)
    assert 4000 <= limiter.booked[0] < 5000


def test_a_training_dearer_than_a_minute_is_sent_all_the_same(service):
    """The recommended number of examples would be on the lowest tier: it is booked with what there is."""
    clock = VirtualClock()
    limiter = Watched(RateLimit(100, 10_000, 1), clock=clock.now)
    bill = {**TRAINED, "usage": {"total_tokens": 42_000}}
    classifiers, transport = service(
        answer(bill), answer(bill), limits=limiter, count_tokens=len, clock=clock, concurrency=1
    )
    for _ in range(2):
        classifiers.train([("x" * 1000, "a"), ("y" * 1000, "b")] * 2)
    assert len(transport.requests) == 2
    assert all(tokens <= 10_000 for tokens in limiter.booked)
    assert clock.now() >= 60.0
