"""Dense vectors over ``_inference``: what is sent, what is read, what is refused."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    Elastic,
    InvalidRequestError,
    RateLimit,
    ResponseError,
)
from ragbridge.chunking import NoneChunker
from ragbridge.flow import Request, Response
from ragbridge.services.elastic.inference.dense import read_vectors

TEXT = "The sky above the port was the color of television tuned to a dead channel."
VECTOR = [0.018569946, -0.036895752, 0.01486969, -0.0045204163, -0.04385376, 0.0075950623]


def test_the_documented_example_field_by_field(cluster, connect, face, answer):
    """One text, its input type, and the vector of the answer."""
    transport = cluster(answer({"text_embedding": [{"embedding": VECTOR}]}))
    result = face(connect(transport), "embed", [TEXT], inference_id="my-cohere-endpoint", input_type="ingest")
    (request,) = transport.requests
    assert (request.method, request.url) == (
        "POST",
        "http://es:9200/_inference/text_embedding/my-cohere-endpoint",
    )
    assert json.loads(request.body) == {"input": [TEXT], "input_type": "ingest"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/cbor"
    assert result.vectors.dtype == np.float32
    assert result.vectors.tolist() == [np.float32(VECTOR).tolist()]
    assert (result.model, result.embedding_type) == ("my-cohere-endpoint", "float")
    assert (result.usage.tokens, result.usage.requests) == (0, 1)


SENT = [
    ({}, {}),
    ({"role": "query"}, {"input_type": "search"}),
    ({"role": "document"}, {"input_type": "ingest"}),
    ({"input_type": " Clustering"}, {"input_type": "clustering"}),
    ({"task_settings": {"late_chunking": True}}, {"task_settings": {"late_chunking": True}}),
    ({"task_settings": {}}, {}),
]


@pytest.mark.parametrize(("arguments", "fields"), SENT)
def test_a_body_holds_what_was_asked_and_nothing_else(cluster, connect, arguments, fields):
    """Roles become Elasticsearch's words; its defaults are its own."""
    transport = cluster()
    connect(transport).embed(["1"], inference_id="my", **arguments)
    assert transport.bodies == [{"input": ["1"], **fields}]


@pytest.mark.parametrize(("seconds", "written", "waited"), [(None, "", 60), (30, "?timeout=30s", 60), (120, "?timeout=120s", 130), (1.5, "?timeout=1500ms", 60)])  # fmt: skip
def test_the_answer_is_waited_for_longer_than_the_server_waits(cluster, connect, seconds, written, waited):
    """Else a model that takes long would be asked twice."""
    transport = cluster()
    connect(transport).embed(["1"], inference_id="my", timeout=seconds)
    assert transport.paths == [f"POST /_inference/text_embedding/my{written}"]
    assert transport.requests[0].timeout == waited


def test_an_endpoint_for_several_modalities_has_its_own_route(cluster, connect, face):
    """``embedding`` answers under another name."""
    transport = cluster()
    result = face(connect(transport), "embed", ["3"], inference_id=".jina-clip-v2", task_type="embedding")
    assert transport.paths == ["POST /_inference/embedding/.jina-clip-v2"]
    assert result.vectors[0, 0] == 3


BYTES, BITS = [[1, -128, 127], [0, 5, -5]], [[-1, 0], [127, -128]]
KINDS = [
    ("text_embedding", "text_embedding_bytes", BYTES, "byte"),
    ("text_embedding", "text_embedding_bits", BITS, "bit"),
    ("embedding", "embeddings_bytes", BYTES, "byte"),
    ("embedding", "embeddings_bits", BITS, "bit"),
]


@pytest.mark.parametrize(("task", "name", "rows", "kind"), KINDS)
def test_bytes_and_bits_stay_signed_bytes(cluster, connect, face, answer, task, name, rows, kind):
    """As a field of these element types takes them: nothing is unpacked, nothing becomes a float."""
    transport = cluster(answer({name: [{"embedding": row} for row in rows]}))
    result = face(connect(transport), "embed", ["1", "2"], inference_id="my", task_type=task)
    assert (result.vectors.dtype, result.embedding_type) == (np.int8, kind)
    assert result.tolist() == rows


SERVICES = [
    ("jinaai", 2048),
    ("elastic", 16),
    ("elasticsearch", 10),
    ("openai", 2048),
    ("cohere", 96),
    ("mistral", 10),
]


