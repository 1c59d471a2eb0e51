"""``cache=`` of the clients: what it opens, what its keys depend on, and what of it travels."""

from __future__ import annotations

import pickle

import pytest

from ragbridge import ConfigurationError, Elastic, Jina, SqliteCache
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport

ASKED = {"model": "m", "dimensions": 8}


def jina(**settings):
    return Jina(**{"base_url": "local", **settings})


def elastic(**settings):
    return Elastic(**{"url": "local", **settings})


both = pytest.mark.parametrize("make", [jina, elastic])


@both
def test_a_client_opens_its_cache(make, tmp_path):
    """A path, or anything else that keeps answers; none unless asked for."""
    assert make().cache is None
    assert make(cache=tmp_path / "x.db").cache.cache == SqliteCache(tmp_path / "x.db")
    assert repr(make(cache={}).cache.cache) == "MappingCache(dict)"


@both
def test_what_is_no_cache_is_refused(make, tmp_path):
    """When the client is made."""
    (tmp_path / "x.db").write_bytes(b"something else" * 1000)
    with pytest.raises(ConfigurationError, match="is no cache"):
        make(cache=tmp_path / "x.db")
    with pytest.raises(ConfigurationError, match="cache is int: give the path of a file"):
        make(cache=7)
    with pytest.raises(ConfigurationError, match="cache_version is int, not str"):
        make(cache={}, cache_version=7)
    with pytest.raises(ConfigurationError, match="cache_version='a' without cache="):
        make(cache_version="a")


@both
def test_a_client_travels_with_the_path_of_its_cache(make, tmp_path, monkeypatch):
    """From whichever folder; reading the pickle opens nothing."""
    monkeypatch.chdir(tmp_path)
    client = make(cache="x.db", cache_version="a")
    client.cache.put_many({bytes(20): b"1"})
    pickled = pickle.dumps(client)
    monkeypatch.chdir("/")
    assert pickle.loads(pickled).cache.get_many([bytes(20)]) == {bytes(20): b"1"}
    assert pickle.loads(pickle.dumps(pickle.loads(pickled))).cache.get_many([bytes(20)]) == {bytes(20): b"1"}
    client.close()
    (tmp_path / "x.db").write_bytes(b"something else" * 1000)
    again = pickle.loads(pickled)
    with pytest.raises(ConfigurationError, match="is no cache"):
        again.cache.get_many([bytes(20)])


@both
def test_closing_a_client_closes_the_file_that_it_opened(make, tmp_path):
    """It can be used again; a cache of the caller's own is left alone."""
    client = make(cache=tmp_path / "x.db")
    client.cache.put_many({bytes(20): b"1"})
    assert len(list(tmp_path.iterdir())) == 3
    client.close()
    assert [file.name for file in tmp_path.iterdir()] == ["x.db"]
    assert client.cache.get_many([bytes(20)]) == {bytes(20): b"1"}
    client.close()
    own = SqliteCache(tmp_path / "own.db")
    client = make(cache=own)
    client.cache.put_many({bytes(20): b"1"})
    client.close()
    assert len(list(tmp_path.glob("own.db*"))) == 3


def key(client, product="embeddings", **more):
    return client._channel.keys(product, {**ASKED, **more}).of("a text")


def test_keys_depend_on_who_answers_and_on_what_is_asked():
    """The address, the product, each setting, and a word of the caller's."""
    clients = [
        Jina("k", cache={}),
        Jina("k", cache={}, base_url="http://a.example"),
        Jina("k", cache={}, base_url="http://a.example", cache_version="b"),
        jina(cache={}),
        Jina(cache={}, base_url="http://a.example/v1/local", api_key="k"),
    ]
    keys = [key(client) for client in clients]
    keys += [key(clients[0], "rerank"), key(clients[0], dimensions=9), key(clients[0], more=None)]
    assert len(set(keys)) == len(keys)
    assert key(Jina("another", cache={})) == keys[0]


def test_the_embedded_engines_answers_depend_on_its_own_model(tmp_path):
    """Whichever address stands for it."""
    usual, other = jina(cache={}), Jina("k", transport=Engine(model=tmp_path), cache={})
    assert key(usual) == key(Jina("k", transport=Engine(), cache={}))
    assert key(usual) != key(other)
    assert key(other) != key(Jina("k", transport=Engine(model=tmp_path / "x"), cache={}))


def test_a_transport_of_the_callers_own_is_the_address():
    """Nothing else is known of it."""
    assert key(Jina("k", transport=ScriptedTransport(), cache={})) == key(Jina("k", cache={}))


def test_pages_belong_to_the_reader_that_read_them():
    """The same address of the API may go with another reader."""
    usual, other = Jina("k", cache={}), Jina("k", reader_url="http://r.example", cache={})
    assert key(usual) == key(other)
    assert key(usual, "reader") != key(other, "reader")
