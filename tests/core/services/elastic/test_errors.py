"""What answers of 400 and more become."""

from __future__ import annotations

import base64
import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    QuotaExhaustedError,
    RateLimit,
    RateLimitError,
    RequestError,
    ResponseError,
    Retry,
    ServiceError,
    StatusError,
)
from ragbridge.flow import Response
from ragbridge.services.elastic.credentials import choose
from ragbridge.services.elastic.errors import read_error

WRAPPED = (
    "Received a server error status code for request from inference entity id [my] status [{}]. "
    "Error message: [upstream is down]"
)


def es(kind, reason, **more):
    return {
        "error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason, **more},
        "status": 0,
    }


MISSING = "[service_settings] does not contain the required setting [model_id]"
SHAPES = [
    # status, body, class, code, message
    (400, es("validation_exception", f"Validation Failed: 1: {MISSING};"), InvalidRequestError, "validation_exception", MISSING),
    (400, es("action_request_validation_exception", "Validation Failed: 1: Field [input] cannot be an empty array;"), InvalidRequestError, "action_request_validation_exception", "empty array"),
    (400, es("status_exception", "Configuration contains settings [{x=1}] unknown to the [jinaai] service"), InvalidRequestError, "status_exception", "unknown to the"),
    (400, es("status_exception", "Model configuration contains settings [{x=1}] unknown to the [jinaai] service"), InvalidRequestError, "status_exception", "Model configuration contains"),
    (400, es("status_exception", "Missing required field [input]"), InvalidRequestError, "status_exception", "Missing required field [input]"),
    (401, es("status_exception", "Received an authentication error status code for request from inference entity id [my] status [401]"), AuthenticationError, "status_exception", "entity id [my]"),
    (400, es("status_exception", WRAPPED.format(500)), ServiceError, "status_exception", "upstream is down"),
    (400, es("status_exception", WRAPPED.format(503)), ServiceError, "status_exception", "status [503]"),
    (400, es("status_exception", WRAPPED.format(429)), RateLimitError, "status_exception", "status [429]"),
    (400, es("status_exception", WRAPPED.format(422)), InvalidRequestError, "status_exception", "status [422]"),
    (400, es("x", "failed", caused_by={"type": "y", "reason": WRAPPED.format(502)}), ServiceError, "x", "failed: Received"),
    (401, es("security_exception", "missing authentication credentials for REST request [/]"), AuthenticationError, "security_exception", "missing authentication"),
    (402, es("status_exception", "Payment required for request from inference entity id [my] status [402]"), QuotaExhaustedError, "status_exception", "Payment required"),
    (403, es("security_exception", "action [cluster:monitor/xpack/inference] is unauthorized for API key id [abc]"), AuthenticationError, "security_exception", "is unauthorized"),
    (403, es("security_exception", "current license is non-compliant for [inference]"), InvalidRequestError, "security_exception", "license is non-compliant"),
    (403, es("status_exception", "Insufficient account balance. AUTHZ_INSUFFICIENT_BALANCE"), QuotaExhaustedError, "status_exception", "balance"),
    (404, es("resource_not_found_exception", "Inference endpoint not found [my]"), InvalidRequestError, "resource_not_found_exception", "Inference endpoint not found [my]"),
    (405, {"error": "Incorrect HTTP method for uri [/_inference] and method [POST], allowed: [GET]", "status": 405}, InvalidRequestError, None, "allowed: [GET]"),
    (408, es("status_exception", "Request timed out after [30s]"), ServiceError, "status_exception", "timed out"),
    (409, es("status_exception", "Inference endpoint my is referenced by semantic_text fields"), InvalidRequestError, "status_exception", "is referenced"),
    (413, es("content_too_long_exception", "entity content is too long"), InvalidRequestError, "content_too_long_exception", "too long"),
    (422, es("status_exception", "Received an input validation error response"), InvalidRequestError, "status_exception", "input validation"),
    (429, es("es_rejected_execution_exception", "inference process queue is full. Unable to execute command"), RateLimitError, "es_rejected_execution_exception", "queue is full"),
    (500, es("null_pointer_exception", "Cannot invoke"), ServiceError, "null_pointer_exception", "Cannot invoke"),
    (502, b"<html><head><title>502 Bad Gateway</title></head><body></body></html>", ServiceError, None, "502 Bad Gateway"),
    (503, es("unavailable_shards_exception", "primary shard is not active"), ServiceError, "unavailable_shards_exception", "not active"),
    (504, es("status_exception", "Request timed out after [30s]"), ServiceError, "status_exception", "timed out"),
    (404, {"ok": False, "message": "Unknown resource."}, InvalidRequestError, None, "Unknown resource."),
    (404, {"statusCode": 404, "error": "Not Found", "message": "no route"}, InvalidRequestError, None, "no route"),
    (413, b"", InvalidRequestError, None, "no reason"),
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
    assert error.retryable == (kind in {ServiceError, RateLimitError})
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_the_innermost_reason_is_told_with_the_outermost():
    """Elasticsearch wraps what went wrong in general words, and repeats itself."""
    body = {
        "error": {
            "root_cause": [{"type": "a", "reason": "failed to parse"}],
            "type": "a",
            "reason": "failed to parse",
            "caused_by": {
                "type": "b",
                "reason": "in between",
                "caused_by": {"type": "c", "reason": "Unknown key [inputs]"},
            },
        }
    }
    error = read_error(Response(400, {}, json.dumps(body).encode()))
    assert error.message == "failed to parse: Unknown key [inputs]: in between"


def test_a_failed_search_says_what_its_shards_say():
    """``all shards failed`` alone helps nobody."""
    body = es(
        "search_phase_execution_exception",
        "all shards failed",
        root_cause=[],
        failed_shards=[
            {"shard": 0, "reason": {"type": "q", "reason": "[semantic] field [x] is not semantic"}}
        ],
    )
    error = read_error(Response(400, {}, json.dumps(body).encode()))
    assert error.message == "all shards failed: [semantic] field [x] is not semantic"


def failed_retrievers(*causes, status=400):
    """What a retriever of several stages answers where inner ones fail (elastic/elasticsearch#119617)."""
    outer = {
        "type": "status_exception",
        "reason": "[rrf] search failed - retrievers '[standard]' returned errors. All failures are attached as suppressed "
        "exceptions.",
        "suppressed": [
            {"type": "search_phase_execution_exception", "reason": "all shards failed", "caused_by": cause}
            for cause in causes
        ],
    }
    return {"error": {"root_cause": [outer], **outer}, "status": status}


UP, DOWN, WRONG = (
    {"type": "status_exception", "reason": reason}
    for reason in (WRAPPED.format(429), WRAPPED.format(503), WRAPPED.format(422))
)


@pytest.mark.parametrize(
    ("causes", "kind", "says"),
    [
        ([DOWN], ServiceError, "status [503]"),
        ([UP], RateLimitError, "status [429]"),
        ([UP, DOWN], ServiceError, "status [503]"),
        ([DOWN, WRONG], InvalidRequestError, "status [422]"),
        ([{"type": "q", "reason": "field [x] is unknown"}], InvalidRequestError, "field [x] is unknown"),
    ],
)
def test_the_cause_of_a_failed_inner_retriever_is_told(causes, kind, says):
    """It stands under ``suppressed`` alone; what is transient in there makes the whole transient."""
    error = read_error(Response(400, {}, json.dumps(failed_retrievers(*causes)).encode()))
    assert type(error) is kind
    assert says in error.message
    assert error.message.startswith("[rrf] search failed")


CREDENTIALS = [
    ({"api_key": ("the-id", "the-secret")}, ["the-id", "the-secret", "dGhlLWlkOnRoZS1zZWNyZXQ="]),
    ({"api_key": "dGhlLWlkOnRoZS1zZWNyZXQ="}, ["the-id", "the-secret", "dGhlLWlkOnRoZS1zZWNyZXQ="]),
    ({"basic_auth": ("elastic", 'pass"word')}, ['pass"word', 'pass\\"word', base64.b64encode(b'elastic:pass"word').decode()]),
    ({"bearer_auth": "tok.en"}, ["tok.en"]),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "traces"), CREDENTIALS)
