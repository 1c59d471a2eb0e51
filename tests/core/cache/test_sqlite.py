"""Answers in one file: kept whole, shared by threads and processes, refused where they could be lost."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ragbridge import ConfigurationError, SqliteCache
from ragbridge.cache import database, mounts

KEYS = [bytes([number]) * 20 for number in range(200)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vectors.db"


@pytest.fixture
def cache(path):
    cache = SqliteCache(path)
    yield cache
    cache.close()


def names(folder: Path) -> list[str]:
    """Of the files in a folder."""
    return sorted(file.name for file in folder.iterdir())


def run(code: str, *arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """A program in another process, with this one's modules."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        **options,
    )


def test_what_was_put_is_found_and_nothing_else(cache):
    """By a later object as well."""
    cache.put_many({KEYS[0]: b"one", KEYS[1]: b""})
    assert cache.get_many([KEYS[2], KEYS[1], KEYS[0], KEYS[0]]) == {KEYS[0]: b"one", KEYS[1]: b""}
    assert cache.get_many([]) == {}
    cache.close()
    assert SqliteCache(cache.path).get_many(KEYS) == {KEYS[0]: b"one", KEYS[1]: b""}


def test_a_later_value_replaces_an_earlier_one(cache):
    """What is kept by its age is renewed."""
    cache.put_many({KEYS[0]: b"old", KEYS[1]: b"same"})
    cache.put_many({KEYS[0]: b"new"})
    assert cache.get_many(KEYS) == {KEYS[0]: b"new", KEYS[1]: b"same"}
    assert cache.info().answers == 2


def test_more_keys_than_a_statement_may_have(cache):
    """They are asked for by several."""
    items = {number.to_bytes(20, "big"): str(number).encode() for number in range(2_345)}
    cache.put_many(items)
    assert cache.get_many([*items, *KEYS]) == items


def test_what_was_kept_until_a_mark_can_be_dropped(cache):
    """What was put after it, or again after it, stays; marks never begin anew."""
    empty = cache.mark()
    cache.put_many({KEYS[0]: b"0", KEYS[1]: b"1"})
    mark = cache.mark()
    cache.put_many({KEYS[1]: b"again", KEYS[2]: b"2"})
    cache.drop_until(mark)
    assert cache.get_many(KEYS) == {KEYS[1]: b"again", KEYS[2]: b"2"}
    cache.drop_until(cache.mark())
    assert cache.get_many(KEYS) == {}
    cache.put_many({KEYS[3]: b"3"})
    assert empty < mark < cache.mark()
    cache.drop_until(mark)
    assert cache.get_many(KEYS) == {KEYS[3]: b"3"}


def test_the_oldest_answers_go_when_there_are_too_many(path):
    """Those put last are there, and the file stays about as large as it may be."""
    cache = SqliteCache(path, max_bytes=1 << 20)
    for number in range(100):
        cache.put_many({number.to_bytes(10, "big") + bytes([at] * 10): bytes(4096) for at in range(20)})
    found = cache.get_many([number.to_bytes(10, "big") + bytes([19] * 10) for number in range(100)])
    kept = [int.from_bytes(key[:10], "big") for key in found]
    assert sorted(kept) == list(range(100 - len(kept), 100))
    assert 100 < cache.info().answers < 256
    cache.close()
    assert path.stat().st_size < 1.3 * (1 << 20)


def test_a_bound_is_kept_where_the_file_was_larger_before(path):
    """And where one batch alone is larger."""
    SqliteCache(path).put_many({key: bytes(20_000) for key in KEYS})
    cache = SqliteCache(path, max_bytes=1 << 20)
    cache.put_many({b"x" * 20: b"last"})
    assert cache.get_many([b"x" * 20]) == {b"x" * 20: b"last"}
    assert cache.info().answers < 55
    cache.put_many({key: bytes(20_000) for key in KEYS})
    assert cache.info().answers < 55


def test_clearing_gives_the_space_back(cache):
    """And the cache can be used as before."""
    cache.put_many({key: bytes(20_000) for key in KEYS})
    assert cache.info().bytes > 4_000_000
    cache.clear()
    assert cache.info().answers == 0
    assert cache.info().bytes < 100_000
    cache.put_many({KEYS[0]: b"1"})
    assert cache.get_many(KEYS) == {KEYS[0]: b"1"}


