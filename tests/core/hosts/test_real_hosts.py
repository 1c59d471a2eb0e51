"""Real servers that run without weights: ``make test-hosts`` installs them, each in an environment of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time

import httpx
import numpy as np
import pytest

from ragbridge import InvalidRequestError, Jina, Retry
from ragbridge.hosts import HOSTS
from ragbridge.local import Engine
from ragbridge.server import running

pytestmark = pytest.mark.peers
TEXTS = ["the sea", "bread", "a longer text"]
STARTING = 120
"""Seconds that a server may take to start."""


def program(name):
    found = os.environ.get(f"RAGBRIDGE_{name.upper()}") or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: make test-hosts")
    return found


@contextlib.contextmanager
def started(*command, path, **environment):
    """A server at a free port, which ``{port}`` in the command stands for; ended by its own process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [part.format(port=port) for part in command],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + STARTING
    try:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(url + path, timeout=5)
                break
            assert server.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def test_infinity_is_found_and_asked_where_it_is():
    """Without ``/v1``, by its list of models; its debug engine's vectors are as long as the text that came, prefix included."""
    command = (program("infinity_emb"), "v2", "--engine", "debugengine", "--model-id", "jinaai/a-model")
    with (
        started(*command, "--host", "127.0.0.1", "--port", "{port}", path="/health") as url,
        Jina(base_url=url, retry=Retry(attempts=1), query_prefix="Query: ") as jina,
    ):
        plain = jina.embed(TEXTS, model="a-model").vectors
        assert jina._channel.place.found.host is HOSTS["infinity"]
        assert plain[:, 0].tolist() == [len(text) for text in TEXTS]
        told = jina.embed(TEXTS, model="a-model", role="query").vectors
        assert told[:, 0].tolist() == [len(text) + len("Query: ") for text in TEXTS]
        with pytest.raises(InvalidRequestError, match="rerank"):
            jina.rerank("the sea", TEXTS, model="a-model")


def test_litellms_proxy_passes_on_what_jinas_service_is_asked(tmp_path):
    """Onto the embedded engine: found by its headers, roles by task, base64, rankings; the same vectors as without it."""
    command = program("litellm")
    with running(Engine()) as engine, Jina(base_url="local") as local:
        config = tmp_path / "config.yaml"
        config.write_text(
            "model_list:\n"
            "  - model_name: jina-embeddings-v3\n"
            "    litellm_params:\n"
            f"      {{model: jina_ai/jina-embeddings-v3, api_base: {engine}/v1, api_key: k}}\n"
            "  - model_name: jina-reranker-v2-base-multilingual\n"
            "    litellm_params:\n"
            f"      {{model: jina_ai/jina-reranker-v2-base-multilingual, api_base: {engine}/v1, api_key: k}}\n",
            encoding="utf-8",
        )
        start = (command, "--config", os.fspath(config), "--host", "127.0.0.1", "--port", "{port}")
        with (
            started(*start, path="/health/liveliness", LITELLM_LOCAL_MODEL_COST_MAP="True") as url,
            Jina(base_url=url, retry=Retry(attempts=1)) as jina,
        ):
            for role in ("query", "document"):
                found = jina.embed(TEXTS, model="jina-embeddings-v3", role=role).vectors
                right = local.embed(TEXTS, model="jina-embeddings-v3", role=role).vectors
                assert np.allclose(found, right, atol=1e-6)
            assert jina._channel.place.found.host is HOSTS["litellm"]
            ranking = jina.rerank("the sea", TEXTS, model="jina-reranker-v2-base-multilingual", top_n=1)
            assert [row.index for row in ranking] == [0]
