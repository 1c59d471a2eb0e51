"""``ragbridge demo --cache``: what a second run pays for. In a file of its own, since files are what processes share out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long

SMALL = [sys.executable, str(Path(__file__).with_name("small_demo.py")), "demo"]
KEYS = ("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN")


def test_a_second_run_is_answered_from_the_cache(tmp_path: Path) -> None:
    """With ``--cache`` all that the second run wants is known, and its result is the same."""
    environment = {name: value for name, value in os.environ.items() if name not in KEYS}
    command = [*SMALL, "--local", "--queries", "1", "--json", "--cache", str(tmp_path / "answers.db")]

    def run() -> Any:
        done = subprocess.run(
            command, env={**environment, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    first, second = run(), run()
    assert 0 < second["cache"]["wanted"] == second["cache"]["known"]
    assert first["cache"]["wanted"] == second["cache"]["wanted"] > first["cache"]["known"]
    for before, after in zip(first["frameworks"], second["frameworks"], strict=True):
        assert before["ndcg_after"] == after["ndcg_after"]
