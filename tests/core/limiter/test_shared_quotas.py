"""Quotas that processes share: ``FileQuotas`` and ``RedisQuotas`` behind real clients."""

from __future__ import annotations

import copy
import json
import logging
import multiprocessing
import os
import pickle
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from fakeredis import TcpFakeServer

from ragbridge import (
    ConfigurationError,
    Elastic,
    FileQuotas,
    Jina,
    Limiter,
    Quotas,
    RateLimit,
    RedisQuotas,
    RequestError,
    Retry,
)
from ragbridge.local import Engine, Quota
from ragbridge.server import running

PASSWORD = "sesame-opens-it"
LIMIT = RateLimit(
    requests_per_minute=1200, tokens_per_minute=None, concurrency=6, window=1.0
)  # 20 in a second
SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def service():
    """The engine with that quota, which counts what it refuses."""
    engine = Engine(quota=Quota(requests_per_minute=1200, tokens_per_minute=None, concurrency=6, window=1.0))
    with running(engine) as url:
        yield url


@pytest.fixture
def imitation():
    """A server that speaks Redis' protocol, without Redis."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{port}/0"
    server.shutdown()
    server.server_close()
    thread.join()


def work(url, quotas, texts, answers):
    """One worker: one request a text."""
    jina = Jina("k", base_url=url, host="jina", limits=LIMIT, quotas=quotas, batch_size=1, concurrency=4)
    rows = len(jina.embed(texts, role="document"))
    answers.put((rows, jina.usage.requests, jina.usage.refusals))


def start(url, quotas, answers, texts=20):
    process = SPAWN.Process(target=work, args=(url, quotas, [f"text {n}" for n in range(texts)], answers))
    process.start()
    return process


def ended(workers, answers):
    """What the workers say; each ends by itself."""
    found = [answers.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(30)
    return found


def test_processes_with_one_file_never_overrun_the_quota(service, tmp_path):
    """Each believes to have the whole quota; the service refuses nothing."""
    answers = SPAWN.Queue()
    workers = [start(service, FileQuotas(tmp_path / "quota.db"), answers) for _ in range(3)]
    assert ended(workers, answers) == [(20, 20, 0)] * 3
    assert (tmp_path / "quota.db").stat().st_mode & 0o077 == 0


def test_clients_with_one_server_share_a_quota(service, imitation):
    """Two objects of quotas stand for two processes."""
    quotas = [RedisQuotas(imitation) for _ in range(2)]
    clients = [
        Jina("k", base_url=service, host="jina", limits=LIMIT, quotas=each, batch_size=1) for each in quotas
    ]
    threads = [threading.Thread(target=jina.embed, args=([f"{n}" for n in range(25)],)) for jina in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [(jina.usage.requests, jina.usage.refusals) for jina in clients] == [(25, 0)] * 2
    for each in quotas:
        each.close()


def test_a_refusal_pauses_the_other_processes(tmp_path):
    """A 429 that one gets is told to all."""
    limiters = [
        FileQuotas(tmp_path / "q.db").limiter(RateLimit(), service_host="h", key_digest="d", product="p")
        for _ in range(2)
    ]
    ticket = limiters[0].reserve(10)
    granted(ticket)
    assert ticket.refuse(reason="requests", retry_after=30.0) == 30.0
    limiters[0].close()
    second = limiters[1].reserve(10)
    while limiters[1].waiting is None:
        time.sleep(0.01)
    cause, seconds = limiters[1].waiting
    assert cause == "paused"
    assert 25 < seconds <= 30
    second.cancel()
    limiters[1].close()


def test_a_request_that_ends_after_its_lease_counts_from_its_end(tmp_path):
    """A process that was stopped for longer than a lease: what the service counted late is not given out again."""
    limit = RateLimit(None, 60_000, None, 60.0)
    quotas = [FileQuotas(tmp_path / "q.db") for _ in range(2)]
    limiters = [each.limiter(limit, service_host="h", key_digest="d", product="p") for each in quotas]
    ticket = limiters[0].reserve(100)
    granted(ticket)
    state = limiters[0]._desk._path
    with closing(sqlite3.connect(state)) as database, database:  # its lease ends
        text = database.execute("select state from quotas").fetchone()[0]
        values = json.loads(text)
        values["_leases"] = dict.fromkeys(values["_leases"], 0.0)
        database.execute("update quotas set state = ?", (json.dumps(values),))
    database.close()
    ticket.settle(50_000)
    limiters[0].close()
    second = limiters[1].reserve(20_000)
    while limiters[1].waiting is None:
        time.sleep(0.01)
    assert limiters[1].waiting[0] == "tokens"
    second.cancel()
    limiters[1].close()


def granted(ticket):
    event = threading.Event()
    ticket.subscribe(event.set)
    while ticket.poll() is not None:
        event.wait(0.5)
        event.clear()


def test_out_of_reach_is_an_error_that_is_retried(service):
    """Nothing is sent while the quota is unknown; then the error says what is out of reach, without a password."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))  # nobody listens
        quotas = RedisQuotas(f"redis://:{PASSWORD}@127.0.0.1:{sock.getsockname()[1]}/0", outage=0.2)
        jina = Jina(
            "k",
            base_url=service,
            host="jina",
            limits="free",
            quotas=quotas,
            retry=Retry(attempts=2, initial=0.01),
        )
        with pytest.raises(RequestError, match=r"the shared quota is out of reach for 0\.2 s") as caught:
            jina.embed(["a"])
    assert jina.usage.requests == 0
    assert jina.usage.retries == 1
    assert PASSWORD not in str(caught.value)


