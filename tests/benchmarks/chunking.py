"""How fast the chunkers are beside their peers: ratios of one run on one machine, in MB/s of text.

    python tests/benchmarks/chunking.py [--quick]

Text: docstrings of the standard library, unwrapped to paragraphs, repeated to 5 MB; once ASCII, once with
typographic quotes and dashes. Each as one document and as 1,000 documents of 5 KB. Peers are measured where they are
installed (`pip install chonkie semantic-text-splitter`), with chunks of 1,500 characters, which is about 250 words.
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

from ragbridge.chunking import RecursiveChunker, SentenceChunker, WordChunker

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


def ours() -> dict[str, Callable[[str], Any]]:
    """Our chunkers."""
    return {
        "sentence 250/1": SentenceChunker(250, 1).chunk,
        "word 250/100": WordChunker(250, 100).chunk,
        "recursive 250 plaintext": RecursiveChunker(250).chunk,
        "recursive 250 markdown": RecursiveChunker(250, separator_group="markdown").chunk,
    }


def speeds(chunkers: dict[str, Callable[[str], Any]], documents: list[str], rounds: int) -> dict[str, float]:
    """MB of text a second, the best of some rounds; in a round all take turns, so that all have the same machine."""
    best = dict.fromkeys(chunkers, float("inf"))
    for _ in range(rounds):
        for label, chunk in chunkers.items():
            if 2 < best[label] < float("inf"):  # a slow peer says all in one round
                continue
            begin = time.perf_counter()
            for document in documents:
                chunk(document)
            best[label] = min(best[label], time.perf_counter() - begin)
    size = sum(map(len, documents)) / 1e6
    return {label: size / seconds for label, seconds in best.items()}


def memory(chunk: Callable[[str], Any], text: str) -> float:
    """Most memory that a call allocates, in sizes of the text."""
    tracemalloc.start()
    kept = chunk(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return peak / sys.getsizeof(text)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the text, one run")
    size, rounds = (500_000, 1) if parser.parse_args().quick else (5_000_000, 7)
    chunkers = {**peers(), **ours()}
    for name, text in zip(("ASCII", "typographic"), corpus(size), strict=True):
        pieces = [text[start : start + 5000] for start in range(0, size, 5000)]
        one, many = speeds(chunkers, [text], rounds), speeds(chunkers, pieces, rounds)
        print(f"\n{name}, {size / 1e6:g} MB | one document | {len(pieces)} documents | memory")
        for label in chunkers:
            peak = f"{memory(ours()[label], text):.1f} x" if label in ours() else ""
            print(f"{label:24} | {one[label]:7.1f} MB/s | {many[label]:7.1f} MB/s | {peak}")
        for label, peer, least in ROWS:
            if peer in chunkers:
                ratios = f"{one[label] / one[peer]:.2f} and {many[label] / many[peer]:.2f}"
                print(f"{label} / {peer}: {ratios} (target {least})")


if __name__ == "__main__":
    main()
