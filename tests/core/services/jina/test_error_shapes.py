"""Each body that errors were seen in, with each code that the service has: class, code, request id and index."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge import (
    AuthenticationError,
    InvalidRequestError,
    Jina,
    QuotaExhaustedError,
    RateLimitError,
    Retry,
    ServiceError,
)
from ragbridge.flow import Request, Response
from ragbridge.local import Engine
from ragbridge.services.jina.errors import read_error

SAID = "Something is wrong with this"
RID = "0123456789abcdef0123456789abcdef"

CODES = [
    (400, "INPUT_MODEL_NOT_FOUND", InvalidRequestError),
    (400, "INPUT_TOKEN_LIMIT_EXCEEDED", InvalidRequestError),
    (400, "INPUT_INVALID_LABELS", InvalidRequestError),
    (400, "INPUT_LABEL_LIMIT_EXCEEDED", InvalidRequestError),
    (401, "AUTH_MISSING_API_KEY", AuthenticationError),
    (401, "AUTH_INVALID_API_KEY", AuthenticationError),
    (401, "AUTH_INVALID_FORMAT", AuthenticationError),
    (403, "AUTHZ_INSUFFICIENT_BALANCE", QuotaExhaustedError),
    (403, "AUTHZ_RESOURCE_LIMIT_EXCEEDED", QuotaExhaustedError),
    (404, "RESOURCE_NOT_FOUND", InvalidRequestError),
    (409, "CONFLICT_RESOURCE_BUSY", ServiceError),
    (429, "RATE_REQUEST_LIMIT_EXCEEDED", RateLimitError),
    (429, "RATE_TOKEN_LIMIT_EXCEEDED", RateLimitError),
    (429, "RATE_CONCURRENCY_LIMIT_EXCEEDED", RateLimitError),
    (429, "RATE_IP_LIMIT_EXCEEDED", RateLimitError),
    (500, "INTERNAL_ERROR", ServiceError),
    (503, "SERVICE_UNAVAILABLE", ServiceError),
    (504, "SERVICE_TIMEOUT", ServiceError),
]
"""The service's list (API description of 2026-04)."""

STATUSES = [
    (400, InvalidRequestError),
    (401, AuthenticationError),
    (402, QuotaExhaustedError),
    (403, AuthenticationError),
    (404, InvalidRequestError),
    (408, ServiceError),
    (409, InvalidRequestError),
    (413, InvalidRequestError),
    (422, InvalidRequestError),
    (429, RateLimitError),
    (500, ServiceError),
    (502, ServiceError),
    (503, ServiceError),
    (504, ServiceError),
]

WITH_CODE: dict[str, Callable[[str], Any]] = {
    "flat": lambda code: {"detail": SAID, "code": code, "request_id": RID},
    "nested": lambda code: {"detail": {"message": SAID, "request_id": RID, "code": code}},
    "error": lambda code: {"error": {"message": SAID, "code": code, "type": "x", "request_id": RID}},
    "without a message": lambda code: {"code": code, "request_id": RID},
}
WITHOUT_CODE: dict[str, Any] = {
    "a text": {"detail": SAID},
    "an object": {"detail": {"message": SAID}},
    "an error": {"error": {"message": SAID}},
    "an error's text": {"error": SAID},
    "a page": f"<html><body><h1>{SAID}</h1></body></html>",
    "a bare text": SAID,
    "fields": {"detail": "Validation errors in 1 fields.", "errors": [{"field": "", "message": SAID}]},
    "FastAPI's list": {"detail": [{"loc": ["body"], "msg": SAID, "type": "value_error"}]},
    "nothing": "",
}


def error_of(status: int, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, str) else json.dumps(body)
    return read_error(
        Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, content.encode())
    )


@pytest.mark.parametrize("shape", WITH_CODE)
@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_each_code_in_each_shape(status, code, kind, shape):
    """Class, status, code and request id come through wherever the body keeps them."""
    error = error_of(status, WITH_CODE[shape](code))
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, code, RID)
    assert shape == "without a message" or SAID in str(error)
    assert error.retryable == (kind in {RateLimitError, ServiceError})


@pytest.mark.parametrize("shape", WITHOUT_CODE)
@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_each_status_without_a_code(status, kind, shape):
    """The status alone decides, and what the service said is told."""
    error = error_of(status, WITHOUT_CODE[shape], x_request_id=RID)
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, None, RID)
    assert ("no reason" if shape == "nothing" else SAID) in error.message


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "RATE_CONCURRENCY_LIMIT_EXCEEDED", RateLimitError),
        (503, "RATE_CONCURRENCY_LIMIT_EXCEEDED", RateLimitError),
        (401, "AUTHZ_INSUFFICIENT_BALANCE", QuotaExhaustedError),
        (500, "AUTHZ_INSUFFICIENT_BALANCE", QuotaExhaustedError),
        (400, "AUTH_INVALID_API_KEY", AuthenticationError),
        (500, "INPUT_TOKEN_LIMIT_EXCEEDED", InvalidRequestError),
        (400, "INTERNAL_ERROR", ServiceError),
        (400, "SERVICE_TIMEOUT", ServiceError),
    ],
)
def test_the_code_says_more_than_the_status(status, code, kind):
    """One project saw the code of concurrency on another status than 429."""
    for shape in WITH_CODE.values():
        assert type(error_of(status, shape(code))) is kind


