"""What a job did, and what it would do: frozen values."""

from __future__ import annotations

from pathlib import Path

from ragbridge.ground.records import dataclass
from ragbridge.values.tables import pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run has done.

    Attributes:
        out: The folder or the file.
        files: The finished shards.
        inputs: Rows of the input.
        rows: Rows of the output; more than ``inputs`` where these are chunks.
        resumed: Rows of the input that earlier runs had finished.
        failed: Rows of the output without a vector.
        cached: Texts whose answer was in the journal or the cache, so that nothing was sent for them.
        tokens: Tokens that were billed in this run.
        requests: Requests that were sent in this run.
        refusals: Answers of status 429.
        seconds: How long this run took.
        ideal_seconds: What the quota needs for so much at least; 0 without one.
        cost: Of the tokens, at the price that was given; None without one.
        width: Numbers in a vector; None where no row has one.
        notes: What should be known of the output.
    """

    out: Path
    files: tuple[Path, ...]
    inputs: int
    rows: int
    resumed: int
    failed: int
    cached: int
    tokens: int
    requests: int
    refusals: int
    seconds: float
    ideal_seconds: float
    cost: float | None
    width: int | None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """What it says, as pairs of a word and a figure."""
        rows = f"{self.rows:,}" + (f" of {self.inputs:,} documents" if self.rows != self.inputs else "")
        ideal = f" (the quota needs {self.ideal_seconds:,.0f})" if self.ideal_seconds else ""
        found = [
            ("rows", rows),
            ("finished before", f"{self.resumed:,}" if self.resumed else ""),
            ("failed", f"{self.failed:,}" if self.failed else ""),
            ("from the cache", f"{self.cached:,}" if self.cached else ""),
            ("tokens", f"{self.tokens:,}"),
            ("cost", "" if self.cost is None else f"{self.cost:,.4f}"),
            ("requests", f"{self.requests:,}" + (f", {self.refusals:,} refused" if self.refusals else "")),
            ("seconds", f"{self.seconds:,.1f}{ideal}"),
            ("dimensions", "" if self.width is None else f"{self.width:,}"),
            ("written", shown(self.out) + (f", {len(self.files)} files" if len(self.files) != 1 else "")),
            *(("note", note) for note in self.notes),
        ]
        return [(name, figure) for name, figure in found if figure]

    def __repr__(self) -> str:
        cost = "" if self.cost is None else f", cost={self.cost:.4g}"
        return (
            f"Report(out={shown(self.out)!r}, files={len(self.files)}, rows={self.rows}, failed={self.failed}, "
            f"tokens={self.tokens}, requests={self.requests}, seconds={self.seconds:.1f}{cost})"
        )

    def _repr_html_(self) -> str:
        return pairs("What the run has done", self.lines())


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job would do.

    Attributes:
        files: Files that are read.
        rows: Rows of the input.
        texts: Texts to embed: the rows, or their chunks.
        without: Rows that have no text.
        wrong: The first of these, with what is wrong.
        tokens: About how many tokens will be billed.
        low: Fewer are not likely.
        high: More are not likely.
        requests: About how many requests there will be.
        seconds: What the quota needs for so much; 0 without one.
        cost: Of ``tokens`` at the price that was given; None without one.
        sampled: Texts of the request that was paid for, to make the estimate better.
        balance: Tokens that the account has left, where somebody asked.
        notes: What should be known of the output.
    """

    files: int
    rows: int
    texts: int
    without: int
    wrong: tuple[str, ...]
    tokens: int
    low: int
    high: int
    requests: int
    seconds: float
    cost: float | None
    sampled: int = 0
    balance: int | None = None
    notes: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """What it says, as pairs of a word and a figure."""
        short = self.balance is not None and self.balance < self.tokens
        found = [
            ("files", f"{self.files:,}"),
            ("rows", f"{self.rows:,}"),
            ("chunks", f"{self.texts:,}" if self.texts != self.rows - self.without else ""),
            (
                "without a text",
                f"{self.without:,}: {'; '.join(self.wrong)}" if self.without else "",
            ),
            ("tokens", f"about {self.tokens:,} ({self.low:,} to {self.high:,})"),
            ("requests", f"about {self.requests:,}"),
            ("time", f"{duration(self.seconds)} by the quota" if self.seconds else ""),
            ("cost", "" if self.cost is None else f"about {self.cost:,.4f}"),
            (
                "balance",
                ""
                if self.balance is None
                else f"{self.balance:,} tokens{', which will not do' if short else ''}",
            ),
            *(("note", note) for note in self.notes),
        ]
        return [(name, figure) for name, figure in found if figure]

    def _repr_html_(self) -> str:
        return pairs("What a job would do", self.lines())


def shown(path: Path) -> str:
    """A path as it is seen from the working directory, if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``"3 h 20 min"``, ``"12 min"``, ``"45 s"``."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
