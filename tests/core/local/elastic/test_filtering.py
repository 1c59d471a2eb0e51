"""``filter_path``: the parts of an answer that a request asks for."""

from __future__ import annotations

import pytest

from ragbridge.local.elastic.filtering import filtered

BODY = {
    "took": 3,
    "endpoints": [
        {"inference_id": "a", "service": "jinaai", "service_settings": {"model_id": "m", "dimensions": 8}},
        {"inference_id": "b", "service": "elastic", "service_settings": {}},
    ],
    "error": {"root_cause": [{"type": "t"}], "type": "t", "a.b": 1},
}


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("", BODY),
        ("took", {"took": 3}),
        (" took , none", {"took": 3}),
        ("none", {}),
        ("endpoints.none", {}),
        ("took.deeper", {}),
        ("endpoints.inference_id", {"endpoints": [{"inference_id": "a"}, {"inference_id": "b"}]}),
        ("endpoints.*.model_id", {"endpoints": [{"service_settings": {"model_id": "m"}}]}),
        ("**.model_id", {"endpoints": [{"service_settings": {"model_id": "m"}}]}),
        ("**", BODY),
        ("e*r.t*e", {"error": {"type": "t"}}),
        (r"error.a\.b", {"error": {"a.b": 1}}),
        ("-endpoints,-error.**", {"took": 3}),
        ("-error.**.type", {**BODY, "error": {"a.b": 1}}),
        (
            "-endpoints.service_*.*,endpoints.service*",
            {"endpoints": [{"service": "jinaai"}, {"service": "elastic"}]},
        ),
        ("error,-error.type", {"error": {"root_cause": [{"type": "t"}], "a.b": 1}}),
        ("-,took", {"took": 3}),
    ],
)
def test_patterns(pattern, left):
    """Names, wildcards of names and of any depth, in and out; lists are transparent."""
    assert filtered(BODY, pattern) == left


def test_errors_are_filtered(ask):
    """A refusal is an answer too."""
    found = ask("GET", "/_inference/none?filter_path=status")
    assert found == (404, {"status": 404})


def test_many_wildcards():
    """A pattern of many wildcards ends, which a regular expression of them would not in this life."""
    assert filtered({"a" * 5000: 1}, "*a" * 2000 + "*b") == {}
    assert filtered({"a" * 5000: 1}, "*a" * 2000) == {"a" * 5000: 1}
