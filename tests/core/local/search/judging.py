"""What a case is: requests, and what Elasticsearch answers them. ``run`` asks, and compares."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Send: TypeAlias = Callable[[str, str, Any], tuple[int, Any]]
"""Sends method, path and body (an object, or a string of lines), and gives status and answer (None: no body)."""


@dataclass(frozen=True, slots=True)
class Near:
    """A number, within a tolerance."""

    value: float
    error: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and abs(other - self.value) <= self.error


@dataclass(frozen=True, slots=True)
class Size:
    """A list or an object of so many entries."""

    count: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list | dict) and len(other) == self.count


@dataclass(frozen=True, slots=True)
class Below:
    """A number that is smaller."""

    value: float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and other < self.value


@dataclass(frozen=True, slots=True)
class Part:
    """A text that holds this one."""

    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.text in other


class _Present:
    def __eq__(self, other: object) -> bool:
        return other is not ABSENT

    def __repr__(self) -> str:
        return "PRESENT"


ABSENT: Any = type("_Absent", (), {"__repr__": lambda _: "ABSENT"})()
"""There is nothing at this place of the answer."""
PRESENT: Any = _Present()
"""There is something at this place of the answer, whatever it is."""

RELATIVE = 1e-5
"""Tolerance of a score for which a case states none: floats have 24 bits."""


def near(value: float, error: float | None = None) -> Near:
    """A number that an answer gives as a float."""
    return Near(value, abs(value) * RELATIVE if error is None else error)


@dataclass(frozen=True, slots=True)
class Step:
    """One request, and what is known of its answer.

    Attributes:
        method: Its method.
        path: Its path, with the query.
        body: An object; a string of lines for ``_bulk`` and ``_msearch``; None for nothing.
        status: The answer's status; None for any below 300.
        at: What stands where in the answer. Places are written with ``/`` between names and indexes.
        ids: Ids of the hits, in order.
        among: Ids of the hits, in any order.
        says: Parts of sentences somewhere in the answer.
    """

    method: str
    path: str
    body: Any = None
    status: int | None = None
    at: dict[str, Any] = field(default_factory=dict)
    ids: Sequence[str] | None = None
    among: Sequence[str] | None = None
    says: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One fact about Elasticsearch.

    Attributes:
        promise: What it says, in a sentence.
        source: Where that is written.
        steps: The requests, those that prepare it first.
    """

    promise: str
    source: str
    steps: tuple[Step, ...]

    @property
    def needs_test_services(self) -> bool:
        """Whether it needs the services of Elastic's test plugin, which no released cluster has."""
        return any("test_service" in text or "reranking_service" in text for text in self._bodies())

    def names(self) -> Iterator[str]:
        """Paths of all that it makes: what must not be there before, and must go afterwards."""
        for step in self.steps:
            path = step.path.partition("?")[0]
            parts = path.strip("/").split("/")
            if step.method == "PUT" and len(parts) == 1:
                yield path
            elif path == "/_bulk":
                for line in str(step.body).splitlines():
                    action = json.loads(line)
                    for name in ("index", "create", "update"):
                        if isinstance(action.get(name), dict) and "_index" in action[name]:
                            yield f"/{action[name]['_index']}"
            elif path == "/_reindex":
                yield f"/{step.body['dest']['index']}"
            elif parts[0] == "_inference" and step.method == "PUT":
                yield f"/_inference/{parts[-1]}?force=true"
            elif parts[:2] == ["_ingest", "pipeline"] and step.method == "PUT":
                yield path
            elif len(parts) > 1 and not parts[0].startswith("_") and parts[1] in {"_doc", "_bulk", "_create"}:
                yield f"/{parts[0]}"

    def _bodies(self) -> Iterator[str]:
        return (step.body if isinstance(step.body, str) else json.dumps(step.body) for step in self.steps)


def case(promise: str, source: str, *steps: Step | Sequence[Step]) -> Case:
    """A case; lists of steps are put in their place."""
    flat: list[Step] = []
    for step in steps:
        flat.extend([step] if isinstance(step, Step) else step)
    return Case(promise, source, tuple(flat))