@pytest.mark.parametrize(("service", "cap"), SERVICES)
def test_batches_are_what_the_service_takes(cluster, connect, face, service, cap):
    """Known from the endpoint, asked for once; order kept."""
    transport = cluster(service=service)
    elastic = connect(transport, batch_size=2048, concurrency=3)
    count = cap * 2 + 1
    result = face(elastic, "embed", [f"{n} x" for n in range(count)], inference_id="my")
    assert result.vectors[:, 0].tolist() == list(range(count))
    assert sorted(len(body["input"]) for body in transport.bodies) == [1, cap, cap]
    assert result.usage.requests == 3
    face(elastic, "embed", [f"{n} x" for n in range(count)], inference_id="my")
    assert transport.paths.count("GET /_inference/my") == 1
    assert transport.paths[0] == "GET /_inference/my"


@pytest.mark.parametrize(
    ("count", "batch_size", "asked"), [(1, 128, 0), (10, 128, 0), (11, 128, 1), (40, 10, 0)]
)
def test_a_query_costs_one_request(cluster, connect, count, batch_size, asked):
    """The endpoint is not asked about where every service takes as many."""
    transport = cluster()
    connect(transport, batch_size=batch_size).embed([str(n) for n in range(count)], inference_id="my")
    assert sum(path.startswith("GET") for path in transport.paths) == asked


@pytest.mark.parametrize(
    "reason",
    [
        "Incompatible task_type, the requested type [text_embedding] does not match the model type [rerank]",
        "Configuration contains settings [x] unknown to the [jinaai] service",
    ],
)
def test_no_text_is_blamed_for_its_endpoint(cluster, connect, face, refuse, reason):
    """A 400 about the endpoint or its settings names no text."""
    with pytest.raises(InvalidRequestError) as caught:
        face(connect(cluster(refuse(400, reason=reason))), "embed", ["1"], inference_id="my")
    assert caught.value.index is None
    assert "texts" not in str(caught.value)


def test_an_endpoint_says_itself_how_much_it_takes(cluster, connect, face, answer):
    """``max_batch_size`` comes before the service's figure; a new endpoint of that name is asked about again."""
    row = {"inference_id": "my", "task_type": "text_embedding", "service": "elastic"}
    shown = answer({"endpoints": [{**row, "service_settings": {"model_id": "m", "max_batch_size": 12}}]})
    transport = cluster(shown)
    elastic = connect(transport, concurrency=1)
    texts = [str(n) for n in range(30)]
    face(elastic, "embed", texts, inference_id="my")
    assert [len(body["input"]) for body in transport.bodies] == [12, 12, 6]
    elastic._channel.forget("my")
    face(elastic, "embed", texts, inference_id="my")
    assert [len(body["input"]) for body in transport.bodies[3:]] == [16, 14]


def test_batch_size_bounds_what_the_service_would_take(cluster, connect):
    """2048 is what the service takes, 128 what is sent unless asked otherwise."""
    for batch_size, sizes in ((128, [44, 128, 128]), (100, [100, 100, 100])):
        transport = cluster(service="jinaai")
        connect(transport, batch_size=batch_size).embed([str(n) for n in range(300)], inference_id="my")
        assert sorted(len(body["input"]) for body in transport.bodies) == sizes