def test_an_empty_balance_is_known_by_its_words():
    """A 403 without a code is about the key, unless it speaks of the balance."""
    said = "Insufficient account balance. Top up your account at https://jina.ai/api-dashboard/key-manager."
    assert type(error_of(403, {"detail": said})) is QuotaExhaustedError
    assert type(error_of(403, {"detail": {"message": said}})) is QuotaExhaustedError
    assert type(error_of(403, {"detail": "Not yours"})) is AuthenticationError


@pytest.mark.parametrize(
    "body", [{"detail": f"[RID: {RID}] too many"}, {"detail": [{"msg": f"[RID: {RID}] x"}]}]
)
def test_a_request_id_in_front_of_the_message(body):
    """Some validation messages begin with it; a header gives way."""
    assert error_of(422, body, x_request_id="another").request_id == RID


def test_the_fields_of_a_422_say_more_than_its_detail():
    """``detail`` counts the errors; ``errors`` names them. Both shapes of them are read, several at once."""
    junk = "Validation errors in 2 fields. Field errors: : Invalid value; : Invalid value"
    rows = [{"field": "input.0", "message": "A", "type": "t", "input": 1}, {"field": "task", "message": "B"}]
    assert error_of(422, {"detail": junk, "errors": rows}).message == "input.0: A; task: B"
    listed = [{"loc": ["body", "input", 0], "msg": "A"}, {"loc": ["body", "task"], "msg": "B"}]
    assert error_of(422, {"detail": listed}).message == "input.0: A; task: B"
    assert error_of(422, {"detail": junk, "errors": []}).message == junk


# --- The caller's index

BAD = "the bad one"
TEXTS = ["one", "two", "three", BAD, "five"]
PAIRS = [(text, "ab"[index % 2]) for index, text in enumerate(TEXTS)]

PRODUCTS: dict[str, tuple[str, Callable[[Jina], Any]]] = {
    "embed": ("input", lambda jina: jina.embed(TEXTS)),
    "embed_multivector": ("input", lambda jina: jina.embed_multivector(TEXTS, role="document")),
    "classify": ("input", lambda jina: jina.classify(TEXTS, labels=["a", "b"])),
    "rerank": ("documents", lambda jina: rerank(jina, "jina-reranker-v2-base-multilingual", 2)),
    "rerank in rounds": ("documents", lambda jina: rerank(jina, "jina-reranker-v3", 3)),
    "rerank at once": ("documents", lambda jina: rerank(jina, "jina-reranker-v3", None)),
    "classifiers.train": ("input", lambda jina: jina.classifiers.train(PAIRS)),
}

INDEXED: dict[str, Callable[[str, int], Any]] = {
    "fields": lambda name, at: {
        "detail": "Validation errors in 1 fields.",
        "request_id": RID,
        "errors": [{"field": f"{name}.{at}.text", "message": SAID, "type": "value_error", "input": BAD}],
    },
    "fields of the body": lambda name, at: {"errors": [{"field": f"body.{name}.{at}", "message": SAID}]},
    "fields in brackets": lambda name, at: {"errors": [{"field": f"{name}[{at}]", "message": SAID}]},
    "FastAPI's list": lambda name, at: {
        "detail": [{"loc": ["body", name, at, "text"], "msg": SAID, "type": "value_error"}]
    },
}


def rerank(jina: Jina, model: str, most: int | None) -> Any:
    return jina.rerank("q", TEXTS, model=model, max_documents_per_call=most)


class Refusing:
    """Refuses requests with the bad text in them as ``shape`` says; the engine answers all others."""

    def __init__(self, name: str, shape: Callable[[str, int], Any], status: int = 422) -> None:
        self._name, self._shape, self._status = name, shape, status
        self._engine = Engine()

    def send(self, request: Request) -> Response:
        rows = json.loads(request.body)[self._name]
        texts = [row["text"] if isinstance(row, dict) else row for row in rows]
        if BAD not in texts:
            return self._engine.handle(request).response
        body = self._shape(self._name, texts.index(BAD))
        return Response(self._status, {}, json.dumps(body).encode())

    async def send_async(self, request: Request) -> Response:
        await asyncio.sleep(0)
        return self.send(request)

    def close(self) -> None:
        pass

    async def close_async(self) -> None:
        pass


