"""The programs of ``docs/engines.md``, run in each engine that is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

PAGE = Path(__file__).parents[3] / "docs" / "engines.md"

JUDGE = """

import numpy as np
from ragbridge import Jina

rows = [row.asDict() if hasattr(row, "asDict") else row for row in rows]
rows.sort(key=lambda row: row["id"])
right = Jina(base_url="local").embed([f"text {n}" for n in range(40)], role="document", dimensions=64).vectors
assert [(row["id"], row["text"]) for row in rows] == [(n, f"text {n}") for n in range(40)], rows
assert np.allclose(np.array([list(row["embedding"]) for row in rows]), right)
print("all rows have their vectors")
"""


ENGINES = {"Spark": ("pyspark",), "Daft": ("daft",), "Dask": ("dask", "pandas")}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_program_of_an_engine_embeds_every_row(engine, tmp_path):
    """As it is printed, in a process of its own: each row once, with its own vector."""
    missing = [module for module in ENGINES[engine] if importlib.util.find_spec(module) is None]
    if missing or (engine == "Spark" and shutil.which("java") is None):
        pytest.skip(f"{engine} needs {', '.join(missing) or 'Java'}")
    (program,) = re.findall(
        rf"^### {engine}\n\n```text\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    path = tmp_path / "program.py"
    path.write_text(program + JUDGE)
    done = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "DO_NOT_TRACK": "1",
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all rows have their vectors" in done.stdout
