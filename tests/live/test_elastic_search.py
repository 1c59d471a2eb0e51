"""The cases of search against a real cluster: ``make live``, where ``ELASTICSEARCH_URL`` names one that may be written to.

Each case deletes what it makes, before and afterwards. Cases over the services of Elastic's test plugin run where the
cluster has that plugin, and are skipped where it has not, as released clusters.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any

import pytest
from cases import CASES
from judging import Case, run
from services import RERANK

URL = os.environ.get("ELASTICSEARCH_URL", "").rstrip("/")
KEY = os.environ.get("ELASTIC_API_KEY")

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not URL, reason="ELASTICSEARCH_URL is not set"),
]


def send(method: str, path: str, body: Any) -> tuple[int, Any]:
    """Ask the cluster."""
    content = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    headers = {"content-type": "application/x-ndjson" if isinstance(body, str) else "application/json"}
    if KEY:
        headers["authorization"] = f"ApiKey {KEY}"
    request = urllib.request.Request(URL + path, content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, text = error.code, error.read()
    return status, json.loads(text) if text else None


@pytest.fixture(scope="module")
def plugin() -> bool:
    """Whether the cluster has Elastic's test services."""
    settings = {"service": RERANK, "service_settings": {"model_id": "m", "api_key": "k"}}
    status, _ = send("PUT", "/_inference/rerank/ragbridge-probe", settings)
    send("DELETE", "/_inference/ragbridge-probe?force=true", None)
    return status == 200


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.promise)
def test_a_cluster_answers_as_the_case_says(case: Case, plugin: bool) -> None:
    """What the embedded engine is judged by is true of Elasticsearch."""
    if case.needs_test_services and not plugin:
        pytest.skip("the cluster has no test services")
    made = list(dict.fromkeys(case.names()))
    for path in made:
        send("DELETE", path, None)
    try:
        run(case, send)
    finally:
        for path in made:
            send("DELETE", path, None)
