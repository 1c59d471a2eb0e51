"""The embedded engine on a machine that has nothing but the extra: no network, no home, no side effects."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = """
import json
from ragbridge.flow import Request
from ragbridge.local import Engine
def ask(engine):
    body = {"model": "jina-embeddings-v3", "input": ["a text"], "embedding_type": "base64"}
    return engine.handle(Request("POST", "/v1/embeddings", {}, json.dumps(body).encode())).response.body
"""

OFFLINE = (
    """
import logging, os, sys
def hook(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
        raise RuntimeError(f"network: {event} {arguments}")
sys.addaudithook(hook)
before = dict(os.environ)
"""
    + ASK
    + """
assert b'"embedding":"' in ask(Engine())
assert not {"wordllama", "huggingface_hub", "requests"} & set(sys.modules), "a downloader was imported"
changed = {name for name, value in os.environ.items() if before.get(name) != value}
assert not changed, changed
assert not logging.getLogger().handlers, "the root logger was configured"
print("fine")
"""
)

NOTHING_OPENED = """
import json, sys
from ragbridge.flow import Request
from ragbridge.local import Engine
url, path = "http://127.0.0.1:9/x.png", "/etc/hostname"
pages = {"https://example.com": "<p>A page with a <a href='file:///etc/hostname'>link</a></p>"}
engine = Engine(pages=pages)
def ask(path, body=None, method="POST", headers={}):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return engine.handle(Request(method, f"http://localhost{path}", headers, content)).response
def everything():
    for source in (url, path, "file://" + path, "../../etc/hostname"):
        for kind in ("image", "url", "pdf", "audio", "video", "file"):
            item = {kind: source}
            for model in ("jina-clip-v2", "jina-embeddings-v4", "jina-embeddings-v5-omni-small"):
                ask("/v1/embeddings", {"model": model, "input": item})
                ask("/v1/embeddings", {"model": model, "input": [item, {"content": [item]}]})
            ask("/v1/rerank", {"model": "jina-reranker-m0", "query": item, "documents": [item, "a"]})
            ask("/v1/classify", {"model": "jina-clip-v2", "input": [item], "labels": ["a", "b"]})
            ask("/v1/train", {"model": "jina-clip-v2", "input": [{**item, "label": "a"}, {"text": "b", "label": "b"}]})
            ask("/r/", item)
        batch = {"model": "jina-embeddings-v5-text-small", "input_url": source, "webhook_url": source}
        ask("/v1/batch/embeddings", batch)
        ask("/r/", {"url": source})
        ask(f"/r/{source}", method="GET")
        ask("/r/", {"html": f"<img src='{source}'><iframe src='{source}'></iframe>", "url": source})
        form = {"content-type": "multipart/form-data; boundary=x"}
        body = f'--x\\r\\nContent-Disposition: form-data; name="file"; filename="{source}"\\r\\n\\r\\na\\r\\n--x--'
        ask("/v1/bulk-embeddings", body.encode(), headers=form)
    assert ask("/r/", {"url": "https://example.com"}).status == 200
    assert ask("/s/", {"q": "page"}).status == 200
    assert ask("/g/", {"statement": "A page"}).status == 200
everything()  # whatever is loaded lazily is loaded now
def hook(event, arguments):
    if event == "open" or event.startswith(("socket.", "subprocess.", "urllib.")):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(hook)
everything()
print("fine")
"""

FORK = (
    """
import os, threading, warnings
warnings.simplefilter("ignore")
"""
    + ASK
    + """
from ragbridge.local import loading
engine = Engine()
loading._lock.acquire()          # another thread is loading at the moment of the fork
child = os.fork()
if child == 0:
    os._exit(0 if b"embedding" in ask(engine) else 1)
_, status = os.waitpid(child, 0)
loading._lock.release()
assert os.waitstatus_to_exitcode(status) == 0
right = ask(engine)             # loaded in the parent: the child inherits it
child = os.fork()
if child == 0:
    os._exit(0 if ask(engine) == right else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0
print("fine")
"""
)

MISSING = """
import sys
sys.modules[{module!r}] = None
from ragbridge import ConfigurationError
from ragbridge.local import Engine
try:
    Engine(model={model!r}).load()
except ConfigurationError as error:
    assert 'pip install "ragbridge[local]"' in str(error), error
    print("fine")
"""

NO_SERVER = """
import sys
sys.modules["uvicorn"] = None
from ragbridge import ConfigurationError
try:
    import ragbridge.server
except ConfigurationError as error:
    assert 'pip install "ragbridge[server]"' in str(error), error
    print("fine")
"""


def run(code, home):
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = {**kept, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("fine", 0), done.stderr


def test_offline(tmp_path):
    """The weights load without a network and without importing wordllama or a hub's client, and change nothing."""
    run(OFFLINE, tmp_path)
    assert not list(tmp_path.iterdir())


def test_requests_open_nothing(tmp_path):
    """Whatever addresses and paths a request holds, the engine opens neither a file nor a connection."""
    run(NOTHING_OPENED, tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork(tmp_path):
    """A child answers, forked while the parent loads or after."""
    run(FORK, tmp_path)


@pytest.mark.parametrize(
    ("module", "model"),
    [("model2vec", "."), ("safetensors", None), ("tokenizers", None), ("wordllama", None)],
)
def test_missing_extra(tmp_path, module, model):
    """Without the extra the error names it, for the packaged weights and for a directory of the user's."""
    run(MISSING.format(module=module, model=model), tmp_path)


def test_missing_server_extra(tmp_path):
    """Without the server's packages the error names their extra."""
    run(NO_SERVER, tmp_path)
