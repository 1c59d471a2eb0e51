"""``/v1/batch``: submit a job, look at it, cancel it, fetch what it made.

Requests count in the quota of embeddings; none is published for jobs. What a job costs is in its results alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from ragbridge import models
from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError, InvalidRequestError, JobError, ResponseError
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.models import Role
from ragbridge.services.jina.embed.options import check_options
from ragbridge.services.jina.jobs import polling
from ragbridge.services.jina.jobs.download import fetch
from ragbridge.services.jina.jobs.inputs import BatchInputs
from ragbridge.services.jina.wire import decode, told, word_of
from ragbridge.values.jobs import BatchResults, BatchStats, BatchStatus

if TYPE_CHECKING:
    from ragbridge.services.jina.session import JinaChannel
    from ragbridge.values.jobs import FailedItem

PRODUCT = "embeddings"

JobProgress: TypeAlias = Callable[[int, int], object]
"""Told how many items are through, failed ones included, and how many there are."""


def check_job(job: str) -> str:
    """``job`` as part of an address.

    Raises:
        ConfigurationError: It is no id.
    """
    if not isinstance(job, str) or not job.strip() or not job.isprintable():
        shown = repr(job) if isinstance(job, str) else type(job).__name__
        raise ConfigurationError(f"the job's id is {shown}: pass the string that the job has as its .id")
    return quote(job.strip(), safe="")


def build(
    inputs: BatchInputs,
    *,
    model: str,
    role: Role | None,
    task: str | None,
    dimensions: int | None,
    normalized: bool | None,
    webhook_url: str | None,
) -> bytes:
    """The body of a request for a job.

    Raises:
        ConfigurationError: The model takes no jobs, or an option is not what it should be.
    """
    row = models.find(model, "batch")
    of_jobs = row is not None and role is None and task in row.batch_tasks
    options = check_options(
        model=model,
        role=role,
        task=None if of_jobs else task,
        dimensions=dimensions,
        truncate=None,
        normalized=normalized,
        late_chunking=False,
    )
    if webhook_url is not None and (
        not isinstance(webhook_url, str) or not webhook_url.startswith(("https://", "http://"))
    ):
        raise ConfigurationError("webhook_url must start with https:// or http://")
    found = {
        "model": model,
        "task": options.task or task,
        "dimensions": dimensions,
        "normalized": normalized,
        "webhook_url": webhook_url,
    }
    payload = {name: value for name, value in found.items() if value is not None}
    return encode({**payload, **inputs.payload()}, texts=inputs.texts, name=lambda index: f"inputs[{index}]")


def submit(channel: JinaChannel, body: bytes) -> Flow[BatchStatus]:
    """A new job. Where the answer is lost it is not asked for again: there would be two."""
    status, _ = yield from channel.post(
        "/batch/embeddings", body, product=PRODUCT, read=_read_status, idempotent=False
    )
    return status


def look(channel: JinaChannel, job: str) -> Flow[BatchStatus]:
    """How the job stands."""
    status, _ = yield from channel.get(f"/batch/{check_job(job)}", product=PRODUCT, read=_read_status)
    return status


def cancel(channel: JinaChannel, job: str) -> Flow[BatchStatus]:
    """How the job stands once it is cancelled."""
    status, _ = yield from channel.delete(f"/batch/{check_job(job)}", product=PRODUCT, read=_read_status)
    return status


def listing(channel: JinaChannel, limit: int) -> Plan[tuple[BatchStatus, ...]]:
    """The account's latest jobs.

    Raises:
        ConfigurationError: ``limit`` is no positive int.
    """
    if type(limit) is not int or limit < 1:
        raise ConfigurationError(f"limit={limit!r} must be a positive int")

    def flow() -> Flow[tuple[BatchStatus, ...]]:
        found, _ = yield from channel.get(f"/batches?limit={limit}", product=PRODUCT, read=_read_listing)
        return found

    return single(flow())


def wait(
    channel: JinaChannel, job: str, *, poll: float, timeout: float | None, progress: JobProgress | None
) -> Flow[BatchStatus]:
    """The completed job.

    Raises:
        JobError: It ended otherwise, or the time is up.
    """

    def seen() -> Flow[BatchStatus]:
        status = yield from look(channel, job)
        if progress is not None and status.stats is not None:
            progress(status.stats.completed + status.stats.failed, status.stats.total)
        return status

    status = yield from polling.watch(
        seen, ended=lambda status: status.ended, poll=poll, timeout=timeout, now=channel.now
    )
    return completed(status, job, timeout)


def completed(status: BatchStatus, job: str, waited: float | None = None) -> BatchStatus:
    """``status``, where the job is done.

    Raises:
        JobError: It is not, or ended otherwise.
    """
    if status.status == "completed":
        return status
    if not status.ended:
        after = f" after {waited:g} s" if waited is not None else ""
        raise JobError(
            f"batch job {job} is {status.status}{after}: it goes on, and wait_done() of jina.batch({job!r}) waits for it",
            job=job,
            status=status.status,
        )
    reason = f": {status.error}" if status.error else ""
    place = f"; GET /v1/batch/{job}/errors names the items that failed" if status.error_file_url else ""
    raise JobError(f"batch job {job} {_ENDS[status.status]}{reason}{place}", job=job, status=status.status)


_ENDS = {"failed": "failed", "expired": "expired", "cancelled": "was cancelled"}


def output(channel: JinaChannel, job: str) -> Flow[bytes]:
    """The job's output as it is: lines of JSON."""
    status = completed((yield from look(channel, job)), job)
    path = f"/batch/{check_job(job)}/output"
    return (yield from fetch(channel, path, status.output_url, product=PRODUCT, read=bytes))