def ask(
    request: str,
    body: Any = None,
    *,
    status: int | None = None,
    at: dict[str, Any] | None = None,
    ids: Sequence[str] | None = None,
    among: Sequence[str] | None = None,
    total: int | None = None,
    scores: Sequence[float | Near] | None = None,
    kind: str | None = None,
    reason: str | None = None,
    says: str | Sequence[str] = (),
) -> Step:
    """A step, written short.

    Args:
        request: Method and path.
        body: As ``Step`` has it.
        status: As ``Step`` has it.
        at: As ``Step`` has it.
        ids: As ``Step`` has it.
        among: As ``Step`` has it.
        total: ``hits.total.value``.
        scores: The hits' scores, in order.
        kind: ``error.type``.
        reason: ``error.reason``, the whole.
        says: As ``Step`` has it.
    """
    method, _, path = request.partition(" ")
    places = dict(at or {})
    if total is not None:
        places["hits/total/value"] = total
    for index, score in enumerate(scores or ()):
        places[f"hits/hits/{index}/_score"] = score if isinstance(score, Near) else near(score)
    if kind is not None:
        places["error/type"] = kind
    if reason is not None:
        places["error/reason"] = reason
    sentences = (says,) if isinstance(says, str) else tuple(says)
    return Step(method, path, body, status, places, ids, among, sentences)


def search(index: str, body: Any, **expected: Any) -> Step:
    """A search of one index or several."""
    return ask(f"POST /{index}/_search", body, **expected)


def create(index: str, settings: dict[str, Any] | None = None, /, **properties: Any) -> Step:
    """A new index with these fields; a string is a type."""
    fields = {name: {"type": row} if isinstance(row, str) else row for name, row in properties.items()}
    body = {"mappings": {"properties": fields}, **({"settings": settings} if settings else {})}
    return ask(f"PUT /{index}", body)


def put(index: str, name: str, /, **document: Any) -> Step:
    """A document, visible at once."""
    return ask(f"PUT /{index}/_doc/{name}?refresh=true", document)


def lines(*rows: Any) -> str:
    """The body of a ``_bulk`` or ``_msearch``."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def bulk(index: str | None, *rows: Any, **expected: Any) -> Step:
    """Actions and documents, visible at once."""
    path = "/_bulk" if index is None else f"/{index}/_bulk"
    return ask(f"POST {path}?refresh=true", lines(*rows), **expected)


def run(case: Case, send: Send) -> None:
    """Send each request of a case and compare its answer.

    Raises:
        AssertionError: An answer differs. The message names the step.
    """
    for number, step in enumerate(case.steps):
        status, answer = send(step.method, step.path, step.body)
        where = f"step {number}, {step.method} {step.path}: {_short(answer)}"
        if step.status is None:
            assert status < 300, f"status {status}; {where}"
        else:
            assert status == step.status, f"status {status}, not {step.status}; {where}"
        hits = (
            [hit["_id"] for hit in answer["hits"]["hits"]]
            if isinstance(answer, dict) and "hits" in answer
            else []
        )
        if step.ids is not None:
            assert hits == list(step.ids), f"ids {hits}, not {list(step.ids)}; {where}"
        if step.among is not None:
            assert sorted(hits) == sorted(step.among), f"ids {hits}, not {list(step.among)}; {where}"
        for place, wanted in step.at.items():
            found = _find(answer, place)
            assert wanted == found, f"{place} is {found!r}, not {wanted!r}; {where}"
        said = list(_sentences(answer))
        for sentence in step.says:
            assert any(sentence in text for text in said), f"nothing says {sentence!r}; {where}"


def _find(answer: Any, place: str) -> Any:
    for part in place.split("/"):
        if isinstance(answer, dict) and part in answer:
            answer = answer[part]
        elif isinstance(answer, list) and part.isdecimal() and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            return ABSENT
    return answer


def _sentences(answer: Any) -> Iterator[str]:
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict | list):
        for value in answer.values() if isinstance(answer, dict) else answer:
            yield from _sentences(value)


def _short(answer: Any) -> str:
    return json.dumps(answer)[:1500]
