"""An Elasticsearch for what the documents show: the embedded engine, served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ragbridge.local import Engine
from ragbridge.server import running


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One for the tests of a module: the environment names its address, a key for Jina, and no credentials."""
    with running(Engine()) as url, pytest.MonkeyPatch.context() as patch:
        for name in ("ELASTIC_CLOUD_ID", "ELASTIC_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("ELASTICSEARCH_URL", url)
        patch.setenv("JINA_API_KEY", "a-key")
        yield
