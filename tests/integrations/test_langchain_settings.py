"""What both LangChain classes promise about settings, the key and copies."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps
from pydantic import ValidationError

from langchain_ragbridge import JinaEmbeddings, JinaRerank
from ragbridge import AuthenticationError, ConfigurationError, Jina, RateLimit, Retry
from ragbridge.local import Engine
from ragbridge.server import running

KEY = "jina_0123456789abcdef"
CONNECTION = {
    "base_url": "http://127.0.0.1:9",
    "limits": RateLimit(requests_per_minute=7, tokens_per_minute=None, concurrency=3, window=30.0),
    "retry": Retry(attempts=2, initial=0.25, maximum=5.0, retry_after_cap=9.0, refusals=1),
    "timeout": 12.5,
    "concurrency": 2,
}
EMBEDDING = {
    "model": "jina-embeddings-v3",
    "task": "separation",
    "dimensions": 64,
    "truncate": True,
    "normalized": False,
    "late_chunking": True,
    "embedding_type": "float",
    "batch_size": 33,
}
RERANKING = {
    "model": "jina-reranker-v3.5",
    "top_n": 7,
    "max_doc_length": 99,
    "max_documents_per_call": 9,
    "image_key": None,
    "image_root": Path("images"),
}

both = pytest.mark.parametrize("kind", [JinaEmbeddings, JinaRerank])
with_every_setting = pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param(JinaEmbeddings, CONNECTION | EMBEDDING, id="embeddings"),
        pytest.param(JinaRerank, CONNECTION | RERANKING, id="rerank"),
    ],
)


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of whoever runs the tests has no part in them."""
    for name in Jina.KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def try_out(thing: JinaEmbeddings | JinaRerank) -> None:
    """Send one request."""
    if isinstance(thing, JinaEmbeddings):
        thing.embed_query("sea")
    else:
        thing.rerank(["sea"], "sea")


async def try_out_async(thing: JinaEmbeddings | JinaRerank) -> None:
    """Send one request on the running event loop."""
    if isinstance(thing, JinaEmbeddings):
        await thing.aembed_query("sea")
    else:
        await thing.acompress_documents([Document("sea")], "sea")


@with_every_setting
def test_pickles_bring_every_setting_back_but_the_key(kind, settings, monkeypatch):
    """A pickle holds every setting; the key is the one of the process that reads it."""
    data = pickle.dumps(kind(**settings, api_key=KEY))
    assert KEY.encode() not in data
    monkeypatch.setenv("JINA_API_KEY", "key-of-the-reader")
    again = pickle.loads(data)
    assert {name: getattr(again, name) for name in settings} == settings
    assert again.api_key.get_secret_value() == "key-of-the-reader"


@both
def test_ready_client_is_pickled_with_the_object(kind):
    """A ready client's own settings travel in a pickle; in a dump, which is for data, there is no client."""
    original = kind(client=Jina(KEY, base_url="local", timeout=7))
    again = pickle.loads(pickle.dumps(original))
    try_out(again)
    assert again.client.usage.requests == 1
    assert "client" not in original.model_dump()


@both
def test_copies_keep_the_key_and_the_client(kind):
    """Copies of an object, shallow or deep, still have its key and its client."""
    with_key, client = kind(base_url="local", api_key=KEY), Jina(KEY, base_url="local")
    for duplicate in (copy.copy, copy.deepcopy, lambda thing: thing.model_copy(deep=True)):
        assert duplicate(with_key).api_key.get_secret_value() == KEY
        assert duplicate(kind(client=client)).client is client


@both
def test_changed_settings_are_used(kind):
    """A setting that is changed later, by assignment or in a copy, holds from then on."""
    thing = kind(base_url="http://127.0.0.1:9")
    try_out(thing.model_copy(update={"base_url": "local"}))
    thing.base_url = "local"
    try_out(thing)


@both
def test_key_is_shown_nowhere(kind):
    """No repr, text, dump, LangChain serialization, schema or pickle has the key in it."""
    thing = kind(api_key=KEY, base_url="local")
    try_out(thing)
    shown = [repr(thing), str(thing), repr(thing.model_dump()), thing.model_dump_json(), dumps(thing)]
    shown += [json.dumps(kind.model_json_schema()), repr(pickle.dumps(thing)), repr(vars(thing))]
    assert not [text for text in shown if KEY in text]


