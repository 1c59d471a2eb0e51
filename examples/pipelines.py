"""Retrieval written as YAML: Haystack runs ``index.yaml`` and ``search.yaml``, which hold all settings.

pip install "ragbridge[local,icu,haystack]"
python pipelines.py "who shares a quota?" docs/*.md
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from haystack import Document, Pipeline

HERE = Path(__file__).parent


def load(name: str) -> Pipeline:
    """A pipeline of this folder."""
    return Pipeline.loads((HERE / name).read_text(encoding="utf-8"))


async def ask(question: str, files: list[str]) -> list[Document]:
    """Index the files, then find the passages that answer the question."""
    await load("index.yaml").run_async({"converter": {"sources": list(files)}})
    inputs = {"embedder": {"text": question}, "ranker": {"query": question}}
    found = await load("search.yaml").run_async(inputs)
    return found["ranker"]["documents"]


if __name__ == "__main__":
    question, *files = sys.argv[1:]
    for document in asyncio.run(ask(question, files)):
        print(f"{document.score:.3f} {document.meta['file_path']}: {document.content}")
