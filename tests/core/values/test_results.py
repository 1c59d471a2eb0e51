"""What results give besides their arrays."""

from __future__ import annotations

import numpy as np
import pytest

from ragbridge import Embeddings


@pytest.mark.parametrize(
    ("kind", "vectors", "floats"),
    [
        ("float", np.array([[0.5, -1.0]], np.float32), [[0.5, -1.0]]),
        ("byte", np.array([[-128, 127]], np.int8), [[-128.0, 127.0]]),
        ("bit", np.array([[-128]], np.int8), [[1.0] + [-1.0] * 7]),
        ("ubinary", np.array([[0b00000101]], np.uint8), [[-1.0] * 5 + [1.0, -1.0, 1.0]]),
        ("binary", np.array([[0b11111111]], np.uint8), [[1.0] * 8]),
        ("float", np.empty((0, 0), np.float32), []),
        ("bit", np.empty((0, 0), np.int8), []),
    ],
)
def test_vectors_become_floats_whatever_they_are(kind, vectors, floats):
    """For stores that know nothing else: bytes by value, a bit as a sign."""
    found = Embeddings(vectors, "a model", embedding_type=kind).to_floats()
    assert found == floats
    assert {type(number) for row in found for number in row} <= {float}