def test_no_credential_is_in_an_error(given_, traces):
    """Whatever repeats it, in whichever form: as it was given, encoded, decoded, or escaped in JSON."""
    credential = choose(**{"api_key": None, "basic_auth": None, "bearer_auth": None, **given_})
    for text in [*traces, "".join(traces)]:
        for body in (json.dumps(es(text, f"no, {text}!")), f"<html>{text}</html>"):
            error = read_error(Response(401, {}, body.encode()), secrets=credential.parts())
            shown = repr(error) + str(error) + error.body + str(error.code)
            assert not any(trace in shown for trace in traces), shown


def test_no_key_of_an_upstream_service_is_in_an_error():
    """Neither one that is told, nor one that looks like it."""
    key = "jina_0123456789abcdefghijklmnopqrstuvwxyz"
    body = {
        "error": {"type": "x", "reason": f"bad key {key} and hunter2"},
        "service_settings": {"api_key": "other"},
    }
    error = read_error(Response(400, {}, json.dumps(body).encode()), secrets=["hunter2", ""])
    assert "bad key [key] and [key]" in error.message
    assert not any(secret in error.body for secret in (key, "hunter2", "other"))


@given(st.integers(400, 599), st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["error", "reason", "caused_by", "root_cause", "type", "failed_shards", "suppressed", "status"]), inner, max_size=4
    ),
).map(lambda body: json.dumps(body).encode()))  # fmt: skip
def test_whatever_stands_in_a_body_an_error_comes_out(status, body):
    """No body breaks the reader."""
    error = read_error(Response(status, {}, body))
    assert isinstance(error, StatusError)
    assert error.message


