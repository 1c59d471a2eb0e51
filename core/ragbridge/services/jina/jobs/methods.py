"""The methods of batch and bulk jobs."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan, plan
from ragbridge.ground.public import publish
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, BatchModel, Role
from ragbridge.services.jina import jobs
from ragbridge.services.jina.jobs import polling
from ragbridge.services.jina.session import JinaMethods, JinaPart

if TYPE_CHECKING:
    from ragbridge.client.service import Service
    from ragbridge.services.jina.jobs.batch import JobProgress
    from ragbridge.values.jobs import BatchResults, BatchStatus, BulkStatus

T = TypeVar("T")


class _Job(JinaPart):
    """A handle on a job. It needs only the job's id, so any process can create one.

    Attributes:
        id: The job's id.
    """

    def __init__(self, service: Service, job: str) -> None:
        jobs.batch.check_job(job)
        super().__init__(service)
        self.id = job.strip()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"


class BatchJob(_Job):
    """A handle on a batch job, from ``Jina.submit_batch`` or, in any process, ``Jina.batch(id)``.

    Attributes:
        id: The job's id.
        ids: The items' ids in the caller's order; None if they are positions or unknown.
    """

    _NAME = "batch_job"

    def __init__(self, service: Service, job: str, ids: Sequence[str] | None = None) -> None:
        super().__init__(service, job)
        self.ids = None if ids is None else jobs.inputs.check_ids(ids, "ids")

    def _status(self) -> Plan[BatchStatus]:
        """The job's status.

        Raises:
            InvalidRequestError: The job does not exist.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((jobs.batch.fetch_status(self._channel, self.id),), _only)

    status = Blocking(_status)
    astatus = Awaitable(_status)

    def _wait_done(
        self,
        *,
        poll: float = polling.POLL,
        timeout: float | None = None,
        progress: JobProgress | None = None,
    ) -> Plan[BatchStatus]:
        """Waits until the job is completed. The asynchronous method is ``await_done``.

        Args:
            poll: Longest pause between two polls, in seconds. The first pause is one second, and each further one twice as
                long.
            timeout: Maximum wait in seconds; None for no limit. The job itself is not affected by it.
            progress: Called after each poll with the numbers of finished items and of all items.

        Returns:
            The status of the completed job.

        Raises:
            JobError: The job failed, expired or was cancelled, or the timeout is over.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        poll, timeout = polling.check(poll, timeout)
        flow = jobs.batch.wait(self._channel, self.id, poll=poll, timeout=timeout, progress=progress)
        return plan((flow,), _only)

    wait_done = Blocking(_wait_done)
    await_done = Awaitable(_wait_done)

    def _cancel(self) -> Plan[BatchStatus]:
        """Cancels the job.

        Raises:
            InvalidRequestError: The job does not exist, or has ended.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((jobs.batch.cancel(self._channel, self.id),), _only)

    cancel = Blocking(_cancel)
    acancel = Awaitable(_cancel)

    def _results(self, *, ids: Sequence[str] | None = None, partial: bool = False) -> Plan[BatchResults]:
        """The vectors of the completed job, in the caller's order. The service keeps them for a day.

        Args:
            ids: The ids of all items, in the order of the result's rows. Not needed on the handle that ``submit_batch``
                returned, or if the items were submitted without ids.
            partial: Whether to return results although items failed. The rows of failed items are NaN, and ``errors``
                has the reasons. If False, a failed item raises ``JobError``, so that no NaN is stored by mistake.

        Returns:
            ``BatchResults``: ``vectors`` is float32 of shape (number of items, dimensions).

        Raises:
            JobError: The job is not completed, an item failed, or an item's id is unknown to this handle.
            ResponseError: An item is missing or occurs twice, or its vector is invalid.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        order = self.ids if ids is None else jobs.inputs.check_ids(ids, "ids")
        return plan((jobs.batch.results(self._channel, self.id, ids=order, partial=partial),), _only)

    results = Blocking(_results)
    aresults = Awaitable(_results)

    def _output(self) -> Plan[bytes]:
        """The completed job's output, unchanged: one JSON line per item, in any order.

        Raises:
            JobError: The job is not completed.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((jobs.batch.output(self._channel, self.id),), _only)

    output = Blocking(_output)
    aoutput = Awaitable(_output)


class BulkJob(_Job):
    """A handle on a bulk job, from ``Jina.submit_bulk`` or ``Jina.bulk(id)``. Deprecated, like the whole product.

    Attributes:
        id: The job's id.
    """

    _NAME = "bulk_job"

    def _status(self) -> Plan[BulkStatus]:
        """The job's status."""
        return plan((jobs.bulk.fetch_status(self._channel, self.id),), _only)

    status = Blocking(_status)
    astatus = Awaitable(_status)

    def _wait_done(self, *, poll: float = polling.POLL, timeout: float | None = None) -> Plan[BulkStatus]:
        """Waits until the job is completed. The asynchronous method is ``await_done``.

        Args:
            poll: Longest pause between two polls, in seconds. The first pause is one second, and each further one twice as
                long.
            timeout: Maximum wait in seconds; None for no limit.

        Raises:
            JobError: The job failed, or the timeout is over.
        """
        poll, timeout = polling.check(poll, timeout)
        return plan((jobs.bulk.wait(self._channel, self.id, poll=poll, timeout=timeout),), _only)

    wait_done = Blocking(_wait_done)
    await_done = Awaitable(_wait_done)

    def _download(self) -> Plan[bytes]:
        """The job's output file, unchanged. Its columns are not documented."""
        return plan((jobs.bulk.download(self._channel, self.id),), _only)

    download = Blocking(_download)
    adownload = Awaitable(_download)


