"""What classification sends, what it refuses before sending, and what it reads."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import (
    ConfigurationError,
    Image,
    InvalidRequestError,
    Jina,
    Limiter,
    Pdf,
    RagbridgeError,
    RateLimit,
    ResponseError,
    Retry,
)
from ragbridge.flow import Response
from ragbridge.models import MODELS
from ragbridge.testing import VirtualClock

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SENT_PNG = {"image": base64.b64encode(PNG).decode()}
CLASSIFIERS = [model for model in MODELS.values() if "classify" in model.products]
LABELS = ["odd", "even"]
GROUPS = {"parity": ["odd", "even"], "size": ["small", "large"]}


class Sorter:
    """Gives each input the label of the place that its number says, and says so out of order."""

    def __init__(self, *, predictions=True):
        self.requests = []
        self.predictions = predictions

    def send(self, request):
        self.requests.append(request)
        body = json.loads(request.body)
        labels = body.get("labels", LABELS)
        rows = [self._row(index, item, labels) for index, item in enumerate(body["input"])]
        answer = {"usage": {"total_tokens": 10 * len(rows)}, "data": rows[::-1]}
        return Response(200, {}, json.dumps(answer).encode())

    async def send_async(self, request):
        await asyncio.sleep(0)
        return self.send(request)

    def _row(self, index, item, labels):
        number = 0 if isinstance(item, dict) else int(item.split()[0])
        groups = labels if isinstance(labels, dict) else {None: labels}
        part = {name: self._answer(number, group) for name, group in groups.items()}
        if isinstance(labels, dict):
            answer = {key: {name: part[name][key] for name in groups} for key in ("prediction", "score", "predictions")}  # fmt: skip
        else:
            answer = part[None]
        if not self.predictions:
            del answer["predictions"]
        return {"object": "classification", "index": index, **answer}

    def _answer(self, number, labels):
        best = labels[number % len(labels)]
        scores = {label: 0.6 if label == best else 0.4 for label in labels}
        listed = [{"label": label, "score": score} for label, score in scores.items()]
        return {"prediction": best, "score": 0.6, "predictions": listed}


@pytest.fixture
def sorter():
    """``sorter(**settings)``: a client, and the transport that sorts by numbers."""

    def make(transport=None, **arguments):
        transport = transport or Sorter()
        arguments = {"limits": None, "retry": Retry(attempts=1), **arguments}
        return Jina(base_url="http://x", transport=transport, **arguments), transport

    return make


def bodies(transport):
    return [json.loads(request.body) for request in transport.requests]


@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda model: model.name)
def test_labels_go_with_the_model_and_the_inputs(sorter, model):
    """The body holds what was asked and nothing else, for every model that classifies."""
    jina, transport = sorter()
    found = jina.classify(["0 a", {"text": "1 b"}], labels=tuple(LABELS), model=model.name)
    assert bodies(transport) == [{"model": model.name, "labels": LABELS, "input": ["0 a", "1 b"]}]
    assert transport.requests[0].url == "http://x/v1/classify"
    assert [(row.index, row.label, row.score, row.group) for row in found] == [
        (0, "odd", 0.6, None),
        (1, "even", 0.6, None),
    ]
    assert list(found.results[1].scores.items()) == [("even", 0.6), ("odd", 0.4)]
    assert (found.model, found.usage.tokens, found.usage.requests) == (model.name, 20, 1)


def test_the_default_model_is_the_one_for_texts(sorter):
    """Nobody has to know a model's name."""
    jina, transport = sorter()
    jina.classify(["0 a"], labels=LABELS)
    assert bodies(transport)[0]["model"] == "jina-embeddings-v5-text-small"


def test_a_classifier_brings_model_and_labels_itself(sorter):
    """The body names it and nothing else."""
    jina, transport = sorter()
    found = jina.classify(["1 a"], classifier="id-1")
    assert bodies(transport) == [{"classifier_id": "id-1", "input": ["1 a"]}]
    assert (found.results[0].label, found.model) == ("even", None)


def test_groups_of_labels_give_one_row_for_each_input_and_group(sorter):
    """In the order of the inputs, then of the groups; ``group`` picks one."""
    jina, transport = sorter()
    found = jina.classify(["1 a", "0 b"], labels=GROUPS)
    assert bodies(transport)[0]["labels"] == GROUPS
    assert [(row.index, row.group, row.label) for row in found] == [
        (0, "parity", "even"),
        (0, "size", "large"),
        (1, "parity", "odd"),
        (1, "size", "small"),
    ]
    assert [row.label for row in found.group("size")] == ["large", "small"]