@pytest.fixture
def refused() -> Callable[..., InvalidRequestError]:
    """The error of a product whose request is refused in that shape."""

    def ask(product: str, shape: Callable[[str, int], Any], status: int = 422) -> InvalidRequestError:
        name, call = PRODUCTS[product]
        transport = Refusing(name, shape, status)
        options = {"limits": None, "retry": Retry(attempts=1), "batch_size": 2, "transport": transport}
        with pytest.raises(InvalidRequestError) as raised:
            call(Jina("k", base_url="http://x", **options))
        return raised.value

    return ask


@pytest.mark.parametrize("shape", INDEXED)
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_named_item_is_the_callers(refused, product, shape):
    """The index counts in the caller's list, in whichever request the item went and in whichever round."""
    error = refused(product, INDEXED[shape])
    assert error.index == 3
    assert "[3]" in str(error)
    assert SAID in str(error)


@pytest.mark.parametrize("product", PRODUCTS)
def test_an_item_that_is_not_named_is_found(refused, product):
    """Where the service names none, the item is named that is refused alone. Documents and examples are no good alone."""
    error = refused(
        product, lambda name, at: {"detail": {"message": SAID, "request_id": RID, "code": "X"}}, 400
    )
    assert error.index == (3 if product in {"embed", "embed_multivector", "classify"} else None)
    assert (error.code, error.request_id) == ("X", RID)
    assert SAID in str(error)


@pytest.mark.parametrize("digits", [10, 5000])
def test_a_number_of_many_digits_is_no_index(refused, digits):
    """Python refuses to read thousands of them."""
    error = refused(
        "embed", lambda name, at: {"errors": [{"field": f"{name}.{'9' * digits}", "message": SAID}]}
    )
    assert error.index == 3
    assert len(str(error)) < 3000


def test_a_number_beyond_the_request_is_no_index(refused):
    """A service that counts otherwise must not make us point at an innocent item."""
    error = refused("embed", lambda name, at: {"errors": [{"field": f"{name}.7", "message": SAID}]})
    assert error.index == 3
    assert "texts[3]" in str(error)


# --- The hosts of reader, search and grounding

HOSTED: dict[str, Callable[[Jina], Any]] = {
    "read": lambda jina: jina.read("https://example.com"),
    "read_many": lambda jina: jina.read_many(["https://example.com"]),
    "search": lambda jina: jina.search("q"),
    "ground": lambda jina: jina.ground("s"),
}
ENVELOPES = [
    (400, 40001, "ParamValidationError", InvalidRequestError),
    (401, 40103, "AuthenticationRequiredError", AuthenticationError),
    (402, 40201, "InsufficientCreditError", QuotaExhaustedError),
    (402, 40202, "TierFeatureConstraintError", QuotaExhaustedError),
    (402, 40203, "InsufficientBalanceError", QuotaExhaustedError),
    (404, 40400, "ResourceNotFoundError", InvalidRequestError),
    (409, 40904, "BudgetExceededError", InvalidRequestError),
    (413, 41302, "TargetFileTooLargeError", InvalidRequestError),
    (422, 42206, "AssertionFailureError", InvalidRequestError),
    (429, 42903, "RateLimitTriggeredError", RateLimitError),
    (500, 50000, "ApplicationError", ServiceError),
    (503, 50302, "ServiceCrashedError", ServiceError),
]


@pytest.mark.filterwarnings("ignore:Jina no longer documents grounding:DeprecationWarning")
@pytest.mark.parametrize("said_in", ["message", "readableMessage"])
@pytest.mark.parametrize("way", ["status", "status alone", "in a success", "long code in a success"])
@pytest.mark.parametrize(("status", "number", "name", "kind"), ENVELOPES)
def test_each_envelope_is_its_error(scripted, status, number, name, kind, way, said_in):
    """By status or by the numbers of an envelope that came as a success; the hosts' own number is the code."""
    codes: dict[str, Any] = {"code": status, "status": number}
    if way == "long code in a success":
        codes = {"code": number}
    body = {**codes, "name": name, said_in: SAID, "data": None}
    http = status if way.startswith("status") else 200
    content = b"" if way == "status alone" else json.dumps(body).encode()
    for call in HOSTED.values():
        transport = scripted(Response(http, {"retry-after": "7"}, content))
        jina = Jina("k", limits=None, retry=Retry(attempts=1), transport=transport)
        with pytest.raises(kind) as raised:
            call(jina)
        error = raised.value
        assert type(error) is kind
        assert (error.status, error.retry_after) == (status, 7.0)
        if way != "status alone":
            assert error.code == str(number)
            assert SAID in error.message
