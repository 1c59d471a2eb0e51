"""What importing the package costs and brings."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys

import pytest

import ragbridge

HEAVY = (
    "dataclasses", "haystack", "httpx", "icu4py", "inspect", "json", "langchain_core", "llama_index", "logging",
    "model2vec", "numpy", "pydantic", "redis", "rich", "sqlite3", "starlette", "tokenizers", "typer", "uvicorn", "wordllama",
)  # fmt: skip


def test_importing_the_core_loads_nothing_heavy():
    """No framework, tokenizer, server, HTTP library or NumPy: those come with the first call that needs them."""
    code = f"import sys, ragbridge; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_are_imported_when_they_are_asked_for():
    """The package by itself brings its errors; what a client is made of comes with ``ragbridge.Jina``, and all is listed."""
    code = """
import sys, ragbridge
print(sorted({name.split(".")[1] for name in sys.modules if name.startswith("ragbridge.")}))
assert set(ragbridge.__all__) <= set(dir(ragbridge))
assert ragbridge.errors.RagbridgeError is ragbridge.RagbridgeError and ragbridge.models.MODELS
assert ragbridge.Jina.__module__ == "ragbridge"
try:
    ragbridge.Cohere
except AttributeError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "['errors', 'ground']",
        "module 'ragbridge' has no attribute 'Cohere'",
    ]


OTHERS = r"ragbridge\.services\.jina\.(classify|jobs|rerank|segment|web)\.(?!methods$|polling$)\w+"
"""What other methods of a client need."""
UNUSED = (
    OTHERS,
    r"asyncio|email|html\.parser|httpx|joblib|model2vec|sqlite3|ssl|tqdm|wordllama",
    r"ragbridge\.cache\.(redis|sqlite)|ragbridge\.limiter\.(file|redis|remote)|ragbridge\.otel",
    r"ragbridge\.local\.(elastic|search)|ragbridge\.local\.jina\.(batches|bulk|classifiers|envelope|reader|search|segment)",
    r"ragbridge\.services\.elastic|ragbridge\.transport\.(aws|direct|proxies|sockets|standard|streams|tls)",
    r"ragbridge\.values\.(classification|jobs|rankings|search|web)",
)
"""What one text needs no part of: other products, other services, HTTP, caches, event loops."""


def test_a_client_imports_what_its_calls_need():
    """The client's class brings no NumPy and no engine, one embedded text nothing of other products, a second call its own."""
    code = """
import sys, ragbridge
ragbridge.Jina
print(*[name for name in ("numpy", "ragbridge.local") if name in sys.modules])
jina = ragbridge.Jina(base_url='local')
jina.embed(['a'])
print(*sys.modules)
jina.rerank('a', ['b'])
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    client, first, second = done.stdout.split("\n")[:3]
    assert client == ""
    assert [name for name in first.split() if any(re.fullmatch(part, name) for part in UNUSED)] == []
    assert "ragbridge.services.jina.rerank.requests" in second.split()
    assert not {"ragbridge.services.jina.web.reader", "ragbridge.local.jina.reader"} & {*second.split()}


def modules():
    found = [ragbridge.__name__]
    found += [module.name for module in pkgutil.walk_packages(ragbridge.__path__, "ragbridge.")]
    return [name for name in found if not re.search(r"\.(demo\.\w+|__main__)$", name)]


def kind_and_name(name):
    """Constants, then classes, then the rest: the order that ruff keeps."""
    return (not name.isupper(), not name[0].isupper(), name)


@pytest.mark.parametrize("name", modules())
def test_all_is_sorted_and_complete(name):
    """What a package exports is listed, exists, and is in order."""
    if name.startswith("ragbridge.otel"):
        pytest.importorskip("opentelemetry")
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is not None:
        assert list(exported) == sorted(exported, key=kind_and_name)
        assert all(hasattr(module, attribute) for attribute in exported)
        public = {
            n
            for n, v in vars(module).items()
            if not n.startswith("_") and getattr(v, "__module__", "").startswith("ragbridge")
        }
        assert public <= set(exported) | {"annotations"}
