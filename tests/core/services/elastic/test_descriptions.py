"""What the repository keeps of Elasticsearch's API descriptions."""

from __future__ import annotations

import json

import make_descriptions
import pytest
from beside import SHARED


@pytest.mark.shared
@pytest.mark.skipif(not (SHARED / "specs").exists(), reason="no API descriptions beside the repository")
def test_what_is_kept_is_what_the_descriptions_say() -> None:
    """The file is what the script makes of the published descriptions."""
    kept = json.loads(make_descriptions.FILE.read_text(encoding="ascii"))
    assert kept == make_descriptions.facts(SHARED / "specs")