def results(
    channel: JinaChannel, job: str, *, ids: Sequence[str] | None, partial: bool
) -> Flow[BatchResults]:
    """The vectors, in the order of ``ids`` or of the items' positions.

    Raises:
        JobError: The job is not done, items failed, or the ids are others.
        ResponseError: An item is missing or double, or its vector is none.
    """
    from ragbridge.services.jina.jobs.answers import collect, read_errors  # brings NumPy

    status = completed((yield from look(channel, job)), job)
    path = f"/batch/{check_job(job)}"
    failed: Mapping[str, FailedItem] = {}
    if status.stats is None or status.stats.failed or status.error_file_url:
        try:
            failed = yield from fetch(
                channel, f"{path}/errors", status.error_file_url, product=PRODUCT, read=read_errors
            )
        except InvalidRequestError as error:
            if error.status != 404:
                raise
    read = functools.partial(collect, status=status, ids=ids, failed=failed)
    found = yield from fetch(channel, f"{path}/output", status.output_url, product=PRODUCT, read=read)
    if found.errors and not partial:
        custom_id, item = next(iter(found.errors.items()))
        raise JobError(
            f"batch job {job}: {len(found.errors)} of {len(found)} items failed, such as {custom_id!r}: "
            f"{item.message}; results(partial=True) gives the others",
            job=job,
            status=status.status,
        )
    return found


def _read_status(response: Response) -> tuple[BatchStatus, None]:
    return status_of(decode(response)), None


def _read_listing(response: Response) -> tuple[tuple[BatchStatus, ...], None]:
    """A list of jobs, bare as described or in an object."""
    if response.body.lstrip()[:1] == b"[":
        response = replace(response, body=b'{"data": %b}' % bytes(response.body))
    body = decode(response)
    rows = body.get("data", body.get("batches"))
    if not isinstance(rows, list):
        raise ResponseError("the answer is no list of batch jobs")
    return tuple(status_of(row) for row in rows), None


def status_of(row: Any) -> BatchStatus:
    """A job as the service describes it.

    Raises:
        ResponseError: It has no id or no status.
    """
    match row:
        case {"batch_id": str(job), "status": str(status)} if job and status:
            return BatchStatus(
                id=job,
                status=status,
                model=word_of(row.get("model")) or "",
                created_at=word_of(row.get("created_at")),
                completed_at=word_of(row.get("completed_at")),
                expires_at=word_of(row.get("expires_at")),
                error=told(row.get("error")),
                stats=_stats(row.get("stats")),
                output_url=word_of(row.get("output_url")),
                error_file_url=word_of(row.get("error_file_url")),
            )
    raise ResponseError("a batch job has no 'batch_id' or no 'status'")


def _stats(value: Any) -> BatchStats | None:
    if not isinstance(value, dict):
        return None
    names = ("total", "completed", "failed", "total_tokens")
    counts = [value.get(name, 0) for name in names]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ResponseError(f"'stats' of a batch job has the counts {counts!r}")
    return BatchStats(*counts)
