"""The demo's figures, and how they look on a terminal."""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from ragbridge import Jina
    from ragbridge.demo.corpus import Corpus
    from ragbridge.demo.pipelines import Answer, Pipeline
    from ragbridge.elastic import Elastic


EXAMPLES = 3
SHOWN = 3
"""Results shown for each example."""

SHOWN_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table, and of ``ragbridge demo --json``.

    Attributes:
        framework: The framework's name.
        passages: Texts that were indexed.
        queries: Questions that were asked.
        ndcg_before: Mean nDCG@10 as the framework's store ranks.
        ndcg_after: Mean nDCG@10 after reranking.
        recall_before: Share of answers among the first 10 before reranking.
        recall_after: The same after it.
        seconds: Wall time of indexing and answering, without imports.
        tokens: Tokens that were billed.
    """

    framework: str
    passages: int
    queries: int
    ndcg_before: float
    ndcg_after: float
    recall_before: float
    recall_after: float
    seconds: float
    tokens: int


def measure(
    framework: str,
    pipeline: Pipeline[Any],
    *,
    corpus: Corpus,
    client: Jina | Elastic,
    on_answer: Callable[[], object] = lambda: None,
) -> tuple[Figures, list[Answer]]:
    """Run one pipeline over the whole corpus.

    Args:
        framework: The framework's name, for the figures.
        pipeline: The pipeline.
        corpus: Passages to index and queries to answer.
        client: The client that it uses. Its usage counts the tokens.
        on_answer: Called after each answer, for progress bars.
    """
    tokens = client.usage.tokens
    start = time.perf_counter()
    answers: list[Answer] = []
    for answer in pipeline(corpus, client):
        answers.append(answer)
        on_answer()
    seconds = time.perf_counter() - start
    before = [(answer.retrieved, answer.query.answer) for answer in answers]
    after = [([hit.id for hit in answer.reranked], answer.query.answer) for answer in answers]
    figures = Figures(
        framework=framework,
        passages=len(corpus.passages),
        queries=len(answers),
        ndcg_before=round(ndcg(before), 4),
        ndcg_after=round(ndcg(after), 4),
        recall_before=round(recall(before), 4),
        recall_after=round(recall(after), 4),
        seconds=round(seconds, 2),
        tokens=client.usage.tokens - tokens,
    )
    return figures, answers


def table(rows: Sequence[Figures]) -> Table:
    """The figures of all frameworks, before and after reranking; 80 columns hold it."""
    from rich import box
    from rich.table import Table

    figures = Table(box=box.SIMPLE_HEAD, padding=0)
    figures.add_column("framework", style="bold", no_wrap=True)
    for name in ("passages", "queries", "nDCG@10", "after", "recall@10", "after", "seconds", "tokens"):
        figures.add_column(name, justify="right", style="green" if name == "after" else "", no_wrap=True)
    for row in rows:
        figures.add_row(
            row.framework,
            f"{row.passages:,}",
            f"{row.queries:,}",
            *(
                f"{value:.3f}"
                for value in (row.ndcg_before, row.ndcg_after, row.recall_before, row.recall_after)
            ),
            f"{row.seconds:.1f}",
            f"{row.tokens:,}",
        )
    return figures


def picked(answers: Sequence[Answer]) -> list[Answer]:
    """Three answers to show: evenly spaced, so that they are not the best ones by choice."""
    count = min(EXAMPLES, len(answers))
    return [answers[(2 * index + 1) * len(answers) // (2 * count)] for index in range(count)]


def examples(answers: Sequence[Answer], corpus: Corpus) -> list[RenderableType]:
    """Three queries with their best results."""
    texts = corpus.texts
    return [_example(answer, texts) for answer in picked(answers)]


def _example(answer: Answer, texts: dict[str, str]) -> RenderableType:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = [Text(answer.query.text, style="bold cyan")]
    for rank, hit in enumerate(answer.reranked[:SHOWN], start=1):
        right = hit.id == answer.query.answer
        line = Text(f"  {rank}. ")
        line.append(f"{hit.score:.3f} ", style="magenta")
        line.append(hit.id, style="bold green" if right else "bold")
        line.append(f" (was {answer.retrieved.index(hit.id) + 1})", style="dim")
        line.append(" <- the answer" if right else "", style="green")
        lines += [line, Padding(Text(_first(texts[hit.id]), style="dim"), (0, 0, 0, 5), expand=False)]
    if answer.query.answer not in {hit.id for hit in answer.reranked[:SHOWN]}:
        lines.append(Text(f"  the answer is elsewhere: {answer.query.answer}", style="red"))
    return Group(*lines, Text(""))


def _first(text: str) -> str:
    """The beginning of a passage on one line, cut behind a word."""
    return textwrap.shorten(text, SHOWN_CHARACTERS, placeholder=" ...")


CUT = 10
"""The rank at which the measures cut off."""

Judged: TypeAlias = "Iterable[tuple[Sequence[str], str]]"
"""For each query: the ids of the results, best first, and the id of the answer."""


def ndcg(rankings: Judged) -> float:
    """Mean nDCG@10: 1 / log2(1 + rank) of the answer, 0 beyond rank 10.

    With one relevant passage the ideal gain is 1, so that the discounted gain is the normalised one.
    """
    return _mean(1 / math.log2(1 + rank) if rank else 0.0 for rank in map(_rank, rankings))


def recall(rankings: Judged) -> float:
    """Share of the queries whose answer is among the first 10."""
    return _mean(1.0 if rank else 0.0 for rank in map(_rank, rankings))


def _rank(judged: tuple[Sequence[str], str]) -> int | None:
    """Rank of the answer, from 1; None if it is beyond ``CUT``."""
    ids, answer = judged
    return next((rank for rank, name in enumerate(ids[:CUT], start=1) if name == answer), None)


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers) if numbers else 0.0
