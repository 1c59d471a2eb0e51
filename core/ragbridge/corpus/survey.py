"""The first reading of all input, before anything is paid: what is wrong, how much there is, and of which types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ragbridge.corpus.items import chunked, problem_of
from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.limiter.tokens import NOTHING, Features, plus

if TYPE_CHECKING:
    from ragbridge.chunking import Chunker
    from ragbridge.corpus.blocks import Block
    from ragbridge.limiter.tokens import TokenEstimator

NAMED = 3
"""Rows that a message names."""


@dataclass(slots=True)
class Survey:
    """What there is to do.

    Attributes:
        rows: Rows of the input.
        texts: Texts to embed: the rows, or their chunks where these were counted.
        characters: Characters of the rows' texts.
        features: What the texts' tokens are estimated from.
        columns: The columns that are kept, in order.
        wrong: Rows without a text, the first of them with what is wrong.
        without: How many rows have no text.
        schema: The Arrow schema of the columns, as a text; None where nobody asked.
        mixed: Columns that become text, since their values have no type in common.
    """

    rows: int = 0
    texts: int = 0
    characters: int = 0
    features: Features = NOTHING
    columns: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    without: int = 0
    schema: str | None = None
    mixed: list[str] = field(default_factory=list)

    def refuse_wrong(self) -> None:
        """Refuse a job in which some rows have no text.

        Raises:
            ConfigurationError: They are named.
        """
        if self.without:
            more = f" (and {self.without - len(self.wrong)} more)" if self.without > len(self.wrong) else ""
            raise ConfigurationError(
                f"{'; '.join(self.wrong)}{more}: mend them, or go on without them by on_error='record' (--on-error record)"
            )


def survey(
    blocks: Iterable[Block],
    *,
    text_column: str,
    id_column: str | None,
    columns: Sequence[str] | None,
    made: Sequence[str],
    estimator: TokenEstimator,
    typed: bool,
    chunker: Chunker | None = None,
) -> Survey:
    """Read all rows once.

    Args:
        blocks: The rows.
        text_column: Where their texts are.
        id_column: What each row must have; None: nothing.
        columns: The columns to keep; None for all.
        made: The columns that the job adds.
        estimator: Measures texts.
        typed: Whether types are asked for.
        chunker: Cuts the texts, where chunks are to be counted.

    Raises:
        ConfigurationError: A column is missing, or is there already that the job would add.
    """
    found = Survey()
    types = None
    if typed:
        from ragbridge.corpus.arrow import Types

        types = Types()
    names: dict[str, None] = {}
    for block in blocks:
        there = block.columns()
        for name, option in ((text_column, "text_column"), (id_column, "id_column")):
            if name is not None and name not in there:
                raise ConfigurationError(
                    f"{block.name(0)} has no column {name!r}; it has {', '.join(map(repr, there)) or 'none'}: "
                    f"name one by {option}= (--{option.replace('_', '-')})"
                )
        kept = there if columns is None else [name for name in there if name in columns]
        names.update(dict.fromkeys(kept))
        if types is not None:
            types.add(block, kept)
        _measure(found, block, text_column, estimator, chunker)
    if not found.rows:
        raise ConfigurationError("inputs: there is no row in them")
    found.columns = list(names)
    if missing := [name for name in columns or () if name not in names]:
        raise ConfigurationError(f"columns: no row has {', '.join(map(repr, missing))}")
    if doubled := [name for name in made if name in names]:
        raise ConfigurationError(
            f"the input has a column {doubled[0]!r}, which this job adds: leave it out by columns= (--column for each that "
            "is kept), or have the vectors and errors named otherwise by vector_column= and error_column="
        )
    if types is not None:
        from ragbridge.corpus.tables import packed_schema

        found.schema = packed_schema(types.schema(found.columns))
        found.mixed = sorted(types.mixed & names.keys())
    return found


def _measure(
    found: Survey, block: Block, column: str, estimator: TokenEstimator, chunker: Chunker | None
) -> None:
    rows: dict[int, str] = {}
    for index, value in enumerate(block.values(column)):
        problem: Any = problem_of(value, column)
        if problem is None:
            rows[index] = value
            continue
        found.without += 1
        if len(found.wrong) < NAMED:
            found.wrong.append(f"{block.name(index)}: {problem}")
    found.rows += len(block)
    texts = [*rows.values()]
    found.characters += sum(map(len, texts))
    if chunker is not None:
        texts = [chunk.text for chunks in chunked(block, rows, chunker) for chunk in chunks]
    found.texts += len(texts)
    found.features = plus(found.features, estimator.measure_all(texts))