PRODUCT = [
    ({}, b'{"text_embedding": []}', "not Elasticsearch"),
    ({"content-type": "text/html"}, b"<html>log in</html>", "not Elasticsearch"),
    ({"x-elastic-product": "Kibana"}, b"{}", "not Elasticsearch"),
]


@pytest.mark.parametrize(("headers", "body", "says"), PRODUCT)
def test_an_answer_of_something_else_is_told_apart(cluster, connect, face, headers, body, says):
    """A success without Elasticsearch's header is none, and is not asked for again."""
    transport = cluster(*[Response(200, headers, body)] * 5)
    with pytest.raises(ResponseError, match=says):
        face(connect(transport, retry=Retry(initial=0)), "embed", ["1"], inference_id="my")
    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b'{"statusCode":404,"error":"Not Found","message":"Not Found"}'),  # Kibana
        (404, b'{"ok":false,"message":"Unknown resource."}'),  # Elastic Cloud, of a deployment that is gone
        (401, b"<html><h1>Please log in</h1></html>"),
    ],
)
def test_a_refusal_of_something_else_says_to_look_at_the_address(cluster, connect, face, status, body):
    """Kibana, a login, a gateway: its words, and where the mistake probably is. Elasticsearch's own have no such hint."""
    with pytest.raises(StatusError, match=r"check url="):
        face(connect(cluster(Response(status, {}, body))), "embed", ["1"], inference_id="my")
    own = Response(
        404, {"x-elastic-product": "Elasticsearch"}, b'{"error": "no handler found", "status": 404}'
    )
    with pytest.raises(InvalidRequestError, match=r"no handler found"):
        face(connect(cluster(own)), "embed", ["1"], inference_id="my")


def test_a_redirect_is_not_followed_with_the_credential(cluster, connect):
    """It is told where to."""
    transport = cluster(Response(302, {"location": "https://sso.example/login"}, b""))
    with pytest.raises(ResponseError, match="sso.example"):
        connect(transport).embed(["1"], inference_id="my")


def test_a_search_whose_inner_retriever_is_down_for_a_moment_is_asked_for_again(
    cluster, connect, face, answer, clock
):
    """A 503 inside is one."""
    found = answer({"hits": {"hits": []}})
    transport = cluster(answer(failed_retrievers(DOWN), 400), found)
    body = {"query": {"match_all": {}}}
    assert len(face(connect(transport, retry=Retry(), clock=clock), "search", "docs", body=body)) == 0
    assert len(transport.requests) == 2


