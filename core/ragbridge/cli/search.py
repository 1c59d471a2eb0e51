"""``ragbridge search``: chunks, embeds, retrieves and reranks passages of files."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragbridge.cli import connection, files, streams, terminal
from ragbridge.cli.files import Source
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.text import Text

    from ragbridge import Jina
    from ragbridge.chunking import Chunker

RETRIEVED = 50
"""Passages that are reranked."""

PASSAGE_WORDS = 120
"""Most words in a passage: a paragraph or two, so that a line number tells where to look."""

_CODE = ("\nclass ", "\ndef ", "\nasync def ", "\n    def ", "\n    async def ", "\n\n", "\n")
"""Where Python is cut, from coarse to fine. Plain text: expressions with repetitions would need the extra ``icu``."""

SHOWN_LINES = 8
"""Lines of a passage that a terminal shows."""
_INDENT, _BEGUN = "    ", "  \N{HORIZONTAL ELLIPSIS} "
_UNSAID = re.compile(
    "and|are|but|can|did|does|for|from|had|has|have|how|into|its|not|that|the|their|them|then|there|they|this|was|were|what|"
    "when|where|which|who|whom|whose|why|will|with|would|you|your"
)
"""Words that are in every text."""


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
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH... QUERY",
            help="Files, or folders of text, Markdown, Python; and last what to look for, in quotes.",
        ),
    ],
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
    paths, query = asked(arguments)
    url = connection.base_url(base_url, local=local)
    files_read = files.read(paths)
    if notes := files_read.notes():
        streams.say(f"left out: {notes}")
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
        _show(results, query)


def asked(arguments: Sequence[str]) -> tuple[list[Path], str]:
    """Where to look, and for what.

    Raises:
        typer.BadParameter: One of them is missing; with the one that is.
    """
    *names, query = arguments
    looks_named = os.sep in query or Path(query).suffix != ""
    if os.path.exists(query) and (looks_named or not names):  # noqa: PTH110 - Path refuses long texts
        files = " ".join(arguments)
        raise typer.BadParameter(f'the query is missing: ragbridge search {files} "what to look for"')
    if not names:
        raise typer.BadParameter(f'where to look is missing: ragbridge search PATH... "{query}"')
    if not query.strip():
        raise typer.BadParameter("the query is empty")
    for name in names:
        if not os.path.exists(name):  # noqa: PTH110
            raise typer.BadParameter(f"{name} does not exist; a query of several words stands in quotes")
    return [Path(name) for name in names], query


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


def _show(results: Sequence[Result], query: str) -> None:
    from rich.text import Text

    console = terminal.output()
    width = console.width - len(_INDENT) if console.is_terminal else None
    hits = hits_of(query)
    for number, result in enumerate(results):
        heading = Text("\n" if number else "")
        heading.append(f"{terminal.printable(result.path)}:{result.line}", style="bold magenta")
        heading.append(f"  {result.score:.3f} (retrieved by {result.similarity:.3f})")
        console.print(heading, soft_wrap=width is None)
        entry = Text()
        lines, begun = _lines(terminal.printable(result.text), width, hits, console)
        for place, line in enumerate(lines):
            entry.append(_BEGUN if begun and place == 0 else _INDENT).append_text(line).append("\n")
        console.print(entry, soft_wrap=True, end="")


def _lines(
    text: str, width: int | None, hits: re.Pattern[str] | None, console: Console
) -> tuple[list[Text], bool]:
    """The lines of a passage, with the words of the query marked; for a terminal those around the first of them.

    And whether lines before them are left out.
    """
    from rich.text import Text

    lines: list[Text] = []
    for said in text.splitlines():
        marked = Text(said)
        if hits is not None:
            marked.highlight_regex(hits, "bold underline")
        lines += [marked] if width is None else marked.wrap(console, width, tab_size=4)
    if width is None or len(lines) <= SHOWN_LINES:
        return lines, False
    hit = next((number for number, line in enumerate(lines) if line.spans), 0)
    start = max(min(hit - 2, len(lines) - SHOWN_LINES), 0)
    shown = lines[start : start + SHOWN_LINES]
    while not shown[0].plain.strip():
        shown.pop(0)
    if start + SHOWN_LINES < len(lines):
        shown[-1] = Text(terminal.cut(f"{shown[-1].plain.rstrip()} \N{HORIZONTAL ELLIPSIS}", width))
    return shown, start > 0


def hits_of(query: str) -> re.Pattern[str] | None:
    """Finds the words of a query, and others that begin alike: "limits" also in "limited". None if it has none that count."""
    words = [word for word in re.findall(r"\w{3,}", query) if not _UNSAID.fullmatch(word.casefold())]
    stems = {re.sub(r"(?<=\w{4})(?:ing|ed|es|s)$", "", word) for word in words}
    if not stems:
        return None
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(stems)))})\w*", re.IGNORECASE)
