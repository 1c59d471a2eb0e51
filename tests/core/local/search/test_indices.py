"""Indexes, aliases, settings and health."""

from __future__ import annotations

import pytest
from asking import asking

from ragbridge.local import Engine, Faults
from ragbridge.local.search import indices


def make(ask, *names):
    for name in names:
        assert ask("PUT", f"/{name}")[0] == 200


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("_all", ["a1", "a2", "b"]),
        ("*", ["a1", "a2", "b"]),
        ("b,a1", ["b", "a1"]),
        ("a*", ["a1", "a2"]),
        ("a*,-a2", ["a1"]),
        ("both", ["a1", "b"]),
        ("bo*,a2", ["a1", "b", "a2"]),
        ("b,b", ["b"]),
        ("none*", []),
    ],
)
def test_an_expression_means_indexes(ask, expression, names):
    """Names, patterns, exclusions and aliases mean each index once, in their order."""
    make(ask, "b", "a2", "a1")
    ask("PUT", "/a1,b/_alias/both")
    assert list(ask("GET", f"/{expression}")[1]) == names


def test_a_missing_index_is_named(refused, ask):
    """By 404 with the name, wherever it stands; ``ignore_unavailable`` leaves it out."""
    make(ask, "a")
    missing = (404, "index_not_found_exception", "no such index [nope]")
    for method, path in (
        ("GET", "/nope"),
        ("HEAD", "/nope"),
        ("DELETE", "/nope"),
        ("GET", "/a,nope/_mapping"),
    ):
        assert refused(method, path) == missing
    assert list(ask("GET", "/a,nope/_mapping?ignore_unavailable=true")[1]) == ["a"]
    assert ask("HEAD", "/a")[0] == 200


@pytest.mark.parametrize("path", ["/_all", "/*", "/a*", "/b,a*"])
def test_indexes_are_deleted_by_their_names(ask, refused, path):
    """Patterns delete nothing, as in a cluster since 8.0."""
    make(ask, "a", "b")
    assert refused("DELETE", path)[2] == "Wildcard expressions or all indices are not allowed"
    assert ask("DELETE", "/a,b")[0] == 200
    assert ask("GET", "/_all")[1] == {}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Upper", "must be lowercase"),
        ("a%20b", "must not contain the following characters"),
        ("a%3Ab", "must not contain the following characters"),
        ("-a", "must not start with '_', '-', or '+'"),
        ("..", "must not be '.' or '..'"),
        ("a" * 256, "index name is too long, (256 > 255)"),
    ],
)
def test_an_invalid_name_is_refused(refused, name, why):
    """With Elasticsearch's sentence."""
    status, kind, reason = refused("PUT", f"/{name}")
    assert (status, kind) == (400, "invalid_index_name_exception")
    assert why in reason


def test_nothing_is_left_of_an_index_that_was_refused(ask, refused):
    """A mapping, a setting or an alias that cannot be read makes no index."""
    for body in (
        {"mappings": {"properties": {"a": {"type": "foo"}}}},
        {"settings": {"foo": 1}},
        {"aliases": {"a": 5}},
        {"settings": {"number_of_shards": 0}},
        {"other": {}},
    ):
        assert refused("PUT", "/a", body)[0] == 400
        assert ask("HEAD", "/a")[0] == 404


def test_settings_are_taken_in_every_form(ask):
    """With and without ``index``, nested and with dots; they are shown as texts."""
    for name, given in enumerate(
        (
            {"index": {"default_pipeline": "p", "mapping": {"total_fields": {"limit": 5}}}},
            {"index.default_pipeline": "p", "index.mapping.total_fields.limit": 5},
            {"default_pipeline": "p", "mapping.total_fields": {"limit": 5}},
        )
    ):
        ask("PUT", f"/i{name}", {"settings": given})
        shown = ask("GET", f"/i{name}/_settings")[1][f"i{name}"]["settings"]["index"]
        assert shown["default_pipeline"] == "p"
        assert shown["mapping"] == {"total_fields": {"limit": "5"}}
        assert shown["provided_name"] == f"i{name}"


def test_settings_change(ask, refused):
    """Those that may; the number of shards may not."""
    make(ask, "a")
    assert ask("PUT", "/a/_settings", {"index": {"default_pipeline": "p"}})[0] == 200
    assert ask("GET", "/a/_settings")[1]["a"]["settings"]["index"]["default_pipeline"] == "p"
    assert "Can't update non dynamic settings" in refused("PUT", "/a/_settings", {"number_of_shards": 2})[2]


