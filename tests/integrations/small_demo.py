"""The command line, whose demo has eight passages: for tests of all but its figures."""

from __future__ import annotations

from ragbridge.cli import main
from ragbridge.demo import corpus

COLOURS = ("red", "green", "blue", "yellow", "black", "white", "brown", "orange")


def small() -> corpus.Corpus:
    """One passage a colour, and a question for each."""
    paints = [
        corpus.Docstring(f"paint.c{number}", f"Which paint is {colour}?", f"A pot of {colour} colour. " * 12)
        for number, colour in enumerate(COLOURS)
    ]
    return corpus.build(paints, passages=8, queries=8)


if __name__ == "__main__":
    corpus.load = small
    main()
