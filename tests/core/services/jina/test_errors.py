"""Every body shape on record leads to the right error."""

from __future__ import annotations

import functools
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import (
    AuthenticationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RateLimitError,
    ServiceError,
    StatusError,
)
from ragbridge.client.arguments import located, named
from ragbridge.flow import Response
from ragbridge.services.jina.errors import read_error

SHAPES = [
    (401, {"detail": "Unauthorized"}, AuthenticationError, None, "Unauthorized"),
    (404, {"detail": "Model X not found"}, InvalidRequestError, None, "Model X not found"),
    (401, {"detail": "no", "code": "AUTH_INVALID_API_KEY", "request_id": "r1"}, AuthenticationError, "AUTH_INVALID_API_KEY", "no"),
    (403, {"detail": "Insufficient account balance. Top up.", "code": "AUTHZ_INSUFFICIENT_BALANCE"}, QuotaExhaustedError, "AUTHZ_INSUFFICIENT_BALANCE", "Insufficient"),
    (403, {"detail": "Insufficient account balance"}, QuotaExhaustedError, None, "Insufficient"),
    (403, {"detail": "Forbidden"}, AuthenticationError, None, "Forbidden"),
    (402, {"detail": "Payment required"}, QuotaExhaustedError, None, "Payment"),
    (400, {"detail": {"message": "too long", "request_id": "r2", "code": "INPUT_TOKEN_LIMIT_EXCEEDED"}}, InvalidRequestError, "INPUT_TOKEN_LIMIT_EXCEEDED", "too long"),
    (422, {"detail": "Validation errors in 1 field.", "request_id": "r", "errors": [{"field": "input.3.text", "message": "Invalid value", "type": "x"}]}, InvalidRequestError, None, "input.3.text: Invalid value"),
    (422, {"detail": [{"loc": ["body", "input", 2], "msg": "str type expected", "type": "type_error"}]}, InvalidRequestError, None, "input.2: str type expected"),
    (429, {"detail": "Token rate limit exceeded: 1/2 tokens per minute", "code": "RATE_TOKEN_LIMIT_EXCEEDED"}, RateLimitError, "RATE_TOKEN_LIMIT_EXCEEDED", "Token rate"),
    (503, {"detail": "Concurrency", "code": "RATE_CONCURRENCY_LIMIT_EXCEEDED"}, RateLimitError, "RATE_CONCURRENCY_LIMIT_EXCEEDED", "Concurrency"),
    (409, {"detail": "busy", "code": "CONFLICT_RESOURCE_BUSY"}, ServiceError, "CONFLICT_RESOURCE_BUSY", "busy"),
    (409, {"detail": "exists"}, InvalidRequestError, None, "exists"),
    (408, {"detail": "timeout"}, ServiceError, None, "timeout"),
    (413, b"", InvalidRequestError, None, "no reason"),
    (500, {"detail": {"message": "boom", "code": "INTERNAL_ERROR"}}, ServiceError, "INTERNAL_ERROR", "boom"),
    (502, b"<html><head><title>502 Bad Gateway</title></head></html>", ServiceError, None, "502 Bad Gateway"),
    (504, b"", ServiceError, None, "no reason"),
    (400, {"error": {"message": "bad", "code": "x"}}, InvalidRequestError, "x", "bad"),
    (429, {"code": 42903, "name": "RateLimitTriggeredError", "status": 42903, "message": "too fast", "data": None}, RateLimitError, "42903", "too fast"),
    (418, [1, 2], InvalidRequestError, None, "[1, 2]"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code", "says"), SHAPES)
def test_each_shape_on_record_gives_its_error(status, body, kind, code, says):
    """Class, status, code and message come from wherever the shape keeps them."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = read_error(Response(status, {"retry-after": "3"}, content))
    assert type(error) is kind
    assert (error.status, error.code, error.retry_after) == (status, code, 3.0)
    assert says in str(error)


def test_the_request_id_is_kept_for_the_services_support():
    """Flat, nested and header forms."""
    for body in ({"request_id": "r9"}, {"detail": {"request_id": "r9"}}):
        assert read_error(Response(500, {}, json.dumps(body).encode())).request_id == "r9"
    assert read_error(Response(500, {"x-request-id": "r9"}, b"")).request_id == "r9"


@pytest.mark.parametrize("where", ["input.3", "body.input.3.text", "input[3]", "documents.3", "texts.3.text"])
def test_the_offending_items_index_is_found(where):
    """Whatever the path looks like, the item's number in it is read."""
    body = json.dumps({"errors": [{"field": where, "message": "bad"}]}).encode()
    error = read_error(Response(422, {}, body))
    assert error.index == 3


def test_an_index_counts_in_the_callers_list():
    """Item 3 of the batch that begins at 128 is item 131 to the caller; without an index the range is named."""
    where = functools.partial(named, "texts")
    error = InvalidRequestError("too long", status=400, index=3)
    found = located(error, where, range(128, 256))
    assert (found.index, str(found)) == (131, "HTTP 400: texts[131]: too long")
    assert "texts[128:256]" in str(located(error.replace(index=None), where, range(128, 256)))
    assert located(error.replace(index=None), where, range(7, 8)).index == 7


def test_a_key_that_the_service_repeats_is_removed():
    """Neither message nor body shows it."""
    key = "jina_0123456789"
    body = json.dumps({"detail": f"invalid key {key}", "code": "AUTH_INVALID_FORMAT"}).encode()
    error = read_error(Response(401, {}, body), secrets=[key])
    assert key not in repr(vars(error)) + str(error)


def test_errors_survive_pickling():
    """Worker processes hand them back whole."""
    error = RateLimitError("slow", status=429, code="X", request_id="r", retry_after=2.0, index=1, body="b")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), vars(copy)) == (type(error), vars(error))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["detail", "code", "errors", "error", "message", "field", "loc", "request_id", "input"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.integers(400, 599),
    st.one_of(st.binary(max_size=80), JSON.map(lambda value: json.dumps(value).encode())),
)
def test_no_body_breaks_the_reader(status, content):
    """Any bytes give a typed error with the right status."""
    error = read_error(Response(status, {}, content))
    assert isinstance(error, StatusError)
    assert error.status == status
