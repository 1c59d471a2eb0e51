"""The standard streams, whatever state they are in: closed, full, or at the end of a pipe that nobody reads any more.

Results that cannot be written end a command with one line and exit code 1; notes that cannot be written are lost.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import textwrap
from typing import BinaryIO, TextIO

from ragbridge.cli.terminal import columns, printable
from ragbridge.errors import RagbridgeError

READER_LEFT = 141
"""Exit code where the reader of a pipe left (``| head -1``): what shells say of programs that SIGPIPE ends, 128 + 13."""


class OutputError(RagbridgeError):
    """Standard output takes no results."""


class _Results(io.TextIOWrapper):
    """Standard output. A pipe without a reader stays what it is, since typer ends it quietly."""

    left = False
    """Whether the reader is gone."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._failure(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._failure(error) from None

    def _failure(self, error: OSError) -> Exception:
        if isinstance(error, BrokenPipeError):
            self.left = True
            return error
        return OutputError(f"standard output cannot be written: {reason(error)}")


class _Notes(io.TextIOWrapper):
    """Standard error. Nobody can be told that nobody can be told."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            return


def prepare() -> None:
    """Put usable streams in the place of those that the process was started with.

    A closed one is opened: else the next file or connection would get its number, and what is meant for a terminal would be
    written there. Standard input and output stay unusable, standard error becomes a hole.
    """
    for number, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdin is None:  # Python's own sign of a closed stream
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the whole process
    if (output := _detached(sys.stdout, 1)) is not None:
        sys.stdout = _Results(*output, "replace", line_buffering=os.isatty(1))
    if (notes := _detached(sys.stderr, 2)) is not None:
        sys.stderr = _Notes(*notes, "replace", line_buffering=True)


def finish(code: int) -> int:
    """Write what is left of the results. Returns the exit code: ``code``, or what it is if that fails."""
    # typer puts another stream in the place of ours when the reader has left.
    results = getattr(sys.stdout, "wrapped", sys.stdout)
    try:
        results.flush()
    except (OutputError, BrokenPipeError) as error:
        if isinstance(error, OutputError) and code == 0:
            say(error)
        # The interpreter tries again at its end, and would say so.
        hole = os.open(os.devnull, os.O_WRONLY)
        os.dup2(hole, 1)
        os.close(hole)
        code = code or 1
    return READER_LEFT if getattr(results, "left", False) else code


def say(what: object) -> None:
    """Say something on standard error, in one line that cannot steer a terminal: a server may have written it.

    A terminal gets lines that break between words.
    """
    line = f"ragbridge: {' '.join(printable(str(what)).splitlines())}"
    if os.isatty(2) and sys.stderr.isatty():
        line = textwrap.fill(line, max(columns(2), 20), break_long_words=False, break_on_hyphens=False)
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def described(error: OSError) -> str:
    """An error of the system in the user's words: which file, and what."""
    return reason(error) if error.filename is None else f"{error.filename}: {reason(error)}"


def reason(error: OSError) -> str:
    """What the system says; a stream that was closed before we began is called so."""
    return "it is closed" if error.errno == errno.EBADF else error.strerror or str(error)


def _detached(stream: TextIO | None, number: int) -> tuple[BinaryIO, str] | None:
    """The bytes beneath a stream of text, and its encoding; None if somebody has put another kind of stream there.

    Files and pipes get UTF-8 whatever the locale, unless ``PYTHONIOENCODING`` says otherwise: what reads them is on another
    machine, or of another mind. A terminal with another encoding shows ? for characters that it lacks.
    """
    if stream is None:
        return open(number, "wb", closefd=False), "utf-8"
    if not isinstance(stream, io.TextIOWrapper):
        return None
    own = os.isatty(number) or bool(os.environ.get("PYTHONIOENCODING"))
    encoding = stream.encoding if own else "utf-8"
    return stream.detach(), encoding
