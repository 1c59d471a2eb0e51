"""Where requests go: the hosts of the products, and which of them get the key."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.services.jina.session import Hosts

JINA = "https://api.jina.ai/v1"


@pytest.mark.parametrize(
    ("api", "region", "hosts"),
    [
        (JINA, None, ("https://r.jina.ai", "https://s.jina.ai", "https://g.jina.ai")),
        (JINA, "eu", ("https://eu.r.jina.ai", "https://eu.s.jina.ai", "https://g.jina.ai")),
        ("http://127.0.0.1:8000/v1", None, tuple(f"http://127.0.0.1:8000/{x}" for x in "rsg")),
        ("https://gate/jina/v1", None, tuple(f"https://gate/jina/{x}" for x in "rsg")),
    ],
)
def test_products_have_hosts_of_their_own(api, region, hosts):
    """Jina's own at Jina, paths beside the API elsewhere."""
    assert Hosts.beside(api, region) == Hosts(api, *hosts)


def test_an_address_of_ones_own_wins():
    """Each of the three can be given."""
    hosts = Hosts.beside(JINA, reader="https://read/", search="https://find", grounding="https://check/it")
    assert hosts == Hosts(JINA, "https://read", "https://find", "https://check/it")


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": "us"},
        {"region": "eu", "base_url": "http://x"},
        {"reader_url": "r.jina.ai"},
        {"search_url": "https://me:secret@x"},
        {"grounding_url": "https://x?key=secret"},
    ],
    ids=str,
)
def test_a_wrong_address_is_named_without_what_may_be_secret(wrong):
    """At construction, by the name of the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))) as error:
        Jina("key", **wrong)
    assert "secret" not in str(error.value)


def test_without_a_key_only_what_needs_none_is_to_be_had(monkeypatch, scripted):
    """limits="keyless" sends no key, although there is one, and refuses what asks for one before sending."""
    monkeypatch.setenv("JINA_API_KEY", "jina_of_the_environment")
    transport = scripted()
    jina = Jina(limits="keyless", transport=transport)
    with pytest.raises(
        ConfigurationError, match=r"embeddings asks for a key; without one there are segment and reader"
    ):
        jina.embed(["text"])
    assert transport.requests == []


def test_a_key_and_keyless_exclude_one_another():
    """Which of them was meant is not for us to guess."""
    with pytest.raises(ConfigurationError, match="api_key"):
        Jina("key", limits="keyless")