def test_many_calls_at_once_ask_about_an_endpoint_once(cluster, connect):
    """Whoever comes second waits for the answer to the first."""
    release = threading.Event()

    def slow(request: Request) -> Response:
        release.wait(10)
        return transport.answer(request)

    transport = cluster(slow)
    elastic = connect(transport)
    found = []
    work = [
        threading.Thread(
            target=lambda: found.append(elastic.embed([str(n) for n in range(30)], inference_id="my"))
        )
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    release.set()
    for thread in work:
        thread.join()
    assert transport.paths.count("GET /_inference/my") == 1
    assert [result.vectors[:, 0].tolist() for result in found] == [list(range(30))] * 4


def test_without_the_privilege_to_ask_batches_are_the_smallest(cluster, connect, face, refuse):
    """A key for inference alone is enough."""
    transport = cluster(refuse(403, "security_exception", "action is unauthorized"), service="jinaai")
    result = face(connect(transport), "embed", [str(n) for n in range(25)], inference_id="my")
    assert sorted(len(body["input"]) for body in transport.bodies) == [5, 10, 10]
    assert result.vectors[:, 0].tolist() == list(range(25))


@pytest.mark.parametrize(("status", "kind"), [(404, InvalidRequestError), (401, AuthenticationError)])
def test_what_is_wrong_with_the_endpoint_or_the_key_is_told_at_once(cluster, connect, refuse, status, kind):
    """Nothing is embedded, and no text is blamed."""
    transport = cluster(refuse(status, reason="no such thing"))
    with pytest.raises(kind) as caught:
        connect(transport).embed([str(n) for n in range(99)], inference_id="my")
    assert caught.value.message.startswith("no such thing")
    assert transport.bodies == []


def test_a_failure_in_the_middle_ends_the_call(cluster, connect, face, refuse):
    """The text is named that is refused alone, found by halving; what was done before is in ``partial``."""
    transport = cluster(None, None, *[refuse(400, reason="too long")] * 5)
    with pytest.raises(InvalidRequestError, match=r"texts\[16\]: too long") as raised:
        face(connect(transport, concurrency=1), "embed", [str(n) for n in range(64)], inference_id="my")
    assert [len(body["input"]) for body in transport.bodies] == [16, 16, 8, 4, 2, 1]
    assert raised.value.index == 16
    assert raised.value.partial.indices == tuple(range(16))
    assert raised.value.partial.result.vectors[:, 0].tolist() == list(range(16))


def test_no_text_sends_nothing(cluster, connect, face):
    """An empty list is an empty array."""
    transport = cluster()
    result = face(connect(transport), "embed", [], inference_id="my")
    assert (result.vectors.shape, result.usage.requests, transport.requests) == ((0, 0), 0, [])


def test_progress_counts_texts(cluster, connect, face):
    """As many as there are, in all."""
    seen = []
    face(connect(cluster()), "embed", [str(n) for n in range(40)], inference_id="my", progress=seen.append)
    assert sorted(seen) == [8, 16, 16]


def test_chunks_give_their_text(cluster, connect):
    """What ``ragbridge.chunking`` makes can be embedded as it is."""
    transport = cluster()
    chunks = NoneChunker().chunk("1 is a text.")
    connect(transport).embed(chunks, inference_id="my")
    assert transport.bodies == [{"input": ["1 is a text."]}]


def test_limits_that_count_tokens_bound_requests(cluster, connect, clock):
    """Elasticsearch does not report tokens: they are counted here, or estimated, and nobody waits for a report."""
    transport = cluster(service="jinaai")
    limits = RateLimit(None, 1000, None)
    elastic = connect(transport, clock=clock, limits=limits, count_tokens=lambda text: 100)
    result = elastic.embed([str(n) for n in range(30)], inference_id="my")
    assert result.vectors[:, 0].tolist() == list(range(30))
    assert clock.now() >= 120
    estimated = connect(cluster(service="jinaai"), clock=clock, limits=RateLimit(None, 1000, None))
    estimated.embed([f"{n} " + "word " * 50 for n in range(30)], inference_id="my")


WRONG = [
    ({"inference_id": ""}, "inference_id"),
    ({"inference_id": None}, "inference_id"),
    ({"role": "passage"}, "role"),
    ({"role": "query", "input_type": "search"}, "give one"),
    ({"input_type": "internal_search"}, "input_type"),
    ({"input_type": 3}, "input_type"),
    ({"task_type": "rerank"}, "task_type"),
    ({"task_settings": "x"}, "task_settings"),
    ({"task_settings": {"x": object()}}, "task_settings.*JSON"),
    ({"task_settings": {"x": float("nan")}}, "task_settings.*JSON"),
    ({"timeout": 0}, "timeout"),
    ({"timeout": "30s"}, "timeout"),
    ({"timeout": True}, "timeout"),
    ({"texts": "one"}, "list of strings"),
    ({"texts": {"a": 1}}, "list of strings"),
    ({"texts": 7}, "list of strings"),
    ({"texts": ["1", None]}, r"texts\[1\] is NoneType"),
    ({"texts": ["1", "half \ud800"]}, r"texts\[1\].*character 5"),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_wrong_arguments_are_refused_before_sending(cluster, connect, face, arguments, says):
    """The message names the argument; nothing of it is sent."""
    transport = cluster()
    named = {"inference_id": "my", "texts": ["1"], **arguments}
    texts = named.pop("texts")
    with pytest.raises(ConfigurationError, match=says):
        face(connect(transport), "embed", texts, **named)
    assert transport.requests == []


def test_names_that_would_change_the_route_are_quoted(cluster, connect):
    """A slash or a question mark is part of a name."""
    transport = cluster()
    connect(transport).embed(["1"], inference_id="../a?b/ü")
    assert transport.paths == ["POST /_inference/text_embedding/..%2Fa%3Fb%2F%C3%BC"]


ODD = [
    (b"not json", "not JSON"),
    ([], "not a JSON object"),
    ({}, "no list"),
    ({"rerank": []}, "no list"),
    ({"text_embedding": {}}, "no list"),
    ({"text_embedding": [1, 2]}, "no list of objects"),
    ({"text_embedding": [{"embedding": [1.0]}]}, "1 vectors for 2"),
    ({"text_embedding": [{"embedding": [1.0]}] * 3}, "3 vectors for 2"),
    ({"text_embedding": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]}, "widths"),
    ({"text_embedding": [{"embedding": []}] * 2}, "widths"),
    ({"text_embedding": [{}] * 2}, "no list of numbers"),
    ({"text_embedding": [{"embedding": "AAAA"}] * 2}, "no list of numbers"),
    ({"text_embedding": [{"embedding": ["1.0"]}] * 2}, "hold str"),
    ({"text_embedding": [{"embedding": [None]}] * 2}, "hold NoneType"),
    ({"text_embedding": [{"embedding": [True]}] * 2}, "hold bool"),
    ({"text_embedding": [{"embedding": [[1.0]]}] * 2}, "hold list"),
    (b'{"text_embedding": [{"embedding": [NaN]}, {"embedding": [1]}]}', "not finite"),
    (b'{"text_embedding": [{"embedding": [1e39]}, {"embedding": [1]}]}', "not finite"),
    ({"text_embedding": [{"embedding": [10**400]}] * 2}, "too large"),
    ({"text_embedding_bytes": [{"embedding": [128]}] * 2}, "outside"),
    ({"text_embedding_bytes": [{"embedding": [1.5]}] * 2}, "hold float"),
    ({"text_embedding_bits": [{"embedding": [2**70]}] * 2}, "too large"),
]


@pytest.mark.parametrize(("body", "says"), ODD)
def test_an_answer_that_holds_something_else_is_an_error(cluster, connect, face, answer, body, says):
    """Nothing is guessed, padded or cut."""
    with pytest.raises(ResponseError, match=says):
        face(connect(cluster(answer(body))), "embed", ["1", "2"], inference_id="my")


def test_answers_of_one_call_have_one_width(cluster, connect, answer):
    """An endpoint whose model was exchanged in between gives no mixture."""
    transport = cluster(None, None, answer({"text_embedding": [{"embedding": [1.0] * 7}] * 4}))
    with pytest.raises(ResponseError, match="7 dimensions where 4 were expected"):
        connect(transport, concurrency=1).embed([str(n) for n in range(20)], inference_id="my")


@given(st.binary(max_size=80) | st.recursive(
    st.none() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["text_embedding", "text_embedding_bits", "embedding"]), inner, max_size=3
    ),
).map(lambda body: json.dumps(body).encode()))  # fmt: skip
def test_whatever_an_answer_holds_it_is_read_or_refused(body):
    """No other error, and never a vector of something else."""
    try:
        vectors, _ = read_vectors(
            Response(200, {"x-elastic-product": "Elasticsearch"}, body), "text_embedding", 1
        )
    except ResponseError:
        return
    assert vectors.shape[0] == 1
    assert np.isfinite(vectors).all()