async def test_out_of_reach_is_the_same_error_when_awaited(service):
    """Also on an event loop."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        quotas = RedisQuotas(f"redis://127.0.0.1:{sock.getsockname()[1]}/0", outage=0.2)
        jina = Jina(
            "k",
            base_url=service,
            host="jina",
            limits="free",
            quotas=quotas,
            retry=Retry(attempts=2, initial=0.01),
        )
        with pytest.raises(RequestError, match="the shared quota is out of reach"):
            await jina.aembed(["a"])
    assert jina.usage.retries == 1


def test_a_file_of_something_else_is_refused(service, tmp_path):
    """The error names the file and what to do."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but more than a few bytes of text" * 40)
    with pytest.raises(ConfigurationError, match=r"notes\.txt.* is no file of quotas .*: delete it"):
        Jina("k", base_url=service, host="jina", limits="free", quotas=path).embed(["a"])


def test_pickles_hold_settings_and_no_password(monkeypatch, tmp_path):
    """A client with shared quotas travels; the address' password stays."""
    monkeypatch.setenv("JINA_API_KEY", "k")
    url = f"redis://user:{PASSWORD}@127.0.0.1:7/0"
    for quotas in (
        RedisQuotas(url),
        FileQuotas(tmp_path / "q.db"),
        RedisQuotas("redis://127.0.0.1:7/3", lease=4.0),
    ):
        jina = Jina(quotas=quotas)
        pickled = pickle.dumps((jina, quotas))
        assert PASSWORD.encode() not in pickled
        assert PASSWORD not in repr((jina, quotas, jina._channel.limiter("embeddings")))
        _, again = pickle.loads(pickled)
        if quotas.setting is not None:
            assert again == quotas
        assert copy.deepcopy(quotas) is quotas
        assert isinstance(quotas, Quotas)
    monkeypatch.setenv("RAGBRIDGE_REDIS_URL", url)
    assert RedisQuotas().setting == "redis://"
    assert PASSWORD not in repr(pickle.loads(pickle.dumps(RedisQuotas())))


def test_a_limiter_of_its_own_is_refused_in_a_pickle_with_what_to_give(monkeypatch):
    """Another process would count anew: a setting is what can travel."""
    monkeypatch.setenv("JINA_API_KEY", "k")
    with pytest.raises(TypeError, match=r"Give limits=RateLimit\(.*quotas=RedisQuotas\(\)"):
        pickle.dumps(Jina(limits=Limiter(RateLimit())))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quotas": 5}, r"quotas is int: give RedisQuotas\(\), FileQuotas\(path\)"),
        ({"quotas": FileQuotas}, "quotas is FileQuotas, a class"),
        ({"quotas": "redis://:secret@h/0"}, "would be written down with its password"),
        ({"quotas": "/no/such/folder/q.db"}, "there is no folder '/no/such/folder'"),
        ({"quotas": "q.db", "limits": Limiter(RateLimit())}, "quotas= beside a limiter in limits="),
    ],
)
def test_what_are_no_quotas_is_refused(settings, message):
    """When the client is made, in both services."""
    for make in (
        lambda: Jina("k", **settings),
        lambda: Elastic("http://127.0.0.1:9", api_key="k", **settings),
    ):
        with pytest.raises(ConfigurationError, match=message):
            make()


