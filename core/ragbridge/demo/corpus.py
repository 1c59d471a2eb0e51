"""Real text that every installation has, with questions: the docstrings of the standard library and of NumPy.

The summary line of a docstring is the question, the rest of it the answer. Sources are parsed, never imported, since
some modules of the standard library open windows or browsers on import. Hence docstrings of C code are missing.
"""

from __future__ import annotations

import ast
import re
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias, TypeVar

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

T = TypeVar("T")

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_Documentable: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

MIN_CHARACTERS = 200
"""Characters of a passage at least: shorter ones answer nothing."""

MAX_CHARACTERS = 1_200
"""Characters of a passage at most: longer ones are cut."""

MIN_PASSAGES = 1_200
MIN_QUERIES = 200
"""Fewer would make the figures noise."""

MAX_PASSAGES = 1_250
MAX_QUERIES = 200
"""More would take longer and change no digit of the figures."""

_LEFT_OUT = frozenset(
    {
        "__main__",
        "distutils",
        "encodings",
        "f2py",
        "idlelib",
        "lib2to3",
        "test",
        "testing",
        "tests",
        "turtledemo",
    }
)
"""Folders and files without public documentation, or that not every Python from 3.11 on has."""


@dataclass(frozen=True, slots=True)
class Docstring:
    """The documentation of one object.

    Attributes:
        name: Dotted name, such as ``json.decoder.JSONDecoder``; NumPy's are those of the defining file.
        summary: The first line.
        rest: Everything after it, stripped.
    """

    name: str
    summary: str
    rest: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the corpus.

    Attributes:
        id: The documented object's dotted name: unique.
        text: 200 to 1,200 characters.
    """

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question with exactly one right answer.

    Attributes:
        text: The question.
        answer: ``Passage.id`` of the answer.
    """

    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages, and queries that each have one answer among them."""

    passages: tuple[Passage, ...]
    queries: tuple[Query, ...]

    @property
    def texts(self) -> dict[str, str]:
        """The passages' texts by their ids."""
        return {passage.id: passage.text for passage in self.passages}

    def asking(self, count: int) -> Corpus:
        """The same passages with at most ``count`` queries, evenly spaced."""
        return replace(self, queries=tuple(_evenly(self.queries, count)))


def load() -> Corpus:
    """The corpus of this installation: the same on every run. Takes about three seconds.

    Raises:
        ConfigurationError: This installation has too few docstrings, as when the sources were stripped.
    """
    docstrings = sorted(_installed(), key=lambda docstring: docstring.name)
    corpus = build(docstrings, passages=MAX_PASSAGES, queries=MAX_QUERIES)
    if len(corpus.passages) < MIN_PASSAGES or len(corpus.queries) < MIN_QUERIES:
        raise ConfigurationError(
            f"the demo needs {MIN_PASSAGES:,} passages and {MIN_QUERIES} queries; the docstrings of Python "
            f"{sys.version.split()[0]} and NumPy give {len(corpus.passages):,} and {len(corpus.queries)} here: "
            "use a Python whose standard library is installed with its sources"
        )
    return corpus


def build(docstrings: Iterable[Docstring], *, passages: int, queries: int) -> Corpus:
    """A corpus from docstrings, at most this large; where there are more, evenly spaced ones in the given order.

    A query is left out that names its own object, is also another object's, or stands in its passage.
    """
    candidates = list(docstrings)
    asked = Counter(_bare(docstring.summary) for docstring in candidates)
    kept = _evenly(_answers(candidates), passages)
    asking = [
        Query(docstring.summary, docstring.name)
        for docstring in kept
        if asked[_bare(docstring.summary)] == 1 and not _gives_itself_away(docstring)
    ]
    return Corpus(
        tuple(Passage(docstring.name, _passage(docstring)) for docstring in kept),
        tuple(_evenly(asking, queries)),
    )


def _answers(docstrings: list[Docstring]) -> list[Docstring]:
    """Docstrings with a passage that is long enough; the first of those with the same passage or name."""
    names: set[str] = set()
    texts: set[str] = set()
    kept: list[Docstring] = []
    for docstring in docstrings:
        text = _passage(docstring)
        if len(text) >= MIN_CHARACTERS and docstring.name not in names and text not in texts:
            names.add(docstring.name)
            texts.add(text)
            kept.append(docstring)
    return kept


def _passage(docstring: Docstring) -> str:
    return docstring.rest[:MAX_CHARACTERS].rstrip()


def _gives_itself_away(docstring: Docstring) -> bool:
    asked = _bare(docstring.summary)
    own = _bare(docstring.name.rpartition(".")[2])
    return not asked or own in asked or asked in _bare(_passage(docstring))


def _bare(text: str) -> str:
    """Letters and digits only, so that ``JSON decoder`` names ``JSONDecoder`` and line breaks do not matter."""
    return re.sub(r"[\W_]+", "", text).casefold()


def _evenly(items: Sequence[T], count: int) -> Sequence[T]:
    if len(items) <= count:
        return items
    return [items[index * len(items) // count] for index in range(count)]


def _installed() -> Iterator[Docstring]:
    library = Path(sysconfig.get_path("stdlib"))
    for name in sorted(sys.stdlib_module_names):
        if not name.startswith("_"):
            for path in [library / f"{name}.py", *_sources(library / name)]:
                parts = path.relative_to(library).with_suffix("").parts
                if path.is_file() and not any(part.startswith("_") for part in parts if part != "__init__"):
                    yield from _file(path, parts)
    spec = find_spec("numpy")
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in _sources(Path(folder)):
            # NumPy defines its public functions in private modules.
            yield from _file(path, ("numpy", *path.relative_to(folder).with_suffix("").parts))


def _sources(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def _file(path: Path, parts: tuple[str, ...]) -> Iterator[Docstring]:
    if not _LEFT_OUT.isdisjoint(parts):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escape sequences in the sources
            tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # unreadable, or in the syntax of another Python version
        return
    yield from _documented(tree, ".".join(part for part in parts if part != "__init__"))


def _documented(node: _Documentable, name: str) -> Iterator[Docstring]:
    """The docstring of an object, and those of the public objects that a module or a class defines."""
    text = ast.get_docstring(node)
    if text:
        summary, _, rest = text.partition("\n")
        yield Docstring(name, summary.strip(), rest.strip())
    if isinstance(node, ast.Module | ast.ClassDef):
        for child in node.body:
            if isinstance(child, _DEFINITIONS) and not child.name.startswith("_"):
                yield from _documented(child, f"{name}.{child.name}")
