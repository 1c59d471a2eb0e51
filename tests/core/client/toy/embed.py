"""``POST /vectors``: ``{"sentences": [...]}`` becomes ``{"rows": [{"index", "numbers"}], "cost": 12}``."""

from __future__ import annotations

from toy.session import ToyChannel

from ragbridge.client.answers import read_rows
from ragbridge.client.batching import Batch
from ragbridge.client.job import Bill, Job, Progress, total
from ragbridge.client.vectors import Sheet, floats_of
from ragbridge.client.wire import count_of, read_object
from ragbridge.flow import Flow, Plan, Response, plan
from ragbridge.values.embeddings import Embeddings

MODEL = "toy-1"


def embed(channel: ToyChannel, texts: list[str], progress: Progress | None) -> Plan[Embeddings]:
    """One request for each two texts."""
    sheet = Sheet(len(texts))

    def ask(job: Job, batch: Batch) -> Flow[Bill]:
        def read(response: Response) -> tuple[None, int | None]:
            body = read_object(response, setting="base_url")
            sheet.write(batch.start, read_rows(body.get("rows"), "rows", batch.stop - batch.start, _vector))
            return None, count_of(body.get("cost"))

        content = job.body({"sentences": job.texts[batch.start : batch.stop]}, batch)
        _, cost = yield from channel.post("/vectors", content, job.meter, read, lambda: batch.features)
        return Bill.of(MODEL, cost)

    job = channel.job("embed", texts, ask, model=MODEL, progress=progress)
    flows = map(job.run, job.batches(items=2))
    return plan(flows, lambda bills: Embeddings(sheet.vectors, MODEL, total(bills, MODEL).usage))


def _vector(row: dict[str, object]) -> object:
    return floats_of(row.get("numbers"), "a vector")
