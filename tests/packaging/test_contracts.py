"""Who may import whom: import-linter's contracts over the core, and their like for the adapters.

import-linter passes whatever a leaf in a framework's namespace does, so adapters are read here.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import ragbridge.adapters
import ragbridge.chunking
import ragbridge.elastic
import ragbridge.models
import ragbridge.observers

ROOT = Path(__file__).parents[2]
INTEGRATIONS = ROOT / "integrations"

PUBLIC = {
    module.__name__: {name for name in getattr(module, "__all__", vars(module)) if not name.startswith("_")}
    for module in (
        ragbridge,
        ragbridge.adapters,
        ragbridge.chunking,
        ragbridge.elastic,
        ragbridge.models,
        ragbridge.observers,
    )
}
"""What adapters may take from the core, by module."""

ALLOWED = {
    "haystack_integrations": r"haystack|haystack_integrations(\.\w+)+\.ragbridge|tqdm",
    "langchain_ragbridge": r"langchain_core|langchain_ragbridge|langchain_text_splitters|pydantic",
    "llama_index": r"llama_index\.core|llama_index\.\w+\.ragbridge|pydantic",
}
"""By folder, the packages that adapters may import besides the core and the standard library."""

HTTP = {"http", "socket", "ssl", "urllib"}
"""What adapters leave to the core, though it is in the standard library."""

BREACHES = [
    ("layers", "values/inputs.py", "import ragbridge.client.wire"),
    ("layers", "limiter/quota.py", "import ragbridge.models"),
    ("layers", "local/calls.py", "import ragbridge.server"),
    ("layers", "server/__init__.py", "import ragbridge.testing"),
    ("layers", "cli/app.py", "import ragbridge.testing"),
    ("layers", "new.py", "import ragbridge.flow"),
    ("circles", "chunking/base.py", "from ragbridge.chunking import word"),
    ("parts", "services/jina/wire.py", "import ragbridge.services.elastic.wire"),
    ("parts", "chunking/word.py", "from ragbridge.local import Engine"),
    ("transport", "services/jina/rerank/requests.py", "from ragbridge.transport import standard"),
    ("io", "client/call.py", "import asyncio"),
    ("http", "client/service.py", "import httpx"),
    ("frameworks", "client/retry.py", "import langchain_core"),
    ("telemetry", "client/watch.py", "import opentelemetry"),
]
"""A contract, a module, and an import there that the contract forbids."""


def test_every_contract_has_a_breach():
    """A contract that nobody has seen fail may be one that cannot."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert contracts == {contract for contract, _, _ in BREACHES}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the core and its contracts, which all hold there."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(
        ROOT / "core" / "ragbridge", folder / "ragbridge", ignore=shutil.ignore_patterns("__pycache__")
    )
    assert lint(folder).returncode == 0
    return folder


@pytest.mark.parametrize(("contract", "module", "line"), BREACHES)
def test_a_broken_contract_is_noticed(contract, module, line, checkout):
    """Each contract fails once a module imports what it forbids."""
    path = checkout / "ragbridge" / module
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
    try:
        broken = lint(checkout, "--contract", contract)
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")
    assert broken.returncode == 1
    assert "0 kept, 1 broken" in broken.stdout


def test_no_module_is_in_a_circle():
    """Not even by imports inside functions, or for type checkers alone, which the contracts leave out."""
    graph = grimp.build_graph("ragbridge", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()
    imports["ragbridge.errors"].add("ragbridge.client.call")
    with pytest.raises(CycleError):
        TopologicalSorter(imports).prepare()


def lint(folder, *options):
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [program, "--no-logo", "--no-cache", *options],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("path", sorted(INTEGRATIONS.rglob("*.py")), ids=lambda path: path.stem)
def test_an_adapter_imports_its_framework_and_the_cores_public_names(path):
    """No HTTP library, nothing that retries, nothing private of the core, no other framework's adapter."""
    place = path.relative_to(INTEGRATIONS).parts[0]
    assert breaches(path.read_text(encoding="utf-8"), ALLOWED[place]) == []


@pytest.mark.parametrize(
    "line",
    [
        "import httpx",
        "from tenacity import retry",
        "from urllib.request import urlopen",
        "import ragbridge.transport.standard",
        "from ragbridge.errors import RagbridgeError",
        "from ragbridge import errors",
        "from ragbridge import services",
        "from ragbridge.services.jina.client import KEY_VARIABLES",
        "from ragbridge.models import _table",
        "from langchain_core.embeddings import Embeddings",
        "from llama_index.embeddings.jinaai import JinaEmbedding",
        "def late():\n    import requests",
    ],
)
def test_a_breach_by_an_adapter_is_noticed(line):
    """What the test above forbids is found wherever in a module it stands."""
    assert len(breaches(line, ALLOWED["llama_index"])) == 1


def breaches(source, allowed):
    """The imports that an adapter is not to have."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names if not permitted(name.name, None, allowed)]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found += [f"{module}.{n.name}" for n in node.names if not permitted(module, n.name, allowed)]
    return found


def permitted(module, name, allowed):
    root = module.partition(".")[0]
    if root == "ragbridge":
        return f"{module}.{name}" in PUBLIC or (module in PUBLIC and (name is None or name in PUBLIC[module]))
    if root in sys.stdlib_module_names:
        return root not in HTTP
    return re.match(rf"({allowed})(\.|$)", module) is not None
