"""Every notebook runs from top to bottom without a key, and holds what it shows and nothing of the machine it ran on."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

pytestmark = pytest.mark.long

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
KEYS = (
    *("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN"),
    *("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"),
)
JUPYTER = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")

MACHINE = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|var|mnt|work|private|Users)/|\b[A-Za-z]:\\|site-packages|0x[0-9a-f]{6,}"
)
SECRET = re.compile(r"\bjina_[A-Za-z0-9]{8,}|\bBearer\s")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def kernel(monkeypatch, tmp_path):
    """A kernel of this interpreter, whichever are installed, that sees neither a key, a cluster, nor settings of the user."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name in JUPYTER:
        monkeypatch.setenv(name, str(tmp_path / name))
    manager = AsyncKernelManager(
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        ip="127.0.0.1",
        connection_file=str(tmp_path / "kernel.json"),
    )
    assert manager.kernel_spec.argv[0] == sys.executable
    return manager


def shown(notebook):
    """What each cell shows, as text, beside its source."""
    return [
        (cell.source, "".join(output.get("text") or output.data["text/plain"] for output in cell.outputs))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_there_are_notebooks():
    """The folder is found: the tests below are about something."""
    assert {"elastic", "jina_api", "quickstart"} <= {path.stem for path in NOTEBOOKS}


async def test_runs(path, kernel, tmp_path):
    """Every cell runs, says nothing on standard error, and shows what is stored.

    After an intended change: ``jupyter execute --inplace notebooks/NAME.ipynb``.
    """
    notebook = nbformat.read(path, as_version=4)
    stored = shown(notebook)
    await NotebookClient(notebook, km=kernel, timeout=120).async_execute(cleanup_kc=True, cwd=str(tmp_path))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert shown(notebook) == stored


def test_holds_nothing_of_the_machine(path):
    """Sources, outputs and metadata hold no path, no address in memory and no key."""
    text = path.read_text(encoding="utf-8")
    assert MACHINE.findall(text) == []
    assert SECRET.findall(text) == []
    assert str(Path.home()) not in text
    assert sys.prefix not in text


def test_is_valid(path):
    """The file is a notebook as its format says."""
    nbformat.validate(nbformat.read(path, as_version=4))
