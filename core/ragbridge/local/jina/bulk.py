"""``/v1/bulk-embeddings``, which the service's descriptions of 2026 no longer have: files of texts.

Source of the shapes: Jina's API description 0.0.89 of 2024. It does not say what the file and the result look like; here
each row of a CSV file is one text, its first cell (a first row ``text``, ``input`` or ``content`` is a heading), and the
result has one line of JSON for each. A job moves on when somebody looks, as in ``ragbridge.local.jina.batches``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING, Any

from ragbridge.local.calls import Call, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.jina.downloads import JSON_LINES, Signer
from ragbridge.local.jina.embeddings import ids_within
from ragbridge.local.jina.store import Shelf, user_of
from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from ragbridge.local.model import Ids
    from ragbridge.models import Model

KEPT = 64
"""Jobs of all keys: beyond them the oldest is forgotten."""

_HEADINGS = frozenset({"text", "input", "content"})
_STATES = ("waiting", "in-progress", "completed")


@dataclass(slots=True, eq=False)
class Upload:
    """A job."""

    id: str
    owner: str
    row: Model
    file: str
    email: str | None
    texts: Sequence[Ids]
    looks: int = 0
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    completed: datetime | None = None

    @property
    def status(self) -> str:
        """Where it stands."""
        return _STATES[min(self.looks, len(_STATES) - 1)]

    def look(self) -> None:
        """Move on."""
        self.looks += 1
        if self.status == "completed" and self.completed is None:
            self.completed = datetime.now(UTC)

    def describe(self) -> dict[str, Any]:
        """The job as the service shows it."""
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
    """Reads the requests of bulk jobs over one shelf of them."""

    def __init__(self) -> None:
        self._shelf: Shelf[Upload] = Shelf("Job", most=KEPT)
        self._signer = Signer()

    def submit(self, call: Call) -> Work:
        """Make a job of a file.

        Raises:
            Refusal: 422, 400 for a model that does not embed or a text that is too long.
        """
        parts = _parts(call)
        fields = Fields({name: content.decode("utf-8", "replace") for name, (content, _) in parts.items()})
        row = fields.model("embed")
        fields.required("file")
        fields.check()
        content, file = parts["file"]
        texts = _read_rows(fields, content)
        fields.check()
        ids = ids_within(row, call.embedder(), [(text,) for text in texts])
        job = Upload(self._signer.new("bulk"), call.key, row, file, fields.get("email"), ids)

        def compute() -> list[Row]:
            self._shelf.put(job)
            return []

        return Work(sum(len(text) for text in ids), lambda _: json.dumps(job.describe()).encode(), compute)

    def status(self, call: Call) -> Work:
        """How far a job is. Looking moves it on.

        Raises:
            Refusal: 404.
        """
        job = self._shelf.own(call.parameters["id"] or "", call.key)

        def compute() -> list[Row]:
            with self._shelf.lock:
                job.look()
            return []

        return Work(0, lambda _: json.dumps(job.describe()).encode(), compute)

    def download(self, call: Call) -> Work:
        """Where a job's result is.

        Raises:
            Refusal: 404, also where the job has not completed.
        """
        job = _completed(self._shelf.own(call.parameters["id"] or "", call.key))
        url = f"{call.base}/v1/bulk-embeddings/{job.id}/result?signature={self._signer.sign(job.id)}"
        return Work(0, lambda _: json.dumps({"id": job.id, "download_url": url}).encode())

    def result(self, call: Call) -> Work:
        """A job's vectors, one line for each row of the file.

        Raises:
            Refusal: 404, also where the job has not completed; 403 for a wrong signature.
        """
        job = _completed(self._signer.open(self._shelf, call))
        embedder = call.embedder()

        def compute() -> list[Row]:
            found = embedder.embed(job.texts, job.row.dimensions or embedder.width)
            return [Row(index, vector) for index, vector in enumerate(found)]

        def write(rows: Sequence[Row]) -> bytes:
            return b"".join(
                b'{"object":"embedding","index":%d,"embedding":%b}\n'
                % (row.index, json.dumps(row.numbers.astype(float).round(8).tolist()).encode())
                for row in rows
            )

        return Work(0, write, compute, headers=JSON_LINES)


def _completed(job: Upload) -> Upload:
    if job.status != "completed":
        message = f"Job {job.id} is {job.status}: there is no result"
        raise Refusal(404, message, code="RESOURCE_NOT_FOUND")
    return job


def _parts(call: Call) -> dict[str, tuple[bytes, str]]:
    """Name -> content and file name of each part of a form."""
    kind = " ".join(call.headers.get("content-type", "").split())
    message = BytesParser(policy=policy.HTTP).parsebytes(
        b"content-type: %b\r\n\r\n%b" % (kind.encode("latin-1", "replace"), call.body)
    )
    found = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = content, part.get_filename() or ""
    return found


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
    return texts
