"""Everything at once for minutes: threads, event loops, cancellations, faults, forks and closes over shared clients.

    python tests/benchmarks/soak.py                              # ten minutes for each transport
    python tests/benchmarks/soak.py --minutes 2 --transport fast

50 threads and 20 event loops embed through two clients with a key each, while a tenth of the answers goes wrong. Every row
is compared with the right one. A call that has not ended after 90 seconds is a hang: all stacks are printed and the
process exits with 1, as it does for a wrong row, an error that is not ragbridge's, or memory, threads or descriptors
that grow. POSIX only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import gc
import json
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ragbridge import Jina, RagbridgeError, RateLimit, Retry
from ragbridge.local import Engine, Faults
from ragbridge.server import running
from ragbridge.transport import standard

TRANSPORTS = ("httpx", "fast", "own", "local")
THREADS, LOOPS = 50, 20
PATIENCE = 90.0
"""Seconds after which a call counts as hanging: far more than its attempts, pauses and deadlines come to."""
TEXTS = [f"text {n}: what {n * 7919 % 1000} fishermen know about the sea" for n in range(400)]
KINDS = (
    "status429", "status500", "status503", "html502", "error200", "badjson", "reset", "close", "hang", "truncate",
    "shuffle", "nan", "missing", "duplicate", "offset", "width", "latency",
)  # fmt: skip
OPTIONS: dict[str, Any] = {"model": "jina-embeddings-v3", "dimensions": 32}
POLICY: dict[str, Any] = {
    "limits": RateLimit(60_000, 60_000_000, 8, 0.2),
    "retry": Retry(attempts=6, initial=0.02, retry_after_cap=0.5),
    "timeout": 1.0,
    "deadline": 5.0,
    "batch_size": 8,
}


def faulty() -> Engine:
    """The embedded engine, of whose answers a tenth goes wrong."""
    return Engine(faults=Faults(rate=0.1, kinds=KINDS, latency=0.05), seed=1)


class Soak:
    """One transport's run.

    Args:
        transport: Its name.
        seconds: How long.
        url: Where the server is.
    """

    def __init__(self, transport: str, seconds: float, url: str) -> None:
        self.transport = transport
        self.end = time.monotonic() + seconds
        self.seconds = seconds
        self.url = url
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.calls: dict[int, tuple[str, float]] = {}
        self.slowest = 0.0
        self.samples: list[tuple[int, int, int]] = []
        self._lock = threading.Lock()
        self._right = Jina(base_url="local").embed(TEXTS, **OPTIONS).vectors
        self._own: Any = None
        self._engine = faulty() if transport == "local" else None
        if transport == "own":
            import httpx

            self._own = httpx.Client(limits=httpx.Limits(max_connections=16))
        self.clients = [self.client(f"key-{n}") for n in range(2)]

    def client(self, key: str, async_client: Any = None) -> Jina:
        """A client with ``key``; all of one key share its quota."""
        if self._engine is not None:
            return Jina(key, base_url="http://x", transport=self._engine, **POLICY)
        return Jina(
            key,
            base_url=self.url,
            host="jina",
            http_client=self._own,
            async_http_client=async_client,
            **POLICY,
        )

    @property
    def on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.end

    @contextlib.contextmanager
    def watched(self, what: str) -> Iterator[None]:
        """One call: the watchdog knows of it, and what it raises is counted."""
        start = time.monotonic()
        number = id(object()) ^ random.getrandbits(60)
        with self._lock:
            self.calls[number] = (what, start)
        outcome = "right"
        try:
            yield
        except RagbridgeError as error:
            outcome = "error"
            with self._lock:
                self.errors[f"{type(error).__name__}: {str(error)[-60:]}"] += 1
        except TimeoutError:
            outcome = "timed out"
        except asyncio.CancelledError:
            outcome = "cancelled"
        except BaseException as error:  # noqa: BLE001 - whatever it is, it should not have come
            fail(f"{what} in {self.transport}: {error!r}")
        with self._lock:
            del self.calls[number]
            self.counts[outcome] += 1
            self.slowest = max(self.slowest, time.monotonic() - start)

    def draw(self, chance: random.Random) -> tuple[list[str], list[int]]:
        """Some texts and their numbers."""
        numbers = chance.choices(range(len(TEXTS)), k=chance.choice([1, 1, 1, 5, 30]))
        return [TEXTS[number] for number in numbers], numbers

    def check(self, vectors: Any, numbers: list[int]) -> None:
        """End the process where a row is not that of its text."""
        if len(vectors) != len(numbers) or not np.allclose(vectors, self._right[numbers], atol=1e-5):
            fail(f"a wrong row of {len(numbers)} in {self.transport}")

    def thread(self, seed: int) -> None:
        """Blocking calls, one after the other."""
        chance = random.Random(seed)
        while self.on:
            texts, numbers = self.draw(chance)
            with self.watched("embed"):
                self.check(chance.choice(self.clients).embed(texts, **OPTIONS).vectors, numbers)

    def loop(self, seed: int) -> None:
        """Event loops, one after the other."""
        chance = random.Random(seed)
        while self.on:
            asyncio.run(self.life(chance))

    async def life(self, chance: random.Random) -> None:
        """A few seconds of one event loop: tasks that end, that are given up, and blocking calls between them."""
        end = min(time.monotonic() + chance.uniform(1, 5), self.end)
        async with contextlib.AsyncExitStack() as stack:
            clients = self.clients
            if self.transport == "own":
                import httpx

                own = await stack.enter_async_context(httpx.AsyncClient())
                clients = [self.client(f"key-{n}", own) for n in range(2)]
            while time.monotonic() < end:
                tasks = [
                    asyncio.ensure_future(self.job(chance, clients)) for _ in range(chance.randint(1, 6))
                ]
                await asyncio.sleep(chance.uniform(0, 0.02))
                if chance.random() < 0.2:
                    texts, numbers = self.draw(chance)
                    with self.watched("embed on a busy loop"):
                        self.check(chance.choice(clients).embed(texts, **OPTIONS).vectors, numbers)
                if chance.random() < 0.05:
                    with self.watched("aclose"):
                        await chance.choice(clients).aclose()
                for task in tasks:
                    if chance.random() < 0.2:
                        task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for client in clients:
                await client.aclose()

    async def job(self, chance: random.Random, clients: list[Jina]) -> None:
        """One awaited call, perhaps with a time-out of the caller's."""
        texts, numbers = self.draw(chance)
        with self.watched("aembed"):
            async with asyncio.timeout(chance.choice([None, None, chance.uniform(0, 0.2)])):
                self.check((await chance.choice(clients).aembed(texts, **OPTIONS)).vectors, numbers)

    def fork(self) -> None:
        """A child that embeds by the parent's clients."""
        child = os.fork()
        if child == 0:
            code = 1
            self._own = None  # the parent's sockets
            try:
                clients = (
                    [self.client(f"key-{n}") for n in range(2)] if self.transport == "own" else self.clients
                )
                vectors = [client.embed(TEXTS[:9], **OPTIONS).vectors for client in clients for _ in range(2)]
                code = 0 if all(np.allclose(rows, self._right[:9], atol=1e-5) for rows in vectors) else 2
            except RagbridgeError:
                code = 3
            finally:
                os._exit(code)
        with self.watched("fork"):
            until = time.monotonic() + PATIENCE
            while (found := os.waitpid(child, os.WNOHANG)) == (0, 0):
                if time.monotonic() > until:
                    os.kill(child, signal.SIGUSR1)  # shows where it stands
                    time.sleep(1)
                    os.kill(child, signal.SIGKILL)
                    fail("a forked child hangs")
                time.sleep(0.02)
            code = os.waitstatus_to_exitcode(found[1])
            self.counts["forks"] += 1
            if code == 3:
                self.counts["forks with an error"] += 1
            elif code:
                fail(f"a forked child ended with {code}")

    def watch(self) -> None:
        """The watchdog: it also sees to it that a process that stands still altogether ends."""
        while self.on or self.calls:
            faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
            now = time.monotonic()
            with self._lock:
                late = [(what, now - start) for what, start in self.calls.values() if now - start > PATIENCE]
            if late:
                fail(f"{self.transport}: {late[0][0]} still runs after {late[0][1]:.0f} s")
            time.sleep(0.5)
        faulthandler.cancel_dump_traceback_later()

    def run(self) -> dict[str, Any]:
        """All of it; the figures."""
        workers = [threading.Thread(target=self.thread, args=(seed,), daemon=True) for seed in range(THREADS)]
        workers += [threading.Thread(target=self.loop, args=(seed,), daemon=True) for seed in range(LOOPS)]
        watchdog = threading.Thread(target=self.watch, daemon=True)
        for thread in (*workers, watchdog):
            thread.start()
        chance = random.Random(0)
        next_fork, next_sample = time.monotonic() + 2, time.monotonic() + self.seconds / 5
        while self.on:
            time.sleep(chance.uniform(0, 0.5))
            chance.choice(self.clients).close()
            if time.monotonic() > next_fork:
                self.fork()
                next_fork = time.monotonic() + 3
            if time.monotonic() > next_sample:
                self.samples.append(resources())
                next_sample += self.seconds / 5
        for thread in (*workers, watchdog):
            thread.join(2 * PATIENCE)
            if thread.is_alive():
                fail(f"{self.transport}: a thread does not end")
        for client in self.clients:
            client.close()
        if self._own is not None:
            self._own.close()
        gc.collect()
        time.sleep(2 * POLICY["deadline"])  # those whose call had failed meanwhile
        gc.collect()
        return {
            "transport": self.transport,
            "seconds": round(self.seconds),
            **self.counts,
            "slowest": round(self.slowest, 1),
            "samples": [*self.samples, resources()],
            "kinds": dict(self.errors.most_common(8)),
        }


