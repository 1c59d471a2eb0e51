"""``POST /{index}/_bulk``: write documents in batches. Each outcome is read; retries neither lose nor duplicate any."""

from __future__ import annotations

import functools
import json
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ragbridge.client import sizes
from ragbridge.client.call import may_be_done
from ragbridge.errors import ConfigurationError, InvalidRequestError, ResponseError, StatusError, in_short
from ragbridge.flow import Flow, Plan, Response, plan, sleep
from ragbridge.ground.records import dataclass
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.arguments import index_name
from ragbridge.services.elastic.retrieval.documents import Row, batches, rows
from ragbridge.services.elastic.retrieval.packing import Packing
from ragbridge.services.elastic.session import resend
from ragbridge.services.elastic.wire import decode, segment
from ragbridge.services.elastic.wire import rows as objects
from ragbridge.values.lists import is_table
from ragbridge.values.search import BulkFailure, BulkResult

if TYPE_CHECKING:
    from ragbridge.services.elastic.session import ElasticChannel

log = logging.getLogger("ragbridge")

PRODUCT = "bulk"
BATCH_SIZE = 500
"""Documents in one request, the default of the official client's helpers too."""
BATCH_BYTES = 5_000_000
"""Bytes in one request. Elastic advises "a few tens of megabytes" at most and to begin small (Tune for indexing speed);
the server's own bound is 100 MB (``http.max_content_length``), proxies often have less."""
MOST_BYTES = 100_000_000
TIMEOUT = 300.0
"""Seconds to wait for an answer: documents with ``semantic_text`` fields are embedded before it comes."""

SHOWN = 100
"""Characters of an odd answer that an error shows."""

Op = Literal["index", "create"]
Refresh = bool | Literal["wait_for"]
OnError = Literal["raise", "report"]


@dataclass(frozen=True, slots=True)
class BulkOptions:
    """Checked options of one bulk call.

    Attributes:
        index: The index to write to.
        op: ``index`` replaces a document of the same id, ``create`` refuses the new one.
        query: Query parameters.
        batch_size: The largest number of documents in one request.
        batch_bytes: The largest number of bytes in one request.
        on_error: Whether refused documents raise an error at the end, or are only reported.
        pack: Whether NumPy arrays of floats travel as base64; None to ask the index.
    """

    index: str
    op: Op
    query: Mapping[str, object]
    batch_size: int
    batch_bytes: int
    on_error: OnError
    pack: bool | None


def check_options(
    index: str,
    *,
    op: Op,
    batch_size: int,
    batch_bytes: int,
    pipeline: str | None,
    refresh: Refresh | None,
    on_error: OnError,
    pack_vectors: bool | None,
) -> BulkOptions:
    """The options of one call.

    Raises:
        ConfigurationError: One of them is not what it should be.
    """
    if op not in ("index", "create"):
        raise ConfigurationError(
            f"op={op!r} must be 'index' (replace what has the same id) or 'create' (refuse it)"
        )
    if refresh is not None and not isinstance(refresh, bool) and refresh != "wait_for":
        raise ConfigurationError(f"refresh={refresh!r} must be True, False or 'wait_for'")
    if on_error not in ("raise", "report"):
        raise ConfigurationError(f"on_error={on_error!r} must be 'raise' or 'report'")
    if pack_vectors is not None and not isinstance(pack_vectors, bool):
        raise ConfigurationError(
            f"pack_vectors={pack_vectors!r} must be True, False, or None to ask the index"
        )
    if pack_vectors is None and pipeline is not None:
        pack_vectors = False  # a pipeline may compute with the numbers
    query = {"pipeline": None if pipeline is None else check.text("pipeline", pipeline), "refresh": refresh}
    return BulkOptions(
        index_name(index),
        op,
        query,
        check.whole("batch_size", batch_size),
        check.whole("batch_bytes", batch_bytes, most=MOST_BYTES),
        on_error,
        pack_vectors,
    )


