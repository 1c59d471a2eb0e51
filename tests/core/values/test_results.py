"""What results give besides their arrays."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from ragbridge import ConfigurationError, Embeddings, ModelInfo, Usage


@pytest.mark.parametrize(
    ("kind", "vectors", "floats"),
    [
        ("float", np.array([[0.5, -1.0]], np.float32), [[0.5, -1.0]]),
        ("byte", np.array([[-128, 127]], np.int8), [[-128.0, 127.0]]),
        ("bit", np.array([[-128, 5 - 128]], np.int8), [[-1.0] * 13 + [1.0, -1.0, 1.0]]),
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


def test_what_tokens_cost():
    """The price is the caller's, or the one that the service lists for a model; none is kept here."""
    usage = Usage(tokens=2_000_000)
    assert usage.cost(0.00000002) == usage.cost(Decimal("2E-8")) == Decimal("0.04")
    assert usage.cost(ModelInfo("m", prices={"prompt": Decimal("5E-8")})) == Decimal("0.1")
    for wrong in (ModelInfo("m"), -1, True, float("nan"), "0.1", Decimal("NaN"), Decimal(-1), None):
        with pytest.raises(ConfigurationError, match="price="):
            usage.cost(wrong)
