"""One run of a job: read, embed, write, and go on where an earlier run was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from ragbridge.cache import SqliteCache
from ragbridge.corpus.asked import Asked, Client, batch_size_of, in_flight, limit_of
from ragbridge.corpus.folder import Folder
from ragbridge.corpus.items import Item, items
from ragbridge.corpus.journal import Journal, Pruned, keeping
from ragbridge.corpus.lines import Layout, Line
from ragbridge.corpus.manifest import differences
from ragbridge.corpus.progress import Progress, ideal_seconds
from ragbridge.corpus.readers import read
from ragbridge.corpus.report import Report
from ragbridge.corpus.settings import Settings
from ragbridge.corpus.shards import Shards
from ragbridge.corpus.sources import STANDARD_INPUT, Sources, find_sources
from ragbridge.corpus.survey import Survey, survey
from ragbridge.errors import (
    ConfigurationError,
    RagbridgeError,
    RequestError,
    ResponseError,
    StatusError,
)
from ragbridge.ground.public import __version__

if TYPE_CHECKING:
    from ragbridge.corpus.blocks import Block

WINDOW = 2048
"""Texts that are looked up and cut into requests together, where they are of the usual length and what is in flight is
no more."""
LEAST_WINDOW = 256
HELD = 16 << 20
"""Characters in a window, about, where texts are long."""
AHEAD = 4
"""Windows that a stream is ahead of what it has given, at most: two that are begun, that whose pairs are being given,
and one more to be sure."""
OUTAGE = 1024
"""Rows in a row that the service fails at, though they are asked for again: it is not the rows that are to blame. Requests
have 512 texts at most."""


class Job:
    """One run.

    Args:
        inputs: Files, folders, patterns.
        folder: Where to, which this process holds.
        client: What embeds.
        asked: What is asked of it.
        settings: How to read and write.
        watch: Is given what tells how far the run is, when it begins.
    """

    def __init__(
        self,
        inputs: list[str],
        folder: Folder,
        client: Client,
        *,
        asked: Asked,
        settings: Settings,
        watch: Callable[[Progress], object] | None = None,
    ) -> None:
        self._inputs = inputs
        self._folder = folder
        self._client = client
        self._asked = asked
        self._settings = settings
        self._watch = watch
        self._outage: list[RagbridgeError] = []
        self._answered = False

    def run(self, *, restart: bool) -> Report:
        """Do what is left to do.

        Raises:
            ConfigurationError: The folder has another job, or the input is not what it should be.
            RagbridgeError: The job cannot go on; the next run begins where this one ended.
        """
        folder = self._folder
        if restart:
            folder.clear()
        try:
            out = folder.state if folder.single else folder.out
            sources = find_sources(self._inputs, spool=folder.spool, out=out)
            job = self._described(sources)
            surveyed = self._enter(job, sources)
            if self._settings.on_error == "fail":
                surveyed.refuse_wrong()
            report = self._work(sources, surveyed)
        finally:
            folder.spool.unlink(missing_ok=True)
        folder.forget_answers()
        totals = {
            "inputs": report.inputs,
            "rows": report.rows,
            "failed": report.failed,
            "dimensions": report.width,
        }
        folder.note({"job": job, "survey": _packed(surveyed), "done": totals})
        return report

    def _described(self, sources: Sources) -> dict[str, Any]:
        files = [[source.name, *source.identity] for source in sources.files]
        described = {**self._asked.described(self._client), **self._settings.described()}
        output = {"output": self._folder.format, "files": files}
        found: dict[str, Any] = json.loads(json.dumps({**described, **output}))
        return found

    def _enter(self, job: dict[str, Any], sources: Sources) -> Survey:
        """Begin the job, or find where it was."""
        folder = self._folder
        there = folder.read()
        if there is not None and there["job"] != job:
            found = "; ".join(differences(there["job"], job))
            hint = "; rows of standard input must be the same again" if STANDARD_INPUT in self._inputs else ""
            raise ConfigurationError(
                f"{folder.out} holds another job: {found}{hint}. Name another output, or begin anew with restart=True (--restart)"
            )
        if there is not None:
            folder.resume()
            return _unpacked(there["survey"])
        surveyed = self._survey(sources)
        if self._settings.on_error == "fail":
            surveyed.refuse_wrong()
        folder.begin({"job": job, "survey": _packed(surveyed), "by": f"ragbridge {__version__}"})
        return surveyed

    def _survey(self, sources: Sources) -> Survey:
        settings = self._settings
        return survey(
            self._read(sources),
            text_column=settings.text_column,
            id_column=settings.id_column,
            columns=settings.columns,
            made=settings.made(self._asked),
            estimator=self._asked.estimator(self._client),
            typed=self._folder.format == "parquet",
        )

    def _read(self, sources: Sources) -> Iterator[Block]:
        settings = self._settings
        return read(sources.files, text_column=settings.text_column, id_column=settings.id_column or "id")

    def _work(self, sources: Sources, surveyed: Survey) -> Report:
        folder, asked, settings = self._folder, self._asked, self._settings
        window = _window(surveyed, in_flight(self._client))
        with self._journaled(window) as (client, journal):
            done = sum(shard.inputs for shard in folder.shards)
            limiter = asked.limiter(client)
            progress = Progress(
                rows=surveyed.rows,
                characters=surveyed.characters,
                features=surveyed.features,
                totals=client.usage,
                estimator=asked.estimator(client),
                limiter=limiter,
                limit=limit_of(limiter),
                price=settings.price,
                batch_size=batch_size_of(client),
            )
            progress.skip(done)
            progress.failed = sum(shard.failed for shard in folder.shards)
            if self._watch is not None:
                self._watch(progress)

            def finished() -> None:
                progress.shards = len(folder.shards)
                journal.safe(progress.texts)

            shards = Shards(
                folder,
                self._layout(surveyed),
                None if folder.single else settings.shard_rows,
                expected=asked.expected(),
                finished=finished,
            )
            finished()
            if done < surveyed.rows:
                try:
                    stream = self._stream(client, self._read(sources), done, window)
                    self._embed(stream, journal, shards, progress)
                except OSError as error:
                    raise RagbridgeError(
                        f"{folder.out} cannot be written ({error}): see to its disk, and run the same job again: it goes on "
                        "where it was"
                    ) from error
                finally:
                    shards.close()
            return self._report(surveyed, done, progress, client, shards.width)

    def _stream(
        self, client: Client, blocks: Iterator[Block], done: int, window: int
    ) -> Iterator[tuple[Item, Any]]:
        asked = self._asked
        texts = items(
            blocks,
            self._settings.text_column,
            skip=done,
            chunker=asked.chunker,
            together=asked.late_chunking,
        )
        return asked.stream(client, texts, _chunks_of if asked.late_chunking else _text_of, window)

    def _embed(
        self, stream: Iterator[tuple[Item, Any]], journal: Journal, shards: Shards, progress: Progress
    ) -> None:
        with closing(cast("Any", stream)):
            for item, result in stream:
                lines = self._lines(item, result)
                failed = sum(line.vector is None for line in lines)
                length = len(item.text or "")
                row = length if item.chunk is None else item.chunk[1].end
                progress.count(length, row=row if item.last else None, failed=failed)
                shards.add(lines, last=item.last)
                journal.reached(progress.texts)
        if self._outage and not self._answered:
            raise self._outage[-1]
        shards.finish()

    def _lines(self, item: Item, result: Any) -> list[Line]:
        """The rows of the output that an item becomes."""
        if isinstance(result, RagbridgeError):
            error = self._tolerated(item, result)
            chunks = enumerate(item.chunks or ())
            each = [Line(item.block, item.index, None, error, chunk) for chunk in chunks]
            return each or [Line(item.block, item.index, None, error, item.chunk)]
        self._outage.clear()
        self._answered = True
        if item.chunks is None:
            return [Line(item.block, item.index, result, None, item.chunk)]
        return [
            Line(item.block, item.index, vector, None, chunk)
            for chunk, vector in zip(enumerate(item.chunks), result, strict=True)
        ]

    def _tolerated(self, item: Item, error: RagbridgeError) -> str:
        """What is written of an item that failed.

        Raises:
            RagbridgeError: The error itself, where rows must not fail, or where it is not the row that is to blame.
        """
        if item.problem is not None:
            if self._settings.on_error == "fail":
                raise ConfigurationError(f"{item.name}: {item.problem}")
            return item.problem
        if self._settings.on_error == "fail":
            raise named(item.name, error) from error
        if error.retryable:
            self._outage.append(error)
            if len(self._outage) >= OUTAGE:
                raise named(item.name, error) from error
        return f"{type(error).__name__}: {error}"

    def _layout(self, surveyed: Survey) -> Layout:
        settings, schema = self._settings, None
        if self._folder.format == "parquet":
            from ragbridge.corpus.tables import read_schema

            schema = read_schema(surveyed.schema or "")
        about = {**self._asked.described(self._client), "ragbridge": __version__}
        return Layout(
            columns=surveyed.columns,
            schema=schema,
            text=settings.text_column,
            vector=settings.vector_column,
            error=settings.error_column,
            chunked=self._asked.chunker is not None,
            half=settings.float16,
            about=json.dumps({name: value for name, value in about.items() if value is not None}),
            gaps=settings.on_error == "record",
        )

    @contextmanager
    def _journaled(self, window: int) -> Iterator[tuple[Client, Journal]]:
        """The client, whose answers are kept until they are in a finished shard; or in its own cache, for good."""
        given = self._client
        own = None
        if given.cache is not None:
            journal = Journal(given.cache.cache)
        else:
            try:
                own = SqliteCache(self._folder.journal)
            except ConfigurationError as error:
                raise ConfigurationError(
                    f"{error} The journal may be elsewhere: give the client a cache= (--cache)"
                ) from None
            ahead = max(1, window // 8) if self._asked.late_chunking else window
            journal = Pruned(own, AHEAD * ahead)
        client = keeping(given, journal)
        try:
            yield client, journal
        finally:
            used = client.usage
            given.usage.add(
                **{
                    field.name: getattr(used, field.name)
                    for field in fields(used)
                    if field.init and field.compare
                }
            )
            if own is not None:
                own.close()

    def _report(
        self, surveyed: Survey, done: int, progress: Progress, client: Client, width: int | None
    ) -> Report:
        folder, used = self._folder, client.usage
        notes = [
            f"column {name!r} is written as text: its values have no type in common"
            for name in surveyed.mixed
        ]
        limit = limit_of(self._asked.limiter(client))
        return Report(
            out=folder.out,
            files=folder.paths(),
            inputs=surveyed.rows,
            rows=sum(shard.rows for shard in folder.shards),
            resumed=done,
            failed=sum(shard.failed for shard in folder.shards),
            cached=client.cache.hits if client.cache is not None else 0,
            tokens=used.tokens,
            requests=used.requests,
            refusals=used.refusals,
            seconds=progress.seconds,
            ideal_seconds=ideal_seconds(limit, used.tokens, used.requests),
            cost=progress.cost,
            width=width,
            notes=tuple(notes),
        )


def named(name: str, error: RagbridgeError) -> RagbridgeError:
    """``error``, which says of which row it is."""
    if isinstance(error, StatusError):
        return error.replace(message=f"{name}: {error.message}")
    if isinstance(error, (ConfigurationError, RequestError, ResponseError)):
        return type(error)(f"{name}: {error}")
    return error


def _text_of(item: Item) -> str | None:
    return item.text


def _chunks_of(item: Item) -> list[str] | None:
    return None if item.chunks is None else [chunk.text for chunk in item.chunks]


def _window(surveyed: Survey, in_flight: int) -> int:
    """Fewer texts at once where they are long, so that memory does not grow with them; no fewer than are in flight."""
    mean = surveyed.characters / max(surveyed.rows - surveyed.without, 1)
    return int(max(LEAST_WINDOW, min(max(WINDOW, in_flight), HELD / max(mean, 1.0))))


def _packed(surveyed: Survey) -> dict[str, Any]:
    return {field.name: getattr(surveyed, field.name) for field in fields(surveyed)}


def _unpacked(found: dict[str, Any]) -> Survey:
    return Survey(**{**found, "features": tuple(found["features"])})
