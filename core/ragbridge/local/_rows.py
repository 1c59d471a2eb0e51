"""What every product's answer is made of, so that faults can be worked into any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One result: the position of its input and its numbers (a vector, or one score)."""

    index: int
    numbers: NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Job:
    """A request that was read and found valid.

    Attributes:
        tokens: What it costs.
        compute: Gives the rows, in the order of the answer.
        write: Gives the answer's body.
    """

    tokens: int
    compute: Callable[[], list[Row]]
    write: Callable[[Sequence[Row]], bytes]
