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
from pathlib import Path

import pytest

import ragbridge.chunking
import ragbridge.elastic
import ragbridge.models

ROOT = Path(__file__).parents[2]
INTEGRATIONS = ROOT / "integrations"

PUBLIC = {
    module.__name__: {name for name in getattr(module, "__all__", vars(module)) if not name.startswith("_")}
    for module in (ragbridge, ragbridge.chunking, ragbridge.elastic, ragbridge.models)
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

BREACHES = {
    "frameworks": ("client/retry.py", "import langchain_core"),
    "http": ("client/service.py", "import httpx"),
    "flows": ("services/jina/rerank/requests.py", "from ragbridge.transport import standard"),
    "parts": ("chunking/word.py", "from ragbridge.local import Engine"),
    "engine": ("local/calls.py", "import ragbridge.server"),
}
"""By contract, an import that it forbids and the module to put it into."""


def test_every_contract_has_a_breach():
    """A contract that nobody has seen fail may be one that cannot."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert {contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]} == set(BREACHES)


@pytest.mark.parametrize("contract", BREACHES)
def test_a_broken_contract_is_noticed(contract, tmp_path):
    """Each contract holds, and fails once a module imports what it forbids."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(
        ROOT / "core" / "ragbridge", tmp_path / "ragbridge", ignore=shutil.ignore_patterns("__pycache__")
    )
    assert lint(tmp_path, contract).returncode == 0
    module, line = BREACHES[contract]
    with (tmp_path / "ragbridge" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    broken = lint(tmp_path, contract)
    assert broken.returncode == 1
    assert "0 kept, 1 broken" in broken.stdout


def lint(folder, contract):
    program = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [program, "--no-logo", "--no-cache", "--contract", contract],
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
        return module in PUBLIC and (name is None or name in PUBLIC[module])
    if root in sys.stdlib_module_names:
        return root not in HTTP
    return re.match(rf"({allowed})(\.|$)", module) is not None