def test_aliases_are_read_written_and_removed(ask, refused):
    """By their routes and by ``_aliases``; a missing one is a sentence beside 404."""
    make(ask, "a", "b")
    assert ask("HEAD", "/_alias/x")[0] == 404
    ask("POST", "/_aliases", {"actions": [{"add": {"index": "*", "aliases": ["x", "y"]}}]})
    assert ask("HEAD", "/_alias/x")[0] == 200
    assert ask("GET", "/b/_alias")[1] == {"b": {"aliases": {"x": {}, "y": {}}}}
    ask("DELETE", "/a/_alias/x")
    assert ask("GET", "/_alias/x,z") == (
        404,
        {"error": "alias [z] missing", "status": 404, "b": {"aliases": {"x": {}}}},
    )
    assert refused("DELETE", "/a/_alias/x")[:2] == (404, "aliases_not_found_exception")
    assert refused("PUT", "/a/_alias/b")[1] == "invalid_alias_name_exception"
    assert "matches an alias" in refused("DELETE", "/x")[2]


def test_the_actions_of_a_request_are_done_together_or_not_at_all(ask):
    """An action that fails undoes those before it."""
    make(ask, "a")
    actions = [{"add": {"index": "a", "alias": "x"}}, {"remove": {"index": "a", "alias": "none"}}]
    assert ask("POST", "/_aliases", {"actions": actions})[0] == 404
    assert ask("HEAD", "/_alias/x")[0] == 404


def test_an_alias_of_several_needs_an_index_to_write_to(ask, refused):
    """A write through it goes to that one."""
    make(ask, "a", "b")
    ask("PUT", "/a,b/_alias/x")
    assert "no write index is defined for alias [x]" in refused("PUT", "/x/_doc/1", {"t": 1})[2]
    ask("PUT", "/b/_alias/x", {"is_write_index": True})
    assert ask("PUT", "/x/_doc/1", {"t": 1})[1]["_index"] == "b"


def test_the_number_of_indexes_is_bounded(ask, refused, monkeypatch):
    """The refusal names the bound and what this is."""
    monkeypatch.setattr(indices, "MOST_INDEXES", 2)
    make(ask, "a", "b")
    status, _, reason = refused("PUT", "/c")
    assert status == 400
    assert "at most 2 indexes" in reason
    assert "embedded engine of ragbridge" in reason
    ask("DELETE", "/a")
    assert ask("PUT", "/c")[0] == 200


def test_health_counts_indexes(ask):
    """Green without one; yellow with one, whose replica has no node."""
    assert ask("GET", "/_cluster/health")[1]["status"] == "green"
    make(ask, "a")
    health = ask("GET", "/_cluster/health/a?wait_for_status=yellow&timeout=1s")[1]
    assert (health["status"], health["active_shards"], health["timed_out"]) == ("yellow", 1, False)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/_search", "GET, POST"),
        ("PATCH", "/a/_doc/1", "DELETE, GET, HEAD, POST, PUT"),
        ("GET", "/_aliases", "POST"),
    ],
)
def test_another_method_is_refused(ask, method, path, allowed):
    """With 405 and the methods that there are."""
    status, answer = ask(method, path)
    assert status == 405
    assert answer["error"].endswith(f"allowed: [{allowed}]")


def test_any_prefix_stands_before_an_index(ask):
    """A gateway's path makes no difference, as for ``_inference``."""
    make(ask, "a")
    ask("PUT", "/gateway/es/a/_doc/1", {"n": 1})
    assert ask("GET", "/gateway/a/_count")[1]["count"] == 1
    assert ask("GET", "/a/_doc/1")[1]["_source"] == {"n": 1}


def test_a_fault_is_answered_as_it_is():
    """Of searches and writes; only ``_inference`` wraps what fails behind it in a 400. Nothing is written."""
    engine = Engine(faults=Faults(rate=1, kinds=("upstream503",)))
    for method, path in (("PUT", "/a/_doc/1"), ("POST", "/a/_search")):
        status, answer = asking(engine)(method, path, {})
        assert (status, answer["status"]) == (503, 503)
    assert engine._elastic.indices.all() == []


def test_keys_are_asked_for_on_every_route():
    """In Elasticsearch's shape."""
    ask = asking(Engine(api_keys=["a-key"]))
    for method, path in (
        ("PUT", "/a"),
        ("POST", "/a/_bulk"),
        ("GET", "/a"),
        ("POST", "/_search"),
        ("GET", "/_sql"),
    ):
        status, answer = ask(method, path)
        assert (status, answer["error"]["type"]) == (401, "security_exception")
