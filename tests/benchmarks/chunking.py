"""How fast the chunkers are beside their peers: processor time, all in turns in one run on one machine.

    python tests/benchmarks/chunking.py [--quick] [--peers-on-one]

Text: docstrings of the standard library, unwrapped to paragraphs, repeated to 5 MB; once ASCII, once with
typographic quotes and dashes. Each as one document and as 1,000 documents of 5 KB, these one by one (`chunk`) and together
(`chunk_many`). Peers are measured where they are installed (`pip install chonkie semantic-text-splitter`), with chunks of
1,500 characters, which is about 250 words. Two of them take half a minute for one text of 5 MB: `--peers-on-one` asks for it.
Memory is what Python and NumPy allocate at most during one call on the 5 MB, chunks included, divided by the text's size.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import sys
import sysconfig
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ragbridge.chunking import Chunker, RecursiveChunker, SentenceChunker, WordChunker

ROWS = (
    # name, peer to compare with, least ratio
    ("sentence 250/1", "chonkie sentence", 1.0),
    ("word 250/100", "semantic-text-splitter", 0.8),
    ("recursive 250 plaintext", "chonkie recursive", 1.0),
    ("recursive 250 markdown", "chonkie recursive", 1.0),
)


def docstrings() -> Iterator[str]:
    """Long docstrings of the standard library, each paragraph in one line."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib"} & set(path.parts):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                if len(text) > 80:
                    yield re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def corpus(size: int) -> tuple[str, str]:
    """ASCII text of this size, and the same with typographic characters."""
    text = "\n\n".join(docstrings()).encode("ascii", "ignore").decode()
    text = (text * (size // len(text) + 1))[:size]
    return text, text.replace("'", "\u2019").replace(" - ", " \u2013 ")


def peers() -> dict[str, Callable[[str], Any]]:
    """The peers that are installed."""
    found: dict[str, Callable[[str], Any]] = {}
    try:
        chonkie = importlib.import_module("chonkie")
    except ImportError:
        pass
    else:
        found["chonkie sentence"] = chonkie.SentenceChunker(tokenizer="character", chunk_size=1500).chunk
        found["chonkie recursive"] = chonkie.RecursiveChunker(tokenizer="character", chunk_size=1500).chunk
    try:
        splitter = importlib.import_module("semantic_text_splitter")
    except ImportError:
        pass
    else:
        found["semantic-text-splitter"] = splitter.TextSplitter(1500).chunks
    return found


def ours() -> dict[str, Chunker]:
    """Our chunkers."""
    return {
        "sentence 250/1": SentenceChunker(250, 1),
        "word 250/100": WordChunker(250, 100),
        "recursive 250 plaintext": RecursiveChunker(250),
        "recursive 250 markdown": RecursiveChunker(250, separator_group="markdown"),
    }


def seconds(jobs: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Processor time of each job, the best of some rounds; in a round all take turns, so that all have the same machine."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for label, job in jobs.items():
            if 2 < best[label] < float("inf"):  # a slow peer says all in one round
                continue
            begin = time.process_time()
            job()
            best[label] = min(best[label], time.process_time() - begin)
    return best


def memory(job: Callable[[], Any], size: int) -> float:
    """Most memory that a call allocates, what it returns included, in sizes of the text."""
    tracemalloc.start()
    kept = job()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return peak / size


def jobs_of(text: str, documents: list[str], peers_on_one: bool) -> dict[str, Callable[[], Any]]:
    """What is measured: "name, form"."""
    jobs: dict[str, Callable[[], Any]] = {}
    for label, chunk in peers().items():
        jobs[f"{label}, many"] = lambda chunk=chunk: [*map(chunk, documents)]
        if peers_on_one or label == "chonkie recursive":
            jobs[f"{label}, one"] = lambda chunk=chunk: chunk(text)
    for label, chunker in ours().items():
        jobs[f"{label}, many"] = lambda chunker=chunker: [*chunker.chunk_many(documents)]
        jobs[f"{label}, each"] = lambda chunker=chunker: [*map(chunker.chunk, documents)]
        jobs[f"{label}, one"] = lambda chunker=chunker: chunker.chunk(text)
    return jobs


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the text, three rounds")
    parser.add_argument(
        "--peers-on-one", action="store_true", help="peers that collapse on one long text, too"
    )
    options = parser.parse_args()
    size, rounds = (500_000, 3) if options.quick else (5_000_000, 15)
    chunkers = ours()
    for name, text in zip(("ASCII", "typographic"), corpus(size), strict=True):
        documents = [text[start : start + 5000] for start in range(0, size, 5000)]
        jobs = jobs_of(text, documents, options.peers_on_one)
        found = seconds(jobs, rounds)
        print(f"\n{name}, {size / 1e6:g} MB")
        for label, spent in found.items():
            kept = (
                f"{memory(jobs[label], sys.getsizeof(text)):.1f} x" if label.split(",")[0] in chunkers else ""
            )
            print(f"{label:30} | {size / 1e6 / spent:7.1f} MB/s | {kept}")
        for label, peer, least in ROWS:
            if f"{peer}, many" in found:
                one = found.get(f"{peer}, one", float("nan")) / found[f"{label}, one"]
                many, each = (found[f"{peer}, many"] / found[f"{label}, {form}"] for form in ("many", "each"))
                print(
                    f"{label} / {peer}: {many:.2f} together, {each:.2f} one by one, {one:.2f} one text (target {least})"
                )


if __name__ == "__main__":
    main()
