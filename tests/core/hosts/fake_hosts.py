"""A server of each host's shapes, over real sockets, as the sources say that are named in ``ragbridge/hosts/table.py``.

A text's vector is ``vector_of`` the text as it arrived, so that a vector tells which prefix a text had.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from ragbridge.testing import vector_of

MODEL = "jina-embeddings-v5-text-small"
RANKER = "jina-reranker-v2-base-multilingual"
WIDTH = 1024


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes = b""


@dataclass
class Said:
    """What is answered."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Play = Callable[[Asked], Said]


class Server:
    """A fake at ``url``; ``asked`` are its requests."""

    def __init__(self, play: Play, port: int = 0) -> None:
        self.asked: list[Asked] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, json.loads(raw) if raw else None, raw)
                outer.asked.append(asked)
                said = play(asked)
                body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                for name, value in {"content-length": str(len(body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def work(self) -> list[Asked]:
        """The requests for vectors and rankings."""
        return [asked for asked in self.asked if asked.method == "POST"]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def served(play: Play, port: int = 0):
    server = Server(play, port)
    try:
        yield server
    finally:
        server.close()


def encoded(text: str, kind: object) -> Any:
    numbers = vector_of(text, WIDTH)
    return base64.b64encode(struct.pack(f"<{WIDTH}f", *numbers)).decode() if kind == "base64" else numbers


def share(query: str, text: str) -> float:
    """The share of the query's words that a text has."""
    words = set(query.split())
    return len(words & set(text.split())) / len(words)


def ranked(query: str, texts: list[str], top_n: int | None = None) -> list[tuple[int, float]]:
    rows = sorted(enumerate(share(query, text) for text in texts), key=lambda row: -row[1])
    return rows[: top_n or len(rows)]


def missing(_: Asked) -> Said:
    return Said({"detail": "Not Found"}, 404)


def models(owner: str, *names: str) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, "object": "model", "owned_by": owner} for name in names]}


