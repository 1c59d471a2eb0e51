"""What a cache costs: ``python tests/benchmarks/cache.py [speed|kills|cold] ...``; all of them by default.

``speed`` writes and reads 200,000 vectors of 1,024 numbers (a file of 930 MB), ``kills`` ends four writers 36 times by
SIGKILL and looks for every batch that was acknowledged, ``cold`` compares the processor time of a job with and without.
"""

from __future__ import annotations

import base64
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from ragbridge import Jina, SqliteCache
from ragbridge.testing import Request, Response, ScriptedTransport

VECTORS, WIDTH, BATCH = 200_000, 1024, 128
KILLS, WRITERS = 36, 4


def key(writer: int, batch: int, row: int = 0) -> bytes:
    return random.Random(f"{writer} {batch} {row}").randbytes(20)


def timed(act: Callable[[], object], count: int) -> float:
    """Microseconds for each of ``count``."""
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) / count * 1e6


def speed(folder: Path) -> None:
    cache = SqliteCache(folder / "speed.db")
    keys = [number.to_bytes(8, "big") + random.Random(number).randbytes(12) for number in range(VECTORS)]
    rows = np.random.default_rng(0).random((BATCH, WIDTH), dtype=np.float32)
    values = [row.tobytes() for row in rows]

    def write() -> None:
        for start in range(0, VECTORS, BATCH):
            cache.put_many(dict(zip(keys[start : start + BATCH], values, strict=False)))

    print(f"write: {timed(write, VECTORS):.1f} us a vector")
    size = (folder / "speed.db").stat().st_size
    print(f"file: {size / VECTORS:,.0f} bytes a vector")
    shuffled = random.Random(1).sample(keys, VECTORS)
    for many in (1, BATCH, 4096):
        some = shuffled[: 20_000 if many == 1 else VECTORS]

        def read(many: int = many, some: list[bytes] = some) -> None:
            for start in range(0, len(some), many):
                assert len(cache.get_many(some[start : start + many])) == len(some[start : start + many])

        times = sorted(timed(read, len(some)) for _ in range(3))
        print(
            f"read alone, {many} at once: {times[0]:.1f} us a hit (three runs: {', '.join(f'{t:.1f}' for t in times)})"
        )
    unknown = [random.Random(-1 - number).randbytes(20) for number in range(VECTORS)]

    def miss() -> None:
        for start in range(0, VECTORS, BATCH):
            assert not cache.get_many(unknown[start : start + BATCH])

    print(f"a miss: {timed(miss, VECTORS):.1f} us")
    cache.close()
    texts = [f"text {number} " + "lorem ipsum dolor sit amet " * 15 for number in range(50_000)]
    with Jina("k", transport=ScriptedTransport(), limits=None, cache=folder / "embed.db") as jina:
        jina.embed(texts, role="document")
        times = sorted(timed(lambda: jina.embed(texts, role="document"), len(texts)) for _ in range(3))
        assert jina.embed(texts[:10], role="document").usage.requests == 0
        print(f"through embed: {times[0]:.1f} us a hit (three runs: {', '.join(f'{t:.1f}' for t in times)})")
        times = sorted(timed(lambda: jina.embed(texts[:1], role="document"), 1) for _ in range(50))
        print(f"through embed, one text in a call: {times[25]:.0f} us")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def write_for_ever(path: str, writer: int) -> None:
    cache, batch = SqliteCache(path), 0
    while True:
        begun = time.perf_counter()
        cache.put_many(
            {key(writer, batch, row): np.full(WIDTH, batch, "<f4").tobytes() for row in range(BATCH)}
        )
        print(batch, time.perf_counter() - begun, flush=True)
        batch += 1


def kills(folder: Path) -> None:
    path = folder / "kills.db"
    chance = random.Random(1)
    running: list[tuple[int, subprocess.Popen[str], Path]] = []
    logs: dict[int, Path] = {}

    def start(writer: int) -> None:
        logs[writer] = folder / f"{writer}.log"
        with logs[writer].open("w") as log:
            command = [sys.executable, __file__, "writer", str(path), str(writer)]
            running.append((writer, subprocess.Popen(command, stdout=log, text=True), logs[writer]))

    SqliteCache(path).close()
    for writer in range(WRITERS):
        start(writer)
    for number in range(KILLS):
        time.sleep(chance.random() * 1.6)
        _, process, _ = running.pop(chance.randrange(len(running)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        start(WRITERS + number)
    time.sleep(1)
    for _, process, _ in running:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with closing(sqlite3.connect(path)) as connection:
        (integrity,) = connection.execute("pragma integrity_check").fetchone()
    cache = SqliteCache(path)
    missing, latencies = 0, []
    for writer, log in logs.items():
        for line in log.read_text().splitlines():
            batch, _, seconds = line.partition(" ")
            if not seconds:
                continue
            latencies.append(float(seconds))
            found = cache.get_many([key(writer, int(batch), row) for row in range(BATCH)])
            missing += BATCH - sum(
                value == np.full(WIDTH, int(batch), "<f4").tobytes() for value in found.values()
            )
    median, worst = np.median(latencies) * 1e3, max(latencies) * 1e3
    print(
        f"{KILLS} kills of {WRITERS} writers: integrity {integrity}, {len(latencies)} acknowledged batches of {BATCH}, "
        f"{missing} rows missing; a batch took {median:.0f} ms (median), {worst:.0f} ms (worst)"
    )
    cache.close()


class Ready:
    """A transport whose answer is ready: what is measured is the client."""

    def __init__(self) -> None:
        rows = np.random.default_rng(0).random((BATCH, WIDTH), dtype=np.float32)
        data = [
            {"object": "embedding", "index": index, "embedding": base64.b64encode(row.tobytes()).decode()}
            for index, row in enumerate(rows)
        ]
        answer = {
            "model": "jina-embeddings-v5-text-small",
            "object": "list",
            "usage": {"total_tokens": 9},
            "data": data,
        }
        self._response = Response(200, {"content-type": "application/json"}, json.dumps(answer).encode())

    def send(self, request: Request) -> Response:
        return self._response

    def close(self) -> None:
        pass


def cold(folder: Path) -> None:
    """A job whose answers are ready: nothing but the client, with and without keeping them."""
    texts = [f"text {number} " + "lorem ipsum dolor sit amet " * 15 for number in range(BATCH * 160)]
    spent: dict[str, list[float]] = {"without": [], "with a cache that keeps nothing": [], "with a file": []}
    for run in range(5):
        for name, times in spent.items():
            cache = (
                None if name == "without" else folder / f"{run}.db" if name == "with a file" else Nothing()
            )
            with Jina("k", transport=Ready(), limits=None, cache=cache, concurrency=1) as jina:
                begun = time.process_time()
                jina.embed(texts, role="document")
                times.append((time.process_time() - begun) / len(texts) * 1e6)
    for name, times in spent.items():
        print(f"a cold job {name}: {min(times):.1f} us of processor time a text")


class Nothing:
    """A cache that keeps nothing."""

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        return {}

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        pass


PARTS = {"speed": speed, "kills": kills, "cold": cold}


def main(*names: str) -> None:
    if names and names[0] == "writer":
        write_for_ever(names[1], int(names[2]))
    for name in names or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            print(f"-- {name}, load {os.getloadavg()[0]:.1f}")
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
