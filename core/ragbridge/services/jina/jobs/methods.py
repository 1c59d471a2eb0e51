"""Methods for what takes longer than a request."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.flow import Plan, plan
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, BatchModel, Role
from ragbridge.services.jina.jobs import batch, bulk, polling
from ragbridge.services.jina.jobs.batch import JobProgress
from ragbridge.services.jina.jobs.inputs import check_ids, check_inputs
from ragbridge.services.jina.session import JinaMethods, JinaPart
from ragbridge.values.jobs import BatchResults, BatchStatus, BulkStatus

if TYPE_CHECKING:
    from ragbridge.client.service import Service

T = TypeVar("T")


class _Job(JinaPart):
    """A handle on a job: its id is all that it needs, so that any process can make one.

    Attributes:
        id: The job's id.
    """

    def __init__(self, service: Service, job: str) -> None:
        batch.check_job(job)
        super().__init__(service)
        self.id = job.strip()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r})"


class BatchJob(_Job):
    """A batch job: ``Jina.submit_batch`` makes it, ``Jina.batch(id)`` finds it again, in any process.

    Attributes:
        id: The job's id.
        ids: The items' ids in the caller's order; None where they are their positions, or not known here.
    """

    def __init__(self, service: Service, job: str, ids: Sequence[str] | None = None) -> None:
        super().__init__(service, job)
        self.ids = None if ids is None else check_ids(ids, "ids")

    def _status(self) -> Plan[BatchStatus]:
        """How the job stands.

        Raises:
            InvalidRequestError: There is no such job.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((batch.look(self._channel, self.id),), _only)

    status = Blocking(_status)
    astatus = Awaitable(_status)

    def _wait_done(
        self,
        *,
        poll: float = polling.POLL,
        timeout: float | None = None,
        progress: JobProgress | None = None,
    ) -> Plan[BatchStatus]:
        """Wait until the job is completed. The asynchronous face is ``await_done``.

        Args:
            poll: Longest pause between two looks, in seconds; the first is a second, each further one twice as long.
            timeout: Seconds to wait at most; None for as long as it takes. The job goes on when they are over.
            progress: Called after each look with the number of items that are through and of all.

        Returns:
            The job as it ended.

        Raises:
            JobError: The job failed, expired or was cancelled, or the time is up.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        polling.check(poll, timeout)
        flow = batch.wait(self._channel, self.id, poll=poll, timeout=timeout, progress=progress)
        return plan((flow,), _only)

    wait_done = Blocking(_wait_done)
    await_done = Awaitable(_wait_done)

    def _cancel(self) -> Plan[BatchStatus]:
        """Cancel the job.

        Raises:
            InvalidRequestError: There is no such job, or it has ended.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((batch.cancel(self._channel, self.id),), _only)

    cancel = Blocking(_cancel)
    acancel = Awaitable(_cancel)

    def _results(self, *, ids: Sequence[str] | None = None, partial: bool = False) -> Plan[BatchResults]:
        """The vectors of the completed job, in the caller's order; the service keeps them for a day.

        Args:
            ids: The items' ids in the order that you want, all of them. Not needed where ``submit_batch`` numbered the
                items, nor on the handle that it returned.
            partial: Take what there is where items failed: their rows are NaN, and ``errors`` says why. Else they are an
                error, so that nobody stores such rows unseen.

        Returns:
            ``BatchResults``: ``vectors`` is float32 of shape (number of items, dimensions).

        Raises:
            JobError: The job is not completed, an item failed, or the items have ids that are not known here.
            ResponseError: An item is missing or double, or its vector is none.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        order = self.ids if ids is None else check_ids(ids, "ids")
        return plan((batch.results(self._channel, self.id, ids=order, partial=partial),), _only)

    results = Blocking(_results)
    aresults = Awaitable(_results)

    def _output(self) -> Plan[bytes]:
        """The completed job's output as the service wrote it: a line of JSON for each item, in any order.

        Raises:
            JobError: The job is not completed.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        return plan((batch.output(self._channel, self.id),), _only)

    output = Blocking(_output)
    aoutput = Awaitable(_output)


