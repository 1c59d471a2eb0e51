"""Results of rows, written as they come: JSON Lines, or a line for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import typer

from ragbridge.cli.options import ROWS_FAILED, OnError
from ragbridge.cli.rows import Row
from ragbridge.cli.streams import say
from ragbridge.errors import RagbridgeError
from ragbridge.ground.records import dataclass

T = TypeVar("T")

_NUMBERED = re.compile(r"\b(?:inputs|items|texts|urls)\[\d+\](?: \(\S*\))?: ")
"""Where messages say which item of a call they are about. Its number counts from the beginning of a window."""


class RowError(RagbridgeError):
    """A row failed; the message begins with its place."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How results are written.

    Attributes:
        as_json: Whether as JSON Lines.
        on_error: What is done about a row that failed.
        error_column: Where it is written why.
    """

    as_json: bool
    on_error: OnError
    error_column: str

    def taken(self, names: Mapping[str, str]) -> dict[str, str]:
        """The keys that a row may not have: those that are added, and that of errors."""
        errors = {self.error_column: "--error-column"} if self.on_error is OnError.RECORD else {}
        return {**names, **errors}

    def write(
        self,
        results: Iterable[tuple[Row, T | RagbridgeError]],
        *,
        added: Callable[[T], Mapping[str, Any]],
        shown: Callable[[Row, T], str],
    ) -> None:
        """Write each row's result when it comes.

        Args:
            results: Rows with what was found, or the reason why nothing was.
            added: What a result adds to its row in JSON.
            shown: What people see of it.

        Raises:
            RowError: A row failed and ends the command. All rows before it are written.
            typer.Exit: Everything is written, and rows failed.
        """
        failed = 0
        for row, found in results:
            if isinstance(found, RagbridgeError):
                said = _NUMBERED.sub("", str(found), count=1)
                if self.on_error is OnError.FAIL:
                    raise RowError(f"{row.where}: {said}") from found
                failed += 1
                if self.as_json:
                    self._line({**row.fields, self.error_column: said})
                else:
                    say(f"{row.where}: {said}")
            elif self.as_json:
                self._line({**row.fields, **added(found)})
            else:
                sys.stdout.write(shown(row, found) + "\n")
                sys.stdout.flush()
        if failed:
            say(f"{failed:,} {'row' if failed == 1 else 'rows'} failed")
            raise typer.Exit(ROWS_FAILED)

    def _line(self, row: Mapping[str, Any]) -> None:
        line = json.dumps(row, ensure_ascii=False)
        try:
            line.encode()
        except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can say and UTF-8 cannot
            line = json.dumps(row)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()  # whoever reads a pipe gets each line when it is there


def of_windows(
    windows: Iterable[Sequence[Row]], find: Callable[[list[Row]], Iterable[T | RagbridgeError]]
) -> Iterator[tuple[Row, T | RagbridgeError]]:
    """Each row with what ``find`` finds for it, in order; those that cannot be sent with their own error."""
    for window in windows:
        found = iter(find([row for row in window if row.error is None]))
        for row in window:
            yield row, next(found) if row.error is None else row.error
