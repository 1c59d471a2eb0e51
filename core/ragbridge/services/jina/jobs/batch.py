"""``/v1/batch``: submits, polls and cancels jobs, and fetches their results.

Requests count in the quota of embeddings, since none is published for jobs. A job's cost is only in its results.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from ragbridge import models
from ragbridge.client import sizes
from ragbridge.client.wire import count_of, encode
from ragbridge.errors import ConfigurationError, InvalidRequestError, JobError, ResponseError
from ragbridge.flow import Flow, Plan, Response, single
from ragbridge.ground.numbers import check_whole
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
"""A callback with the number of finished items, failed ones included, and the number of all items."""


def check_job(job: str) -> str:
    """``job`` quoted for use in a path.

    Raises:
        ConfigurationError: ``job`` is not a non-empty, printable string.
    """
    if not isinstance(job, str) or not job.strip() or not job.isprintable():
        shown = repr(job) if isinstance(job, str) else type(job).__name__
        raise ConfigurationError(f"the job's id is {shown}: pass the job's .id, a string")
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
    """The body of the request that submits a job.

    Raises:
        ConfigurationError: The model does not support batch jobs, or an option is invalid.
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
    fields = {
        "model": model,
        "task": options.task or task,
        "dimensions": options.dimensions,
        "normalized": normalized,
        "webhook_url": webhook_url,
    }
    payload = {name: value for name, value in fields.items() if value is not None}
    return encode({**payload, **inputs.payload()}, texts=inputs.texts, name=lambda index: f"inputs[{index}]")


def submit(channel: JinaChannel, body: bytes) -> Flow[BatchStatus]:
    """Submits a job. Not retried when the answer is lost, since that could create a second job."""
    status, _ = yield from channel.post(
        "/batch/embeddings", body, product=PRODUCT, read=_read_status, idempotent=False
    )
    return status


def fetch_status(channel: JinaChannel, job: str) -> Flow[BatchStatus]:
    """The job's status."""
    status, _ = yield from channel.get(f"/batch/{check_job(job)}", product=PRODUCT, read=_read_status)
    return status


def cancel(channel: JinaChannel, job: str) -> Flow[BatchStatus]:
    """Cancels the job and returns its status."""
    status, _ = yield from channel.delete(f"/batch/{check_job(job)}", product=PRODUCT, read=_read_status)
    return status


def listing(channel: JinaChannel, limit: int) -> Plan[tuple[BatchStatus, ...]]:
    """The account's latest jobs, at most ``limit``.

    Raises:
        ConfigurationError: ``limit`` is not a positive int.
    """
    limit = check_whole("limit", limit, "a positive int")

    def flow() -> Flow[tuple[BatchStatus, ...]]:
        statuses, _ = yield from channel.get(
            f"/batches?limit={limit}",
            product=PRODUCT,
            read=_read_listing,
            most=sizes.of_rows(limit, each=sizes.ROW),
        )
        return statuses

    return single(flow())


def wait(
    channel: JinaChannel, job: str, *, poll: float, timeout: float | None, progress: JobProgress | None
) -> Flow[BatchStatus]:
    """Polls the job until it is completed.

    Args:
        channel: The client's channel.
        job: The job's id.
        poll: Longest pause between two polls, in seconds.
        timeout: Maximum wait in seconds; None for no limit.
        progress: Called after each poll.

    Raises:
        JobError: The job failed, expired or was cancelled, or the timeout is over.
    """

    def poll_once() -> Flow[BatchStatus]:
        status = yield from fetch_status(channel, job)
        if progress is not None and status.stats is not None:
            progress(status.stats.completed + status.stats.failed, status.stats.total)
        return status

    status = yield from polling.watch(
        poll_once, ended=lambda status: status.ended, poll=poll, timeout=timeout, now=channel.now
    )
    return completed(status, job, timeout)


def completed(status: BatchStatus, job: str, waited: float | None = None) -> BatchStatus:
    """Returns ``status`` if the job is completed.

    Raises:
        JobError: The job is still running, failed, expired or was cancelled.
    """
    if status.status == "completed":
        return status
    if not status.ended:
        after = f" after {waited:g} s" if waited is not None else ""
        raise JobError(
            f"batch job {job} is {status.status}{after}: it is still running; jina.batch({job!r}).wait_done() waits for it",
            job=job,
            status=status.status,
        )
    reason = f": {status.error}" if status.error else ""
    hint = f"; GET /v1/batch/{job}/errors lists the items that failed" if status.error_file_url else ""
    raise JobError(f"batch job {job} {_ENDS[status.status]}{reason}{hint}", job=job, status=status.status)


_ENDS = {"failed": "failed", "expired": "expired", "cancelled": "was cancelled"}


def output(channel: JinaChannel, job: str) -> Flow[bytes]:
    """The completed job's output, unchanged: JSON lines."""
    status = completed((yield from fetch_status(channel, job)), job)
    path = f"/batch/{check_job(job)}/output"
    return (yield from fetch(channel, path, status.output_url, product=PRODUCT, read=bytes))


def results(
    channel: JinaChannel, job: str, *, ids: Sequence[str] | None, partial: bool
) -> Flow[BatchResults]:
    """The completed job's vectors, in the order of ``ids`` or of the items' positions.

    Raises:
        JobError: The job is not completed, items failed and ``partial`` is False, or an item's id is unknown.
        ResponseError: An item is missing or occurs twice, or its vector is invalid.
    """
    from ragbridge.services.jina.jobs.answers import collect, read_errors  # imports NumPy

    status = completed((yield from fetch_status(channel, job)), job)
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
    batch_results = yield from fetch(channel, f"{path}/output", status.output_url, product=PRODUCT, read=read)
    if batch_results.errors and not partial:
        custom_id, item = next(iter(batch_results.errors.items()))
        raise JobError(
            f"batch job {job}: {len(batch_results.errors)} of {len(batch_results)} items failed, such as {custom_id!r}: "
            f"{item.message}; results(partial=True) returns the others",
            job=job,
            status=status.status,
        )
    return batch_results


def _read_status(response: Response) -> tuple[BatchStatus, None]:
    return status_of(decode(response)), None


def _read_listing(response: Response) -> tuple[tuple[BatchStatus, ...], None]:
    """Reads a list of jobs: a JSON array, as documented, or an object that holds it."""
    if response.body.lstrip()[:1] == b"[":
        response = replace(response, body=b'{"data": %b}' % bytes(response.body))
    body = decode(response)
    rows = body.get("data", body.get("batches"))
    if not isinstance(rows, list):
        raise ResponseError("the answer is not a list of batch jobs")
    return tuple(status_of(row) for row in rows), None


def status_of(row: Any) -> BatchStatus:
    """Reads a job's status from its object in an answer.

    Raises:
        ResponseError: The object has no id or no status.
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
    told = [value.get(name, 0) for name in names]
    counts = [count_of(count) for count in told if type(count) is int]
    total, completed, failed, tokens = [*counts, *[None] * len(names)][: len(names)]
    if total is None or completed is None or failed is None or tokens is None:
        raise ResponseError(f"'stats' of a batch job has invalid counts: {told!r}")
    return BatchStats(total, completed, failed, tokens)
