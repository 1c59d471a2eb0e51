"""``/v1/bulk-embeddings``: embeds a file and returns a file. Not documented by Jina since 2026.

The columns of either file are not documented, so both are passed through unchanged.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from ragbridge import models
from ragbridge.client import sizes
from ragbridge.errors import ConfigurationError, JobError, ResponseError
from ragbridge.models.limits import MAX_UPLOAD_BYTES
from ragbridge.services.jina.jobs import polling
from ragbridge.services.jina.jobs.batch import check_job
from ragbridge.services.jina.jobs.download import fetch_foreign
from ragbridge.services.jina.wire import decode, told, word_of
from ragbridge.values.jobs import BulkStatus

if TYPE_CHECKING:
    from ragbridge.flow import Flow, Response
    from ragbridge.services.jina.session import JinaChannel

PRODUCT = "embeddings"
PATH = "/bulk-embeddings"
DEPRECATED = (
    "/v1/bulk-embeddings is not documented by Jina since 2026, and may have been removed; "
    "use submit_batch(...) instead"
)


def build(file: bytes | os.PathLike[str], *, model: str, email: str | None) -> tuple[bytes, dict[str, str]]:
    """The multipart body and the headers of the request that submits a job.

    Raises:
        ConfigurationError: The file cannot be read or is empty, or an option is invalid.
    """
    models.find(model, "embed")
    if isinstance(file, os.PathLike):
        name = Path(file).name
        try:
            size = Path(file).stat().st_size
            content = Path(file).read_bytes() if size <= MAX_UPLOAD_BYTES else b""
        except OSError as error:
            raise ConfigurationError(f"file: {name} cannot be read: {error.strerror}") from None
    elif isinstance(file, (bytes, bytearray, memoryview)):
        name, content = "input.csv", bytes(file)
        size = len(content)
    else:
        raise ConfigurationError(f"file is {type(file).__name__}: pass a pathlib.Path, or the file's bytes")
    if size > MAX_UPLOAD_BYTES:
        raise ConfigurationError(
            f"file has {size / 1e6:,.0f} MB, and a job can be sent {MAX_UPLOAD_BYTES / 1e6:,.0f} MB: cut it into several"
        )
    if not content:
        raise ConfigurationError("file is empty: there is nothing to embed")
    if email is not None and (not isinstance(email, str) or "@" not in email or not email.isprintable()):
        raise ConfigurationError("email must be an email address, or None")
    fields = {"model": model, **({"email": email} if email else {})}
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
        for field, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quote(name, safe=" ")}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
    )
    body = b"".join([*parts, content, f"\r\n--{boundary}--\r\n".encode()])
    return body, {"content-type": f"multipart/form-data; boundary={boundary}"}


def submit(channel: JinaChannel, body: bytes, headers: dict[str, str]) -> Flow[BulkStatus]:
    """Submits a job. Not retried when the answer is lost, since that could create a second job."""
    status, _ = yield from channel.post(
        PATH, body, product=PRODUCT, read=_read_status, headers=headers, idempotent=False
    )
    return status


def fetch_status(channel: JinaChannel, job: str) -> Flow[BulkStatus]:
    """The job's status."""
    status, _ = yield from channel.get(f"{PATH}/{check_job(job)}", product=PRODUCT, read=_read_status)
    return status


def wait(channel: JinaChannel, job: str, *, poll: float, timeout: float | None) -> Flow[BulkStatus]:
    """Polls the job until it is completed.

    Raises:
        JobError: The job failed, or the timeout is over.
    """
    status = yield from polling.watch(
        lambda: fetch_status(channel, job),
        ended=lambda status: status.ended,
        poll=poll,
        timeout=timeout,
        now=channel.now,
    )
    if status.status != "completed":
        reason = f": {status.error}" if status.error else ""
        raise JobError(f"bulk job {job} is {status.status}{reason}", job=job, status=status.status)
    return status


def download(channel: JinaChannel, job: str) -> Flow[bytes]:
    """The job's output file, unchanged."""
    url, _ = yield from channel.post(
        f"{PATH}/{check_job(job)}/download-result", b"", product=PRODUCT, read=_read_url
    )
    own = urlsplit(channel.hosts.api)
    if url.startswith(f"{own.scheme}://{own.netloc}/"):
        content, _ = yield from channel.request(
            "GET", url, product=PRODUCT, read=_read_bytes, most=sizes.FILE
        )
        return content
    return (yield from fetch_foreign(channel, url, product=PRODUCT, read=bytes))


def _read_bytes(response: Response) -> tuple[bytes, None]:
    if response.status >= 300:
        decode(response)  # raises an error that names the redirect's target
    return bytes(response.body), None


def _read_url(response: Response) -> tuple[str, None]:
    url = decode(response).get("download_url")
    if not isinstance(url, str) or not url:
        raise ResponseError("the answer has no 'download_url'")
    return url, None


def _read_status(response: Response) -> tuple[BulkStatus, None]:
    row = decode(response)
    job, status = row.get("_id", row.get("id")), row.get("status")
    if not isinstance(job, str) or not job or not isinstance(status, str) or not status:
        raise ResponseError("a bulk job has no '_id' or no 'status'")
    tokens = row.get("used_token_count")
    return BulkStatus(
        id=job,
        status=status,
        model=word_of(row.get("model_name")) or "",
        file_name=word_of(row.get("file_name")),
        created_at=word_of(row.get("created_at")),
        completed_at=word_of(row.get("completed_at")),
        tokens=tokens if type(tokens) is int and tokens >= 0 else None,
        error=told(row.get("error")),
    ), None
