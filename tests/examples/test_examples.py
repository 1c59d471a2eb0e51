"""The programs of ``examples/``. Where a store's client is not installed, its program is compiled and its reading is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragbridge import Jina, corpus

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def written(tmp_path):
    """Shards of ten rows, one of which has no vector."""
    rows = "".join(f'{{"id": "x{n}", "text": "{n} fish"}}\n' for n in range(9))
    (tmp_path / "corpus.jsonl").write_text(rows + '{"id": "x9"}\n')
    client = Jina(base_url="local")
    options = {"dimensions": 64, "shard_rows": 4, "on_error": "record"}
    corpus.embed(tmp_path / "corpus.jsonl", tmp_path / "out", client=client, **options)
    return tmp_path / "out", client.embed(
        [f"{n} fish" for n in range(9)], role="document", dimensions=64
    ).vectors


@pytest.mark.parametrize("name", [path.stem for path in sorted(EXAMPLES.glob("*.py"))])
def test_a_program_compiles(name):
    """Whether or not its store's client is installed."""
    compile((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"), name, "exec")


def test_rows_come_with_their_numbers_and_their_vectors(program, written):
    """In order, without those that have none."""
    out, expected = written
    numbers, vectors, rows = [], [], []
    for batch in program("shards").read(out, rows=3):
        for part, whole in zip(batch, (numbers, vectors, rows), strict=True):
            whole.extend(part)
    assert numbers == list(range(9))
    assert np.array_equal(np.stack(vectors), expected)
    assert rows == [{"id": f"x{n}", "text": f"{n} fish"} for n in range(9)]


def test_qdrant_finds_a_row_by_its_vector(program, written):
    """In the memory of its own client, where that is installed."""
    qdrant_client = pytest.importorskip("qdrant_client")
    out, expected = written
    client = qdrant_client.QdrantClient(":memory:")
    assert program("qdrant").load(client, str(out), "fish") == 9
    best = client.query_points("fish", query=expected[4].tolist(), limit=1).points[0]
    assert best.payload["id"] == "x4"