def test_the_file_is_its_owners_alone(path):
    """Whatever the umask says; the files beside it as well."""
    for mask in (0o000, 0o077, 0o277):
        before = os.umask(mask)
        try:
            cache = SqliteCache(f"{path}.{mask}")
            cache.put_many({KEYS[0]: b"1"})
        finally:
            os.umask(before)
        files = list(path.parent.glob(f"*.{mask}*"))
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_it_travels_as_its_path(cache):
    """A copy in another process opens the same file, from whichever folder."""
    cache.put_many({KEYS[0]: b"1"})
    code = """
        import os, pickle, sys
        cache = pickle.loads(bytes.fromhex(sys.argv[1]))
        print(cache.get_many([bytes(20)]))
    """
    assert "b'1'" in run(code, pickle.dumps(cache).hex(), cwd="/").stdout
    again = pickle.loads(pickle.dumps(SqliteCache(cache.path, max_bytes=1 << 20)))
    assert (again, again.info().max_bytes) == (SqliteCache(cache.path, max_bytes=1 << 20), 1 << 20)
    assert again != cache


def test_a_pickle_of_what_cannot_be_opened_is_read(cache, path):
    """An error while unpickling would be lost in a worker of a process pool: the first use raises it."""
    pickled = pickle.dumps(cache)
    cache.close()
    path.write_bytes(b"no cache" * 1000)
    again = pickle.loads(pickled)
    with pytest.raises(ConfigurationError, match="is no cache"):
        again.get_many(KEYS)


def test_a_path_below_home(tmp_path, monkeypatch):
    """``~`` is the home folder, as in a shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert SqliteCache("~/vectors.db").path == tmp_path / "vectors.db"


def test_objects_of_one_process_share_it(cache, path):
    """A second one does not take the file's locks from the first, which would let others drop its log."""
    cache.put_many({KEYS[0]: b"1"})
    second = SqliteCache(path)
    other = """
        import sys
        from ragbridge import SqliteCache
        SqliteCache(sys.argv[1]).put_many({bytes([9] * 20): b"other"})
    """
    run(other, path)
    assert names(path.parent) == ["vectors.db", "vectors.db-shm", "vectors.db-wal"]
    second.put_many({KEYS[2]: b"2"})
    run(other, path)
    cache.put_many({KEYS[3]: b"3"})
    assert len(SqliteCache(path).get_many(KEYS)) == 4


def test_threads_share_it(cache):
    """Nothing is lost, and no thread sees a part of a batch."""

    def write(number: int) -> None:
        for at in range(25):
            keys = [bytes([number, at]) + bytes([part]) * 18 for part in range(40)]
            cache.put_many(dict.fromkeys(keys, bytes([at])))
            assert len(cache.get_many(keys)) == 40

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.info().answers == 8 * 25 * 40


def test_processes_share_it(path):
    """Also when several begin the file at once, and each sees what the others keep."""
    code = """
        import sys
        from ragbridge import SqliteCache
        number = int(sys.argv[2])
        for at in range(20):
            SqliteCache(sys.argv[1]).put_many({bytes([number, at, part]) + bytes(17): bytes(4096) for part in range(50)})
    """
    programs = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), path, str(number)])
        for number in range(4)
    ]
    assert [program.wait(60) for program in programs] == [0] * 4
    assert SqliteCache(path).info().answers == 4 * 20 * 50


def test_a_killed_writer_loses_nothing_that_was_acknowledged(path):
    """Four processes write, and one after the other is killed at any moment."""
    code = """
        import sys
        from ragbridge import SqliteCache
        cache, number, at = SqliteCache(sys.argv[1]), int(sys.argv[2]), 0
        while True:
            cache.put_many({number.to_bytes(4, "big") + at.to_bytes(8, "big") + bytes([part] * 8): bytes(4096) for part in range(64)})
            print(at, flush=True)
            at += 1
    """
    command = [sys.executable, "-c", textwrap.dedent(code), path]

    def start(number: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE)

    acknowledged: dict[int, int] = {}

    def kill(number: int, program: subprocess.Popen[bytes]) -> None:
        program.send_signal(signal.SIGKILL)
        rest, _ = program.communicate()
        acknowledged[number] += rest.count(b"\n")

    running = {number: start(number) for number in range(4)}
    for number in range(12):
        acknowledged[number] = 0
        assert running[number].stdout is not None
        for _ in range(1 + number % 3):
            running[number].stdout.readline()
            acknowledged[number] += 1
        kill(number, running.pop(number))
        if number + 4 < 12:
            running[number + 4] = start(number + 4)
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    cache = SqliteCache(path)
    for number, batches in acknowledged.items():
        assert batches
        for at in range(batches):
            keys = [
                number.to_bytes(4, "big") + at.to_bytes(8, "big") + bytes([part] * 8) for part in range(64)
            ]
            assert len(cache.get_many(keys)) == 64