class BulkJob(_Job):
    """A bulk job: ``Jina.submit_bulk`` makes it, ``Jina.bulk(id)`` finds it again. Deprecated as the whole product is.

    Attributes:
        id: The job's id.
    """

    def _status(self) -> Plan[BulkStatus]:
        """How the job stands."""
        return plan((bulk.look(self._channel, self.id),), _only)

    status = Blocking(_status)
    astatus = Awaitable(_status)

    def _wait_done(self, *, poll: float = polling.POLL, timeout: float | None = None) -> Plan[BulkStatus]:
        """Wait until the job is completed. The asynchronous face is ``await_done``.

        Args:
            poll: Longest pause between two looks, in seconds; the first is a second, each further one twice as long.
            timeout: Seconds to wait at most; None for as long as it takes.

        Raises:
            JobError: The job failed, or the time is up.
        """
        polling.check(poll, timeout)
        return plan((bulk.wait(self._channel, self.id, poll=poll, timeout=timeout),), _only)

    wait_done = Blocking(_wait_done)
    await_done = Awaitable(_wait_done)

    def _download(self) -> Plan[bytes]:
        """The file that the job made, as it is: its columns are described nowhere."""
        return plan((bulk.download(self._channel, self.id),), _only)

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
        """Have the service embed many texts while you do something else.

        ::

            job = jina.submit_batch(texts, role="document")
            job.wait_done(progress=print)
            vectors = job.results().vectors  # in the order of the texts
            jina.batch(job.id).results()     # the same, in another process

        What it costs is in the results' ``usage``, not in that of the client.

        Args:
            inputs: Up to 10,000 texts; or the path of a file with a text in each line (``.jsonl`` and ``.ndjson``: an object
                with ``input`` or ``text``, and with ``custom_id`` in all lines or none).
            input_url: Where the service fetches up to 50,000 lines of JSON by itself (HTTP, S3, GCS), each
                ``{"custom_id": ..., "body": {"input": ...}}``.
            model: ``jina-embeddings-v5-text-small`` or ``-nano``; no other takes jobs.
            role: What the texts are for: ``"query"`` or ``"document"``.
            task: The service's own word instead, such as ``"classification"``.
            dimensions: Width of the vectors.
            normalized: Whether vectors get unit length; the service's default is True.
            custom_ids: A name for each text; None to number them from 0, so that their order is known without you.
            webhook_url: Where the service says that the job has ended.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            RequestError: No answer came, so that the job may or may not exist: ``batches()`` tells. It is not sent twice.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        found = check_inputs(inputs, custom_ids=custom_ids, input_url=input_url)
        body = batch.build(
            found,
            model=model,
            role=role,
            task=task,
            dimensions=dimensions,
            normalized=normalized,
            webhook_url=webhook_url,
        )
        service = cast("Service", self)
        return plan(
            (batch.submit(self._channel, body),), lambda done: BatchJob(service, done[0].id, found.ids)
        )

    submit_batch = Blocking(_submit_batch)
    asubmit_batch = Awaitable(_submit_batch)

    def batch(self, id: str, *, ids: Sequence[str] | None = None) -> BatchJob:  # noqa: A002 - its name
        """The batch job of this id, which any process may have submitted. Sends nothing.

        Args:
            id: The job's id.
            ids: The items' ids in your own order, where they are not their positions.
        """
        return BatchJob(cast("Service", self), id, ids)

    def _batches(self, limit: int = 20) -> Plan[tuple[BatchStatus, ...]]:
        """The account's latest batch jobs.

        Args:
            limit: How many at most.
        """
        return batch.listing(self._channel, limit)

    batches = Blocking(_batches)
    abatches = Awaitable(_batches)

    def _submit_bulk(
        self, file: bytes | os.PathLike[str], *, model: str, email: str | None = None
    ) -> Plan[BulkJob]:
        """Have the service embed the rows of a file. Deprecated: use ``submit_batch``.

        Args:
            file: The file's path or bytes. Which columns it needs is described nowhere; a CSV is the only example.
            model: The model's name.
            email: Where the service says that the job has ended.

        Raises:
            ConfigurationError: An argument is wrong; nothing was sent.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        warnings.warn(bulk.DEPRECATED, DeprecationWarning, stacklevel=3)
        body, headers = bulk.build(file, model=model, email=email)
        service = cast("Service", self)
        return plan((bulk.submit(self._channel, body, headers),), lambda done: BulkJob(service, done[0].id))

    submit_bulk = Blocking(_submit_bulk)
    asubmit_bulk = Awaitable(_submit_bulk)

    def bulk(self, id: str) -> BulkJob:  # noqa: A002 - its name
        """The bulk job of this id. Sends nothing. Deprecated: use ``batch``."""
        warnings.warn(bulk.DEPRECATED, DeprecationWarning, stacklevel=2)
        return BulkJob(cast("Service", self), id)


def _only(found: list[T]) -> T:
    return found[0]
