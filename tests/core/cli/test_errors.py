"""What a command says when a key, an address or a model is wrong: one line, the fix, and no secret."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragbridge.cli import streams
from ragbridge.local import Engine
from ragbridge.server import running

KEY = "sesame-0123456789"


@pytest.fixture
def failing(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command that fails, with keys in its environment, and gives its one line."""
    monkeypatch.setenv("JINA_API_KEY", KEY)
    monkeypatch.setenv("ELASTIC_API_KEY", KEY)

    def run(*arguments: object) -> str:
        done = in_process(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("ragbridge: ")
        assert done.stderr.count("\n") == 1
        assert "sesame" not in done.stderr
        return str(done.stderr)

    return run


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("Lisbon is the capital of Portugal.\n")
    return path


def test_a_wrong_key_is_named_by_its_variable(failing: Callable[..., str], text: Path) -> None:
    """The service's refusal, and where the key came from."""
    with running(Engine(api_keys=["another"])) as url:
        assert "check the key in JINA_API_KEY" in failing("search", text, "capital", "--base-url", url)
        assert "check the key in ELASTIC_API_KEY" in failing("elastic", "endpoints", "list", "--url", url)


@pytest.mark.parametrize("place", ["nowhere.invalid", "127.0.0.1:{port}"])
def test_a_server_that_is_not_there_is_named_with_the_option(
    failing: Callable[..., str], text: Path, place: str
) -> None:
    """The address, what is wrong with it, and which option changes it."""
    address = f"http://{place.format(port=closed_port())}"
    said = failing("search", text, "capital", "--base-url", address)
    assert address in said
    assert "check --base-url, and that a server runs there" in said


def test_an_unknown_model_is_named(failing: Callable[..., str]) -> None:
    """The model that is not known stands in the message."""
    with running(Engine()) as url:
        create = ("elastic", "endpoints", "create", "x", "text_embedding", "--service", "elastic")
        assert "jina-embeddings-v99" in failing(*create, "--model", "jina-embeddings-v99", "--url", url)


def test_what_a_server_says_is_one_line_that_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Line ends and escape sequences in a message stay in its line."""
    streams.say("first\nsecond\r\x1b[31mred")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "\x1b" not in error
    assert "\r" not in error
