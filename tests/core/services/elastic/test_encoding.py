"""Python's values in documents: written as the official client writes them, or refused by their path."""

from __future__ import annotations

import array
import dataclasses
import enum
import json
import math
import types
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pytest
from elasticsearch import serializer

from ragbridge import ConfigurationError
from ragbridge.services.elastic.encoding import encode

MOMENT = datetime(2026, 11, 28, 12, 30, 15, 123456, tzinfo=UTC)


class Pair(NamedTuple):
    a: int
    b: str


class Kind(enum.Enum):
    SEA = "sea"


class Number(enum.IntEnum):
    FIVE = 5


class Word(enum.StrEnum):
    SEA = "sea"


@dataclasses.dataclass
class Data:
    a: int = 1


class Model:
    """What has pydantic's method; pydantic is no dependency of the core."""

    def model_dump(self) -> dict[str, Any]:
        return {"a": 1}


WRITTEN: dict[str, tuple[Any, Any]] = {
    "datetime": (MOMENT, "2026-11-28T12:30:15.123456+00:00"),
    "date": (date(2026, 11, 28), "2026-11-28"),
    "decimal": (Decimal("49.99"), 49.99),
    "uuid": (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    "int-enum": (Number.FIVE, 5),
    "str-enum": (Word.SEA, "sea"),
    "named-tuple": (Pair(1, "b"), [1, "b"]),
    "int-key": ({5: "a"}, {"5": "a"}),
    "long-int": (2**70, 2**70),
    "np-int8": (np.int8(-3), -3),
    "np-uint64": (np.uint64(2**64 - 1), 2**64 - 1),
    "np-float16": (np.float16(0.5), 0.5),
    "np-float32": (np.float32(0.1), 0.10000000149011612),
    "np-float64": (np.float64(0.1), 0.1),
    "np-bool": (np.bool_(True), True),
    "np-str": (np.str_("sea"), "sea"),
    "np-datetime-us": (np.datetime64("2026-11-28T12:30:15.5", "us"), "2026-11-28T12:30:15.500000"),
    "np-datetime-day": (np.datetime64("2026-11-28"), "2026-11-28"),
    "np-array": (np.array([[1.5, 2], [3, 4]], np.float32), [[1.5, 2.0], [3.0, 4.0]]),
    "np-array-bool": (np.array([True, False]), [True, False]),
    "np-array-days": (np.array(["2026-11-28", "NaT"], "datetime64[D]"), ["2026-11-28", None]),
    "np-array-objects": (np.array([UUID(int=5), None], object), ["00000000-0000-0000-0000-000000000005", None]),
    "np-array-0d": (np.array(5), 5),
}  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), WRITTEN.values(), ids=WRITTEN)
def test_values_are_written_as_the_official_client_writes_them(value: Any, expected: Any) -> None:
    """Alone in a document and deep inside of one."""
    for document in ({"a": value}, {"meta": [{"a": {"b": [value]}}]}):
        assert encode(document, name="documents[0]") == serializer.JsonSerializer().dumps(document)
    assert json.loads(encode({"a": value}, name="documents[0]")) == {"a": expected}


FURTHER: dict[str, tuple[Any, Any]] = {
    # the official client's OrjsonSerializer writes enums, its JsonSerializer refuses them
    "enum": (Kind.SEA, "sea"),
    "np-longlong": (np.longlong(5), 5),
    "mapping": (types.MappingProxyType({"a": MOMENT}), {"a": "2026-11-28T12:30:15.123456+00:00"}),
}


@pytest.mark.parametrize(("value", "expected"), FURTHER.values(), ids=FURTHER)
def test_some_values_are_written_that_its_plain_serializer_refuses(value: Any, expected: Any) -> None:
    """Where there is one right way to write them."""
    assert json.loads(encode({"a": value}, name="documents[0]")) == {"a": expected}


