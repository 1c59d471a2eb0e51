"""What commands work on, one row after the other: their arguments, or standard input as it comes.

Standard input is read in the background and never as a whole: a row is worked on when it is there, whether or not others
follow, and a million rows take the memory of a few hundred.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ragbridge.cli.options import Form
from ragbridge.cli.streams import reason, say
from ragbridge.errors import ConfigurationError, RagbridgeError
from ragbridge.ground.records import dataclass

STANDARD_INPUT = "-"
WINDOW = 512
"""Rows that are worked on together at most."""
GATHERING = 0.05
"""Seconds after its first row for which a window waits for others: they share its requests."""
MOST_BYTES = 8 * 2**20
"""Bytes of a line at most: what has no line ends is no text of lines."""
_PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Row:
    """One item.

    Attributes:
        where: What messages call it.
        text: What is sent.
        fields: The object that it came in; of an item without one, its text alone.
        error: Why it cannot be sent; None if it can.
    """

    where: str
    text: str
    fields: Mapping[str, Any]
    error: RagbridgeError | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read.

    Attributes:
        noun: What an item is called where it is waited for.
        column: The key of an object under which its text is.
        taken: The keys that the command will add, each with the option that names it.
        form: How standard input is read.
        whole: Whether rows follow one that cannot be sent.
    """

    noun: str
    column: str
    taken: Mapping[str, str]
    form: Form = Form.AUTO
    whole: bool = False

    def rows(self, arguments: Sequence[str] | None) -> Iterator[Row]:
        """The arguments; without any, or with ``-`` alone, standard input.

        Raises:
            ConfigurationError: ``-`` stands among others, or standard input cannot be read.
        """
        if not arguments or list(arguments) == [STANDARD_INPUT]:
            rows = self._standard_input()
        elif STANDARD_INPUT in arguments:
            raise ConfigurationError("- (standard input) stands alone, not among other arguments")
        elif self.form is not Form.AUTO:
            raise ConfigurationError("--input is for standard input: leave it out, or the arguments")
        else:
            rows = (self._plain(f"argument {n}", word) for n, word in enumerate(arguments, 1))
        for row in rows:
            yield row
            if row.error is not None and not self.whole:
                return

    def windows(self, arguments: Sequence[str] | None, most: int = WINDOW) -> Iterator[list[Row]]:
        """The rows by as many as have come, ``most`` at most; never none."""
        return gathered(self.rows(arguments), most)

    def _standard_input(self) -> Iterator[Row]:
        if sys.stdin.isatty():
            say(f"reading {self.noun} from standard input, one a line; ctrl-D ends it")
        form = self.form
        for number, line in _lines():
            where = f"standard input:{number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
            except UnicodeDecodeError as error:
                yield _wrong(where, f"it is not UTF-8: byte {error.start} is in the way")
                continue
            if not text.strip():
                continue
            if form is Form.AUTO:
                form = Form.JSONL if text.lstrip().startswith("{") else Form.LINES
            yield self._object(where, text) if form is Form.JSONL else self._plain(where, text)

    def _plain(self, where: str, text: str) -> Row:
        if not text.strip():
            return _wrong(where, "it is empty")
        return Row(where, text, {self.column: text})

    def _object(self, where: str, line: str) -> Row:
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            advice = "" if self.form is Form.JSONL else f"; if lines are {self.noun}, say --input lines"
            return _wrong(where, f"it is not JSON ({error}){advice}")
        if not isinstance(fields, dict):
            return _wrong(where, "it is not a JSON object")
        text = fields.get(self.column)
        if not isinstance(text, str) or not text.strip():
            held = "empty" if isinstance(text, str) else "null" if text is None else "no text"
            advice = "" if self.column in fields else f" (its keys: {', '.join(map(repr, fields)) or 'none'})"
            return _wrong(where, f"{self.column!r} is {held}, not a text{advice}", fields)
        for name, option in self.taken.items():
            if name in fields:
                return _wrong(where, f"it has {name!r} already: {option} names another key", fields)
        return Row(where, text, fields)


def gathered(rows: Iterator[Row], most: int) -> Iterator[list[Row]]:
    """The rows by as many as have come; ends them when it is closed."""
    arrived: queue.Queue[Row | BaseException | None] = queue.Queue(maxsize=most)
    over = threading.Event()

    def read() -> None:
        end: BaseException | None = None
        try:
            for row in rows:
                arrived.put(row)
                if over.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised where the rows are used
            end = error
        arrived.put(end)

    threading.Thread(target=read, daemon=True, name="ragbridge-rows").start()
    try:
        while True:
            window, end = _window(arrived, most)
            if window:
                yield window
            if end is not None:
                if isinstance(end, BaseException):
                    raise end
                return
    finally:
        over.set()
        while not arrived.empty():  # whoever waits for room puts one row more, and sees that it is over
            arrived.get_nowait()


_END = "end"


def _window(
    arrived: queue.Queue[Row | BaseException | None], most: int
) -> tuple[list[Row], BaseException | str | None]:
    """The next rows, and what ended them: None where others may follow."""
    window: list[Row] = []
    until: float | None = None
    while len(window) < most:
        try:
            row = arrived.get(timeout=None if until is None else max(until - time.monotonic(), 0.001))
        except queue.Empty:
            break
        if not isinstance(row, Row):
            return window, row or _END
        window.append(row)
        until = until or time.monotonic() + GATHERING
    return window, None


def _wrong(where: str, what: str, fields: Mapping[str, Any] | None = None) -> Row:
    return Row(where, "", fields or {}, ConfigurationError(what))


def _lines() -> Iterator[tuple[int, bytes]]:
    """The lines of standard input with their numbers, from 1.

    Read beneath Python's buffer: the interpreter cannot end while a thread waits in that.
    """
    buffer = sys.stdin.buffer
    read: Callable[[int], bytes] = getattr(buffer, "raw", buffer).read
    number, rest = 0, bytearray()
    while True:
        try:
            piece = read(_PIECE)
        except OSError as error:
            raise ConfigurationError(f"standard input cannot be read: {reason(error)}") from error
        begun, *others = piece.split(b"\n")
        rest += begun
        for line in others if piece else [b""]:
            number += 1
            yield number, bytes(rest)
            rest = bytearray(line)
        if not piece:
            return
        if len(rest) > MOST_BYTES:
            raise ConfigurationError(
                f"standard input:{number + 1}: a line of more than {MOST_BYTES // 2**20} MiB"
            )
