"""What field types make of values."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from ragbridge.local.search.dates import milliseconds
from ragbridge.local.search.documents import plain
from ragbridge.local.search.mapping import Field
from ragbridge.local.search.values import convert, weights
from ragbridge.local.search.vectors import as_sent, dense, rank_vectors


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", 5, "5"),
        ("text", True, "true"),
        ("keyword", 1.5, "1.5"),
        ("long", "7", 7),
        ("long", 3.7, 3),
        ("long", "1e3", 1000),
        ("byte", -128, -128),
        ("double", "0.1", 0.1),
        ("float", 0.1, float(np.float32(0.1))),
        ("boolean", "", False),
        ("boolean", "true", True),
        ("date", "1970-01-01T00:00:01Z", 1000),
    ],
)
def test_a_value_is_kept(kind, value, kept):
    """Texts of numbers and booleans, as Elasticsearch coerces them."""
    assert convert(Field("f", kind), value) == kept


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("long", "abc", 'For input string: "abc"'),
        ("long", True, "Current token (VALUE_TRUE) not numeric"),
        ("byte", 128, "Value [128] is out of range for a byte"),
        ("integer", 2**31, "Value [2147483648] is out of range for an integer"),
        ("float", 1e39, "[float] supports only finite values, but got [1e+39]"),
        ("boolean", 1, "Failed to parse value [1] as only [true] or [false] are allowed."),
        ("date", "2024-13-01", "failed to parse date field [2024-13-01]"),
        ("text", {"a": 1}, "Can't get text on a START_OBJECT"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind, value, reason):
    """In Elasticsearch's words."""
    with pytest.raises(ValueError, match=".") as refused:
        convert(Field("f", kind), value)
    assert reason in str(refused.value)


def test_parameters_of_numbers_and_keywords():
    """``coerce``, ``scaling_factor``, ``ignore_above`` and the lower-case normalizer."""
    with pytest.raises(ValueError, match="Long value passed as String"):
        convert(Field("f", "long", {"coerce": False}), "7")
    assert convert(Field("f", "scaled_float", {"scaling_factor": 10}), 1.26) == 1.3
    assert convert(Field("f", "keyword", {"ignore_above": 2}), "abc") is None
    assert convert(Field("f", "keyword", {"normalizer": "lowercase"}), "ABC") == "abc"


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        ("2024", None, 1704067200000),
        ("2024-02", None, 1706745600000),
        ("2024-02-01", None, 1706745600000),
        ("2024-02-01T01:00:00.5+01:00", None, 1706745600500),
        ("2024-02-01T00:00:00Z", None, 1706745600000),
        (1706745600000, None, 1706745600000),
        ("1706745600000", None, 1706745600000),
        (1706745600, "epoch_second", 1706745600000),
        ("01.02.2024", "dd.MM.yyyy", 1706745600000),
        ("2024-02-01 00:00:00", "yyyy-MM-dd HH:mm:ss||epoch_millis", 1706745600000),
        ("20240201", "basic_date", 1706745600000),
    ],
)
def test_a_date_is_milliseconds(value, form, expected):
    """Of the default format, named formats and Java's patterns."""
    assert milliseconds(value, form) == expected


def vector(value, **parameters):
    return dense(Field("v", "dense_vector", parameters), value, "document with id '1'")


def test_base64_and_lists_are_the_same_vectors():
    """Big-endian float32 in base64, hexadecimal digits of bytes, lists of numbers: float32 arrays of the same numbers."""
    numbers = np.array([0.1, -2.5, 3e-5], dtype=np.float32)
    packed = base64.b64encode(numbers.astype(">f4").tobytes()).decode()
    for given in (packed, numbers.tolist(), numbers):
        found = vector(given, dims=3)
        assert found.dtype == np.float32
        assert found.tolist() == numbers.tolist()
    assert vector("7f80ff", element_type="byte", dims=3).tolist() == [127, -128, -1]
    assert vector([127, -128], element_type="byte").tolist() == [127, -128]


def test_bits_are_unpacked_and_shown_as_bytes():
    """Eight for each byte, the most significant first."""
    found = vector([-128, 1], element_type="bit", dims=16)
    assert np.flatnonzero(found).tolist() == [0, 15]
    assert plain(as_sent(Field("v", "dense_vector", {"element_type": "bit"}), found)) == [-128, 1]
    assert vector("8001", element_type="bit", dims=16).tolist() == found.tolist()


def test_bfloat16_has_seven_bits_of_fraction():
    """Rounded to the nearest, ties to even; two bytes a number in base64 too."""
    assert vector([1 + 2**-8, 1 + 3 * 2**-8], element_type="bfloat16").tolist() == [1.0, 1 + 2**-6]
    packed = base64.b64encode(bytes([0x3F, 0x80, 0xC0, 0x00])).decode()
    assert vector(packed, element_type="bfloat16", dims=2).tolist() == [1.0, -2.0]


@pytest.mark.parametrize(
    ("value", "parameters", "reason"),
    [
        ([1, 2], {"dims": 3}, "has a different number of dimensions [2] than defined in the mapping [3]"),
        ([1, 2, 3], {"dims": 2}, "has more dimensions than defined in the mapping [2]"),
        ([0, 0], {}, "The [cosine] similarity does not support vectors with zero magnitude"),
        (
            [1, 1],
            {"similarity": "dot_product"},
            "The [dot_product] similarity can only be used with unit-length vectors",
        ),
        (base64.b64encode(b"\x7f\xc0\x00\x00").decode(), {}, "do not support NaN values"),
        (
            [1.5],
            {"element_type": "byte"},
            "only support integers between [-128, 127] but found [1.5] at dim [0]",
        ),
        ([1, True], {}, "takes a list of numbers or a string of base64"),
        ([[1, 2]], {}, "takes a list of numbers or a string of base64"),
        ("not base64", {}, "failed to parse vector of field [v]"),
        ([], {}, "should be in the range [1, 4096] but was [0]"),
    ],
)
def test_a_bad_vector_is_refused(value, parameters, reason):
    """With Elasticsearch's sentence, where it is known."""
    with pytest.raises(ValueError, match=".") as refused:
        vector(value, **parameters)
    assert reason in str(refused.value)


def test_rank_vectors_are_rows():
    """Of one width."""
    field = Field("v", "rank_vectors")
    assert rank_vectors(field, [[1, 2], [3, 4]], "").shape == (2, 2)
    with pytest.raises(ValueError, match="other widths"):
        rank_vectors(field, [[1, 2], [3]], "")


@pytest.mark.parametrize(
    "bad",
    [{"a": 0}, {"a": -1}, {"a": None}, {"a": True}, {"a.b": 1}, {"a": "x"}, [1], "x", {"a": float("inf")}],
)
def test_bad_weights_are_refused(bad):
    """A sparse vector is an object of positive numbers, by names without dots."""
    assert weights({"a": 1, "b": "0.5"}) == {"a": 1.0, "b": 0.5}
    with pytest.raises(ValueError, match="."):
        weights(bad)


def test_numbers_are_shown_as_they_were_sent():
    """The shortest decimals of a float32 are those that most senders wrote."""
    sent = [0.1, 1e-7, 123456.79, -0.33333334]
    assert plain({"v": [np.array(sent, dtype=np.float32)]}) == {"v": [sent]}