@pytest.mark.parametrize("labels", [LABELS, GROUPS])
def test_answers_without_a_list_of_scores_are_read(sorter, labels):
    """The service gave none in 2024: the label's own score is what there is."""
    jina, _ = sorter(Sorter(predictions=False))
    for row in jina.classify(["1 a"], labels=labels):
        assert row.scores == {row.label: 0.6}


def test_no_input_sends_nothing(sorter):
    """An empty list has no labels."""
    jina, transport = sorter()
    assert jina.classify([], labels=LABELS).results == ()
    assert transport.requests == []


async def test_inputs_are_cut_into_requests_and_keep_their_order(sorter):
    """512 inputs at most, whatever batch size was asked for less; both faces alike."""
    inputs = [f"{n % 2} {n}" for n in range(700)]
    jina, transport = sorter(batch_size=512)
    found = jina.classify(inputs, labels=LABELS)
    assert sorted(len(body["input"]) for body in bodies(transport)) == [188, 512]
    assert [row.index for row in found] == list(range(700))
    assert [row.label for row in found] == [LABELS[n % 2] for n in range(700)]
    assert await jina.aclassify(inputs, labels=LABELS) == found


@pytest.mark.parametrize("model", ["jina-clip-v1", "jina-clip-v2", "jina-embeddings-v4"])
def test_images_go_in_requests_of_their_own(sorter, model):
    """Whether the service mixes texts and images is disputed: no request does, and the order is the caller's."""
    jina, transport = sorter(concurrency=1)
    found = jina.classify(["1 a", Image(PNG), "1 b", {"image": "https://y/z.png"}], labels=LABELS, model=model)  # fmt: skip
    assert [body["input"] for body in bodies(transport)] == [
        ["1 a", "1 b"],
        [SENT_PNG, {"image": "https://y/z.png"}],
    ]
    assert [(row.index, row.label) for row in found] == [(0, "even"), (1, "odd"), (2, "even"), (3, "odd")]


REFUSED = [
    ({"labels": None}, "exactly one of labels"),
    ({"classifier": "id"}, "exactly one of labels"),
    ({"labels": None, "classifier": "id", "model": "jina-clip-v2"}, "model="),
    ({"labels": None, "classifier": ""}, "classifier="),
    ({"labels": None, "classifier": 5}, "classifier="),
    ({"labels": []}, "labels has 0"),
    ({"labels": "odd"}, "labels is one str: pass a list"),
    ({"labels": 5}, "labels is int"),
    ({"labels": ["odd", 5]}, r"labels\[1\]"),
    ({"labels": ["odd", " "]}, r"labels\[1\]"),
    ({"labels": ["odd", "odd"]}, "'odd' more than once"),
    ({"labels": [str(n) for n in range(257)]}, "256"),
    ({"labels": {}}, "0 groups"),
    ({"labels": {str(n): LABELS for n in range(9)}}, "9 groups"),
    ({"labels": {"size": [str(n) for n in range(65)]}}, r"labels\['size'\].*64"),
    ({"labels": {"size": "small"}}, r"labels\['size'\]"),
    ({"labels": {5: LABELS}}, "group 5"),
    ({"labels": ["odd", "half \ud800"]}, "label 1 holds half of a surrogate"),
    ({"model": "jina-reranker-v3"}, "cannot classify"),
    ({"model": "jina-embeddings-v5-omni-small"}, "cannot classify"),
    ({"inputs": "text"}, "inputs is one str"),
    ({"inputs": Image(PNG)}, "inputs is one Image"),
    ({"inputs": ["1 a", None]}, r"inputs\[1\]"),
    ({"inputs": ["1 a", "half \ud800"]}, r"inputs\[1\].*surrogate"),
    ({"inputs": ["1 a", Image(PNG)]}, r"inputs\[1\] is Image.*jina-clip-v2"),
    ({"inputs": [Pdf(b"%PDF")], "model": "jina-clip-v2"}, r"inputs\[0\] is Pdf"),
]


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
def test_what_is_wrong_is_refused_before_sending(sorter, arguments, says):
    """Each argument is named, with what would be right."""
    jina, transport = sorter()
    with pytest.raises(ConfigurationError, match=says):
        jina.classify(**{"inputs": ["1 a"], "labels": LABELS, **arguments})
    assert transport.requests == []


def row(**changes):
    return {"index": 0, "prediction": "odd", "score": 0.6, "predictions": None, **changes}


