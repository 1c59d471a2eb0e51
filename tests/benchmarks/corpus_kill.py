"""Kills ``ragbridge embed`` at random with signal 9 until a corpus is done: is every row there once, and what was paid twice?

``python tests/benchmarks/corpus_kill.py [KILLS [ROWS [SEED]]]``
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

COUNTING = Path(__file__).parents[1] / "core" / "corpus" / "counting.py"
sys.path.insert(0, str(COUNTING.parent))

from counting import WIDTH, billed, vector_of  # noqa: E402

CONCURRENCY, BATCH, LATENCY, SHARD = 4, 128, 0.15, 5_000
COMMAND = [sys.executable, "-c", "from ragbridge.cli import main; main()", "embed"]


def main(kills: int = 20, rows: int = 20_000, seed: int = 1) -> None:
    """Run the job, and print what became of it."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        source, out, log = (Path(folder, name) for name in ("corpus.jsonl", "out", "bill"))
        texts = [f"{number} " + "word " * chance.randrange(20, 80) for number in range(rows)]
        with source.open("w") as file:
            for number, text in enumerate(texts):
                file.write(json.dumps({"id": number, "text": text}) + "\n")
        server = subprocess.Popen(
            [sys.executable, COUNTING, log, str(LATENCY)], stdout=subprocess.PIPE, text=True
        )
        try:
            url = server.stdout.readline().strip()
            idle = _run(source, out, log, url, kills, chance)
        finally:
            server.kill()
            server.wait()
        _, paid, different = billed(str(log))
        table = pq.read_table(sorted(out.glob("part-*.parquet")))
        assert table["id"].to_pylist() == list(range(rows)), "rows are lost, doubled or moved"
        assert table["text"].to_pylist() == texts
        vectors = np.stack(table["embedding"].to_numpy())
        assert np.array_equal(vectors, np.stack([vector_of(text) for text in texts])), (
            "a vector is not its text's"
        )
        extra, bound = paid - rows, kills * CONCURRENCY * BATCH
        print(
            f"{rows:,} rows once, in order, vectors right; {kills} kills, {idle} of them without progress; "
            f"billed {paid:,} texts ({different:,} different): +{extra / rows:.1%}, {extra / max(kills, 1):.0f} a kill, "
            f"{CONCURRENCY * BATCH} in flight at most"
        )
        assert different == rows
        assert extra <= bound


def _run(source: Path, out: Path, log: Path, url: str, kills: int, chance: random.Random) -> int:
    """Run until the job is done, killing the first runs. Returns how many of these got nowhere."""
    options = f"-o {out} --base-url {url} --host jina --limits none --concurrency {CONCURRENCY} --shard-rows {SHARD} --dimensions {WIDTH}"
    idle = 0
    for turn in range(kills + 1):
        before = billed(str(log)) if log.exists() else (0, 0, 0)
        run = subprocess.Popen(
            [*COMMAND, source, *options.split()],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "JINA_API_KEY": "key"},
        )
        if turn < kills:
            requests = before[0] + chance.randrange(CONCURRENCY + 1, 3 * CONCURRENCY + 1)
            while run.poll() is None and (not log.exists() or billed(str(log))[0] < requests):
                time.sleep(0.01)
            time.sleep(LATENCY * chance.random())
            run.kill()
        assert run.wait() in ({-9} if turn < kills else {0}), f"ended with {run.returncode} in turn {turn}"
        idle += billed(str(log))[2] == before[2]
    return idle


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
