"""Examples in docstrings, which ``help`` and the reference show, give what they say."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = {
    ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
    for root in (ROOT / "core", ROOT / "integrations")
    for path in sorted(root.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@pytest.mark.parametrize("name", FILES)
def test_the_sessions_of_a_module_run(cluster, name):
    """Each session of the interpreter, with an Elasticsearch and a key in the environment."""
    names = vars(importlib.import_module(name))
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)) and ">>> " in text:
            of = getattr(node, "name", name)
            runner.run(doctest.DocTestParser().get_doctest(text, dict(names), of, str(FILES[name]), 0))
    assert runner.tries
    assert not runner.failures