@pytest.mark.parametrize("figure", [0, -1, float("nan"), float("inf"), True, "9"])
def test_figures_that_are_no_seconds_are_refused(figure, tmp_path):
    """By name."""
    with pytest.raises(ConfigurationError, match="lease="):
        FileQuotas(tmp_path / "q.db", lease=figure)
    with pytest.raises(ConfigurationError, match="outage="):
        RedisQuotas("redis://127.0.0.1:7/0", outage=figure)


def test_quotas_are_kept_by_host_key_and_product(tmp_path):
    """Products and keys have limiters of their own, whose names hold no key."""
    quotas = FileQuotas(tmp_path / "q.db")
    jina = Jina("the-key-itself", quotas=quotas)
    names = {jina._channel.limiter(product) for product in ("embeddings", "rerank")}
    assert len(names) == 2
    assert Jina("the-key-itself", quotas=quotas)._channel.limiter("rerank") in names
    assert Jina("another-key", quotas=quotas)._channel.limiter("rerank") not in names
    assert "the-key-itself" not in str(quotas._limiters)


def test_a_blocking_call_on_a_busy_loop_is_not_kept_waiting_by_it(service, tmp_path):
    """What an event loop that stands still has under way counts as used: a blocking call inside it goes on."""
    import asyncio

    limit = RateLimit(None, None, 1, 1.0)
    jina = Jina(
        "k", base_url=service, host="jina", limits=limit, quotas=FileQuotas(tmp_path / "q.db"), batch_size=1
    )

    async def both():
        task = asyncio.create_task(jina.aembed(["a", "b", "c"]))
        await asyncio.sleep(0.05)
        jina.embed(["blocking"])
        return await task

    assert len(asyncio.run(both())) == 3


def test_waiting_says_what_the_head_waits_for():
    """The cause and the seconds, for progress bars; nothing once nobody waits."""
    time = [0.0]
    limiter = Limiter(RateLimit(60, None, None, 10.0), clock=lambda: time[0])
    assert limiter.waiting is None
    for _ in range(10):
        ticket = limiter.reserve(0)
        assert ticket.poll() is None
        ticket.settle(0)
    waiting = limiter.reserve(0)
    waiting.poll()
    time[0] = 4.0
    assert limiter.waiting == ("requests", 6.0)
    waiting.cancel()
    assert limiter.waiting is None


@pytest.mark.redis
@pytest.mark.parametrize(
    "event", ["nothing", "a worker is killed", "a pause of 5 s", "a restart without memory"]
)
def test_no_row_is_lost_and_nothing_is_refused(event, service, redis_server):
    """Three workers and one Redis server, whatever happens to one of them."""
    answers = SPAWN.Queue()
    quotas = RedisQuotas(redis_server.url, lease=3.0)
    workers = [start(service, quotas, answers, texts=80) for _ in range(3)]
    while not redis_server.client.keys("*"):
        time.sleep(0.05)
    time.sleep(2)
    if event == "a worker is killed":
        victim = start(service, quotas, SPAWN.Queue(), texts=500)
        time.sleep(4)
        os.kill(victim.pid, signal.SIGKILL)
        victim.join()
    elif event == "a pause of 5 s":
        os.kill(redis_server.process.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(redis_server.process.pid, signal.SIGCONT)
    elif event == "a restart without memory":
        redis_server.kill()
        time.sleep(1)
        redis_server.start()
    assert ended(workers, answers) == [(80, 80, 0)] * 3


def test_forked_processes_share_the_quota_and_not_the_bookings(tmp_path, service):
    """A child starts with an empty line; the parent's bookings stay the parent's."""
    quotas = FileQuotas(tmp_path / "q.db")
    jina = Jina("k", base_url=service, host="jina", limits=LIMIT, quotas=quotas)
    jina.embed(["a"])
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=work, args=(service, quotas, ["b", "c"], answers))
    child.start()
    assert answers.get(timeout=60) == (2, 2, 0)
    child.join(30)
    jina.embed(["d"])
    assert jina.usage.refusals == 0


def test_a_limit_that_differs_is_told(tmp_path, caplog):
    """Two limits for one key are most probably a mistake."""
    quotas = FileQuotas(tmp_path / "q.db")
    with caplog.at_level(logging.WARNING, "ragbridge"):
        for limit in (RateLimit(), RateLimit(50)):
            quotas.limiter(limit, service_host="h", key_digest="d", product="p")
    assert "two limits for p of h" in caplog.text