def check_ids(
    documents: Iterable[Mapping[str, Any]], ids: Sequence[str] | None, id_field: str | None
) -> Iterable[Mapping[str, Any]]:
    """``documents``, checked to be several, with as many ids.

    Raises:
        ConfigurationError: ``documents`` is a single document, or the ids do not match.
    """
    if is_table(documents):
        raise ConfigurationError(
            f"documents is one {type(documents).__name__}: pass a list of dicts, such as .to_dict('records')"
        )
    if isinstance(documents, (str, bytes, Mapping)):
        raise ConfigurationError(
            f"documents is one {type(documents).__name__}: pass a list, or any iterable of dicts"
        )
    if ids is not None and id_field is not None:
        raise ConfigurationError("pass ids= or id_field=, not both")
    if ids is not None and isinstance(documents, Sequence) and len(ids) != len(documents):
        raise ConfigurationError(f"ids= has {len(ids)} ids for {len(documents)} documents: pass one each")
    return documents


def bulk(
    channel: ElasticChannel,
    documents: Iterable[Mapping[str, Any]],
    options: BulkOptions,
    *,
    ids: Sequence[str] | None,
    id_field: str | None,
    progress: Callable[[int], object] | None,
) -> Plan[BulkResult]:
    """Send batches concurrently, reading ``documents`` lazily."""
    written: list[str] = []
    packing = Packing(channel, options.index, options.pack)

    def flows() -> Iterator[Flow[list[BulkFailure]]]:
        ready = rows(documents, op=options.op, ids=ids, id_field=id_field, takes=lambda: packing.takes)
        for batch in batches(ready, size=options.batch_size, size_bytes=options.batch_bytes):
            written.extend(row.id for row in batch)
            yield _batch(channel, batch, options, packing, progress)

    def join(failures: list[list[BulkFailure]]) -> BulkResult:
        every = (failure for batch in failures for failure in batch)
        result = BulkResult(tuple(written), tuple(sorted(every, key=lambda failure: failure.index)))
        if options.on_error == "raise":
            result.raise_for_errors()
        return result

    return plan(flows(), join)


def _batch(
    channel: ElasticChannel,
    batch: list[Row],
    options: BulkOptions,
    packing: Packing,
    progress: Callable[[int], object] | None,
) -> Flow[list[BulkFailure]]:
    """Write one batch. Only rows that were refused temporarily are sent again."""
    failures: list[BulkFailure] = []
    doubted: set[int] = set()
    waiting = [batch]
    if any(row.draft is not None for row in batch):
        takes = yield from packing.settle()
        settled = (row.settled(takes) for row in batch)  # as JSON they may be too many for one request
        waiting = [*batches(settled, size=options.batch_size, size_bytes=options.batch_bytes)][::-1]
    attempt = 0
    again: list[tuple[Row, StatusError]] = []
    while waiting:
        for row, error in (yield from _part(channel, waiting, options, doubted)):
            if error.retryable:
                again.append((row, error))
            else:
                failures.append(_failure(row, error))
        if waiting or not again:
            continue
        attempt += 1
        slowest = max(again, key=lambda one: one[1].retry_after or 0)[1]
        pause = channel.retry.delay(attempt, slowest, draw=random.random())  # noqa: S311 - no secret
        if pause is None:
            failures += [_failure(row, error) for row, error in again]
            break
        log.info(
            "%s: %d documents are sent again in %.2f s: %s",
            options.index,
            len(again),
            pause,
            in_short(slowest),
        )
        waiting, again = [[row for row, _ in again]], []
        yield from sleep(pause)
    if progress is not None:
        progress(len(batch))
    return failures


