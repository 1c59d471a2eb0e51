"""The folder ``shared`` beside the repository. It is not part of a clone: the ring ``shared`` alone reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parents[3] / "shared"


def read(path: str) -> Any:
    """What a JSON file in the folder holds; None where the file is not."""
    file = SHARED / path
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
