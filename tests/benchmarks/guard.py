"""Counts the instructions of six fixed jobs and compares them with the figures in the repository.

    make bench-guard           # compares, and fails where a job takes 5 % more
    make bench-guard-update    # writes the figures of this Python and machine anew

Processor time says as much about the machine as about the code; instructions hardly differ from run to run, whatever else
the machine does. Each job runs in a process of its own under ``valgrind --tool=callgrind``, or under ``perf stat`` where
there is no valgrind, twice: for a few rounds and for more. The difference is what the rounds cost, without start-up,
imports and first calls; of what happens once in a process, it is one round less none. ``guard.json`` has the figures by Python, machine and tool; versions of NumPy matter as well.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ready import RANKING, vectors

FIGURES = Path(__file__).with_name("guard.json")
TOLERANCE = 0.05
"""The share by which a figure may exceed the one in the repository."""

FIXED = {
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}
"""The environment of a job, but for where programs are: nothing of the caller's changes a figure."""

Job = Callable[[int], None]


def embed_one(rounds: int) -> None:
    """One text, by the blocking face: what one query of a retriever costs."""
    client = _client(vectors)
    for number in range(rounds):
        client.embed([f"question number {number}"], role="query")


def embed_many(rounds: int) -> None:
    """5,000 texts whose vectors come as base64, in 40 requests."""
    client = _client(vectors)
    for turn in range(rounds):
        client.embed([f"text number {number} of turn {turn}" for number in range(5000)], role="document")


def rerank(rounds: int) -> None:
    """100 documents for one query."""
    client = _client(lambda _: RANKING)
    documents = [f"document number {number} " + "word " * 40 for number in range(100)]
    for number in range(rounds):
        client.rerank(f"question number {number}", documents)


def chunk(rounds: int) -> None:
    """200 documents of 5,000 characters, by sentences."""
    from ragbridge.chunking import SentenceChunker

    sentence = "The tide comes in twice a day and takes the boats with it. "
    documents = [f"Page {number}. {sentence * 83}" for number in range(200)]
    chunker = SentenceChunker()
    for _ in range(rounds):
        for _ in chunker.chunk_many(documents):
            pass


def import_client(rounds: int) -> None:
    """``from ragbridge import Jina`` in a new process, beside what this program has imported: one round, or none."""
    for _ in range(rounds):
        from ragbridge import Jina  # noqa: F401 - it is what is counted


def answer_first(rounds: int) -> None:
    """The first embedded answer of a new process, with all imports and the weights: one round, or none."""
    for _ in range(rounds):
        from ragbridge import Jina

        Jina(base_url="local").embed(["a"])


JOBS: dict[str, tuple[Job, int, int]] = {
    "embed one text": (embed_one, 50, 150),
    "embed 5,000 texts": (embed_many, 1, 2),
    "rerank 100 documents": (rerank, 20, 60),
    "chunk 200 documents": (chunk, 1, 3),
    "import the client": (import_client, 0, 1),
    "first embedded answer": (answer_first, 0, 1),
}
"""What runs, and how many rounds the two runs of it have."""


def _client(answer: Callable[[bytes], bytes]):
    """A client of one thread, without a quota, whose answers are made in this process."""
    from ragbridge import Jina
    from ragbridge.flow import Response

    class Ready:
        def send(self, request):
            return Response(200, {}, answer(request.body))

    return Jina("a-key", transport=Ready(), limits=None, concurrency=1)


def _tool() -> str | None:
    """What counts instructions here; None if nothing does."""
    if shutil.which("valgrind"):
        return "callgrind"
    if shutil.which("perf"):
        tried = subprocess.run(_counting("perf", "true"), capture_output=True, text=True, check=False)
        if tried.returncode == 0 and _read("perf", tried.stderr) is not None:
            return "perf"
    return None


def _counting(tool: str, *command: str, out: str = "/dev/null") -> list[str]:
    if tool == "perf":
        return ["perf", "stat", "-x", ",", "-e", "instructions:u", *command]
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command]


def _read(tool: str, said: str) -> int | None:
    """The count in what a tool has said."""
    found = re.search(r"^(\d+),+instructions" if tool == "perf" else r"Collected : (\d+)", said, re.MULTILINE)
    return int(found[1]) if found else None


def _run(name: str, rounds: int, tool: str | None = None) -> str:
    """What a process said that did a job, under a tool or by itself.

    Raises:
        SystemExit: The job failed.
    """
    command = [sys.executable, "-s", __file__, "--job", name, "--rounds", str(rounds)]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            _counting(tool, *command, out=f"{home}/out") if tool else command,
            env={"PATH": os.environ.get("PATH", ""), **FIXED, "HOME": home},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"{name}: failed with exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stderr


def _count(tool: str, name: str, rounds: int) -> int:
    """Instructions of one process.

    Raises:
        SystemExit: The job failed, or nothing was counted.
    """
    said = _run(name, rounds, tool)
    count = _read(tool, said)
    if count is None:
        raise SystemExit(f"{name}: nothing was counted\n{said[-2000:]}")
    return count


def _cost(tool: str, name: str) -> int:
    """Instructions of one round of a job. An uncounted run comes first, which leaves bytecode behind."""
    _, few, more = JOBS[name]
    _run(name, 1)
    return round((_count(tool, name, more) - _count(tool, name, few)) / (more - few))


def main() -> None:
    """Run a job, or count all of them and compare or write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="write the figures instead of comparing them")
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        JOBS[arguments.job][0](arguments.rounds)
        return
    tool = _tool()
    if tool is None:
        raise SystemExit("bench-guard needs valgrind, or a perf that counts instructions: neither is here")
    figures = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    here = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])}, {platform.machine()}, {tool}"
    kept = figures.get(here, {})
    found, dearer = {}, []
    print(f"Instructions of one round, in thousands ({here})")
    for name in JOBS:
        found[name] = _cost(tool, name)
        change = found[name] / kept[name] - 1 if name in kept else None
        beside = "no figure yet" if change is None else f"{kept[name] / 1e3:>12,.0f} before {change:+8.1%}"
        print(f"{name:<22}{found[name] / 1e3:>12,.0f}   {beside}", flush=True)
        if change is not None and change > TOLERANCE:
            dearer.append(name)
    if arguments.update:
        FIGURES.write_text(json.dumps({**figures, here: found}, indent=2) + "\n", encoding="utf-8")
    elif dearer:
        raise SystemExit(
            f"more than {TOLERANCE:.0%} dearer: {', '.join(dearer)}. If that is meant: make bench-guard-update"
        )
    elif not kept:
        raise SystemExit(f"no figures for {here}: make bench-guard-update writes them")


if __name__ == "__main__":
    main()
