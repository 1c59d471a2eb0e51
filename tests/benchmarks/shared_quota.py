"""Three processes and one quota: time against the ideal. Needs redis-server for the rows of Redis.

    python tests/benchmarks/shared_quota.py [ROW ...]

``ragbridge serve`` counts 5,000 tokens a second in windows of ten seconds, and answers a bare 429 to anything above. The
corpus costs a little more than three windows. The ideal is what a client reaches that sends each window's tokens at once,
when the window begins: the number of full windows times ten seconds.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

WINDOW, TOKENS, REQUESTS, PLACES = 10.0, 300_000, 600, 24  # the latter three a minute
ROWS = int(os.environ.get("ROWS", "3200"))
EVEN, SKEWED = (1 / 3, 1 / 3, 1 / 3), (0.6, 0.2, 0.2)
CASES = {  # kind of quota, shares of the rows, what happens
    "file": ("file", EVEN, ""),
    "redis": ("redis", EVEN, ""),
    "redis, skewed shares": ("redis", SKEWED, ""),
    "redis, a worker killed": ("redis", EVEN, "kill"),
    "redis, paused 5 s": ("redis", EVEN, "pause"),
    "redis, restarted empty": ("redis", EVEN, "restart"),
    "none, skewed shares": ("none", SKEWED, ""),
    "split by three, skewed shares": ("split", SKEWED, ""),
}


def work(kind: str, place: str, folder: str, url: str, key: str, first: int, last: int) -> None:
    """One worker, which embeds its rows and says what it cost."""
    from ragbridge import FileQuotas, Jina, RateLimit, RedisQuotas

    limit = RateLimit(REQUESTS, TOKENS, PLACES, WINDOW)
    if kind == "split":
        limit = RateLimit(REQUESTS / 3, TOKENS / 3, PLACES // 3, WINDOW)
    quotas = {"file": lambda: FileQuotas(place), "redis": lambda: RedisQuotas(place)}.get(
        kind, lambda: None
    )()
    cache = f"{folder}/vectors.db"  # what a killed worker has paid for is not paid again
    jina = Jina(key, base_url=url, host="jina", limits=limit, quotas=quotas, concurrency=8, cache=cache)
    begun = time.time()
    texts = [
        f"row {number}: fishermen take care of the sea, and the sea takes care of them. " * 2
        for number in range(first, last)
    ]
    usage = jina.embed(texts, model="jina-embeddings-v3", role="document", dimensions=64).usage
    print(json.dumps({
        "begun": begun, "ended": time.time(), "tokens": usage.tokens, "requests": jina.usage.requests,
        "refusals": jina.usage.refusals, "cpu": time.process_time(),
    }))  # fmt: skip


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def redis_server(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL
    )
    time.sleep(0.5)
    return process


@contextmanager
def service():
    """``ragbridge serve`` with the quota."""
    command = [
        sys.executable, "-c", "from ragbridge.cli import main; main()", "serve", "--port", "0", "--requests", str(REQUESTS), "--tokens", str(TOKENS),
        "--concurrency", str(PLACES), "--window", str(WINDOW),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        process.terminate()
        process.wait()


def run(kind: str, shares: tuple[float, ...], event: str, url: str) -> dict[str, float]:
    port, folder = free_port(), tempfile.mkdtemp()
    place = str(Path(folder) / "quota.db") if kind == "file" else f"redis://127.0.0.1:{port}/0"
    server = redis_server(port) if kind == "redis" else None
    key = f"key-{time.time_ns()}"
    bounds = [round(ROWS * sum(shares[:n])) for n in range(len(shares) + 1)]

    def start(first: int, last: int) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--worker", kind, place, folder, url, key, str(first), str(last)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    try:
        workers = [start(first, last) for first, last in itertools.pairwise(bounds)]
        time.sleep(12)
        if event == "kill":
            workers[0].kill()
            workers[0].wait()
            workers[0] = start(bounds[0], bounds[1])
        elif event == "pause" and server:
            os.kill(server.pid, signal.SIGSTOP)
            time.sleep(5)
            os.kill(server.pid, signal.SIGCONT)
        elif event == "restart" and server:
            server.kill()
            server.wait()
            time.sleep(1)
            server = redis_server(port)
        told = [json.loads(worker.communicate()[0]) for worker in workers]
    finally:
        if server:
            server.kill()
            server.wait()
        shutil.rmtree(folder)
    tokens = sum(each["tokens"] for each in told)
    if (
        event == "kill"
    ):  # each worker has as many rows: what the killed one was billed is known from the others
        tokens = max(tokens, 1.5 * (told[1]["tokens"] + told[2]["tokens"]))
    begun = min(each["begun"] for each in told)
    span = max(each["ended"] for each in told) - begun
    ideal = (-(-tokens // (TOKENS * WINDOW / 60)) - 1) * WINDOW
    total = {name: sum(each[name] for each in told) for name in ("tokens", "requests", "refusals", "cpu")}
    return {**total, "seconds": span, "ideal": ideal, "ratio": span / ideal}


def main(rows: list[str]) -> None:
    print(
        "| case | tokens | seconds | ideal | time / ideal | 429s | processor seconds |\n|---|---|---|---|---|---|---|"
    )
    with service() as url:
        for name in rows or CASES:
            kind, shares, event = CASES[name]
            told = run(kind, shares, event, url)
            print(
                f"| {name} | {told['tokens']:,} | {told['seconds']:.1f} | {told['ideal']:.0f} | {told['ratio']:.3f} "
                f"| {told['refusals']:.0f} | {told['cpu']:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(*sys.argv[2:7], int(sys.argv[7]), int(sys.argv[8]))
    else:
        main(sys.argv[1:])
