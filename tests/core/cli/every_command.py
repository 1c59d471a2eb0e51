"""Runs commands with the standard streams in a given state, each in a process of its own that is forked from this one.

Reads a JSON list of [arguments, state] from the file that is its argument, and writes [exit code, standard output, standard
error] of each into the file that is its second. Forking saves the half second that each would take to import.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import ragbridge.cli.app
from ragbridge import Jina
from ragbridge.cli import main
from ragbridge.cli.commands import SUMMARIES


def run(arguments: list[str], state: str) -> tuple[int, str, str]:
    """One command. ``state`` says what is odd: the number of a stream, and what happened to it."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(arguments, state, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        out.seek(0)
        err.seek(0)
        return os.waitstatus_to_exitcode(status), out.read().decode(), err.read().decode()


def _become(arguments: list[str], state: str, out: int, err: int) -> None:
    for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(target, number)
    odd, _, what = state.partition(" ")
    for number in map(int, odd):
        match what:
            case "closed":
                os.close(number)
            case "full":
                os.dup2(os.open("/dev/full", os.O_WRONLY), number)
            case "left":
                reading, writing = os.pipe()
                os.dup2(writing, number)
                os.close(reading)
    # What Python does at its start: None for a stream that is closed.
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        closed = what == "closed" and str(number) in odd
        setattr(sys, name, None if closed else open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    sys.argv = ["ragbridge", *arguments]
    code = 70
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    for module in (
        *(f"ragbridge.cli.{name}" for name in SUMMARIES),  # commands are loaded when they are called
        "ragbridge.chunking",
        "ragbridge.corpus.asked",
        "ragbridge.server",
        "ragbridge.elastic",
        "ragbridge.transport.direct",
        "ragbridge.transport.standard",
    ):
        importlib.import_module(module)
    with contextlib.redirect_stdout(io.StringIO()):
        for first in (["models"], ["rerank", "a", "b", "--local"], ["classify", "a", "-l", "b", "--local"]):
            ragbridge.cli.app.app(first, standalone_mode=False)
    with Jina(base_url="local") as jina:
        jina.embed(["the weights are loaded once"])
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(json.dumps([run(*each) for each in asked]), encoding="utf-8")
