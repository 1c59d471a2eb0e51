"""A job that is killed with signal 9, again and again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from counting import WIDTH, billed, vector_of

pytestmark = pytest.mark.long

CONCURRENCY, BATCH, ROWS, KILLS = 2, 128, 4000, 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_every_row_is_there_once_and_only_what_was_in_flight_is_paid_twice(
    counting_server, corpus_file, tmp_path
):
    """In order, with its own vector, however often the job is killed; and each run gets further."""
    url, log = counting_server(0.05)
    source, out, chance = corpus_file(ROWS), tmp_path / "out", random.Random(7)
    options = f"-o {out} --base-url {url} --host jina --limits none --concurrency {CONCURRENCY} --shard-rows 900 --dimensions {WIDTH}"
    command = [
        sys.executable,
        "-c",
        "from ragbridge.cli import main; main()",
        "embed",
        source,
        *options.split(),
    ]
    known = 0
    for turn in range(KILLS + 1):
        seen = billed(log)[0]
        run = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "JINA_API_KEY": "key"},
        )
        if turn < KILLS:
            wanted = seen + chance.randrange(CONCURRENCY + 1, 8)
            while run.poll() is None and billed(log)[0] < wanted:
                time.sleep(0.005)
            run.kill()
        _, errors = run.communicate()
        assert run.returncode == (-9 if turn < KILLS else 0), errors
        assert billed(log)[2] > known
        known = billed(log)[2]
    table = pq.read_table(sorted(out.glob("part-*.parquet")))
    texts = [json.loads(line)["text"] for line in source.read_text().splitlines()]
    assert table["id"].to_pylist() == list(range(ROWS))
    assert table["text"].to_pylist() == texts
    assert np.array_equal(np.stack(table["embedding"].to_numpy()), np.stack(list(map(vector_of, texts))))
    _, paid, different = billed(log)
    assert different == ROWS
    assert paid <= ROWS + KILLS * CONCURRENCY * BATCH