@given(st.integers(1, 60), st.integers(1, 50), st.integers(1, 5), st.sampled_from(["jinaai", "elastic", "x"]))
def test_every_text_has_its_own_vector(cluster, count, batch_size, concurrency, service):
    """Whatever the sizes: each text is sent once, rows come back in the order of the texts."""
    transport = cluster(service=service)
    elastic = Elastic(
        "http://es", transport=transport, batch_size=batch_size, concurrency=concurrency, limits=None
    )
    result = elastic.embed([str(n) for n in range(count)], inference_id="my")
    assert result.vectors[:, 0].tolist() == list(range(count))
    assert sorted(int(text) for body in transport.bodies for text in body["input"]) == list(range(count))


def test_the_embedded_engine_answers_in_place_of_a_cluster():
    """No address, no credentials, no network."""
    elastic = Elastic("local")
    passages = elastic.embed(["the sea", "a mountain"], inference_id=".jina-embeddings-v3", role="document")
    query = elastic.embed(["ocean waves"], inference_id=".jina-embeddings-v3", role="query")
    assert (passages.vectors @ query.vectors[0]).argmax() == 0


def test_services_that_know_no_roles_are_told_none(cluster, connect, face, refuse):
    """Found out by one refusal, once for an endpoint; an input type that was asked for stays an error."""
    reason = "Validation Failed: 1: Invalid input_type [ingest]. The input_type option is not supported by this service;"
    transport = cluster(refuse(400, "validation_exception", reason))
    elastic = connect(transport)
    for role in ("document", "query"):
        assert len(face(elastic, "embed", ["1", "2"], inference_id="mine", role=role)) == 2
    assert [body.get("input_type") for body in transport.bodies] == ["ingest", None, None]
    transport = cluster(
        refuse(400, "validation_exception", reason), refuse(400, "validation_exception", reason)
    )
    with pytest.raises(InvalidRequestError, match="input_type option is not supported"):
        face(connect(transport), "embed", ["1"], inference_id="mine", input_type="ingest")
