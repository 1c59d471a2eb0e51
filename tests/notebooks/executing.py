"""Executes notebooks. As a program it renews what is stored: ``python tests/notebooks/executing.py [NAME ...]``.

A notebook's metadata say under ``ragbridge`` what it was made of: a digest of its code, and what its texts depend on. So
tests know without running it whether its outputs belong to its code. ``needs`` names modules that not every environment
for tests has; a notebook whose modules are missing is left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TIMEOUT = 300
"""Seconds for a cell."""
HIDDEN = (
    *("JINA_API_KEY", "JINAAI_API_KEY", "JINA_AUTH_TOKEN"),
    *("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"),
    *("MPLBACKEND", "MATPLOTLIBRC", "PYTHONSTARTUP"),
)
"""What a kernel does not see of its environment: with a key, the service would be asked."""
JUPYTER = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def missing(notebook: Any) -> list[str]:
    """Modules that a notebook needs and that are not installed."""
    return [
        name for name in notebook.metadata.get("ragbridge", {}).get("needs", []) if find_spec(name) is None
    ]


def digest(notebook: Any) -> str:
    """What the outputs were made of, in short."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def made_with() -> dict[str, str]:
    """What texts in outputs depend on: the corpus is made of the docstrings of these two."""
    return {"python": platform.python_version(), "numpy": version("numpy")}


async def execute(notebook: Any, folder: Path) -> None:
    """Run every cell in a kernel of this interpreter, and put what it shows into ``notebook``.

    Args:
        notebook: The notebook.
        folder: An empty folder: the kernel's working directory, and its settings' place, so that it sees none of a user's.
    """
    import matplotlib.font_manager  # noqa: F401 - lists this machine's fonts, once; in the kernel it would warn

    home, work = folder / "jupyter", folder / "work"
    home.mkdir()
    work.mkdir()
    manager = AsyncKernelManager(
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        ip="127.0.0.1",
        connection_file=str(home / "kernel.json"),
    )
    assert manager.kernel_spec is not None
    assert manager.kernel_spec.argv[0] == sys.executable
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environment |= {name: str(home / name) for name in JUPYTER}
    environment |= {"HAYSTACK_TELEMETRY_ENABLED": "False", "PYTHONWARNINGS": "default"}
    client = NotebookClient(notebook, km=manager, timeout=TIMEOUT, record_timing=False)
    await client.async_execute(cleanup_kc=True, cwd=str(work), env=environment)


def stamp(notebook: Any) -> None:
    """Write down what the outputs were made of, and drop what only says where they were made."""
    needs = notebook.metadata.get("ragbridge", {}).get("needs", [])
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "ragbridge": {"code": digest(notebook), **made_with(), **({"needs": needs} if needs else {})},
    })  # fmt: skip
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def renew(path: Path) -> None:
    """Execute a notebook and store what it shows."""
    notebook = nbformat.read(path, as_version=4)
    if names := missing(notebook):
        sys.stdout.write(f"{path.name}: left out, since {', '.join(names)} is not installed\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(execute(notebook, Path(folder)))
    stamp(notebook)
    nbformat.write(notebook, path)
    sys.stdout.write(f"{path.name}: renewed, now look at it\n")


if __name__ == "__main__":
    for name in sys.argv[1:] or [path.stem for path in NOTEBOOKS]:
        renew(FOLDER / f"{name.removesuffix('.ipynb')}.ipynb")
