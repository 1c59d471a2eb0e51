"""What the README shows works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ragbridge._limits import TIERS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown():
    """The names that the README's examples leave behind, run in order."""
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(compile(block, "README.md", "exec"), names)
    return names


def test_the_examples_run_and_find_what_they_look_for(shown):
    """Core and three frameworks, in the order in which the README has them."""
    assert shown["passages"].vectors.shape == (3, 256)
    assert shown["ranking"].results[0].index in {0, 2}
    (best,) = shown["best"]  # of the last example: Haystack's
    assert "sea" in best.content


def test_the_table_of_limits_is_the_programs_own():
    """The figures stand once in the code; the README repeats them truly."""
    for tier in TIERS:
        if (tier.service, tier.product) == ("jina", "embeddings"):
            limit = tier.limit
            row = rf"\| `{tier.name}`[^|]*\| {limit.requests_per_minute:,} \| {limit.tokens_per_minute:,} \| {limit.concurrency} \|"
            assert re.search(row, README)


def test_the_commands_that_the_readme_names_exist():
    """Each make target and each ragbridge command."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    from typer.main import get_command

    from ragbridge.cli.app import app

    commands = set(get_command(app).commands)
    assert set(re.findall(r"^ragbridge ([a-z]+)", README, re.MULTILINE)) <= commands


def test_constraints_hold_names_and_versions_only():
    """No address of an index and no path: the file works on any machine."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split("\n")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+|#.*|", line) for line in lines)
