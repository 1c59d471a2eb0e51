"""An Elasticsearch that records what it is sent and answers by rules, or as a test says."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

import pytest

from ragbridge import Elastic, Retry
from ragbridge.testing import Request, Response, ScriptedTransport

HEADERS = {"x-elastic-product": "Elasticsearch", "content-type": "application/json"}


def make_answer(body: Any, status: int = 200, **headers: str) -> Response:
    """An answer of Elasticsearch; names of headers with ``_`` for ``-``."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {**HEADERS, **{k.replace("_", "-"): v for k, v in headers.items()}}, content)


def make_error(status: int, kind: str = "status_exception", reason: str = "", **more: Any) -> Response:
    """An error as Elasticsearch writes them; ``retry_after`` is a header, the rest stands in the error."""
    headers = {"retry_after": more.pop("retry_after")} if "retry_after" in more else {}
    error = {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason, **more}
    return make_answer({"error": error, "status": status}, status, **headers)


class Cluster(ScriptedTransport):
    """Answers ``outcomes`` one by one, then by rules: the first number of a text is what its result tells."""

    def __init__(self, *outcomes: Any, service: str = "elastic", width: int = 4) -> None:
        super().__init__(*outcomes, default=self.answer)
        self.service, self.width = service, width

    @property
    def paths(self) -> list[str]:
        """Methods and addresses, without the host."""
        return [f"{r.method} /{r.url.split('/', 3)[3]}" for r in self.requests]

    def answer(self, request: Request) -> Response:
        """By the rules."""
        path = request.place
        if request.method == "GET":
            name = path.rpartition("/")[2]
            row = {"inference_id": name, "task_type": "text_embedding", "service": self.service}
            return make_answer({"endpoints": [row]})
        texts = json.loads(request.body)["input"]
        numbers = [float(text.split()[0]) for text in texts]
        if "/sparse_embedding/" in path:
            rows = [
                {"is_truncated": n > 100, "embedding": {"n": n, text: 0.5}}
                for n, text in zip(numbers, texts, strict=True)
            ]
            return make_answer({"sparse_embedding": rows})
        if "/rerank/" in path:
            ranked = sorted(enumerate(numbers), key=lambda row: -row[1])[: json.loads(request.body)["top_n"]]
            return make_answer({"rerank": [{"index": i, "relevance_score": n / 1000} for i, n in ranked]})
        name = "embeddings" if "/embedding/" in path else "text_embedding"
        return make_answer({name: [{"embedding": [n] + [0.5] * (self.width - 1)} for n in numbers]})


@pytest.fixture(scope="session")
def cluster() -> type[Cluster]:
    """Makes clusters."""
    return Cluster


@pytest.fixture(scope="session")
def answer() -> Callable[..., Response]:
    """Makes an answer of Elasticsearch."""
    return make_answer


@pytest.fixture(scope="session")
def refuse() -> Callable[..., Response]:
    """Makes an error of Elasticsearch."""
    return make_error


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """``face(elastic, "embed", ...)``: the same call by both faces."""

    def call(elastic: Elastic, name: str, *args: Any, **named: Any) -> Any:
        if request.param == "sync":
            return getattr(elastic, name)(*args, **named)
        found = getattr(elastic, f"a{name}")(*args, **named)
        assert inspect.iscoroutine(found)
        return asyncio.run(found)

    return call


@pytest.fixture
def connect() -> Callable[..., Elastic]:
    """``connect(cluster)``: a client of it that gives up at once."""

    def make(transport: object, **named: Any) -> Elastic:
        return Elastic("http://es:9200", **{"retry": Retry(attempts=1), "transport": transport, **named})

    return make


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the cluster of the machine that it runs on."""
    for name in ("ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
