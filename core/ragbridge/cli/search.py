"""``ragbridge search``: chunks, embeds, retrieves and reranks passages of files."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragbridge.cli import connection, files, terminal
from ragbridge.cli.files import Source
from ragbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ragbridge import Jina
    from ragbridge.chunking import Chunker

RETRIEVED = 50
"""Passages that are reranked."""

PASSAGE_WORDS = 120
"""Most words in a passage: a paragraph or two, so that a line number tells where to look."""

_CODE = ("\nclass ", "\ndef ", "\nasync def ", "\n    def ", "\n    async def ", "\n\n", "\n")
"""Where Python is cut, from coarse to fine. Plain text: expressions with repetitions would need the extra ``icu``."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a file; ``line`` counts from 1."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """A search result.

    Attributes:
        path: Its file.
        line: Its first line, from 1.
        score: The reranker's score.
        similarity: Cosine with the query, by which it was retrieved.
        text: The passage.
    """

    path: str
    line: int
    score: float
    similarity: float
    text: str


def search(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", exists=True, help="Files, or folders of text, Markdown, Python."),
    ],
    query: Annotated[str, typer.Argument(help="What to look for.")],
    *,
    top: Annotated[int, typer.Option("--top", "-n", min=1, max=RETRIEVED, help="Results to print.")] = 5,
    as_json: connection.AsJson = False,
    local: connection.Local = False,
    base_url: connection.BaseUrl = None,
    host: connection.Host = None,
    limits: connection.Limits = "auto",
) -> None:
    """Search files by meaning: the passages that answer a query, with file, line and scores.

    Reads UTF-8 text. Hidden and binary files, those above 2 MiB, and links out of a folder are left out, and counted on
    standard error.
    """
    if not query.strip():
        raise typer.BadParameter("the query is empty")
    url = connection.base_url(base_url, local=local)
    files_read = files.read(paths)
    if notes := files_read.notes():
        sys.stderr.write(f"ragbridge: left out: {notes}\n")
    passages = [passage for source in files_read.sources for passage in cut(source)]
    if not passages:
        raise ConfigurationError(f"no text in {', '.join(map(str, paths))}")
    with connection.client(url, limits, host=host) as client, terminal.progress() as bar:
        bar.add_task(f"searching {len(passages):,} passages", total=None)
        results = find(client, query, passages, top=top)
    if as_json:
        typer.echo(
            json.dumps({"query": query, "results": [dataclasses.asdict(row) for row in results]}, indent=2)
        )
    else:
        _show(results)


def cut(source: Source) -> Iterator[Passage]:
    """The passages of a file, with the lines on which their text begins."""
    line, seen = 1, 0
    for chunk in _chunker(source.path.suffix.lower()).iter(source.text):
        text = chunk.text.strip()
        if text:
            start = chunk.start + chunk.text.index(text)
            line += source.text.count("\n", seen, start)
            seen = start
            yield Passage(str(source.path), line, text)


def _chunker(suffix: str) -> Chunker:
    # Not strict: without the extra icu, words beyond ASCII are counted nearly right, which is enough here.
    from ragbridge.chunking import RecursiveChunker

    if suffix in files.PYTHON:
        return RecursiveChunker(PASSAGE_WORDS, _CODE, strict=False)
    group = "markdown" if suffix in files.MARKDOWN else "plaintext"
    return RecursiveChunker(PASSAGE_WORDS, separator_group=group, strict=False)


def find(client: Jina, query: str, passages: Sequence[Passage], *, top: int) -> list[Result]:
    """The ``top`` passages for a query: the 50 nearest by embedding, reranked."""
    import numpy as np

    texts = [passage.text for passage in passages]
    # Passages are short, but for files without any break in them. Few other hosts can be asked to cut a text.
    truncate = True if client.base_url in {client.LOCAL, client.BASE_URL} else None
    documents = client.embed(texts, role="document", truncate=truncate).vectors
    similarities = documents @ client.embed([query], role="query").vectors[0]
    nearest = np.argsort(-similarities, kind="stable")[:RETRIEVED]
    ranking = client.rerank(query, [texts[place] for place in nearest], top_n=top)
    return [
        Result(
            passages[place].path,
            passages[place].line,
            round(row.score, 4),
            round(float(similarities[place]), 4),
            texts[place],
        )
        for row in ranking
        for place in [int(nearest[row.index])]
    ]


def _show(results: Sequence[Result]) -> None:
    from rich.text import Text

    console = terminal.output()
    for result in results:
        entry = Text()
        entry.append(f"{terminal.printable(result.path)}:{result.line}", style="bold cyan")
        entry.append(f"  {result.score:.3f}", style="yellow")
        entry.append(f" (retrieved by {result.similarity:.3f})\n", style="dim")
        for line in terminal.printable(result.text).splitlines():
            entry.append(f"    {line}\n")
        console.print(entry, soft_wrap=True)
