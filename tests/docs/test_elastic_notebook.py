"""The part of ``notebooks/elastic.ipynb`` that needs a cluster: the notebooks' own tests run it without one."""

from __future__ import annotations

from pathlib import Path

import nbformat

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "elastic.ipynb"


def test_the_search_runs_where_there_is_a_cluster(cluster, capsys):
    """Endpoints, index and documents are made, and all three searches find documents."""
    names: dict[str, object] = {}
    cells = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    (search,) = [source for source in cells if "ELASTICSEARCH_URL" in source]
    for source in cells:
        capsys.readouterr()
        exec(compile(source, "elastic.ipynb", "exec"), names)
        if source is search:
            shown = capsys.readouterr().out
    assert shown.count(names["texts"][0]) == 3
    assert shown.count(names["texts"][1]) == 3
