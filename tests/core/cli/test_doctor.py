"""``ragbridge doctor``: what it finds, over real sockets, and how it ends."""

from __future__ import annotations

import json

import pytest

from ragbridge import Jina
from ragbridge.cli.installed import extras
from ragbridge.local import Engine
from ragbridge.server import running


@pytest.fixture
def doctor(monkeypatch, in_process):
    """``doctor(*arguments, **environment)``: the exit code, and what was found by name."""

    def call(*arguments, **environment):
        for name in (*Jina.KEY_VARIABLES, "ELASTICSEARCH_URL", "ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        ended = in_process("doctor", "--json", *arguments)
        assert "s3cret" not in ended.stdout + ended.stderr
        return ended.returncode, {row["name"]: row for row in json.loads(ended.stdout)}

    return call


@pytest.fixture(scope="module")
def server():
    with running(Engine(api_keys=["s3cret-right"])) as url:
        yield url


def test_without_a_key_it_says_what_to_do(doctor):
    """Nothing is wrong, nothing is asked for over the network, and the embedded engine answers."""
    code, found = doctor()
    assert code == 0
    assert found["Jina key"]["state"] == "note"
    assert "JINA_API_KEY" in found["Jina key"]["says"]
    assert found["versions"]["says"].startswith("ragbridge ")
    assert "answers with 1,024 numbers" in found["embedded engine"]["says"]
    assert not {"Jina balance", "Jina models", "Elasticsearch"} & set(found)


def test_a_key_that_is_accepted(doctor, server):
    """The balance is told, and what the server lists."""
    code, found = doctor("--base-url", server, JINA_AUTH_TOKEN="s3cret-right")
    assert code == 0
    assert found["Jina key"]["says"] == "in JINA_AUTH_TOKEN (..., 12 characters)"
    assert "answers with 1,024 numbers in " in found["Jina question"]["says"]
    assert "tokens are left" in found["Jina balance"]["says"]
    assert "lists" in found["Jina models"]["says"]
    assert found["Jina host"]["says"].endswith("is spoken to as 'jina'")
    assert found["Jina transport"]["says"] == "requests are sent by ragbridge itself"


def test_of_two_keys_the_one_that_is_used_is_told(doctor):
    """By the name of its variable, its length, and what all keys begin with."""
    code, found = doctor("--base-url", "local", JINA_API_KEY="jina_s3cret", JINA_AUTH_TOKEN="s3cret-other")
    assert (code, found["Jina key"]["state"]) == (0, "note")
    says = "in JINA_API_KEY (jina_..., 11 characters); JINA_AUTH_TOKEN holds another, which is not used"
    assert found["Jina key"]["says"] == says


def test_a_key_that_is_not_accepted(doctor, server):
    """It is said, without the key, and the command ends with 1."""
    code, found = doctor("--base-url", server, JINA_API_KEY="s3cret-wrong")
    assert code == 1
    assert found["Jina balance"]["state"] == "wrong"
    assert "the key is not accepted" in found["Jina balance"]["says"]


def test_a_server_that_is_not_there(doctor):
    """It is a finding, not a traceback."""
    code, found = doctor("--base-url", "http://127.0.0.1:9/v1")
    assert (code, found["Jina host"]["state"]) == (1, "wrong")


def test_elasticsearch(doctor, server):
    """It is asked where the environment names one."""
    code, found = doctor(ELASTICSEARCH_URL=server, ELASTIC_API_KEY="s3cret-right")
    assert code == 0
    assert "inference endpoints" in found["Elasticsearch"]["says"]
    code, found = doctor(ELASTICSEARCH_URL=server, ELASTIC_API_KEY="s3cret-wrong")
    assert (code, found["Elasticsearch"]["state"]) == (1, "wrong")
    code, found = doctor(ELASTICSEARCH_URL="not an address")
    assert (code, found["Elasticsearch"]["state"]) == (1, "wrong")


def test_extras_and_what_they_lack(monkeypatch):
    """An extra's own extras count; those of the project's tests are no business of users."""
    installed = {"numpy", "typer"}

    def version(name):
        if name not in installed:
            raise extras.__globals__["metadata"].PackageNotFoundError(name)
        return "1"

    lines = [
        "numpy>=2",
        'typer>=1; extra == "cli"',
        'rich>=1; extra == "cli"',
        'typer>=1; extra == "bare"',
        'ragbridge[bare,cli]; extra == "all"',
        'pytest>=1; extra == "test-core"',
    ]
    monkeypatch.setattr("ragbridge.cli.installed.metadata.version", version)
    monkeypatch.setattr("ragbridge.cli.installed.metadata.requires", lambda _: lines)
    assert extras() == {"cli": ["rich"], "bare": [], "all": ["rich"]}
