"""Peak memory of ``ragbridge embed`` over corpora of two sizes: it should not grow with the number of rows.

``python tests/benchmarks/corpus_memory.py [DIMENSIONS]``
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

COUNTING = Path(__file__).parents[1] / "core" / "corpus" / "counting.py"
COMMAND = [sys.executable, "-c", "from ragbridge.cli import main; main()", "embed"]
SIZES = (20_000, 120_000)


def main(dimensions: int = 256) -> None:
    """Print a row of the table for each size."""
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, COUNTING, Path(folder, "bill"), "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            url = server.stdout.readline().strip()
            for rows in SIZES:
                for name, options in (("Parquet", "out"), ("JSON Lines", "out.jsonl")):
                    peak, seconds = _run(Path(folder), rows, dimensions, url, options)
                    print(
                        f"| {name} | {rows:,} | {dimensions:,} | {peak:.0f} MB | {seconds:.0f} s |",
                        flush=True,
                    )
        finally:
            server.kill()
            server.wait()


def _run(folder: Path, rows: int, dimensions: int, url: str, out: str) -> tuple[float, float]:
    chance, source = random.Random(1), folder / f"{rows}.jsonl"
    with source.open("w") as file:
        for number in range(rows):
            text = f"{number} " + "".join(chance.choices("abcdefghi ", k=400))
            file.write(json.dumps({"id": number, "title": f"no. {number}", "text": text}) + "\n")
    options = f"--base-url {url} --host jina --limits none --dimensions {dimensions} --restart"
    begun = time.monotonic()
    run = subprocess.Popen(
        [*COMMAND, source, "-o", folder / out, *options.split()],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "JINA_API_KEY": "key"},
    )
    _, status, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    assert run.returncode == 0
    return used.ru_maxrss / 1024, time.monotonic() - begun


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
