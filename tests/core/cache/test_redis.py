"""Answers in a Redis server, over real sockets: bounded commands, and a password that is never shown."""

from __future__ import annotations

import logging
import pickle
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
import redis
from fakeredis import TcpFakeServer

from ragbridge import ConfigurationError, Jina, RedisCache
from ragbridge.cache import redis as module

PASSWORD = "sesame-opens-it"
KEYS = [number.to_bytes(20, "big") for number in range(300)]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def imitation(port):
    """A server that speaks Redis' protocol, without Redis."""
    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{port}/0"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def real(port):
    """Redis itself, with a password and without a file."""
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        PASSWORD,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    try:
        for _ in range(200):
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")


@pytest.fixture(scope="module", params=["imitation", pytest.param("real", marks=needs_redis)])
def server(request):
    with (imitation if request.param == "imitation" else real)(free_port()) as url:
        yield url


@pytest.fixture
def url(server):
    client = redis.Redis.from_url(server)
    client.flushdb()
    client.close()
    return server


@pytest.fixture
def cache(url):
    cache = RedisCache(url)
    yield cache
    cache.close()


def test_what_was_put_is_found_and_nothing_else(cache, url):
    """By another machine as well; a later value replaces an earlier one."""
    cache.put_many({KEYS[0]: b"zero", KEYS[1]: b"\x00\xff"})
    cache.put_many({KEYS[0]: b"later"})
    assert cache.get_many([KEYS[2], KEYS[1], KEYS[0]]) == {KEYS[0]: b"later", KEYS[1]: b"\x00\xff"}
    assert (cache.get_many([]), cache.put_many({})) == ({}, None)
    other = RedisCache(url)
    assert other.get_many(KEYS) == {KEYS[0]: b"later", KEYS[1]: b"\x00\xff"}
    other.close()


def test_commands_are_bounded(cache, monkeypatch):
    """In keys and in bytes: a server does nothing else while it answers one."""
    sizes = []
    client = cache._client()
    mset = client.mset

    def measured(part):
        sizes.append((len(part), sum(map(len, part.values()))))
        return mset(part)

    monkeypatch.setattr(client, "mset", measured)
    cache.put_many(dict.fromkeys(KEYS, b"x"))
    assert [count for count, _ in sizes] == [module.AT_ONCE, module.AT_ONCE, 300 - 2 * module.AT_ONCE]
    assert cache.get_many(KEYS) == dict.fromkeys(KEYS, b"x")
    sizes.clear()
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 1000)
    cache.put_many({**dict.fromkeys(KEYS[:10], bytes(400)), KEYS[11]: bytes(5000)})
    assert sizes == [(2, 800)] * 5 + [(1, 5000)]


def test_answers_are_forgotten_after_their_time(url):
    """Where it is given."""
    for ttl in (None, 100):
        cache = RedisCache(url, ttl=ttl)
        cache.put_many(dict.fromkeys(KEYS[:3], b"x"))
        assert cache.get_many(KEYS) == dict.fromkeys(KEYS[:3], b"x")
        with redis.Redis.from_url(url) as client:
            (name, *_) = client.keys("ragbridge:*")
            assert 0 < client.ttl(name) <= 100 if ttl else client.ttl(name) == -1
        cache.close()


def test_a_client_keeps_its_answers_there(url, monkeypatch):
    """The second time nothing is paid."""
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", url)
    with Jina(base_url="local", cache="redis://") as jina:
        first = jina.embed(["a", "b"], role="document")
        again = jina.embed(["b", "a"], role="document")
    assert (first.usage.requests, again.usage.requests, again.usage.cached) == (1, 0, 2)
    assert (first.vectors == again.vectors[::-1]).all()


def test_a_connection_that_was_closed_meanwhile_is_made_anew(cache, url):
    """As a server does with idle ones."""
    cache.put_many({KEYS[0]: b"x"})
    for connection in cache._client().connection_pool._available_connections:
        connection._sock.shutdown(socket.SHUT_RDWR)
    assert cache.get_many(KEYS) == {KEYS[0]: b"x"}


