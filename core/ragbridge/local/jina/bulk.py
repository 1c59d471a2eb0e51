"""``/v1/bulk-embeddings``: jobs over files of texts. Not documented by Jina since 2026.

Source of the shapes: Jina's API description 0.0.89 of 2024. It documents neither the file's format nor the result's. Here
the file is CSV, and the first cell of each row is one text. A first row ``text``, ``input`` or ``content`` is a header. The
result has one JSON line per text. A job advances each time its status is polled, as in ``ragbridge.local.jina.batches``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.jina.downloads import JSON_LINES, Signer
from ragbridge.local.jina.embeddings import ids_within
from ragbridge.local.jina.forms import read_form
from ragbridge.local.jina.store import Store, user_of
from ragbridge.local.refusals import Refusal
from ragbridge.models import MAX_BATCH_LINES

if TYPE_CHECKING:
    from ragbridge.local.model import Ids
    from ragbridge.models import Model

KEPT = 64
"""Jobs kept in total, for all keys; the oldest is evicted."""

_HEADINGS = frozenset({"text", "input", "content"})
_STATES = ("waiting", "in-progress", "completed")


@dataclass(slots=True, eq=False)
class Upload:
    """A bulk job."""

    id: str
    owner: str
    row: Model
    file: str
    email: str | None
    texts: Sequence[Ids]
    polls: int = 0
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed: datetime | None = None

    @property
    def status(self) -> str:
        """The job's status."""
        return _STATES[min(self.polls, len(_STATES) - 1)]

    def advance(self) -> None:
        """Advances the job by one state."""
        self.polls += 1
        if self.status == "completed" and self.completed is None:
            self.completed = datetime.now(UTC)

    def describe(self) -> dict[str, Any]:
        """The job as the service describes it."""
        ended = self.status == "completed"
        return {
            "_id": self.id,
            "user_id": user_of(self.owner),
            "user_email": self.email,
            "status": self.status,
            "file_name": self.file,
            "model_name": self.row.name,
            "created_at": self.created.isoformat(),
            "completed_at": self.completed and self.completed.isoformat(),
            "used_token_count": sum(len(ids) for ids in self.texts) if ended else 0,
            "error": None,
            "model_package_arn": None,
        }


class Bulk:
    """Reads the requests of bulk jobs, and keeps the jobs."""

    def __init__(self) -> None:
        self._store: Store[Upload] = Store("Job", most=KEPT)
        self._signer = Signer()

    def submit(self, call: Call) -> Work:
        """Creates a job from a file.

        Raises:
            Refusal: 422 for an invalid form, field or file, 400 for a model that does not embed or a text that is too long.
        """
        parts = read_form(call)
        fields = Fields({name: part.content.decode("utf-8", "replace") for name, part in parts.items()})
        row = fields.model("embed")
        fields.required("file")
        fields.check()
        file = parts["file"]
        texts = _read_rows(fields, file.content)
        fields.check()
        ids = ids_within(row, call.embedder(), [(text,) for text in texts])
        job = Upload(self._signer.new("bulk"), call.key, row, file.name, fields.get("email"), ids)

        def compute() -> list[Row]:
            self._store.put(job)
            return []

        return Work(sum(len(text) for text in ids), lambda _: json.dumps(job.describe()).encode(), compute)

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

        return Work(0, lambda _: json.dumps(job.describe()).encode(), compute)

    def download(self, call: Call) -> Work:
        """The address of a job's result.

        Raises:
            Refusal: 404 for an unknown job or one that is not completed.
        """
        job = _completed(self._store.own(call.parameters["id"] or "", call.key))
        url = f"{call.base}/v1/bulk-embeddings/{job.id}/result?signature={self._signer.sign(job.id)}"
        return Work(0, lambda _: json.dumps({"id": job.id, "download_url": url}).encode())

    def result(self, call: Call) -> Work:
        """A job's vectors, in one JSON line per row of the file.

        Raises:
            Refusal: 404 for an unknown job or one that is not completed, 403 for a wrong signature.
        """
        job = _completed(self._signer.open(self._store, call))
        embedder = call.embedder()

        def compute() -> list[Row]:
            vectors = embedder.embed(job.texts, job.row.dimensions or embedder.width)
            return [Row(index, vector) for index, vector in enumerate(vectors)]

        def write(rows: Sequence[Row]) -> bytes:
            return b"".join(
                b'{"object":"embedding","index":%d,"embedding":%b}\n'
                % (row.index, json.dumps(row.numbers.astype(float).round(8).tolist()).encode())
                for row in rows
            )

        return Work(0, write, compute, headers=JSON_LINES)


def _completed(job: Upload) -> Upload:
    if job.status != "completed":
        message = f"Job {job.id} is {job.status} and has no result"
        raise Refusal(404, message, code="RESOURCE_NOT_FOUND")
    return job


def _read_rows(fields: Fields, content: bytes) -> list[str]:
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        texts = [row[0] for row in rows if row]
    except (UnicodeDecodeError, csv.Error) as error:
        fields.report("file", f"Input should be a CSV file in UTF-8: {error}", "value_error")
        return []
    if texts and texts[0].strip().lower() in _HEADINGS:
        del texts[0]
    if not texts:
        fields.report("file", "The file has no rows", "too_short")
    if len(texts) > MAX_BATCH_LINES:
        fields.report(
            "file", f"The file should have at most {MAX_BATCH_LINES} rows, not {len(texts)}", "too_long"
        )
    return texts