REFUSED: dict[str, tuple[Any, str]] = {
    "time": (time(12, 30), "time has no form"),
    "timedelta": (timedelta(1), "timedelta has no form"),
    "bytes": (b"sea", "bytes has no form in JSON: pass base64"),
    "bytearray": (bytearray(b"sea"), "pass base64"),
    "memoryview": (memoryview(b"sea"), "pass base64"),
    "array": (array.array("d", [1.0]), "array has no form"),
    "set": ({1}, "set has no form in JSON: pass a list"),
    "path": (Path("a"), "Path has no form"),
    "complex": (1j, "complex has no form"),
    "object": (object(), "object has no form"),
    "dataclass": (Data(), r"Data has no form in JSON: pass dataclasses.asdict\(\)"),
    "model": (Model(), r"Model has no form in JSON: pass .model_dump\(\)"),
    "nan": (math.nan, "nan is no number that JSON has"),
    "decimal-infinity": (Decimal("Infinity"), "inf is no number that JSON has"),
    "np-nan": (np.float32("nan"), "nan is no number that JSON has"),
    "np-longdouble": (np.longdouble(0.5), r"pass float\(\)"),
    "np-complex": (np.complex64(1), "has no form"),
    "np-bytes": (np.bytes_(b"sea"), "has no form"),
    "np-timedelta": (np.timedelta64(1, "s"), "has no form"),
    "np-nat": (np.datetime64("NaT", "s"), "NaT is no time: pass None"),
    "np-datetime-ns": (np.datetime64("2026-11-28T12:30:15.5", "ns"), r"pass .astype\('datetime64\[us\]'\)"),
    "np-array-ns": (np.array(["2026-11-28"], "datetime64[ns]"), r"pass .astype\('datetime64\[us\]'\)"),
    "np-array-0d-ns": (np.array("2026-11-28", "datetime64[ns]"), r"pass .astype\('datetime64\[us\]'\)"),
    "np-array-durations": (np.array([1], "timedelta64[ns]"), "has no form"),
    "surrogate": ("\ud800", "half of a surrogate pair"),
    "tuple-key": ({(1, 2): "a"}, "a key is tuple, not str"),
}


@pytest.mark.parametrize(("value", "says"), REFUSED.values(), ids=REFUSED)
def test_what_json_has_no_form_for_is_refused_by_its_path(value: Any, says: str) -> None:
    """Never written as something else; the error says where it is, and where there is one, what to pass."""
    document = {"a": [1, {"b": 2}], "meta": {"when": value, "z": 1}}
    with pytest.raises(ConfigurationError, match=rf"documents\[3\]\.meta\.when cannot be written .*{says}"):
        encode(document, name="documents[3]")
    with pytest.raises(ConfigurationError, match=r"documents\[3\]\['a b'\]\[1\] cannot be written"):
        encode({"a b": (0, value)}, name="documents[3]")


def test_in_a_body_that_is_no_list_the_path_is_named_as_well() -> None:
    """Such as a search or an index."""
    with pytest.raises(ConfigurationError, match="the search, at query.term.a: cannot be written"):
        encode({"query": {"term": {"a": b"x"}}}, name="the search")


def test_what_holds_itself_or_is_too_deep_is_refused() -> None:
    """Not by Python's own error."""
    circle: dict[str, Any] = {"a": 1}
    circle["b"] = [circle]
    with pytest.raises(ConfigurationError, match=r"documents\[0\] cannot be written as JSON: Circular"):
        encode(circle, name="documents[0]")
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(
        ConfigurationError, match=r"documents\[0\] cannot be written as JSON: it is nested too"
    ):
        encode({"a": deep}, name="documents[0]")


def test_pandas_values_are_written_as_the_official_client_writes_them() -> None:
    """A missing number is null; a missing time is refused, as there."""
    pandas = pytest.importorskip("pandas")
    document = {
        "when": pandas.Timestamp("2026-11-28 12:30", tz="UTC"),
        "missing": pandas.NA,
        "column": pandas.Series([1, 2]),
        "times": pandas.Series(pandas.to_datetime(["2026-11-28"])),
        "kinds": pandas.Categorical(["a", "b"]),
    }
    assert encode(document, name="documents[0]") == serializer.JsonSerializer().dumps(document)
    for value in (pandas.NaT, pandas.Series(pandas.to_datetime(["2026-11-28", None]))):
        with pytest.raises(ConfigurationError, match=r"documents\[0\]\.a.* NaT is no time: pass None"):
            encode({"a": value}, name="documents[0]")
    with pytest.raises(ConfigurationError, match=r"documents\[0\]\.a.* Timedelta has no form"):
        encode({"a": pandas.Timedelta(1, "D")}, name="documents[0]")
    with pytest.raises(ConfigurationError, match=r"documents\[0\]\.a.* DataFrame has no form"):
        encode({"a": pandas.DataFrame({"a": [1]})}, name="documents[0]")
