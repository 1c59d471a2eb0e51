"""Reading vectors: the fast reader and the careful one agree, and nothing odd passes as a row."""

from __future__ import annotations

import base64
import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ResponseError
from ragbridge.client.vectors import Sheet
from ragbridge.flow import Response
from ragbridge.services.jina.embed import answers as _vectors
from ragbridge.services.jina.embed.answers import read_vectors

GOOD = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)


def b64(vector):
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode()


def row(index, vector):
    return {"object": "embedding", "index": index, "embedding": b64(vector)}


def body(rows, **more):
    return {"model": "m", "object": "list", "usage": {"total_tokens": 12}, "data": rows, **more}


def answer(content):
    return Response(200, {}, content if isinstance(content, bytes) else json.dumps(content).encode())


def read(content, count=3, width=None):
    sheet = Sheet(count, width)
    model, tokens = read_vectors(answer(content), sheet=sheet, places=range(count), asked="asked")
    return sheet.vectors, model, tokens


ROWS = [row(index, vector) for index, vector in enumerate(GOOD)]
SPELLINGS = {
    "as the service writes it": json.dumps(body(ROWS)),
    "compact": json.dumps(body(ROWS), separators=(",", ":")),
    "indented": json.dumps(body(ROWS), indent=2),
    "index last": json.dumps(body([{k: r[k] for k in ("object", "embedding", "index")} for r in ROWS])),
    "index first": json.dumps(body([{k: r[k] for k in ("index", "object", "embedding")} for r in ROWS])),
    "no object": json.dumps(body([{k: r[k] for k in ("index", "embedding")} for r in ROWS])),
    "object last": json.dumps(body([{k: r[k] for k in ("index", "embedding", "object")} for r in ROWS])),
    "data first": json.dumps({"data": ROWS, "usage": {"total_tokens": 12}, "model": "m"}),
    "shuffled": json.dumps(body([ROWS[2], ROWS[0], ROWS[1]])),
    "escaped slash": json.dumps(body(ROWS)).replace("/", "\\/"),
    "more fields": json.dumps(body([{**r, "extra": {"data": []}} for r in ROWS])),
    "floats": json.dumps(body([{**r, "embedding": GOOD[r["index"]].tolist()} for r in ROWS])),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_the_same_answer_gives_the_same_rows(spelling):
    """Order of keys and rows, white space and number format change nothing."""
    vectors, model, tokens = read(SPELLINGS[spelling].encode())
    assert np.array_equal(vectors, GOOD)
    assert vectors.dtype == np.float32
    assert (model, tokens) == ("m", 12)


def test_a_number_beyond_float32_is_an_error_and_no_warning():
    """Under ``-W error`` NumPy's warning would be an error that is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ResponseError, match="not finite"):
            read(json.dumps(body([{"index": 0, "embedding": [1e300, 1.0]}])).encode(), count=1)


def test_the_plain_spelling_takes_the_fast_way():
    """What the service sends is not parsed as JSON numbers or as one big document."""
    for spelling in ("as the service writes it", "compact", "index last", "shuffled"):
        assert _vectors._scan(SPELLINGS[spelling].encode(), 3, lambda width: np.empty((3, width))) is not None


WRONG = {
    "a row is missing": body(ROWS[:2]),
    "a row too many": body([*ROWS, row(3, GOOD[0])]),
    "a double index": body([ROWS[0], ROWS[0], ROWS[2]]),
    "an index off by one": body([row(n + 1, GOOD[n]) for n in range(3)]),
    "a negative index": body([row(-1, GOOD[0]), *ROWS[1:]]),
    "an index that is a bool": body([row(False, GOOD[0]), *ROWS[1:]]),
    "no index": body([{"embedding": b64(GOOD[0])}, *ROWS[1:]]),
    "another width": body([row(0, [1.0, 2.0]), *ROWS[1:]]),
    "half a float": body([{**ROWS[0], "embedding": "AAAA"}, *ROWS[1:]]),
    "no base64": body([{**ROWS[0], "embedding": "?" * 16}, *ROWS[1:]]),
    "an empty vector": body([{**ROWS[0], "embedding": ""}, *ROWS[1:]]),
    "all empty": body([{**r, "embedding": ""} for r in ROWS]),
    "NaN": body([row(0, [1.0, math.nan, 2.0]), *ROWS[1:]]),
    "infinity": body([row(0, [1.0, math.inf, 2.0]), *ROWS[1:]]),
    "NaN as a number": body([{**ROWS[0], "embedding": [1.0, math.nan, 2.0]}, *ROWS[1:]]),
    "strings": body([{**ROWS[0], "embedding": ["1", "2", "3"]}, *ROWS[1:]]),
    "booleans": body([{**ROWS[0], "embedding": [True, False, True]}, *ROWS[1:]]),
    "null": body([{**ROWS[0], "embedding": None}, *ROWS[1:]]),
    "a huge integer": body([{**ROWS[0], "embedding": [10**400, 1, 2]}, *ROWS[1:]]),
    "a row that is no object": body([3, *ROWS[1:]]),
    "data that is no list": {"data": "x"},
    "no data": {"detail": "internal"},
    "a list": [1, 2],
    "HTML": b"<html>502</html>",
    "nothing": b"",
    "half of it": json.dumps(body(ROWS)).encode()[:-30],
    "not text": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_is_an_error_and_never_a_row(what):
    """Whatever an answer holds instead of the promised rows, the caller gets a ResponseError."""
    with pytest.raises(ResponseError):
        read(WRONG[what])


def test_another_width_than_the_models_is_an_error():
    """Vectors of a width that the model does not have would poison an index."""
    with pytest.raises(ResponseError, match="3 dimensions where 4"):
        read(body(ROWS), width=4)


def test_rows_hidden_in_another_list_are_not_taken_for_the_data():
    """A list called data inside something else is not the answer's own."""
    hidden = json.dumps({"echo": body(ROWS), "data": []}).encode()
    with pytest.raises(ResponseError):
        read(hidden)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_changed_byte_gives_the_same_rows_or_an_error(data):
    """Damage outside the numbers never moves a row to another text."""
    content = bytearray(SPELLINGS["compact"].encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    try:
        vectors, _, _ = read(bytes(content))
    except ResponseError:
        return
    careful = json.loads(bytes(content))
    expected = {r["index"]: r["embedding"] for r in careful["data"]}
    assert [b64(vector) for vector in vectors] == [expected[index].rstrip() for index in range(3)]


def test_the_decoder_of_the_standard_library_reads_the_same(monkeypatch):
    """Without the extra ``speed`` the rows are the same."""
    import binascii

    monkeypatch.setattr(_vectors, "_decode", lambda text: binascii.a2b_base64(text, strict_mode=True))
    vectors, _, _ = read(SPELLINGS["compact"].encode())
    assert np.array_equal(vectors, GOOD)


def test_samples_recorded_from_the_service_decode_to_its_numbers():
    """Little-endian float32, as two recorded answers show."""
    v4 = "AAAYPgAAEb8AACq+AAAXPgAA4b0AAP0+AACUvQAA4TwAAC67AAAVPw=="
    v3 = "39MmPZun+j7S4Gw+ZEDbvkeeKj5cVwa/96yDPjPxED6S+VW+3JGYPg=="
    rows = [{"object": "embedding", "index": n, "embedding": text} for n, text in enumerate((v4, v3))]
    vectors, _, _ = read(body(rows), count=2, width=10)
    assert vectors[0, [0, 1, 2, 9]] == pytest.approx([0.1484375, -0.56640625, -0.166015625, 0.58203125])
    assert vectors[1, :3] == pytest.approx([0.0407294, 0.48955998, 0.23132637])


@pytest.mark.parametrize(
    "usage", [None, {}, {"total_tokens": None}, {"total_tokens": "12"}, {"total_tokens": -1}]
)
def test_usage_that_says_nothing_is_none(usage):
    """Only total_tokens counts, and only where it is a number."""
    assert read(body(ROWS, usage=usage))[2] is None
