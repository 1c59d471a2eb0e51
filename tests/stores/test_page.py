"""What ``docs/stores.md`` shows works."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "stores.md"


def text_of(found: Any) -> str:
    """The text of what frameworks call a document or a node, or of a column."""
    return next(
        (getattr(found, name) for name in ("page_content", "text", "content") if hasattr(found, name)), found
    )


def test_the_examples_find_what_they_look_for(postgres, monkeypatch) -> None:
    """Two stores in three frameworks, joined with sparse vectors, and bits: the passage about the sea comes first each time."""
    monkeypatch.setenv("PG_CONN_STR", postgres)
    names: dict[str, Any] = {}
    texts = []
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
        if "best" in names:
            texts.append(text_of(names.pop("best")[0]))
    asyncio.run(names["nodes_store"].close())
    asyncio.run(names["engine"].close())
    assert len(texts) == 10
    assert all("sea" in text for text in texts)