def test_a_cache_that_is_dropped_closes_its_file(path):
    """Nobody has to close a cache: the connection of one that is dropped is closed, not left to be warned of."""
    cache = SqliteCache(path)
    cache.put_many({KEYS[0]: b"1"})
    connection = cache._database._connection
    del cache
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("select 1")


def test_a_forked_child_has_a_connection_of_its_own(cache):
    """Both go on, also when threads of the parent were writing at that moment."""
    stop = threading.Event()

    def write() -> None:
        at = 0
        while not stop.is_set():
            cache.put_many({at.to_bytes(20, "big"): bytes(4096)})
            at += 1

    threads = [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            child = os.fork()
            if child == 0:
                failed = 1
                try:
                    cache.put_many({bytes([number, 255]) + bytes(18): b"child"})
                    failed = int(cache.get_many([bytes([number, 255]) + bytes(18)]) == {})
                finally:
                    os._exit(failed)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    found = cache.get_many([bytes([number, 255]) + bytes(18) for number in range(10)])
    assert list(found.values()) == [b"child"] * 10
    with closing(sqlite3.connect(cache.path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_file_that_was_deleted_is_begun_anew(cache, path):
    """What is written to one that has no name any more would be lost."""
    cache.put_many({KEYS[0]: b"1"})
    path.unlink()
    cache.put_many({KEYS[1]: b"2"})
    assert SqliteCache(path).get_many(KEYS) == {KEYS[1]: b"2"}


def test_another_version_is_refused(cache, path):
    """By an error that names file and fix, and the file is left as it is."""
    cache.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("pragma user_version = 7")
    before = path.read_bytes()
    with pytest.raises(
        ConfigurationError, match=r"vectors\.db' has format 7, .* knows 1: delete the file, or name"
    ):
        SqliteCache(path)
    assert path.read_bytes() == before


def test_a_database_of_something_else_is_refused_and_left_alone(path):
    """Nothing is written to it, not even which journal it has."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table answers (key, value)")
    before = path.read_bytes()
    with pytest.raises(
        ConfigurationError, match=r"vectors\.db' is an SQLite database of something else: name another"
    ):
        SqliteCache(path)
    assert (path.read_bytes(), names(path.parent)) == (before, ["vectors.db"])


@pytest.mark.parametrize(
    "content", [b"a text of somebody's\n" * 500, b"\x89PNG" + bytes(9000)], ids=["text", "picture"]
)
def test_what_is_no_database_is_refused_and_left_alone(path, content):
    """By an error that names file and fix."""
    path.write_bytes(content)
    with pytest.raises(
        ConfigurationError, match=r"vectors\.db' is no cache .*: name another file, or delete this one"
    ):
        SqliteCache(path)
    assert (path.read_bytes(), names(path.parent)) == (content, ["vectors.db"])


def test_a_file_that_breaks_later_is_an_error_of_the_system(cache, path):
    """So that whoever uses it can go on without it."""
    cache.put_many({key: bytes(9000) for key in KEYS})
    cache.clear()
    cache.put_many({key: bytes(9000) for key in KEYS})
    cache.close()
    again = SqliteCache(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    with pytest.raises(OSError, match=r"vectors\.db'.*malformed"):
        again.get_many(KEYS)


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", "cannot be opened for writing|no regular file"),
        ("nowhere/vectors.db", "No such file or directory.*folder that exists"),
        ("file/vectors.db", "Not a directory"),
    ],
    ids=["folder", "no folder", "file as folder"],
)
def test_what_cannot_be_a_file_is_refused(tmp_path, where, says):
    """Before anything is paid."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigurationError, match=says):
        SqliteCache(tmp_path / where)


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full"])
def test_devices_are_refused(name):
    """They keep nothing."""
    with pytest.raises(ConfigurationError, match="is no regular file"):
        SqliteCache(name)


@pytest.fixture
def folder():
    """One that anybody may look into, for a test that runs as somebody who may do no more: root may do anything."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        SqliteCache(f"{name}/vectors.db").close()
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        yield Path(name)
        if root:
            os.seteuid(0)
        Path(name).chmod(0o755)


def test_what_may_not_be_written_is_refused(folder):
    """A file, a folder, and a file in such a folder, where SQLite could not keep its log."""
    owner = os.geteuid() != 65534
    if owner:
        (folder / "vectors.db").chmod(0o400)
    with pytest.raises(ConfigurationError, match="Permission denied.*that you may write to"):
        SqliteCache(folder / "vectors.db")
    if owner:
        (folder / "vectors.db").chmod(0o600)
        folder.chmod(0o555)
    with pytest.raises(ConfigurationError, match="Permission denied.*that you may write to"):
        SqliteCache(folder / "other.db")
    if not owner:
        os.seteuid(0)
        (folder / "vectors.db").chmod(0o666)
        os.seteuid(65534)
    with pytest.raises(ConfigurationError, match=r"vectors\.db' cannot be used .*name another file"):
        SqliteCache(folder / "vectors.db")


@pytest.mark.parametrize("wrong", ["", ":memory:", "a\0b", b"bytes"])
def test_no_path_is_refused(wrong):
    """A dict keeps answers in memory."""
    with pytest.raises(ConfigurationError, match="no path of a file; a dict keeps answers in memory"):
        SqliteCache(wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1000, 2e9, True, "1GB"])
def test_a_bound_that_keeps_nothing_is_refused(path, wrong):
    """With the least that makes sense."""
    with pytest.raises(ConfigurationError, match=r"max_bytes=.* must be an int of at least 1048576, or None"):
        SqliteCache(path, max_bytes=wrong)


def test_a_network_file_system_is_refused(path, monkeypatch, tmp_path):
    """Several machines share no memory, and the log's index is memory."""
    listed = tmp_path / "mounts"
    lines = ["/dev/sda1 / ext4 rw 0 0", f"server:/export {tmp_path} nfs4 rw 0 0"]
    listed.write_text("\n".join(lines))
    monkeypatch.setattr(mounts, "MOUNTS", listed)
    with pytest.raises(
        ConfigurationError, match=r"network file system \(nfs4\).*local disk, or use RedisCache"
    ):
        SqliteCache(path)
    assert not path.exists()
    listed.write_text(
        "\n".join([*lines, f"tmpfs {tmp_path} tmpfs rw 0 0", "server:/x /elsewhere nfs rw 0 0"])
    )
    SqliteCache(path).put_many({KEYS[0]: b"1"})


def test_a_full_disk_is_an_error_of_the_system(path):
    """What was kept before is still read, and what comes later is kept where there is room."""
    code = """
        import resource, sys
        from ragbridge import SqliteCache
        cache = SqliteCache(sys.argv[1])
        cache.put_many({bytes(20): b"before"})
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        try:
            cache.put_many({number.to_bytes(20, "big"): bytes(9000) for number in range(1, 200)})
        except OSError as error:
            print(error)
        print(cache.get_many([bytes(20), (1).to_bytes(20, "big")]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        cache.put_many({bytes([7] * 20): b"after"})
    """
    first, second = run(code, path).stdout.splitlines()
    assert "vectors.db" in first
    assert "full" in first or "I/O" in first
    assert second == f"{{{bytes(20)!r}: b'before'}}"
    assert SqliteCache(path).get_many([bytes(20), bytes([7] * 20)]) == {
        bytes(20): b"before",
        bytes([7] * 20): b"after",
    }


def test_a_locked_file_is_waited_for_and_then_left(cache, path, monkeypatch):
    """Another process's transaction delays nobody for ever."""
    monkeypatch.setattr(database, "BUSY", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        again = SqliteCache(path)
        with pytest.raises(OSError, match=r"vectors\.db'.*locked"):
            again.put_many({KEYS[0]: b"1"})
        assert again.get_many(KEYS) == {}
        other.execute("rollback")
    again.put_many({KEYS[0]: b"1"})
    assert cache.get_many(KEYS) == {KEYS[0]: b"1"}


def test_nothing_stays_open_when_it_is_gone(path):
    """The log is written into the file when the process ends, also where nobody closed it."""
    code = """
        import sys
        from ragbridge import SqliteCache
        cache = SqliteCache(sys.argv[1])
        cache.put_many({bytes(20): b"1"})
    """
    run(code, path)
    assert names(path.parent) == ["vectors.db"]
    assert SqliteCache(path).get_many([bytes(20)]) == {bytes(20): b"1"}
