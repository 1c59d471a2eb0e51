"""Reads a batch job's output (JSON lines) into one float32 array, with each vector in the row of its item."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.client.vectors import Sheet
from ragbridge.client.wire import count_of
from ragbridge.errors import JobError, ResponseError
from ragbridge.services.jina.embed.answers import read_vector
from ragbridge.services.jina.wire import model_of
from ragbridge.values.embeddings import Usage
from ragbridge.values.jobs import BatchResults, BatchStatus, FailedItem

if TYPE_CHECKING:
    from ragbridge.values.embeddings import Vectors


def read_errors(file: bytes) -> dict[str, FailedItem]:
    """The failed items by id, from a job's error file.

    Raises:
        ResponseError: A line is not JSON, or has no id.
    """
    return {custom_id: _failure(row) for custom_id, row in _lines(file)}


def collect(
    file: bytes, *, status: BatchStatus, ids: Sequence[str] | None, failed: Mapping[str, FailedItem]
) -> BatchResults:
    """Collects the vectors of a job's output.

    Args:
        file: The output, in JSON lines in any order.
        status: The completed job.
        ids: The items' ids in the caller's order; None if the ids are the items' positions.
        failed: The items listed in the job's error file.

    Returns:
        ``BatchResults`` in the order of ``ids``. The rows of failed items are NaN.

    Raises:
        JobError: An item's id is not in ``ids``, or is not a position.
        ResponseError: An item is missing or occurs twice, or its vector is invalid.
    """
    errors = dict(failed)
    count = len(ids) if ids is not None else _count(file, status, errors)
    row_of = _row_lookup(status.id, ids, count)
    sheet = Sheet(count, None)
    done = bytearray(count)
    tokens = 0
    model = status.model
    for custom_id, line in _lines(file):
        row = row_of(custom_id)
        body = _body(line)
        if body is None:
            errors.setdefault(custom_id, _failure(line))
            continue
        if done[row]:
            raise ResponseError(f"the output has two vectors for {custom_id!r}")
        vector = _vector(body, custom_id)
        sheet.write(range(row, row + 1), [vector])
        done[row] = 1
        tokens += _tokens(body)
        model = model or model_of(body, "")
    failed_rows = {row_of(custom_id): custom_id for custom_id in errors}
    _check_all(done, failed_rows, status.id)
    for row in failed_rows:
        sheet.leave_out(row)
    names = tuple(ids) if ids is not None else tuple(map(str, range(count)))
    ordered = {failed_rows[row]: errors[failed_rows[row]] for row in sorted(failed_rows)}
    billed = status.stats.tokens if status.stats else 0
    return BatchResults(sheet.vectors, names, ordered, model, Usage(billed or tokens, 1))


def _count(file: bytes, status: BatchStatus, errors: Mapping[str, FailedItem]) -> int:
    """Number of items in a job whose ids are positions.

    Raises:
        ResponseError: The job states more items than there are outcomes. Checked before an array of that size is allocated.
    """
    ids = [custom_id for custom_id, _ in _lines(file)]
    total = status.stats.total if status.stats else 0
    missing = total - len(ids) - len(errors)
    if missing > 0:
        raise ResponseError(
            f"batch job {status.id}: at least {missing} of {total} items are neither in the output nor among the errors"
        )
    return total or len(errors.keys() | {*ids})


def _row_lookup(job: str, ids: Sequence[str] | None, count: int) -> Callable[[str], int]:
    """A function that returns the row of an id.

    The function raises ``JobError`` for an unknown id.
    """
    places = None if ids is None else {custom_id: row for row, custom_id in enumerate(ids)}

    def row_of(custom_id: str) -> int:
        if places is not None:
            if custom_id in places:
                return places[custom_id]
            hint = "which is not in ids="
        else:
            if custom_id.isascii() and custom_id.isdigit() and len(custom_id) < 10:
                row = int(custom_id)
                if row < count and str(row) == custom_id:
                    return row
            hint = "which is not a position: pass the ids in your own order as results(ids=...)"
        raise JobError(f"batch job {job} has an item {custom_id!r}, {hint}", job=job, status="completed")

    return row_of


def _check_all(done: bytearray, failed_rows: Mapping[int, str], job: str) -> None:
    both = [custom_id for row, custom_id in failed_rows.items() if done[row]]
    if both:
        raise ResponseError(f"batch job {job}: {both[0]!r} has both a vector and an error")
    missing = [row for row, seen in enumerate(done) if not seen and row not in failed_rows]
    if missing:
        raise ResponseError(
            f"batch job {job}: {len(missing)} of {len(done)} items are neither in the output nor among the errors, "
            f"the first of them is item {missing[0]}"
        )


def _lines(file: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the id and the object of each non-empty line."""
    for number, line in enumerate(io.BytesIO(file), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ResponseError(f"line {number} of the job's file is not JSON ({error})") from None
        custom_id = row.get("custom_id") if isinstance(row, dict) else None
        if not isinstance(custom_id, str):
            raise ResponseError(f"line {number} of the job's file has no 'custom_id'")
        yield custom_id, row


def _body(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer in a line; None if the line is an error."""
    response = line.get("response")
    status = response.get("status_code", 200) if isinstance(response, dict) else None
    body = response.get("body") if isinstance(response, dict) else None
    if line.get("error") or (type(status) is int and status >= 400):
        return None
    if not isinstance(body, dict):
        raise ResponseError(f"the line of {line.get('custom_id')!r} holds neither an answer nor an error")
    return body


def _failure(line: Mapping[str, Any]) -> FailedItem:
    """The status and message of a failed item, from any of the shapes that the service uses."""
    response = line.get("response")
    response = response if isinstance(response, dict) else line
    status = response.get("status_code")
    reason = (
        line.get("error") or response.get("body") or response.get("message") or "the service gave no reason"
    )
    while isinstance(reason, dict):
        inner = next((reason[name] for name in ("message", "detail", "error") if reason.get(name)), None)
        reason = inner if inner is not None else json.dumps(reason)
    return FailedItem(status if type(status) is int else None, str(reason)[:500])


def _vector(body: Mapping[str, Any], custom_id: str) -> Vectors:
    match body.get("data"):
        case [{"embedding": value}]:
            vector = read_vector(value, "float")
        case _:
            raise ResponseError(f"the answer for {custom_id!r} does not hold one embedding")
    if not len(vector) or not np.isfinite(vector).all():
        raise ResponseError(f"the vector of {custom_id!r} is empty or has values that are not finite")
    return vector


def _tokens(body: Mapping[str, Any]) -> int:
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return 0
    return count_of(usage.get("total_tokens", usage.get("prompt_tokens"))) or 0
