from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ragbridge import AuthenticationError, Jina, RateLimitError, Retry, ServiceError

pytestmark = pytest.mark.long

Serving = Callable[..., AbstractContextManager[str]]
ONCE = Retry(attempts=1, refusals=0)


@pytest.fixture
def serving(environment: dict[str, str]) -> Serving:
    """Runs ``ragbridge serve`` on a free port; gives its address; ends it by its own id and checks how it ended."""

    @contextmanager
    def serve(
        *options: object, env: dict[str, str] | None = None, end: int = signal.SIGTERM
    ) -> Iterator[str]:
        command = [sys.executable, "-c", "from ragbridge.cli import main; main()", "serve", "--port", "0"]
        process = subprocess.Popen(
            [*command, *map(str, options)],
            env={**environment, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert "http://127.0.0.1:" in line, process.stderr.read() if process.stderr else ""
            yield line.split(" is at ")[1].split()[0]
        finally:
            os.kill(process.pid, end)
            rest, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert rest == ""
        assert errors == ""

    return serve


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_on_a_free_port_until_a_signal(serving: Serving, end: int) -> None:
    """It prints its address once it answers there, and ends quietly with code 0."""
    with serving(end=end) as address, Jina(base_url=address, limits=None) as jina:
        assert jina.embed(["a text"], dimensions=64).vectors.shape == (1, 64)


def test_serve_demands_a_key_of_the_environment(serving: Serving) -> None:
    """With RAGBRIDGE_SERVE_KEY only its keys are answered."""
    with serving(env={"RAGBRIDGE_SERVE_KEY": "one two"}) as address:
        with Jina("two", base_url=address, limits=None) as jina:
            assert len(jina.embed(["a text"])) == 1
        with Jina("three", base_url=address, limits=None) as jina, pytest.raises(AuthenticationError):
            jina.embed(["a text"])


def test_serve_answers_for_the_hosts_that_are_allowed(serving: Serving) -> None:
    """On loopback another host is refused, unless --allow-host names it."""
    with serving() as address:
        assert httpx.get(f"{address}/health", headers={"Host": "engine.internal"}).status_code == 421
    with serving("--allow-host", "engine.internal", "--allow-host", "other") as address:
        assert httpx.get(f"{address}/health", headers={"Host": "engine.internal"}).status_code == 200


def test_serve_takes_keys_quotas_and_faults(serving: Serving, tmp_path: Path) -> None:
    """The options reach the engine: the file's keys count, the second request of a minute is refused or fails."""
    (tmp_path / "keys").write_text("first\nsecond\n")
    options = ("--key-file", tmp_path / "keys", "--requests", 1)
    with serving(*options, env={"RAGBRIDGE_SERVE_KEY": "other"}) as address:
        with Jina("other", base_url=address, limits=None) as jina, pytest.raises(AuthenticationError):
            jina.embed(["a text"])
        with Jina("second", base_url=address, limits=None, retry=ONCE) as jina:
            jina.embed(["a text"])
            with pytest.raises(RateLimitError, match="RATE_REQUEST_LIMIT_EXCEEDED"):
                jina.embed(["a text"])
    with (
        serving("--fault-rate", 1, "--fault", "status503") as address,
        Jina(base_url=address, limits=None, retry=ONCE) as jina,
        pytest.raises(ServiceError, match="503"),
    ):
        jina.embed(["a text"])


def test_serve_knows_the_pages_of_a_file(serving: Serving, tmp_path: Path) -> None:
    """With --pages, reader and search know the pages in the file."""
    (tmp_path / "pages.json").write_text('{"https://example.com/a": "# A title"}')
    with serving("--pages", tmp_path / "pages.json") as address, Jina(base_url=address, limits=None) as jina:
        assert jina.read("https://example.com/a").title == "A title"


@pytest.mark.parametrize(
    ("options", "env", "code", "says"),
    [
        (["--key-file", "/nowhere/keys"], {}, 1, "--key-file"),
        ([], {"RAGBRIDGE_SERVE_KEY": " "}, 1, "RAGBRIDGE_SERVE_KEY holds no key"),
        (["--fault-rate", "1", "--fault", "gremlins"], {}, 1, "'gremlins' is not a kind of fault"),
        (["--fault-rate", "2"], {}, 2, "--fault-rate"),
        (["--window", "0"], {}, 1, "window"),
        (["--requests", "3", "--window", "4"], {}, 1, "no request fits into 4 s at 3 requests a minute"),
        (["--tokens", "6", "--window", "5"], {}, 1, "no token fits into 5 s at 6 tokens a minute"),
        (["--port", "99999"], {}, 2, "--port"),
        (["--model", "/nowhere"], {}, 1, "/nowhere"),
        (["--pages", "/nowhere/pages.json"], {}, 1, "--pages"),
        (["--pages", __file__], {}, 1, "--pages"),
        (["--allow-host", "http://engine"], {}, 1, "without port"),
        (["--key", "secret"], {}, 2, "No such option"),
    ],
)
def test_serve_refuses_what_it_cannot_do(
    in_process: Any,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    env: dict[str, str],
    code: int,
    says: str,
) -> None:
    """A wrong option ends it before it listens, with one message."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    done = in_process("serve", *options)
    assert done.returncode == code
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
