"""Classification and training in the embedded engine."""

from __future__ import annotations

import json
import threading

import pytest

from ragbridge.local import Engine, Faults, Quota

MODEL = "jina-embeddings-v3"
INPUT = ["My cat purrs on the sofa.", "The bank raised interest rates."]
LABELS = ["animals and pets", "money and finance"]
SAMPLES = [
    {"text": "a dog barks", "label": "animal"},
    {"text": "the cat sleeps", "label": "animal"},
    {"text": "shares fell at the stock exchange", "label": "money"},
    {"text": "the loan has a high interest", "label": "money"},
]


class Client:
    """One key's requests to one engine."""

    def __init__(self, ask, engine, key="a"):
        self.ask, self.engine, self.key = ask, engine, key

    def __call__(self, path, body=None, method="POST"):
        response = self.ask(self.engine, path, body, method=method, key=self.key).response
        return response.status, json.loads(response.body)

    def train(self, samples=SAMPLES, **fields):
        return self("/v1/train", {"model": MODEL, "input": samples, **fields})

    def classify(self, **fields):
        return self("/v1/classify", {"input": INPUT, **fields})


@pytest.fixture
def client(ask):
    return Client(ask, Engine())


def code(answer):
    status, body = answer
    return status, body.get("code")


def test_zero_shot(client):
    """Each input gets the label that is most similar, with scores that add up to 1."""
    status, answer = client.classify(model=MODEL, labels=LABELS)
    assert status == 200
    assert [row["prediction"] for row in answer["data"]] == LABELS
    for index, row in enumerate(answer["data"]):
        assert (row["object"], row["index"]) == ("classification", index)
        assert sum(entry["score"] for entry in row["predictions"]) == pytest.approx(1)
        assert row["score"] == max(entry["score"] for entry in row["predictions"])
        assert [entry["label"] for entry in row["predictions"]] == LABELS
    assert set(answer["usage"]) == {"total_tokens"}


def test_groups_of_labels(client):
    """With groups, prediction and scores come for each of them."""
    groups = {"topic": LABELS, "mood": ["calm", "worried", "angry"]}
    row = client.classify(model=MODEL, labels=groups)[1]["data"][0]
    assert row["prediction"]["topic"] == LABELS[0]
    assert set(row["score"]) == set(row["prediction"]) == {"topic", "mood"}
    assert sum(entry["score"] for entry in row["predictions"]["mood"]) == pytest.approx(1)


def test_few_shot(client):
    """A classifier learns from its samples, can be taught more, and is forgotten when deleted."""
    _, made = client.train(access="private", num_iters=3)
    name = made["classifier_id"]
    assert made["num_samples"] == 4
    assert client.train(num_iters=6)[1]["usage"]["total_tokens"] == 2 * made["usage"]["total_tokens"]
    _, answer = client.classify(classifier_id=name)
    assert [row["prediction"] for row in answer["data"]] == ["animal", "money"]

    more = [{"text": "the team won the match", "label": "sport"}]
    assert client("/v1/train", {"classifier_id": name, "input": more})[1]["num_samples"] == 1
    sport = client("/v1/classify", {"classifier_id": name, "input": "a football match"})[1]
    assert sport["data"][0]["prediction"] == "sport"

    listed = {row["classifier_id"]: row for row in client("/v1/classifiers", method="GET")[1]}
    assert (listed[name]["labels"], listed[name]["access"]) == (["animal", "money", "sport"], "private")
    assert (listed[name]["updated_number"], listed[name]["used_number"]) == (1, 2)
    assert listed[name]["model"] == MODEL
    assert client("/v1/classifiers")[1] == client("/v1/classifiers", method="GET")[1]

    assert client(f"/v1/classifiers/{name}", method="DELETE")[0] == 200
    assert code(client.classify(classifier_id=name)) == (404, "RESOURCE_NOT_FOUND")
    assert code(client(f"/v1/classifiers/{name}", method="DELETE")) == (404, "RESOURCE_NOT_FOUND")


def test_access(client, ask):
    """Classifiers are public unless private is asked for; other keys use public ones, and change or list none."""
    other = Client(ask, client.engine, key="b")
    public, private = client.train()[1]["classifier_id"], client.train(access="private")[1]["classifier_id"]
    assert other.classify(classifier_id=public)[0] == 200
    assert code(other.classify(classifier_id=private)) == (404, "RESOURCE_NOT_FOUND")
    assert code(other("/v1/train", {"classifier_id": public, "input": SAMPLES})) == (
        404,
        "RESOURCE_NOT_FOUND",
    )
    assert code(other(f"/v1/classifiers/{public}", method="DELETE")) == (404, "RESOURCE_NOT_FOUND")
    assert other("/v1/classifiers", method="GET") == (200, [])


def test_pictures(client):
    """A classifier of a model that takes pictures knows one that it was taught."""
    samples = [{"image": "AAAA", "label": "one"}, {"image": "BBBB", "label": "two"}]
    _, made = client("/v1/train", {"model": "jina-clip-v2", "input": samples})
    body = {"classifier_id": made["classifier_id"], "input": [{"image": "BBBB"}]}
    assert client("/v1/classify", body)[1]["data"][0]["prediction"] == "two"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([], "INPUT_INVALID_LABELS"),
        ("one", "INPUT_INVALID_LABELS"),
        (["a", 1], "INPUT_INVALID_LABELS"),
        (["a", "a"], "INPUT_INVALID_LABELS"),
        (["a", " "], "INPUT_INVALID_LABELS"),
        ({}, "INPUT_INVALID_LABELS"),
        ({"g": "a"}, "INPUT_INVALID_LABELS"),
        ([str(number) for number in range(257)], "INPUT_LABEL_LIMIT_EXCEEDED"),
        ({str(number): ["a"] for number in range(9)}, "INPUT_LABEL_LIMIT_EXCEEDED"),
        ({"g": [str(number) for number in range(65)]}, "INPUT_LABEL_LIMIT_EXCEEDED"),
    ],
)
def test_labels(client, labels, expected):
    """Labels that are none, and more than there may be, are refused with their codes."""
    assert code(client.classify(model=MODEL, labels=labels)) == (400, expected)


