"""The demo's result as an SVG: the figures of all frameworks, and one query's ranking before and after."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ragbridge.demo.pipelines import Answer
    from ragbridge.demo.report import Figures

WIDTH = 800
MARGIN = 24
COLUMNS = (MARGIN, WIDTH // 2 + 12)
"""Left edges of the rankings before and after."""

SCALE = (120, 560)
"""Left edge of the bars, and the width of an nDCG of 1."""

SHOWN = 3
"""Ranks shown of each ranking."""

SHOWN_CHARACTERS = 48
"""Characters of a passage's name that fit into a column."""

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.query { font-size: 14px; font-weight: 600 }
.id { font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
.muted { fill: #59636e }
.card { fill: #ffffff; stroke: #d0d7de }
.line { stroke: #d0d7de }
.bar-before { fill: #afb8c1 }
.bar-after { fill: #0969da }
.answer { fill: #1a7f37; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.muted { fill: #9198a1 }
.card { fill: #0d1117; stroke: #3d444d }
.line { stroke: #3d444d }
.bar-before { fill: #656c76 }
.bar-after { fill: #4493f8 }
.answer { fill: #3fb950 }
}
"""


def draw(rows: Sequence[Figures], answer: Answer, *, models: str) -> str:
    """The picture.

    Args:
        rows: The figures of the frameworks.
        answer: The query whose rankings are shown.
        models: The models of the vectors and scores.
    """
    top = 84 + 42 * len(rows)
    height = top + 180
    summary = "; ".join(f"{row.framework} {row.ndcg_before:.3f} to {row.ndcg_after:.3f}" for row in rows)
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title summary">',
            '<title id="title">nDCG@10 before and after reranking</title>',
            f'<desc id="summary">{escape(summary)}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *_chart(rows),
            f'<path class="line" d="M{MARGIN} {top - 10}H{WIDTH - MARGIN}"/>',
            _text(MARGIN, top + 16, f"One query: “{answer.query.text}”", "query"),
            *_ranking(COLUMNS[0], top + 40, "Before: as the store ranks", answer.retrieved, answer),
            *_ranking(COLUMNS[1], top + 40, "After reranking", [hit.id for hit in answer.reranked], answer),
            _text(
                MARGIN,
                height - 18,
                f"Text: the docstrings of Python {platform.python_version()} and NumPy {np.__version__}. "
                f"Models: {models}.",
                "muted",
            ),
            "</svg>",
            "",
        ]
    )


def _chart(rows: Sequence[Figures]) -> Iterator[str]:
    yield _text(MARGIN, 36, "nDCG@10 before and after reranking", "title")
    yield _text(
        MARGIN,
        58,
        f"{rows[0].queries:,} questions, {rows[0].passages:,} passages, the same in each framework",
        "muted",
    )
    left, width = SCALE
    for number, row in enumerate(rows):
        y = 76 + 42 * number
        yield _text(MARGIN, y + 18, row.framework, "framework")
        for kind, value, offset in (("before", row.ndcg_before, 0), ("after", row.ndcg_after, 14)):
            end = left + round(value * width, 1)
            yield (
                f'<rect class="bar-{kind}" x="{left}" y="{y + offset}" width="{end - left:.1f}" height="12"/>'
            )
            yield _text(end + 6, y + offset + 10, f"{value:.3f}", kind)
            if number == 0:
                yield _text(end + 48, y + offset + 10, f"{kind} reranking", "muted")


def _ranking(x: float, y: float, heading: str, ids: Sequence[str], answer: Answer) -> Iterator[str]:
    """The first ranks, and the answer's rank if it is further down."""
    yield _text(x, y, heading, "muted")
    ranks = list(enumerate(ids, start=1))
    shown = ranks[:SHOWN] + [(rank, name) for rank, name in ranks[SHOWN:] if name == answer.query.answer]
    for line, (rank, name) in enumerate(shown, start=1):
        right = " answer" if name == answer.query.answer else ""
        yield _text(x + 16, y + 20 * line, str(rank), f"rank id{right}", anchor="end")
        yield _text(x + 24, y + 20 * line, _shortened(name), f"id{right}")


def _shortened(name: str) -> str:
    return name if len(name) <= SHOWN_CHARACTERS else "…" + name[1 - SHOWN_CHARACTERS :]


def _text(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> str:
    end = ' text-anchor="end"' if anchor == "end" else ""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}"{end}>{escape(text, quote=False)}</text>'