def listed(
    texts: list[str], kind: object, row: Callable[[int, Any], dict[str, Any]], model: str
) -> dict[str, Any]:
    tokens = sum(len(text.split()) for text in texts)
    data = [row(index, encoded(text, kind)) for index, text in enumerate(texts)]
    return {
        "object": "list",
        "model": model,
        "data": data,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def index_first(index: int, vector: Any) -> dict[str, Any]:
    return {"index": index, "object": "embedding", "embedding": vector}


def index_last(index: int, vector: Any) -> dict[str, Any]:
    return {"object": "embedding", "embedding": vector, "index": index}


def results(rows: list[tuple[int, float]], texts: list[str]) -> list[dict[str, Any]]:
    return [
        {"index": index, "document": {"text": texts[index]}, "relevance_score": score}
        for index, score in rows
    ]


def openai_like(asked: Asked, row=index_last) -> Said:
    """``/v1/embeddings`` and ``/v1/rerank``; unknown fields are dropped."""
    body = asked.body
    if asked.path.endswith("/embeddings"):
        return Said(listed(body["input"], body.get("encoding_format"), row, body["model"]))
    if asked.path.endswith("/rerank"):
        rows = ranked(body["query"], body["documents"], body.get("top_n"))
        return Said(
            {
                "model": body["model"],
                "usage": {"total_tokens": 3},
                "results": results(rows, body["documents"]),
            }
        )
    return missing(asked)


def vllm(asked: Asked) -> Said:
    names = (f"jinaai/{MODEL}", f"jinaai/{RANKER}", "jinaai/jina-embeddings-v3")
    if asked.path == "/v1/models":
        return Said(models("vllm", *names))
    if asked.path not in {"/v1/embeddings", "/v1/rerank"}:
        return missing(asked)
    if asked.body["model"] not in names:
        message = f"The model `{asked.body['model']}` does not exist."
        return Said({"error": {"message": message, "type": "NotFoundError", "param": None, "code": 404}}, 404)
    if refused := {"task", "normalize", "normalized"} & asked.body.keys():
        return Said({"error": {"message": f"{refused}", "type": "BadRequestError", "code": 400}}, 400)
    return openai_like(asked, index_first)


def tei(asked: Asked) -> Said:
    if asked.path == "/info":
        return Said(
            {
                "model_id": f"jinaai/{MODEL}",
                "max_client_batch_size": 32,
                "max_batch_tokens": 16384,
                "version": "1.9",
            }
        )
    if asked.path in {"/embeddings", "/v1/embeddings"}:
        if len(asked.body["input"]) > 32:
            return Said(
                {
                    "message": "batch size 33 > maximum allowed batch size 32",
                    "code": 422,
                    "type": "Validation",
                },
                422,
            )
        return openai_like(asked)
    if asked.path == "/rerank":
        rows = ranked(asked.body["query"], asked.body["texts"])
        return Said([{"index": index, "score": score} for index, score in rows])
    return Said(b"", 404)


def infinity(asked: Asked) -> Said:
    if asked.path == "/models":
        return Said(models("infinity", f"jinaai/{MODEL}"))
    return openai_like(asked) if asked.path in {"/embeddings", "/rerank"} else missing(asked)


def llama_cpp(asked: Asked) -> Said:
    def row(index: int, vector: Any) -> dict[str, Any]:
        return {"embedding": vector, "index": index, "object": "embedding", "encoding_format": "base64"}

    if asked.path == "/v1/models":
        return Said(models("llamacpp", "model.gguf"))
    if asked.path == "/v1/rerank":
        rows = ranked(asked.body["query"], asked.body["documents"])  # before 2025 top_n was not looked at
        logits = [(index, -11 + 19 * score) for index, score in rows]
        return Said(
            {"model": "m", "usage": {"total_tokens": 3}, "results": results(logits, asked.body["documents"])}
        )
    return openai_like(asked, row) if asked.path == "/v1/embeddings" else missing(asked)


def ollama(asked: Asked) -> Said:
    if asked.path == "/v1/models":
        return Said(models("library", "jina-v5:latest"))
    return openai_like(asked) if asked.path == "/v1/embeddings" else Said(b"404 page not found", 404)


def sglang(asked: Asked) -> Said:
    if asked.path == "/v1/models":
        return Said(models("sglang", f"jinaai/{MODEL}"))
    if asked.path == "/v1/rerank":
        texts = asked.body["documents"]
        rows = ranked(asked.body["query"], texts)
        return Said([
            {"score": 8 * score - 4, "document": texts[index], "index": index, "meta_info": {}} for index, score in rows
        ])  # fmt: skip
    return openai_like(asked) if asked.path == "/v1/embeddings" else missing(asked)


def jina_like(asked: Asked) -> Said:
    body = asked.body
    if asked.path == "/v1/embeddings":
        texts = [f"{body.get('task')}|{text}" for text in body["input"]]
        return Said(listed(texts, body.get("embedding_type"), index_last, body["model"]))
    return openai_like(asked) if asked.path == "/v1/rerank" else missing(asked)


def on_premises(asked: Asked) -> Said:
    if asked.path == "/health":
        return Said({"status": "ok", "model": MODEL, "license": {"state": "valid"}, "ready": True})
    return jina_like(asked)


def litellm(asked: Asked) -> Said:
    headers = {"x-litellm-version": "1.108.7"}
    if asked.method == "GET":
        return Said(models("openai", MODEL), headers=headers)
    if "encoding_format" in asked.body:
        return Said({"error": {"message": "UnsupportedParamsError"}}, 400, headers)
    said = jina_like(asked)
    return Said(said.body, said.status, headers)


def cohere(asked: Asked) -> Said:
    body = asked.body
    if asked.path == "/v2/embed":
        (kind,) = body["embedding_types"]
        rows = [encoded(f"{body.get('input_type')}|{text}", kind) for text in body["texts"]]
        return Said({"id": "x", "embeddings": {kind: rows}, "meta": {"billed_units": {"input_tokens": 7}}})
    return openai_like(asked) if asked.path == "/v2/rerank" else missing(asked)


def openrouter(asked: Asked) -> Said:
    if asked.path != "/api/v1/embeddings":
        return missing(asked)
    texts = [f"{asked.body.get('input_type')}|{text}" for text in asked.body["input"]]
    return Said(listed(texts, asked.body.get("encoding_format"), index_last, asked.body["model"]))


def sagemaker(asked: Asked) -> Said:
    """One endpoint, ``mine``, of a model that answers without an index, for requests that are signed rightly."""
    if not is_signed(asked):
        message = "The request signature we calculated does not match the signature you provided."
        return Said({"message": message}, 403, {"x-amzn-errortype": "InvalidSignatureException"})
    if asked.path != "/endpoints/mine/invocations":
        return Said(
            {"message": "Endpoint of account not found."}, 404, {"x-amzn-errortype": "ValidationError"}
        )
    data = asked.body["data"]
    if isinstance(data, list):
        task = asked.body.get("parameters", {}).get("task")
        rows = [encoded(f"{task}|{item['text']}", None) for item in data]
        return Said({"data": [{"id": str(index), "embedding": row} for index, row in enumerate(rows)]})
    texts = [item["text"] for item in data["documents"]]
    found = results(ranked(data["query"], texts, data.get("top_n")), texts)
    return Said({"data": [{"results": found, "query_usage": 1, "docs_usage": 2}]})


AWS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "s3cretQ/aws+key",
    "AWS_SESSION_TOKEN": "s3cretQ-session-token==",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""The environment of a client whose requests this server takes."""


def is_signed(asked: Asked) -> bool:
    """Whether the signature is right: Signature Version 4, reckoned anew from what arrived, as AWS describes it."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)",
        asked.headers.get("authorization", ""),
    )
    if found is None or asked.headers.get("x-amz-security-token") != AWS["AWS_SESSION_TOKEN"]:
        return False
    key_id, day, region, service, names, signature = found.groups()
    address = urlsplit(asked.path)
    lines = [f"{name}:{' '.join(asked.headers[name].split())}" for name in names.split(";")]
    digest = hashlib.sha256(asked.raw).hexdigest()
    canonical = "\n".join([asked.method, address.path, address.query, *lines, "", names, digest])
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = [
        "AWS4-HMAC-SHA256",
        asked.headers["x-amz-date"],
        scope,
        hashlib.sha256(canonical.encode()).hexdigest(),
    ]
    key = f"AWS4{AWS['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    right = hmac.digest(key, "\n".join(to_sign).encode(), "sha256").hex()
    whole = {"host", "content-type", "x-amz-date", "x-amz-security-token"} <= {*names.split(";")}
    who = (key_id, region, service) == (AWS["AWS_ACCESS_KEY_ID"], AWS["AWS_REGION"], "sagemaker")
    return whole and who and right == signature


def acme(asked: Asked) -> Said:
    """A host that says nothing of itself."""
    if asked.path == "/v1/models":
        return Said(models("acme", MODEL))
    return openai_like(asked) if asked.path in {"/v1/embeddings", "/v1/rerank"} else missing(asked)


HOSTS: dict[str, Play] = {
    "jina-on-prem": on_premises,
    "litellm": litellm,
    "openai": acme,
    "vllm": vllm,
    "tei": tei,
    "infinity": infinity,
    "llama.cpp": llama_cpp,
    "ollama": ollama,
    "sglang": sglang,
    "cohere": cohere,
    "openrouter": openrouter,
    "sagemaker": sagemaker,
}
"""The fake of each row of the table but Jina's own, which the embedded engine stands for."""

TELLS = [name for name in HOSTS if name not in {"cohere", "openrouter", "sagemaker"}]
"""Those that are found by asking."""

BASES = {"openrouter": "/api/v1", "sagemaker": "/endpoints/mine"}
"""What their users write behind the host's name."""
