"""What it costs to be observed: instructions of a call, without observers, with OpenTelemetry's no-op tracer, with its SDK.

    python tests/benchmarks/observed.py [--before FOLDER] [--calls 20 120]

Counts instructions of the client's process by ``valgrind --tool=callgrind``, since processor time swings by a factor of two
on a shared machine: of so many calls and of more, so that starting up is not in it. A call ranks two documents and is
answered by a transport in memory: what HTTP costs is not in it, so shares of a call over a socket are smaller. ``--before``
has a folder ``core`` of another commit (``git archive COMMIT core | tar x -C FOLDER``), which then is the measure.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

CORE = Path(__file__).parents[2] / "core"

CALLS = """
import sys
from ragbridge import Jina, RateLimit, Response
count, mode = int(sys.argv[1]), sys.argv[2]
if mode in ("noop", "sdk"):
    import ragbridge.otel
    tracers = meters = None
    if mode == "sdk":
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        tracers, meters = TracerProvider(), MeterProvider([InMemoryMetricReader()])
    ragbridge.otel.instrument(tracers, meters)
if mode == "observer":
    import ragbridge
    class Nobody:
        def started(self, operation): return self
        def event(self, event): pass
        def ended(self, outcome): pass
    ragbridge.observe(Nobody())
rows = b'[{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]'
body = b'{"model": "jina-reranker-v2-base-multilingual", "usage": {"total_tokens": 9}, "results": ' + rows + b"}"
class Memory:
    def send(self, request): return Response(200, {"content-type": "application/json"}, body)
    async def send_async(self, request): return self.send(request)
    def close(self): pass
    async def close_async(self): pass
jina = Jina("a-key", transport=Memory(), limits=RateLimit(None, 10**9, 8))
for _ in range(count):
    jina.rerank("a question", ["one text", "another"], model="jina-reranker-v2-base-multilingual")
"""


def instructions(core: Path, mode: str, calls: tuple[int, int]) -> float:
    """Instructions of one call."""
    counts = []
    for count in calls:
        command = [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            sys.executable,
            "-c",
            CALLS,
        ]
        done = subprocess.run(
            [*command, str(count), mode],
            env={**os.environ, "PYTHONPATH": str(core), "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=True,
        )
        (collected,) = re.findall(r"Collected : (\d+)", done.stderr)
        counts.append(int(collected))
    return (counts[1] - counts[0]) / (calls[1] - calls[0])


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path)
    parser.add_argument("--calls", type=int, nargs=2, default=(20, 120))
    asked = parser.parse_args()
    ways = {
        **({"the commit before": (asked.before / "core", "none")} if asked.before else {}),
        "no observer": (CORE, "none"),
        "an observer that does nothing": (CORE, "observer"),
        "OpenTelemetry, no-op (no SDK set)": (CORE, "noop"),
        "OpenTelemetry, SDK without an exporter": (CORE, "sdk"),
    }
    first = None
    print("| a call | instructions | against the first |\n|---|--:|--:|")
    for name, (core, mode) in ways.items():
        found = instructions(core, mode, tuple(asked.calls))
        first = first or found
        print(f"| {name} | {found:,.0f} | {found / first - 1:+.1%} |", flush=True)


if __name__ == "__main__":
    main()
