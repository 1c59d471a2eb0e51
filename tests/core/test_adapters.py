"""What adapters of any framework share: the client follows the settings of the object that holds them."""

from __future__ import annotations

import copy
import pickle

import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.adapters import Connected, changed, defaults_of, own_copy


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
    assert made._made.settings == (None, "hidden sesame")


def test_a_ready_client_is_used_and_settings_beside_it_are_refused():
    """They would be ignored. That holds as well for those that are set later."""
    client = Jina(base_url="local")
    made = Adapter(base_url=Jina.BASE_URL, unrelated=1, client=client)
    assert made._connected().usage is client.usage
    made.timeout, made.api_key = 3.0, "a"
    with pytest.raises(ConfigurationError, match="give api_key, timeout to it, not to Adapter"):
        made._connected()


def test_a_client_that_was_made_is_closed_although_a_ready_one_took_its_place():
    """A ready one is another's to close; the one before it nobody else knows of."""
    made = Adapter(base_url=Jina.BASE_URL, api_key="a")
    first = made._connected()
    made.api_key, made.client = None, Jina(base_url="local")
    assert made._connected().usage is made.client.usage
    assert made._made.own is first


def test_the_framework_is_told_of_calls_from_when_somebody_listens():
    """Before, and after, its observers cost nothing: they are not asked."""
    asked = []

    class Observer:
        def started(self, operation):
            asked.append(operation.framework)

    class Told(Adapter):
        _OBSERVERS = (Observer(),)
        heard = False

        def _is_heard(self):
            return self.heard

    made = Told(base_url=Jina.BASE_URL, client=Jina(base_url="local"))
    for heard in (False, True, False):
        made.heard = heard
        made._connected().embed(["a"])
    assert asked == ["none"]


def test_adapters_with_equal_settings_have_equal_parts():
    """Pydantic compares all that a model holds, and what follows from settings is no difference."""
    client = Jina(base_url="local")
    made, same, other = (Adapter(base_url=Jina.BASE_URL, client=client) for _ in range(3))
    other.unrelated, other.client = 1, Jina(base_url="local")
    for each in (made, same, other):
        each._connected()
    assert made._made == same._made != other._made


@pytest.mark.parametrize(
    "metadata",
    [{}, {"a": 1, "b": None, "c": "text"}, {"a": [1, {"b": {2}}]}, {"a": (1, [2])}],
    ids=["nothing", "plain", "nested", "within a tuple"],
)
def test_a_copy_of_metadata_shares_nothing_that_can_change(metadata):
    """Whether or not it had to be looked through."""
    copied = own_copy(metadata)
    assert copied == metadata
    copied["new"] = 1
    assert "new" not in metadata
    for name, value in metadata.items():
        if isinstance(value, (list, tuple)):
            assert copied[name] is not value


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
