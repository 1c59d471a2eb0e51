"""What stands in the answer of a classification."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ragbridge.client.answers import finite, read_rows
from ragbridge.errors import ResponseError
from ragbridge.flow import Response
from ragbridge.services.jina.classify.options import Target
from ragbridge.services.jina.wire import billed, decode
from ragbridge.values.classification import Classification


def read_classifications(
    response: Response, *, places: Sequence[int], target: Target
) -> tuple[list[tuple[Classification, ...]], int | None]:
    """For each input its label, or one of each group of labels; and the tokens billed.

    Args:
        response: A success.
        places: Where the inputs of the request stand in the caller's list.
        target: What was asked for.

    Raises:
        ResponseError: An input has no row or two, or its row no label that was asked for, or no finite score.
    """
    body = decode(response)
    rows = read_rows(body.get("data"), "data", len(places), lambda row: row)
    results = [tuple(_results(row, place, target)) for place, row in zip(places, rows, strict=True)]
    return results, billed(body)


def _results(row: Mapping[str, Any], place: int, target: Target) -> Iterator[Classification]:
    answer = {name: row.get(name) for name in ("prediction", "score", "predictions")}
    if target.classifier is not None:
        yield _result(answer, place, None, None)
    elif None in target.groups:
        yield _result(answer, place, None, target.groups[None])
    else:
        for group, labels in target.groups.items():
            part = {name: _of_group(value, name, group, place) for name, value in answer.items()}
            yield _result(part, place, group, labels)


def _of_group(value: object, name: str, group: str | None, place: int) -> object:
    if value is None and name == "predictions":
        return None
    if not isinstance(value, dict) or group not in value:
        raise ResponseError(f"{name!r} of input {place} has nothing for the group {group!r}")
    return value[group]


def _result(
    answer: Mapping[str, Any], place: int, group: str | None, labels: Sequence[str] | None
) -> Classification:
    label = _label(answer["prediction"], place, labels)
    score = _score(answer["score"], place)
    listed = answer["predictions"]
    if listed is None:  # as in answers of 2024
        return Classification(place, label, score, {label: score}, group)
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        raise ResponseError(f"'predictions' of input {place} is no list of labels and scores")
    pairs = [
        (_label(entry.get("label"), place, labels), _score(entry.get("score"), place)) for entry in listed
    ]
    scores = dict(sorted(pairs, key=lambda pair: -pair[1]))
    if len(scores) < len(pairs) or not math.isclose(scores.get(label, math.inf), score, abs_tol=1e-4):
        raise ResponseError(
            f"'predictions' of input {place} has a label twice, or not the one predicted with its score"
        )
    return Classification(place, label, score, scores, group)


def _label(value: object, place: int, labels: Sequence[str] | None) -> str:
    if not isinstance(value, str) or (labels is not None and value not in labels):
        raise ResponseError(f"input {place} is given the label {str(value)[:80]!r}, which was not asked for")
    return value


def _score(value: object, place: int) -> float:
    score = finite(value)
    if score is None:
        raise ResponseError(f"a score of input {place} is {str(value)[:40]}, no finite number")
    return score