def test_limits_of_classifiers(client):
    """A classifier has 2 to 16 labels, over all its training; a key has 16 classifiers, and room again after deleting."""
    many = [{"text": "a", "label": str(number)} for number in range(17)]
    assert code(client.train(many)) == (400, "INPUT_LABEL_LIMIT_EXCEEDED")
    assert code(client.train([{"text": "a", "label": "x"}] * 2)) == (400, "INPUT_INVALID_LABELS")
    name = client.train(many[:16])[1]["classifier_id"]
    more = {"classifier_id": name, "input": many[16:]}
    assert code(client("/v1/train", more)) == (400, "INPUT_LABEL_LIMIT_EXCEEDED")
    assert all(client.train()[0] == 200 for _ in range(15))
    assert code(client.train()) == (403, "AUTHZ_RESOURCE_LIMIT_EXCEEDED")
    client(f"/v1/classifiers/{name}", method="DELETE")
    assert client.train()[0] == 200


@pytest.mark.parametrize(
    ("path", "fields", "field", "kind"),
    [
        ("/v1/classify", {"model": MODEL, "labels": None}, "labels", "missing"),
        ("/v1/classify", {"labels": LABELS}, "model", "missing"),
        ("/v1/classify", {"model": MODEL, "labels": LABELS, "input": []}, "input", "too_short"),
        ("/v1/classify", {"model": MODEL, "labels": LABELS, "input": ["a"] * 513}, "input", "too_long"),
        (
            "/v1/classify",
            {"model": MODEL, "labels": LABELS, "input": [{"image": "AAAA"}]},
            "input.0",
            "value_error",
        ),
        ("/v1/classify", {"classifier_id": 5}, "classifier_id", "string_type"),
        ("/v1/train", {"model": MODEL, "input": SAMPLES[:1]}, "input", "too_short"),
        ("/v1/train", {"model": MODEL, "input": SAMPLES * 129}, "input", "too_long"),
        ("/v1/train", {"model": MODEL, "input": "text"}, "input", "list_type"),
        ("/v1/train", {"model": MODEL, "input": [*SAMPLES, {"text": "a"}]}, "input.4.label", "string_type"),
        ("/v1/train", {"model": MODEL, "input": [*SAMPLES, {"label": "a"}]}, "input.4", "value_error"),
        ("/v1/train", {"model": MODEL, "input": SAMPLES, "access": "secret"}, "access", "literal_error"),
        ("/v1/train", {"model": MODEL, "input": SAMPLES, "num_iters": 0}, "num_iters", "greater_than_equal"),
    ],
)
def test_validation(client, path, fields, field, kind):
    """A wrong field is answered with 422 that names it."""
    status, answer = client(path, {"input": INPUT, **fields})
    assert status == 422
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [(field, kind)]


def test_labels_beside_a_classifier(client):
    """Labels and a classifier in one request are refused."""
    name = client.train()[1]["classifier_id"]
    answer = client.classify(classifier_id=name, labels=LABELS)[1]
    assert [error["field"] for error in answer["errors"]] == ["labels"]


@pytest.mark.parametrize("model", ["jina-reranker-v3", "none"])
def test_models_that_do_not_classify(client, model):
    """They are not found."""
    assert code(client.classify(model=model, labels=LABELS)) == (400, "INPUT_MODEL_NOT_FOUND")
    assert code(client.train(model=model)) == (400, "INPUT_MODEL_NOT_FOUND")


def test_threads_teach_one_classifier(client):
    """Lessons that come at the same time are all learnt, and no more classifiers are made than a key may have."""
    name = client.train()[1]["classifier_id"]
    made = []

    def work(number):
        for turn in range(5):
            sample = {"text": f"text {turn}", "label": f"label {number}"}
            assert client("/v1/train", {"classifier_id": name, "input": sample})[0] == 200
            made.append(client.train()[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = {row["classifier_id"]: row for row in client("/v1/classifiers", method="GET")[1]}
    assert len(listed) == 16
    assert made.count(200) == 15
    assert listed[name]["updated_number"] == 30
    assert set(listed[name]["labels"]) == {"animal", "money", *(f"label {number}" for number in range(6))}


def test_what_the_quota_refuses_changes_nothing(ask):
    """A training beyond the quota makes no classifier."""
    client = Client(ask, Engine(quota=Quota(tokens_per_minute=1), clock=lambda: 0.0))
    assert code(client.train()) == (429, "RATE_TOKEN_LIMIT_EXCEEDED")
    assert client("/v1/classifiers", method="GET")[1] == []


@pytest.mark.parametrize("kind", ["shuffle", "missing", "nan", "width", "offset", "duplicate"])
@pytest.mark.parametrize("labels", [LABELS, {"topic": LABELS, "mood": ["calm", "angry"]}])
def test_faults(ask, kind, labels):
    """Faults of rows strike classifications, with groups and without."""
    right = Client(ask, Engine()).classify(model=MODEL, labels=labels)[1]["data"]
    engine = Engine(faults=Faults(rate=1, kinds=[kind]))
    status, answer = Client(ask, engine).classify(model=MODEL, labels=labels)
    assert status == 200
    assert answer["data"] != right
    if kind == "nan":
        assert "nan" in str(answer["data"])
