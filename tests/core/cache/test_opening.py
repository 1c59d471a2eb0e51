"""What ``cache=`` takes, and what it refuses."""

from __future__ import annotations

import dbm.dumb
import pickle
import shelve
from collections import UserDict
from pathlib import Path

import pytest

from ragbridge import ConfigurationError, RedisCache, SqliteCache
from ragbridge.cache.opening import open_cache

KEYS = [bytes([number]) * 20 for number in range(9)]


class Store:
    """What LangChain calls a ``ByteStore``."""

    def __init__(self):
        self.kept = {}

    def mget(self, keys):
        return [self.kept.get(key) for key in keys]

    def mset(self, pairs):
        self.kept.update(pairs)

    def yield_keys(self, *, prefix=None):
        return (key for key in self.kept if key.startswith(prefix or ""))


class Own:
    """A cache of the caller's own."""

    def __init__(self):
        self.kept = {}

    def get_many(self, keys):
        return {key: self.kept[key] for key in keys if key in self.kept}

    def put_many(self, items):
        self.kept.update(items)


@pytest.fixture(params=["path", "Path", "own", "dict", "mapping", "shelf", "dbm", "store"])
def given(request, tmp_path):
    """Each kind of thing that can be a cache."""
    match request.param:
        case "path":
            yield str(tmp_path / "x.db")
        case "Path":
            yield tmp_path / "x.db"
        case "own":
            yield Own()
        case "dict":
            yield {}
        case "mapping":
            yield UserDict()
        case "shelf":
            with shelve.open(str(tmp_path / "shelf")) as shelf:
                yield shelf
        case "dbm":
            with dbm.dumb.open(str(tmp_path / "dbm"), "c") as database:
                yield database
        case "store":
            yield Store()


def test_everything_that_keeps_bytes_is_a_cache(given):
    """It finds what was put, and nothing else; a later value replaces an earlier one."""
    cache = open_cache(given)
    cache.put_many({KEYS[0]: b"zero", KEYS[1]: b""})
    cache.put_many({KEYS[0]: b"later"})
    assert dict(cache.get_many([KEYS[2], KEYS[0], KEYS[1]])) == {KEYS[0]: b"later", KEYS[1]: b""}
    assert dict(open_cache(given).get_many(KEYS)) == {KEYS[0]: b"later", KEYS[1]: b""}


def test_a_path_is_a_file_of_sqlite(tmp_path):
    """Of whichever name."""
    assert open_cache(tmp_path / "x") == SqliteCache(tmp_path / "x")
    assert open_cache(None) is None


def test_what_a_user_keeps_elsewhere_is_told_from_answers():
    """Their keys begin with our name, and are plain letters and digits, for stores whose keys are names of files."""
    store, items = Store(), {}
    for given in (store, items):
        open_cache(given).put_many({KEYS[1]: b"1"})
    assert list(store.kept) == list(items) == ["ragbridge-" + "01" * 20]


def test_a_dict_is_pickled_with_what_it_holds():
    """As any dict is."""
    cache = open_cache({})
    cache.put_many({KEYS[0]: b"1"})
    assert pickle.loads(pickle.dumps(cache)).get_many(KEYS) == {KEYS[0]: b"1"}


def test_langchains_own_stores_are_caches(tmp_path):
    """A folder of files, and memory."""
    stores = pytest.importorskip("langchain_core.stores")
    classic = pytest.importorskip("langchain_classic.storage")
    for store in (stores.InMemoryByteStore(), classic.LocalFileStore(tmp_path)):
        cache = open_cache(store)
        cache.put_many({KEYS[0]: b"1"})
        assert dict(cache.get_many(KEYS)) == {KEYS[0]: b"1"}


@pytest.mark.parametrize("wrong", [3, True, object(), [], ("x.db",), dict, Own, b"x.db", SqliteCache])
def test_anything_else_is_refused(wrong):
    """By an error that says what can be given."""
    with pytest.raises(
        ConfigurationError, match=r"cache is .*: give the path of a file, a dict or another Mutable"
    ):
        open_cache(wrong)


def test_a_server_can_be_named_where_only_texts_can_be_written(monkeypatch):
    """Without its password, which the environment has."""
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", "redis://:sesame-opens@redis.example:6379/2")
    assert open_cache("redis://other.example:6379/1") == RedisCache("redis://other.example:6379/1")
    assert open_cache("redis://") == RedisCache()
    assert repr(open_cache("redis://")) == "RedisCache('redis://redis.example:6379/2')"
    with pytest.raises(ConfigurationError, match="set RAGBRIDGE_REDIS_URL") as refused:
        open_cache("redis://:sesame-opens@redis.example:6379/2")
    assert "sesame" not in str(refused.value)


def test_a_path_of_a_relative_file_is_fixed(tmp_path, monkeypatch):
    """A program that changes its folder keeps its cache."""
    monkeypatch.chdir(tmp_path)
    cache = open_cache("x.db")
    cache.put_many({KEYS[0]: b"1"})
    monkeypatch.chdir(Path("/"))
    assert dict(cache.get_many(KEYS)) == {KEYS[0]: b"1"}
