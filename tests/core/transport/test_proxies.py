"""Proxies and certificates that the environment names: what is wrong with one is told by the variable's name."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragbridge import ConfigurationError, Jina, RequestError, Retry
from ragbridge.elastic import Elastic
from ragbridge.local import Engine
from ragbridge.server import running


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the proxies of the machine that it runs on."""
    for name in [
        name for name in os.environ if name.lower().endswith("_proxy") or name.startswith("SSL_CERT_")
    ]:
        monkeypatch.delenv(name)


@pytest.fixture(params=["sync", "async"])
def embed(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Asks for one text, by each face."""

    def call(url: str) -> Any:
        jina = Jina("key-of-this-test", base_url=url, host="jina", limits=None, retry=Retry(attempts=1))
        if request.param == "sync":
            with jina:
                return jina.embed(["a"])

        async def ask() -> Any:
            async with jina:
                return await jina.aembed(["a"])

        return asyncio.run(ask())

    return call


no_socks = pytest.mark.skipif(importlib.util.find_spec("socksio") is not None, reason="SOCKS can be spoken")


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "HTTP_PROXY"])
@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param("socks5://me:hunter2@localhost:1080", r'pip install "httpx\[socks\]"', marks=no_socks),
        pytest.param("socks5h://localhost", r'pip install "httpx\[socks\]"', marks=no_socks),
        ("socks://me:hunter2@localhost:1080", "must begin with http://, https://, socks5://"),
        ("socks4://localhost", "must begin with http"),
        ("ftp://localhost", "must begin with http"),
        ("http://localhost:99999", "its port is no number below 65536"),
        ("http://localhost:port", "its port is no number"),
        ("http://me:hun/hunter2@localhost:1", "percent-encode"),
        ("http://me:hun#hunter2@localhost:1", "percent-encode"),
        ("me:hunter2@a..invalid:3128", "no name that can be looked up"),
        ("http://", "no name that can be looked up"),
    ],
)
def test_a_proxy_that_is_none_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, embed: Callable[[str], Any], name: str, value: str, says: str
) -> None:
    """Nothing is sent, and no password is shown."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=rf"^{name}=.* is no proxy: .*{says}") as raised:
        embed("https://api.example")
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("localhost,[::1]", "'::1|IPv6"),
        ("::1/128", "IPv6"),
        ("x.example:port", "port"),
        ("bücher.example", "ASCII"),
        ("http://[::1", "IPv6"),
    ],
)
def test_a_host_without_proxy_that_httpx_cannot_read_is_told(
    monkeypatch: pytest.MonkeyPatch, embed: Callable[[str], Any], value: str, says: str
) -> None:
    """The variable is named, and how to write it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", value)
    with pytest.raises(ConfigurationError, match=rf"^NO_PROXY: .*({says})"):
        embed("https://api.example")


@pytest.mark.parametrize(
    "value", ["*", "127.0.0.1", "127.0.0.0/8,localhost", ".example, ,::1,x.example:80", "http://x.example"]
)
def test_forms_that_httpx_reads_are_let_be(
    monkeypatch: pytest.MonkeyPatch, embed: Callable[[str], Any], value: str
) -> None:
    """Through a proxy that is not there, or past it: no error of a setting."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", value)
    with running(Engine()) as url:
        assert embed(url).vectors.shape == (1, 1024)


def test_a_proxy_that_is_not_there_is_a_request_that_failed(
    monkeypatch: pytest.MonkeyPatch, embed: Callable[[str], Any]
) -> None:
    """It may come back; what may be a password is not shown."""
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:9")
    with pytest.raises(RequestError) as raised:
        embed("https://api.example")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("httpx_alone", [False, True], ids=["fast", "httpx"])
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_named_by_their_variable(
    monkeypatch: pytest.MonkeyPatch, embed: Callable[[str], Any], tmp_path: Path, name: str, httpx_alone: bool
) -> None:
    """A file that is missing, or none at all, with both libraries."""
    if httpx_alone:
        monkeypatch.setattr("ragbridge.transport.standard.AUTO", "httpx")
    places = [tmp_path / "missing"]
    if name == "SSL_CERT_FILE":
        places.append(tmp_path / "odd.pem")
        places[-1].write_text("no certificate")
    for place in places:
        monkeypatch.setenv(name, str(place))
        with pytest.raises(ConfigurationError, match=f"^{name}=.*holds no certificates that can be read"):
            embed("https://127.0.0.1:9")


def test_certificates_of_elasticsearch_that_are_not_there_are_a_setting() -> None:
    """``ca_certs`` is checked when the client is made."""
    with pytest.raises(ConfigurationError, match="ca_certs='missing.pem' holds no certificates"):
        Elastic("https://127.0.0.1:9", ca_certs="missing.pem")
