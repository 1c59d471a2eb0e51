"""What the README shows works."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from ragbridge._limits import TIERS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADAPTERS = r"langchain_ragbridge|(?:llama_index|haystack_integrations)\.[a-z_.]*ragbridge"
UNOFFERED = {"deepsearch"}
"""Products of published limits that have no method here."""


@pytest.fixture(scope="module")
def shown(cluster):
    """The names that the README's examples leave behind, run in order."""
    names: dict[str, object] = {"answers": []}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
        names["answers"].append(names.get("best"))
    return names


def test_the_examples_run_and_find_what_they_look_for(shown):
    """Core, three frameworks, products and Elasticsearch, in the order in which the README has them."""
    assert shown["passages"].vectors.shape == (3, 256)
    assert shown["ranking"].results[0].index in {0, 2}
    langchain, llama_index, haystack = ([row for row in shown["answers"] if row][at] for at in range(3))
    assert "sea" in langchain[0].page_content
    assert "sea" in llama_index[0].text
    assert "sea" in haystack[0].content
    assert shown["scores"].argmax() in {0, 2}
    assert len(shown["job"].results()) == 3
    assert [hit.source["content"] for hit in shown["hits"]] == shown["texts"]
    assert len(shown["best"]) == 1
    assert "sea" in shown["found"][0].page_content


def test_the_tables_of_limits_are_the_programs_own():
    """The figures stand once in the code; the README repeats all of them truly."""
    (table,) = re.findall(r"\| \| `keyless`.*?\n\n", README, re.DOTALL)
    head, _, *rows = (
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.strip().split("\n")
    )
    names = [name.removesuffix(" (default)").strip("`") for name in head[1:]]
    found = {
        (product, name): cell
        for products, *cells in rows
        for product in products.split(", ")
        for name, cell in zip(names, cells, strict=True)
        if cell
    }
    expected = {}
    for tier in TIERS:
        if tier.service == "jina" and tier.product not in UNOFFERED:
            figures = (tier.limit.requests_per_minute, tier.limit.tokens_per_minute)
            expected[tier.product, tier.name] = " / ".join(f"{n:,}" for n in figures if n is not None)
            expected["requests at once", tier.name] = str(tier.limit.concurrency)
    assert found == expected


def test_the_table_of_adapters_is_whole_and_true():
    """Every class that an adapter exports is named beside its package, and every name that is there exists."""
    rows = re.findall(rf"^\| `({ADAPTERS})` \|(.*)\|$", README, re.MULTILINE)
    named = {package: set(re.findall(r"`(\w+)`", classes)) for package, classes in rows}
    root = ROOT / "integrations"
    packages = [
        ".".join(path.parent.relative_to(root).parts) for path in root.rglob("*ragbridge/__init__.py")
    ]
    packages.remove("haystack_integrations.common.ragbridge")  # what components stand on: nobody's to use
    assert named == {package: set(importlib.import_module(package).__all__) for package in packages}


def test_what_the_readme_names_of_the_package_exists():
    """Names of ``jina.``, ``elastic.`` and ``local.``, and those of the adapters with their package."""
    from ragbridge import Jina
    from ragbridge.elastic import Elastic, Endpoints
    from ragbridge.services.jina.faces.classifying import Classifiers

    text = re.sub(r"\b(?:llama_index|haystack_integrations|langchain_ragbridge)[.\w]*", "", README)
    for owner, names in {
        Jina: re.findall(r"\bjina\.(\w+)\(", text),
        Classifiers: re.findall(r"\bjina\.classifiers\.(\w+)\(", text),
        Elastic: re.findall(r"\belastic\.(\w+)\(", text),
        Endpoints: re.findall(r"\belastic\.endpoints\.(\w+)\(", text),
    }.items():
        assert names
        assert [name for name in names if not hasattr(owner, name)] == []
    for package, name in re.findall(rf"`({ADAPTERS})\.(\w+)`", README):
        assert hasattr(importlib.import_module(package), name), f"{package}.{name}"


def test_the_commands_that_the_readme_names_exist():
    """Each make target and each ragbridge command."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    from typer.main import get_command

    from ragbridge.cli.app import app

    commands = set(get_command(app).commands)
    assert set(re.findall(r"^ragbridge ([a-z]+)", README, re.MULTILINE)) == commands


def test_constraints_hold_names_and_versions_only():
    """No address of an index and no path: the file works on any machine."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split("\n")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+|#.*|", line) for line in lines)
