"""Every notebook is what a reader can trust: its outputs belong to its code, and hold nothing of the machine it ran on.

The plain run reads what is stored; ``make test-notebooks`` executes it, and ``make test-stores`` what needs more packages.
``make notebooks`` renews what is stored.
"""

from __future__ import annotations

import base64
import io
import re
import sys
from pathlib import Path

import nbformat
import pytest
from executing import NOTEBOOKS, digest, execute, made_with, missing
from PIL import Image

ROOT = Path(__file__).parents[2]
MACHINE = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|var|mnt|work|private|Users)/|\b[A-Za-z]:\\|site-packages|0x[0-9a-f]{6,}"
)
SECRET = re.compile(r"\bjina_[A-Za-z0-9]{8,}|\bBearer\s")
LARGEST = 400_000
"""Bytes of a notebook: more is slow to open, and to review."""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def text(output):
    """What an output says, without pictures."""
    data = without_pictures(output.get("data", {}))
    return "".join([output.get("text", ""), *(str(data[kind]) for kind in sorted(data))])


def without_pictures(data):
    return {kind: value for kind, value in data.items() if not kind.startswith("image/")}


def shown(notebook):
    """What each cell shows, beside its source; of a cell with the tag ``measured``, which has a clock's figures, only the kinds."""
    return [
        (
            cell.source,
            [(output.output_type, sorted(output.get("data", {}))) for output in cell.outputs],
            [] if "measured" in cell.metadata.get("tags", []) else [text(output) for output in cell.outputs],
        )
        for cell in code(notebook)
    ]


def test_there_are_notebooks():
    """The folder is found: the tests below are about something."""
    assert {"elastic", "jina_api", "quickstart"} <= {path.stem for path in NOTEBOOKS}


def test_outputs_belong_to_the_code(notebook):
    """What is shown was made of the cells as they are, from top to bottom. After a change: ``make notebooks``."""
    assert notebook.metadata.ragbridge.code == digest(notebook)
    assert [cell.execution_count for cell in code(notebook)] == [*range(1, len(code(notebook)) + 1)]


def test_shows_pictures_and_no_complaint(notebook):
    """A picture at least, of a size that pages can hold; no error, no warning, nothing on standard error."""
    found = outputs(notebook)
    assert {output.output_type for output in found} <= {"display_data", "execute_result", "stream"}
    assert [output.text for output in found if output.get("name") == "stderr"] == []
    assert not re.search(r"Warning\b|Traceback", "".join(map(text, found)))
    pictures = [output.data["image/png"] for output in found if "image/png" in output.get("data", {})]
    assert pictures
    for picture in pictures:
        width, height = Image.open(io.BytesIO(base64.b64decode(picture))).size
        assert 500 <= width <= 1_200
        assert 200 <= height <= 1_200


def test_holds_nothing_of_the_machine(path, notebook):
    """Sources, outputs and metadata hold no path, no address in memory and no key."""
    for output in outputs(notebook):
        if "data" in output:
            output.data = without_pictures(output.data)
    whole = nbformat.writes(notebook)
    assert MACHINE.findall(whole) == []
    assert SECRET.findall(whole) == []
    assert str(Path.home()) not in whole
    assert sys.prefix not in whole
    assert path.stat().st_size < LARGEST


def test_is_a_notebook_as_editors_like_it(path, notebook):
    """Valid, with a title, what to install, and metadata that are the same whoever ran it last."""
    nbformat.validate(nbformat.read(path, as_version=4))
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert '%pip install "ragbridge[' in first.source
    assert set(notebook.metadata) == {"kernelspec", "language_info", "ragbridge"}
    assert {name for cell in notebook.cells for name in cell.metadata} <= {"tags"}


def test_is_listed(path):
    """The list of pages leads to it."""
    assert f"(../notebooks/{path.name})" in (ROOT / "docs/README.md").read_text(encoding="utf-8")


def ring(path):
    """The ring that executes a notebook: what needs other packages is run where the tests of real stores are."""
    needs = nbformat.read(path, as_version=4).metadata.ragbridge.get("needs")
    return pytest.param(path, id=path.stem, marks=pytest.mark.stores if needs else pytest.mark.notebooks)


@pytest.mark.parametrize("path", [ring(path) for path in NOTEBOOKS])
async def test_runs(notebook, tmp_path):
    """Every cell runs, and shows what is stored: the same texts where Python and NumPy are the same, else the same kinds."""
    if names := missing(notebook):
        pytest.skip(f"{', '.join(names)} is not installed")
    stored = shown(notebook)
    same = made_with().items() <= notebook.metadata.ragbridge.items()
    await execute(notebook, tmp_path)
    assert [output.text for output in outputs(notebook) if output.get("name") == "stderr"] == []
    ran = shown(notebook)
    if not same:
        ran, stored = ([cell[:2] for cell in cells] for cells in (ran, stored))
    assert ran == stored