def test_a_server_out_of_reach_costs_a_warning(caplog):
    """And no answer."""
    port = free_port()
    caplog.set_level(logging.WARNING, logger="ragbridge")
    jina = Jina(base_url="local", cache=RedisCache(f"redis://:{PASSWORD}@127.0.0.1:{port}/0"))
    for _ in range(2):
        assert jina.embed(["a"], role="document").usage.requests == 1
    (record,) = caplog.records
    assert f"RedisCache('redis://127.0.0.1:{port}/0') failed, going on without it" in record.getMessage()
    assert PASSWORD not in caplog.text


ADDRESS = f"redis://user:{PASSWORD}@cache.example:6379/2"


def test_the_password_is_never_shown_and_does_not_travel(monkeypatch):
    """The process that reads a pickle has its own, in the environment."""
    cache = RedisCache(ADDRESS, ttl=60)
    for text in (repr(cache), str(vars(cache)), repr(vars(cache)["_server"]), repr(pickle.dumps(cache))):
        assert PASSWORD not in text
    assert repr(cache) == "RedisCache('redis://user@cache.example:6379/2', ttl=60)"
    monkeypatch.delenv("RAGBRIDGE_REDIS_URL", raising=False)
    again = pickle.loads(pickle.dumps(cache))
    with pytest.raises(ConfigurationError, match="set RAGBRIDGE_REDIS_URL in this process"):
        again.get_many(KEYS)
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", ADDRESS)
    again = pickle.loads(pickle.dumps(cache))
    assert again._client().connection_pool.connection_kwargs["password"] == PASSWORD
    assert again == cache
    assert PASSWORD not in repr(pickle.dumps(again))


def test_an_address_without_a_secret_travels(monkeypatch):
    """One of the environment does not: each process has its own."""
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", "redis://here.example:1/0")
    given, found = RedisCache("redis://cache.example:6379/2"), RedisCache()
    assert (
        pickle.loads(pickle.dumps(given))._client().connection_pool.connection_kwargs["host"]
        == "cache.example"
    )
    pickled = pickle.dumps(found)
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", "redis://there.example:1/0")
    assert pickle.loads(pickled)._client().connection_pool.connection_kwargs["host"] == "there.example"


@pytest.mark.parametrize(
    "wrong",
    [
        f"http://:{PASSWORD}@cache.example",
        f"redis://:{PASSWORD}@cache.example:70000/1",
        f"redis://:{PASSWORD}@cache.example:port/1",
        f"redis://cache.example/1?socket_timeout={PASSWORD}",
        f"{PASSWORD}",
        7,
    ],
)
def test_a_wrong_address_is_refused_and_not_shown(wrong):
    """Neither in the error nor in what led to it: it may hold a password."""
    with pytest.raises(
        ConfigurationError, match=r"^url (is no address of a Redis server|has a database or)"
    ) as refused:
        RedisCache(wrong)
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
    assert PASSWORD not in str(refused.value)


def test_without_an_address_the_error_says_where_to_give_one(monkeypatch):
    """By its argument or the environment."""
    monkeypatch.delenv("RAGBRIDGE_REDIS_URL", raising=False)
    with pytest.raises(ConfigurationError, match=r"pass url=, or set RAGBRIDGE_REDIS_URL"):
        RedisCache()
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", "localhost")
    with pytest.raises(ConfigurationError, match="^RAGBRIDGE_REDIS_URL is no address"):
        RedisCache()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "60"])
def test_a_time_that_is_none_is_refused(wrong):
    """Whole seconds."""
    with pytest.raises(ConfigurationError, match="ttl=.* must be a number of whole seconds above 0, or None"):
        RedisCache("redis://cache.example", ttl=wrong)