class JobMethods(JinaMethods):
    """Batch and bulk jobs."""

    def _submit_batch(
        self,
        inputs: Iterable[str] | os.PathLike[str] | None = None,
        *,
        input_url: str | None = None,
        model: BatchModel = DEFAULT_EMBEDDING_MODEL,
        role: Role | None = None,
        task: str | None = None,
        dimensions: int | None = None,
        normalized: bool | None = None,
        custom_ids: Sequence[str] | None = None,
        webhook_url: str | None = None,
    ) -> Plan[BatchJob]:
        """Submits a job that embeds many texts in the background.

        ::

            job = jina.submit_batch(texts, role="document")
            job.wait_done(progress=print)
            vectors = job.results().vectors  # in the order of the texts
            jina.batch(job.id).results()     # the same, in another process

        The job's cost is in the results' ``usage``. The client's own ``usage`` does not include it.

        Args:
            inputs: Up to 10,000 texts, or the path of a file with one text per line. Lines of a ``.jsonl`` or ``.ndjson``
                file are objects with ``input`` or ``text``; either all or none have a ``custom_id``.
            input_url: Address (HTTP, S3, GCS) of up to 50,000 JSON lines that the service fetches itself, each
                ``{"custom_id": ..., "body": {"input": ...}}``.
            model: ``jina-embeddings-v5-text-small`` or ``-nano``; other models do not support batch jobs.
            role: What the texts are for: ``"query"`` or ``"document"``.
            task: The service's own task name instead of a role, such as ``"classification"``.
            dimensions: Number of dimensions of the vectors.
            normalized: Whether vectors get unit length; the service's default is True.
            custom_ids: One unique id per text. None numbers them from 0, and results keep their order without ids.
            webhook_url: Address that the service calls when the job has ended.

        Returns:
            A handle on the job.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            RequestError: No answer came, so the job may exist; ``batches()`` lists it if it does. The request is not retried.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        items = jobs.inputs.check_inputs(inputs, custom_ids=custom_ids, input_url=input_url)
        body = jobs.batch.build(
            items,
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            normalized=normalized,
            webhook_url=webhook_url,
        )
        service = cast("Service", self)
        return plan(
            (jobs.batch.submit(self._channel, body),), lambda done: BatchJob(service, done[0].id, items.ids)
        )

    submit_batch = Blocking(_submit_batch)
    asubmit_batch = Awaitable(_submit_batch)

    def batch(self, id: str, *, ids: Sequence[str] | None = None) -> BatchJob:  # noqa: A002 - its name
        """A handle on the batch job with this id, whichever process submitted it. Sends nothing.

        Args:
            id: The job's id.
            ids: The items' ids in your own order; None if they are positions.
        """
        return BatchJob(cast("Service", self), id, ids)

    def _batches(self, limit: int = 20) -> Plan[tuple[BatchStatus, ...]]:
        """The account's latest batch jobs.

        Args:
            limit: Maximum number of jobs.
        """
        return jobs.batch.listing(self._channel, limit)

    batches = Blocking(_batches)
    abatches = Awaitable(_batches)

    def _submit_bulk(
        self, file: bytes | os.PathLike[str], *, model: str, email: str | None = None
    ) -> Plan[BulkJob]:
        """Submits a job that embeds the rows of a file. Deprecated: use ``submit_batch``.

        Args:
            file: The file's path or bytes. Its columns are not documented; the only example is a CSV file.
            model: The model's name.
            email: Address that the service notifies when the job has ended.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        warnings.warn(jobs.bulk.DEPRECATED, DeprecationWarning, stacklevel=3)
        body, headers = jobs.bulk.build(file, model=model, email=email)
        service = cast("Service", self)
        return plan(
            (jobs.bulk.submit(self._channel, body, headers),), lambda done: BulkJob(service, done[0].id)
        )

    submit_bulk = Blocking(_submit_bulk)
    asubmit_bulk = Awaitable(_submit_bulk)

    def bulk(self, id: str) -> BulkJob:  # noqa: A002 - its name
        """A handle on the bulk job with this id. Sends nothing. Deprecated: use ``batch``."""
        warnings.warn(jobs.bulk.DEPRECATED, DeprecationWarning, stacklevel=2)
        return BulkJob(cast("Service", self), id)


def _only(results: list[T]) -> T:
    return results[0]


publish("ragbridge", [BatchJob, BulkJob])
