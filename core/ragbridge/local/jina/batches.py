"""``/v1/batch/*``: batch jobs. Source of the shapes: Jina's API description of 2026-04.

A job advances each time its status is polled: it is pending when submitted, processing after the first poll, and completed
after the second. Clients' polling is exercised, and nothing runs in the background. Vectors are computed on download.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.items import Item, answering, read_items, vectors
from ragbridge.local.jina.downloads import JSON_LINES, Signer
from ragbridge.local.jina.embeddings import ids_within
from ragbridge.local.jina.store import Store
from ragbridge.local.refusals import Refusal
from ragbridge.models import MAX_BATCH_ITEMS

if TYPE_CHECKING:
    from ragbridge.local.model import Embedder, Ids
    from ragbridge.models import Model

KEPT = 64
"""Jobs kept in total, for all keys; the oldest is evicted."""
LIFE = timedelta(hours=24)
"""Lifetime of a result's address, as answers state it. The engine's addresses are valid as long as the job."""

_STATES = ("pending", "processing", "completed")


@dataclass(frozen=True, slots=True)
class Line:
    """One input of a job.

    Attributes:
        custom_id: The caller's id.
        items: The items to embed.
        texts: Token ids of each text in ``items``.
        problem: The refusal of an invalid input; None for a valid one.
    """

    custom_id: str
    items: Sequence[Item] = ()
    texts: Sequence[Ids] = ()
    problem: Refusal | None = None

    @property
    def tokens(self) -> int:
        """The input's cost in tokens."""
        return sum(len(ids) for ids in self.texts)


@dataclass(slots=True, eq=False)
class Batch:
    """A batch job."""

    id: str
    owner: str
    row: Model
    width: int
    normalized: bool
    lines: Sequence[Line]
    polls: int = 0
    cancelled: bool = False
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed: datetime | None = None

    @property
    def status(self) -> str:
        """The job's status."""
        return "cancelled" if self.cancelled else _STATES[min(self.polls, len(_STATES) - 1)]

    def advance(self) -> None:
        """Advances the job by one state."""
        if not self.cancelled:
            self.polls += 1
            if self.status == "completed" and self.completed is None:
                self.completed = datetime.now(UTC)

    def failed(self) -> list[Line]:
        """The invalid inputs."""
        return [line for line in self.lines if line.problem is not None]

    def done(self) -> list[Line]:
        """The valid inputs."""
        return [line for line in self.lines if line.problem is None]