def _part(
    channel: ElasticChannel, waiting: list[list[Row]], options: BulkOptions, doubted: set[int]
) -> Flow[list[tuple[Row, StatusError]]]:
    """Send the last part of ``waiting`` and remove it. If it is too large (413), its two halves are added instead.

    Returns:
        The rows that were not written, each with its error.
    """
    part = waiting.pop()
    try:
        errors = yield from _send(channel, part, options, doubted)
    except InvalidRequestError as error:
        if error.status != 413:
            raise
        if len(part) == 1:
            return [(part[0], error)]
        middle = len(part) // 2
        waiting += [part[middle:], part[:middle]]
        return []
    refused = [(row, error) for row, error in zip(part, errors, strict=True) if error is not None]
    if options.op == "index":
        return refused
    # If an earlier answer was lost, the existing document is the one which that request created.
    left = [(row, error) for row, error in refused if not (error.status == 409 and row.index in doubted)]
    doubted.update(row.index for row, error in left if may_be_done(error))
    return left


def _send(
    channel: ElasticChannel, part: list[Row], options: BulkOptions, doubted: set[int]
) -> Flow[list[StatusError | None]]:
    body = b"".join(row.lines for row in part)

    def send() -> Flow[list[StatusError | None]]:
        return channel.send(
            "POST",
            f"/{segment('index', options.index)}/_bulk",
            product=PRODUCT,
            read=functools.partial(_read, part=part, options=options, refusal=channel.refusal),
            query=options.query,
            body=body,
            content_type="application/x-ndjson",
            timeout=TIMEOUT,
            idempotent=options.op == "index",
            most=sizes.of_rows(len(part), each=sizes.ROW, repeated=body),
        )

    return (
        yield from resend(
            send, retry=channel.retry, in_doubt=lambda: doubted.update(row.index for row in part)
        )
        if options.op == "create"
        else send()
    )


def _read(
    response: Response, *, part: list[Row], options: BulkOptions, refusal: Callable[[Response], StatusError]
) -> list[StatusError | None]:
    """For each row None if it was written, or else its error, without credentials.

    Raises:
        ResponseError: A row is missing, or belongs to another document, action or index.
    """
    items = objects(decode(response), "items")
    if len(items) != len(part):
        raise ResponseError(f"'items' has {len(items)} rows for {len(part)} documents")
    found = [_result(item, row, options.op) for item, row in zip(items, part, strict=True)]
    _check_indices([result.get("_index") for result in found], part, options)
    return [_outcome(result, refusal) for result in found]


def _result(item: Mapping[str, Any], row: Row, op: Op) -> Mapping[str, Any]:
    """What a row says of its document."""
    where = f"the row of documents[{row.index}] in 'items'"
    if len(item) == 1 and op not in item:
        raise ResponseError(
            f"{where} is about the action {next(iter(item))[:SHOWN]!r} where {op!r} was asked for"
        )
    result = item.get(op) if len(item) == 1 else None
    if not isinstance(result, dict) or type(result.get("status")) is not int:
        raise ResponseError(f"{where} has no status")
    if result.get("_id") not in (row.id, None):
        raise ResponseError(f"{where} is about the id {str(result['_id'])[:SHOWN]!r}")
    return result


def _check_indices(names: list[Any], part: list[Row], options: BulkOptions) -> None:
    """Refuse rows of another index, as far as that can be told.

    An alias and a data stream write to indexes of other names. But where one row has the name itself, it is that of an
    index, and all rows have it, unless a pipeline sends documents elsewhere.

    Raises:
        ResponseError: A row belongs to another index.
    """
    for name, row in zip(names, part, strict=True):
        strange = options.index in names and name != options.index and not options.query["pipeline"]
        if name is not None and (strange or not isinstance(name, str) or not name):
            raise ResponseError(
                f"the row of documents[{row.index}] in 'items' is about the index {str(name)[:SHOWN]!r} where "
                f"{options.index!r} was asked for"
            )


def _outcome(outcome: Mapping[str, Any], refusal: Callable[[Response], StatusError]) -> StatusError | None:
    status: int = outcome["status"]
    error = outcome.get("error")
    if 200 <= status < 300 and error is None:
        return None
    status = status if status >= 400 else 500
    return refusal(Response(status, {}, json.dumps({"error": error, "status": status}).encode()))


def _failure(row: Row, error: StatusError) -> BulkFailure:
    return BulkFailure(row.index, row.id, error.status, error.code or "", error.message)