FAULTS = [
    lambda refuse: refuse(400, reason=WRAPPED.format(503)),
    lambda refuse: refuse(408, reason="timed out"),
    lambda refuse: refuse(504, reason="timed out"),
    lambda refuse: refuse(502),
    lambda refuse: RequestError("broken"),
    lambda refuse: Response(200, {"x-elastic-product": "Elasticsearch"}, b'{"text_embedding": [{"emb'),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_what_may_pass_is_asked_for_again(cluster, connect, face, refuse, fault, clock):
    """Wrapped 5xx, timeouts of both versions, broken connections and truncated answers; nothing is lost or doubled."""
    transport = cluster(fault(refuse), fault(refuse))
    elastic = connect(transport, retry=Retry(), clock=clock)
    result = face(elastic, "embed", ["1", "2"], inference_id="my")
    assert result.vectors[:, 0].tolist() == [1, 2]
    assert (len(transport.requests), elastic.usage.retries) == (3, 2)
    assert len({transport.requests[n].body for n in range(3)}) == 1


def test_what_will_not_pass_is_not_asked_for_again(cluster, connect, face, refuse):
    """A refusal of one text costs one request."""
    transport = cluster(refuse(400, reason="Field [input] cannot be empty"))
    with pytest.raises(InvalidRequestError, match=r"texts\[0\]: Field"):
        face(connect(transport, retry=Retry()), "embed", ["1"], inference_id="my")
    assert len(transport.requests) == 1


def test_a_promise_that_is_broken_twice_is_not_paid_a_third_time(cluster, connect, face, clock):
    """An endpoint that answers with no vectors means it."""
    empty = Response(200, {"x-elastic-product": "Elasticsearch"}, b'{"text_embedding": []}')
    transport = cluster(*[empty] * 5)
    with pytest.raises(ResponseError, match="two answers in a row"):
        face(connect(transport, retry=Retry(), clock=clock), "embed", ["1"], inference_id="my")
    assert len(transport.requests) == 2


@pytest.mark.parametrize("limits", ["cluster", "eis", RateLimit(600, None, None), None])
@pytest.mark.parametrize("wrapped", [False, True])
def test_retry_after_is_honoured_and_nothing_is_lost(cluster, connect, face, refuse, clock, limits, wrapped):
    """A 429 pauses what is left for as long as it asks, whatever limits are set; all vectors arrive in order."""
    status, reason = (400, WRAPPED.format(429)) if wrapped else (429, "Too many requests")
    refusals = [refuse(status, reason=reason, retry_after="7")] * 2
    transport = cluster(*[None] * 3, *refusals)
    elastic = connect(transport, limits=limits, retry=Retry(), clock=clock, concurrency=1)
    result = face(elastic, "embed", [str(n) for n in range(80)], inference_id="my")
    assert result.vectors[:, 0].tolist() == list(range(80))
    assert elastic.usage.refusals == 2
    assert clock.now() >= 14


def test_refusals_do_not_use_up_attempts(cluster, connect, refuse, clock):
    """A cluster whose queue is full for long is waited for: by default 20 refusals, not 5 attempts."""
    transport = cluster(*[refuse(429, "es_rejected_execution_exception", "queue is full")] * 12)
    elastic = connect(transport, retry=Retry(), clock=clock)
    assert elastic.embed(["1"], inference_id="my").vectors[0, 0] == 1
    assert clock.now() == pytest.approx(60, abs=1)


def test_a_pause_of_one_endpoint_leaves_others_alone(cluster, connect, refuse, clock):
    """Quotas are of models: another endpoint does not wait."""
    transport = cluster(refuse(429, retry_after="100"))
    elastic = connect(transport, clock=clock, retry=Retry(refusals=0))
    with pytest.raises(RateLimitError):
        elastic.embed(["1"], inference_id="busy")
    elastic.embed(["1"], inference_id="free", role="query")
    assert clock.now() == 0
    elastic.embed(["1"], inference_id="busy", role="query")
    assert clock.now() == pytest.approx(100, abs=1)


def test_errors_and_logs_hold_no_credential(cluster, connect, refuse, caplog, clock):
    """Also where an error is logged because the request is sent again."""
    caplog.set_level(logging.DEBUG, logger="ragbridge")
    transport = cluster(*[refuse(503, reason="hunter2-hunter2 is not welcome")] * 2)
    elastic = connect(transport, basic_auth=("me", "hunter2-hunter2"), retry=Retry(attempts=2), clock=clock)
    with pytest.raises(ServiceError) as caught:
        elastic.embed(["1"], inference_id="my")
    shown = (
        caplog.text + repr(elastic) + repr(vars(elastic)) + repr(vars(elastic._channel)) + str(caught.value)
    )
    assert "HTTP 503" in caplog.text
    assert "is not welcome" in str(caught.value)
    assert "is not welcome" not in caplog.text  # services quote texts
    assert "hunter2" not in shown
    assert base64.b64encode(b"me:hunter2-hunter2").decode() not in shown
    assert isinstance(caught.value, StatusError)
    assert not isinstance(caught.value, ConfigurationError)
