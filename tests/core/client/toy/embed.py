"""``POST /vectors``: ``{"sentences": [...]}`` becomes ``{"rows": [{"index", "numbers"}], "cost": 12}``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from toy.session import ToyChannel

from ragbridge.client.answers import read_rows
from ragbridge.client.batching import Batch
from ragbridge.client.bills import Bill
from ragbridge.client.job import Job
from ragbridge.client.lookup import Manner
from ragbridge.client.vectors import Sheet, floats_of
from ragbridge.client.wire import count_of, read_object
from ragbridge.flow import Flow, Plan, Response
from ragbridge.values.embeddings import Embeddings, Usage

MODEL = "toy-1"


def embed(channel: ToyChannel, texts: list[str], manner: Manner) -> Plan[Embeddings]:
    """One request for each two texts."""
    sheet = Sheet(len(texts))
    lookup = channel.lookup(texts, sheet, manner=manner)

    def ask(job: Job, batch: Batch) -> Flow[Bill]:
        places = job.places[batch.start : batch.stop]

        def read(response: Response) -> tuple[None, int | None]:
            body = read_object(response, setting="base_url")
            sheet.write(places, read_rows(body.get("rows"), "rows", len(places), _vector))
            return None, count_of(body.get("cost"))

        content = job.body({"sentences": job.texts[batch.start : batch.stop]}, batch)
        _, usage = yield from channel.post("/vectors", content, job.meter, read, lambda: batch.features)
        return Bill(MODEL, usage)

    def flows(places: Sequence[int]) -> Iterator[Flow[None]]:
        job = channel.job(
            "embed",
            lookup,
            [texts[place] for place in places],
            ask,
            places=places,
            model=MODEL,
            where=manner.where("texts"),
        )
        return map(job.run, job.batches(items=2))

    def join(usage: Usage, model: str | None, places: Sequence[int] | None) -> Embeddings:
        vectors = sheet.vectors if places is None else sheet.only(places)
        return Embeddings(vectors, model or MODEL, usage, failed=lookup.failures)

    return lookup.plan(flows, join)


def _vector(row: dict[str, object]) -> object:
    return floats_of(row.get("numbers"), "a vector")