class Batches:
    """Reads the requests of batch jobs, and keeps the jobs."""

    def __init__(self) -> None:
        self._store: Store[Batch] = Store("Batch", most=KEPT)
        self._signer = Signer()

    def submit(self, call: Call) -> Work:
        """Creates a job.

        Raises:
            Refusal: 422 for an invalid field, 400 for a model without batch jobs.
        """
        fields = Fields.of(call.body)
        row = fields.model("batch")
        fields.choice("task", among=(*row.tasks, *row.batch_tasks))
        width = fields.integer("dimensions", low=1, high=row.dimensions) or row.dimensions or 0
        normalized = fields.boolean("normalized", default=True)
        for name, instead in (
            ("input_url", "send the lines as input"),
            ("webhook_url", "poll the status"),
        ):
            if fields.get(name) is not None:
                message = f"The embedded engine makes no network requests: {instead}"
                fields.report(name, message, "value_error", fields.get(name))
        given = fields.get("input") if fields.get("input_url") is not None else fields.required("input")
        named = [] if given is None else _read_names(fields, given)
        fields.check()
        embedder = call.embedder()
        lines = [_read_line(name, body, row, embedder) for name, body in named]
        job = Batch(self._signer.new("batch"), call.key, row, width, normalized, lines)

        def compute() -> list[Row]:
            self._store.put(job)
            return []

        tokens = sum(line.tokens for line in lines)
        return Work(tokens, lambda _: json.dumps(self._describe(job, call)).encode(), compute)

    def status(self, call: Call) -> Work:
        """Advances a job and returns its status.

        Raises:
            Refusal: 404 for an unknown job.
        """
        job = self._store.own(call.parameters["id"] or "", call.key)

        def compute() -> list[Row]:
            with self._store.lock:
                job.advance()
            return []

        return Work(0, lambda _: json.dumps(self._describe(job, call)).encode(), compute)

    def cancel(self, call: Call) -> Work:
        """Cancels a job.

        Raises:
            Refusal: 404 for an unknown job, 409 for a completed one.
        """
        job = self._store.own(call.parameters["id"] or "", call.key)

        def compute() -> list[Row]:
            with self._store.lock:
                if job.status == "completed":
                    raise Refusal(409, f"Batch {job.id} is completed and cannot be cancelled")
                job.cancelled = True
            return []

        return Work(0, lambda _: json.dumps(self._describe(job, call)).encode(), compute)

    def list(self, call: Call) -> Work:
        """Lists the key's jobs, newest first.

        Raises:
            Refusal: 422 for an invalid ``limit``.
        """
        limit = call.arguments.get("limit", "20")
        fields = Fields(
            {"limit": int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 9 else limit}
        )
        count = fields.integer("limit", low=1)
        fields.check()
        jobs = self._store.of(call.key)[::-1][:count]
        return Work(0, lambda _: json.dumps([self._describe(job, call) for job in jobs]).encode())

    def output(self, call: Call) -> Work:
        """A job's vectors, in one JSON line per valid input.

        Raises:
            Refusal: 404 for an unknown job or one that is not completed, 403 for a wrong signature.
        """
        job = self._completed(call)
        lines, embedder = job.done(), call.embedder()

        def compute() -> list[Row]:
            return [
                Row(
                    index,
                    vectors(embedder, line.items, line.texts, job.width, normalized=job.normalized),
                )
                for index, line in enumerate(lines)
            ]

        def write(rows: Sequence[Row]) -> bytes:
            model = answering(job.row, embedder)
            written = ((lines[row.index], row) for row in rows if row.index < len(lines))
            return b"".join(_write_line(line, model, row) for line, row in written)

        return Work(0, write, compute, headers=JSON_LINES)

    def errors(self, call: Call) -> Work:
        """A job's errors, in one JSON line per invalid input.

        Raises:
            Refusal: As for ``output``.
        """
        job = self._completed(call)
        body = b"".join(_write_problem(line) for line in job.failed())
        return Work(0, lambda _: body, headers=JSON_LINES)

    def _completed(self, call: Call) -> Batch:
        job = self._signer.open(self._store, call)
        if job.status != "completed":
            message = f"Batch {job.id} is {job.status} and has no result"
            raise Refusal(404, message, code="RESOURCE_NOT_FOUND")
        return job

    def _describe(self, job: Batch, call: Call) -> dict[str, Any]:
        total, failed, status = len(job.lines), len(job.failed()), job.status
        ended = status == "completed"
        done = total - failed if ended else total // 2 if status == "processing" else 0
        signed = f"{call.base}/v1/batch/{job.id}/%s?signature={self._signer.sign(job.id)}"
        return {
            "batch_id": job.id,
            "status": status,
            "model": job.row.name,
            "created_at": job.created.isoformat(),
            "completed_at": job.completed and job.completed.isoformat(),
            "expires_at": (job.created + LIFE).isoformat(),
            "output_url": signed % "output" if ended else None,
            "error_file_url": signed % "errors" if ended and failed else None,
            "error": None,
            "stats": {
                "total": total,
                "completed": done,
                "failed": failed if ended else 0,
                "total_tokens": sum(line.tokens for line in job.lines) if ended else 0,
            },
        }


def _read_names(fields: Fields, given: object) -> list[tuple[str, object]]:
    """The ``custom_id`` and ``body`` of each input. Invalid ids are reported to ``fields``."""
    if not isinstance(given, list):
        fields.report("input", "Input should be a valid list", "list_type", given)
        return []
    if not 1 <= len(given) <= MAX_BATCH_ITEMS:
        kind = "too_long" if given else "too_short"
        fields.report(
            "input", f"List should have 1 to {MAX_BATCH_ITEMS} items, not {len(given)}", kind, given
        )
    names: dict[str, int] = {}
    bodies: list[object] = []
    for index, entry in enumerate(given):
        name = entry.get("custom_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            fields.report(f"input.{index}.custom_id", "Input should be a valid string", "string_type", name)
        elif name in names:
            message = f"custom_id is already used by item {names[name]}"
            fields.report(f"input.{index}.custom_id", message, "value_error", name)
        else:
            names[name] = index
            bodies.append(entry.get("body"))
    return list(zip(names, bodies, strict=True))


def _read_line(name: str, body: object, row: Model, embedder: Embedder) -> Line:
    """Reads one input. An invalid input fails alone, not the whole job."""
    fields = Fields(body if isinstance(body, Mapping) else {})
    try:
        given = fields.required("input")
        items = [] if given is None else read_items(fields, "input", given, row)
        fields.check()
        return Line(name, items, ids_within(row, embedder, items))
    except Refusal as refusal:
        return Line(name, problem=refusal)


def _write_line(line: Line, model: str, row: Row) -> bytes:
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(row.numbers.astype(float).round(8).tolist())
    ]
    body = {"model": model, "object": "list", "data": data, "usage": {"total_tokens": line.tokens}}
    response = {"status_code": 200, "body": body}
    return json.dumps({"custom_id": line.custom_id, "response": response}).encode() + b"\n"


def _write_problem(line: Line) -> bytes:
    problem = line.problem
    if problem is None:
        return b""
    body = json.loads(problem.response("").body)
    error = {"message": problem.message, "code": problem.code}
    entry = {
        "custom_id": line.custom_id,
        "response": {"status_code": problem.status, "body": body},
        "error": error,
    }
    return json.dumps(entry).encode() + b"\n"
