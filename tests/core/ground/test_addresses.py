"""Addresses in errors, logs and representations hold no secret, however they are mistyped."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragbridge.ground.addresses import in_text, is_host, secrets_in, shown

SHOWN = [
    ("https://h:9200/p", "https://h:9200/p"),
    ("https://[::1]:9200/p", "https://[::1]:9200/p"),
    ("localhost:9200", "localhost:9200"),
    ("https://h/p?sig=hunter2#hunter2", "https://h/p"),
    ("https://h/p#token=hunter2", "https://h/p"),
    ("https://elastic:hunter2@h:9200/p?a=b", "https://h:9200/p"),
    ("https://hunter2@h", "https://h"),
    ("https://medium.com/@user/post", "https://medium.com/@user/post"),
    ("https://h/p?mail=a@b", "https://h/p"),
    ("elastic:hunter2@localhost", "localhost"),
    ("https:/elastic:hunter2@h", "[hidden]"),
    ("//elastic:hunter2@h", "[hidden]"),
    ("https://elastic:hun/ter2@h", "https://[hidden]"),
    ("https://elastic:hun#ter2@h", "https://[hidden]"),
    ("https://elastic:hun?ter2@h", "https://[hidden]"),
    ("https://elastic:12/hunter2@h", "https://[hidden]"),
    ("https://elastic:hun@ter2@h", "https://h"),
    ("https://elastic:hun%40ter2@h", "https://h"),
    ("https://elastic:hunter2%40h", "https://[hidden]"),
    ("https://elastic:hunter2", "https://[hidden]"),
    ("elastic:hunter2", "[hidden]"),
    ("", ""),
    ("https://h/" + "a" * 900, "https://h/" + "a" * 187 + "..."),
]


@pytest.mark.parametrize(("address", "expected"), SHOWN)
def test_what_is_shown_of_an_address(address: str, expected: str) -> None:
    """Where it leads; user, password, query and fragment are left out, and what may be one of them."""
    assert shown(address) == expected
    assert "ter2" not in shown(address)


WORDS = st.text(string.ascii_letters + string.digits + "/#?@%:.!$&'()*+,;=-_~", min_size=1, max_size=8)


@given(
    st.sampled_from(["https://", "http://", "https:/", "//", ""]),
    WORDS,
    WORDS,
    st.sampled_from(["", ":9200"]),
    st.sampled_from(["", "/p", "/p?q=1"]),
)
def test_no_password_is_shown_whatever_it_holds(
    scheme: str, one: str, two: str, port: str, path: str
) -> None:
    """Marks of addresses in a password mislead every parser in another way."""
    assert "hunter2" not in shown(f"{scheme}elastic:{one}hunter2{two}@host{port}{path}")


@pytest.mark.parametrize("address", [address for address, _ in SHOWN if "ter2" in address])
def test_a_server_that_repeats_an_address_can_be_found_out(address: str) -> None:
    """What is left out is known, so that it can be removed from what a server says."""
    assert any("ter2" in part for part in secrets_in(address))
    assert not any(part in shown(address) for part in secrets_in(address))


def test_addresses_within_a_text_are_shown_likewise() -> None:
    """In sentences, in brackets and in JSON, where slashes may be escaped."""
    text = (
        r'goto https://u:hunter2@h/x#token=hunter2: no ("http:\/\/u:hunter2@h\/y?hunter2", s3://b/k?hunter2)'
    )
    assert in_text(text) == r'goto https://h/x: no ("http:\/\/h\/y", s3://b/k)'
    assert (
        in_text("see https://jina.ai/x, or (https://h:9200/y).")
        == "see https://jina.ai/x, or (https://h:9200/y)."
    )


@pytest.mark.parametrize("text", ["a.-" * 400_000, "http://" + "." * 1_000_000, "a://@" * 200_000])
def test_a_long_text_is_read_in_one_pass(text: str) -> None:
    """What servers send is bounded, and no shape of it takes a time that grows with its square."""
    assert in_text(text)


@pytest.mark.parametrize("name", ["localhost", "a.b", "a.b.", "::1", "my_host", "bücher.example", "1.2.3.4"])
def test_hosts_that_can_be_looked_up(name: str) -> None:
    """Names and numbers of both kinds."""
    assert is_host(name)


@pytest.mark.parametrize("name", ["", "a..invalid", ".a", "a b", "a\n", "a" * 64, "\ud800", "a{b}"])
def test_hosts_that_cannot_be_looked_up(name: str) -> None:
    """Sockets would raise ``UnicodeError`` or ``ValueError`` for them."""
    assert not is_host(name)