def resources() -> tuple[int, int, int]:
    """Megabytes in memory, threads, open descriptors."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        pages * os.sysconf("SC_PAGESIZE") >> 20,
        threading.active_count(),
        len([*Path("/proc/self/fd").iterdir()]),
    )


def fail(reason: str) -> None:
    """Say why, show where everybody stands, and end."""
    print(f"FAILED: {reason}", file=sys.stderr, flush=True)
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    os._exit(1)


def one(transport: str, seconds: float) -> None:
    """Soak one transport in this process and print its figures as JSON."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    logging.getLogger("ragbridge").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if transport in {"httpx", "own"}:
        standard.AUTO = "httpx"
    before = resources()
    if transport == "local":
        figures = Soak(transport, seconds, "").run()
    else:
        command = [sys.executable, __file__, "--serve"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            figures = Soak(transport, seconds, server.stdout.readline().strip()).run()
            server.stdin.close()
    print(json.dumps({**figures, "before": before}))
    memory = [sample[0] for sample in figures["samples"]]
    _, threads, descriptors = figures["samples"][-1]
    if threads > before[1] + 2 or descriptors > before[2] + 20 or memory[-2] > memory[1] * 1.15 + 20:
        fail(f"{transport}: memory, threads or descriptors grow: {before}, {figures['samples']}")


def serve() -> None:
    """Serve until standard input is closed."""
    with running(faulty()) as url:
        print(url, flush=True)
        sys.stdin.read()


def main() -> None:
    """Soak the transports one after the other, each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="for each transport")
    parser.add_argument("--transport", choices=TRANSPORTS, action="append", help="all of them unless given")
    parser.add_argument("--one", choices=TRANSPORTS, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve()
    elif asked.one:
        one(asked.one, 60 * asked.minutes)
    else:
        failed = False
        print(
            "| transport | right | errors | cancelled | timed out | forks | slowest | MB, threads, descriptors |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for transport in asked.transport or TRANSPORTS:
            command = [sys.executable, __file__, "--one", transport, "--minutes", str(asked.minutes)]
            ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            failed |= ended.returncode != 0
            found = json.loads(ended.stdout) if ended.stdout else {}
            samples = " -> ".join("{}, {}, {}".format(*sample) for sample in found.get("samples", ()))
            row = [found.get(name, 0) for name in ("right", "error", "cancelled", "timed out", "forks")]
            cells = [transport, *map(str, row), f"{found.get('slowest', '-')} s", samples]
            print(
                f"| {' | '.join(cells)} |"
                + ("" if ended.returncode == 0 else f" FAILED ({ended.returncode})")
            )
            for kind, number in found.get("kinds", {}).items():
                print(f"    {number} x {kind}", file=sys.stderr)
        sys.exit(failed)


if __name__ == "__main__":
    main()
