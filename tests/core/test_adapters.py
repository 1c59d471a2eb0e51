"""What adapters of any framework share: the client follows the settings of the object that holds them."""

from __future__ import annotations

import copy
import pickle

import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.adapters import Connected, changed, defaults_of


class Adapter(Connected):
    """An adapter for a framework that asks for nothing: settings are attributes, secrets have a mark in front."""

    _SERVICE = Jina
    _FRAMEWORK = "none"

    def __init__(self, *, base_url="local", timeout=Jina.TIMEOUT, api_key=None, unrelated=None, client=None):
        self.base_url = base_url
        self.timeout = timeout
        self.api_key = api_key
        self.unrelated = unrelated
        self.client = client
        self._made = None

    @classmethod
    def _settings(cls):
        return {"base_url", "timeout", "api_key", "unrelated", "client"}

    def _revealed(self, value):
        return value.removeprefix("hidden ") if isinstance(value, str) else value


def test_the_settings_that_make_up_a_client_are_read_from_its_signature():
    """What only the adapter has is left out, as is what only the client has."""
    assert Adapter._names() == ["api_key", "base_url", "timeout"]
    assert defaults_of(Jina)["base_url"] == Jina.BASE_URL


def test_a_client_is_made_once_and_again_when_a_setting_changes():
    """An unrelated setting changes nothing."""
    made = Adapter()
    first = made._connected()
    made.unrelated = 1
    assert made._connected() is first
    made.timeout = 3.0
    second = made._connected()
    assert second is not first
    assert second._settings["timeout"] == 3.0
    assert made._connected() is second


def test_a_client_gets_secrets_as_they_are():
    """What is remembered of its settings holds them hidden."""

    class Service:
        def __init__(self, api_key):
            self.api_key = api_key

    class Own(Adapter):
        _SERVICE = Service

    made = Own(api_key="hidden sesame")
    assert made._connected().api_key == "sesame"
    assert made._made.settings == {"api_key": "hidden sesame"}


def test_a_ready_client_is_used_and_settings_beside_it_are_refused():
    """They would be ignored. That holds as well for those that are set later."""
    client = Jina(base_url="local")
    made = Adapter(base_url=Jina.BASE_URL, unrelated=1, client=client)
    assert made._connected().usage is client.usage
    made.timeout, made.api_key = 3.0, "a"
    with pytest.raises(ConfigurationError, match="give api_key, timeout to it, not to Adapter"):
        made._connected()


def test_copies_share_the_client_and_pickles_leave_it_out():
    """The process that reads a pickle makes a client with its own key."""
    made = Adapter()
    client = made._connected()
    for duplicate in (copy.copy(made), copy.deepcopy(made)):
        assert duplicate._connected() is client
    again = pickle.loads(pickle.dumps(made))
    assert again._made is None
    assert again._connected() is not client


async def test_only_a_client_of_its_own_is_closed():
    """On both faces; before there is one, nothing happens."""

    class Closed(Jina):
        closed = 0

        def close(self):
            self.closed += 1

        async def aclose(self):
            self.closed += 1

    class Own(Adapter):
        _SERVICE = Closed

    async def closed(made):
        made._close_made()
        await made._aclose_made()

    ready = Closed(base_url="local")
    beside = Own(base_url=Jina.BASE_URL, client=ready)
    beside._connected()
    await closed(beside)
    assert ready.closed == 0
    made = Own()
    await closed(made)
    client = made._connected()
    await closed(made)
    assert client.closed == 2


def test_each_part_of_a_setting_is_changed():
    """A user and a password, as a tuple or as the list that JSON makes of it, stay in their places."""
    assert changed("a", str.upper) == "A"
    assert changed(("id", "key"), str.upper) == changed(["id", "key"], str.upper) == ("ID", "KEY")