@both
@pytest.mark.parametrize("name", ["api_key", "jina_api_key"])
@pytest.mark.parametrize(
    "wrong",
    [{"base_url": ""}, {"concurrency": 0}, {"timeout": "soon"}, {"tasks": "classification"}],
)
def test_errors_do_not_hold_the_key(kind, name, wrong):
    """An error about another setting has no trace of the key, whichever way the object was to be made."""
    settings = {name: KEY, "model": "jina-clip-v1", **wrong}
    with pytest.raises(ConfigurationError) as refused:
        kind(**settings, top_n=0) if kind is JinaRerank else kind(**settings, dimensions=1)
    assert KEY not in str(refused.value)
    assert refused.value.__context__ is None
    with pytest.raises(ValidationError) as invalid:
        kind.model_validate(settings | {"limits": "gold"})
    assert KEY not in str(invalid.value) + repr(invalid.value.errors())


@both
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tasks": "retrieval.query"}, "tasks: no such setting"),
        ({"user_agent": "mine"}, "user_agent: no such setting"),
        ({"model": "a", "model_name": "b"}, "model_name: .* under two names"),
        ({"limits": "gold"}, "limits must be"),
        ({"limits": {"requests_per_minute": 0}}, "limits.*requests_per_minute must be"),
        ({"retry": {"attempt": 3}}, r"retry\.attempt"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"timeout": 0}, "timeout=0"),
        ({"client": "jina"}, "client: "),
    ],
)
def test_wrong_settings_are_refused_at_once(kind, settings, words):
    """A wrong or unknown setting is refused when the object is made, by an error that names it."""
    with pytest.raises(ConfigurationError, match=words):
        kind(base_url="local", **settings)


@both
def test_missing_key_is_named_at_once(kind):
    """Without a key for the service, making the object fails and says where keys are looked for."""
    with pytest.raises(ConfigurationError, match="JINA_API_KEY"):
        kind()


@both
def test_client_with_other_connection_settings_is_refused(kind):
    """Beside a ready client, a setting that it would ignore is an error; a key in the environment is none."""
    client = Jina(base_url="local")
    with pytest.raises(ConfigurationError, match="give limits, timeout to it"):
        kind(client=client, timeout=3, limits="paid")
    assert kind(client=client, api_key=None, limits="auto").client is client


@both
def test_key_in_the_environment_does_not_clash_with_a_client(kind, monkeypatch):
    """A ready client is taken although the environment holds a key."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    try_out(kind(client=Jina(base_url="local"), api_key=None))


@both
@pytest.mark.parametrize("variable", Jina.KEY_VARIABLES)
def test_key_of_the_environment_is_sent(kind, variable, monkeypatch):
    """A key in any of the known variables lands on the object and reaches the service."""
    with running(Engine(api_keys=[KEY])) as address:
        with closing(kind(base_url=address, limits=None)) as thing, pytest.raises(AuthenticationError):
            try_out(thing)
        monkeypatch.setenv(variable, KEY)
        with closing(kind(base_url=address, limits=None, api_key=None)) as thing:
            try_out(thing)
    assert thing.api_key.get_secret_value() == KEY


@both
async def test_closed_object_stays_usable(kind):
    """Closing frees connections on both faces; a later call opens new ones."""
    with running(Engine()) as address:
        thing = kind(base_url=address, limits=None)
        try_out(thing)
        thing.close()
        try_out(thing)
        for _ in range(2):
            await try_out_async(thing)
            await thing.aclose()


@both
@pytest.mark.parametrize("name", ["api_key", "jina_api_key"])
def test_key_that_is_given_is_sent(kind, name):
    """A key is taken under both names that LangChain's users know."""
    with (
        running(Engine(api_keys=[KEY])) as address,
        closing(kind(**{name: KEY}, base_url=address, limits=None)) as thing,
    ):
        try_out(thing)


@both
def test_model_is_known_by_both_names(kind):
    """``model_name`` means ``model``."""
    model = "jina-embeddings-v3" if kind is JinaEmbeddings else "jina-reranker-m0"
    assert (
        kind(model_name=model, base_url="local").model == kind(model=model, base_url="local").model == model
    )


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_embeddings_do_not_import_what_reranking_needs():
    """Whoever only embeds does not pay for importing LangChain's runnables and compressors."""
    code = """
import sys
from langchain_ragbridge import JinaEmbeddings
JinaEmbeddings(base_url="local")
unneeded = "langchain_core.documents.compressor", "langchain_core.runnables.base", "langchain_ragbridge.rerank"
print([name for name in unneeded if name in sys.modules])
"""
    assert run(code) == "[]"