WRONG = [
    (LABELS, [], "rows"),
    (LABELS, [row(), row()], "rows"),
    (LABELS, [row(index=1)], "index"),
    (LABELS, [row(prediction="green")], "not asked for"),
    (LABELS, [row(prediction=None)], "not asked for"),
    (LABELS, [row(prediction={"parity": "odd"})], "not asked for"),
    (LABELS, [row(score=None)], "score"),
    (LABELS, [row(score=float("nan"))], "score"),
    (LABELS, [row(score=10**400)], "score"),
    (LABELS, [row(predictions="x")], "predictions"),
    (LABELS, [row(predictions=[])], "predictions"),
    (LABELS, [row(predictions=[1])], "predictions"),
    (LABELS, [row(predictions=[{"label": "even", "score": 1}])], "predictions"),
    (LABELS, [row(predictions=[{"label": "odd", "score": 1}] * 2)], "twice"),
    (LABELS, [row(predictions=[{"label": "odd"}])], "score"),
    (GROUPS, [row()], "group 'parity'"),
    (GROUPS, [row(prediction={"parity": "odd"}, score={"parity": 1, "size": 1})], "group 'size'"),
]


@pytest.mark.parametrize(("labels", "rows", "says"), WRONG)
def test_a_wrong_answer_is_an_error(sorter, scripted, labels, rows, says):
    """No label that was not asked for, none missing, no score that is no number."""
    jina, _ = sorter(scripted(Response(200, {}, json.dumps({"data": rows}).encode())))
    with pytest.raises(ResponseError, match=says):
        jina.classify(["0 a"], labels=labels)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["odd", "small", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "prediction", "score", "predictions", "label", "parity", "size", "data"]), inner, max_size=6),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries({"data": st.lists(JSON, max_size=2)}) | JSON,
    st.sampled_from([LABELS, GROUPS, None]),
)
def test_any_answer_is_a_label_or_a_typed_error(answer, labels):
    """No KeyError, no TypeError: whatever a gateway makes of an answer."""

    class Gateway:
        def send(self, request):
            return Response(200, {}, json.dumps(answer).encode())

    jina = Jina(base_url="http://x", limits=None, retry=Retry(attempts=1), transport=Gateway())
    asked = {"labels": labels} if labels else {"classifier": "id"}
    try:
        found = jina.classify(["0 a"], **asked)
    except RagbridgeError:
        return
    assert {row.index for row in found} == {0}


def test_a_refused_input_is_named_by_the_callers_index(sorter, scripted):
    """In whichever request it was, behind whichever images."""
    refusal = {"detail": "x", "errors": [{"field": "input.1.text", "message": "too bad"}]}
    refused = Response(422, {}, json.dumps(refusal).encode())
    jina, _ = sorter(scripted(refused), concurrency=1)
    with pytest.raises(InvalidRequestError, match=r"inputs\[2\]: .*too bad") as caught:
        jina.classify(["0 a", Image(PNG), "0 b"], labels=LABELS, model="jina-clip-v2")
    assert caught.value.index == 2


@pytest.mark.parametrize(
    ("status", "code"), [(400, "INPUT_INVALID_LABELS"), (400, "INPUT_LABEL_LIMIT_EXCEEDED"), (404, "RESOURCE_NOT_FOUND")]
)  # fmt: skip
def test_refused_labels_are_no_fault_of_an_input(sorter, scripted, status, code):
    """The message is the service's own, without the name of an input; of a 404, with the address."""
    body = {"detail": "no", "code": code, "request_id": "r-1"}
    jina, _ = sorter(scripted(Response(status, {}, json.dumps(body).encode())))
    with pytest.raises(InvalidRequestError) as caught:
        jina.classify(["0 a"], labels=LABELS)
    said = "no (POST http://x/v1/classify)" if status == 404 else "no"
    assert (caught.value.message, caught.value.index, caught.value.code) == (said, None, code)


def test_labels_are_booked_with_every_request(sorter):
    """They are billed each time: long ones leave less room for inputs."""
    booked = []

    class Watched(Limiter):
        def reserve(self, tokens, *, variance=0.0):
            booked.append(tokens)
            return super().reserve(tokens, variance=variance)

    clock = VirtualClock()
    for label in ("x", "x" * 500):
        limiter = Watched(RateLimit(100, 5000, 1), clock=clock.now)
        jina, _ = sorter(limits=limiter, count_tokens=len, clock=clock, concurrency=1)
        jina.classify(["1 a"], labels=[label, "y"])
    assert booked[1] - booked[0] == pytest.approx(499, abs=50)
