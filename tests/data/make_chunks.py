"""Writes ``chunks.json``: where each text of ``texts.json`` is cut under each setting, by the plain loops over ICU.

Run it after a text or a setting has been added: ``python tests/data/make_chunks.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TEXTS: dict[str, str] = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
FILE = HERE / "chunks.json"

# Most sizes are below what an endpoint takes, so that short texts have many chunks.
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"strategy": "none"},
    "word-1": {"strategy": "word", "max_chunk_size": 1, "overlap": 0},
    "word-3-1": {"strategy": "word", "max_chunk_size": 3, "overlap": 1},
    "word-10-5": {"strategy": "word", "max_chunk_size": 10, "overlap": 5},
    "word-25": {"strategy": "word", "max_chunk_size": 25, "overlap": 0},
    "sentence-4": {"strategy": "sentence", "max_chunk_size": 4, "sentence_overlap": 0},
    "sentence-12-1": {"strategy": "sentence", "max_chunk_size": 12, "sentence_overlap": 1},
    "sentence-20-1": {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 1},
    "sentence-45-1": {"strategy": "sentence", "max_chunk_size": 45, "sentence_overlap": 1},
    "sentence-50": {"strategy": "sentence", "max_chunk_size": 50, "sentence_overlap": 0},
    "plaintext-5": {"strategy": "recursive", "max_chunk_size": 5, "separator_group": "plaintext"},
    "plaintext-20": {"strategy": "recursive", "max_chunk_size": 20, "separator_group": "plaintext"},
    "markdown-8": {"strategy": "recursive", "max_chunk_size": 8, "separator_group": "markdown"},
    "markdown-25": {"strategy": "recursive", "max_chunk_size": 25, "separator_group": "markdown"},
    "marks-6": {
        "strategy": "recursive",
        "max_chunk_size": 6,
        "separators": [r"\n+", "[.!?\u3002\uff01\uff1f\u0964\u061f]", "[,;:\u3001\uff0c\u060c] ?"],
    },
    "spaces-2": {"strategy": "recursive", "max_chunk_size": 2, "separators": [r"\r\n", " ", "[aeiou]"]},
}
"""For every text."""
LONG_SETTINGS: dict[str, dict[str, Any]] = {
    "word-100-50": {"strategy": "word", "max_chunk_size": 100, "overlap": 50},
    "word-250-100": {"strategy": "word", "max_chunk_size": 250, "overlap": 100},
    "sentence-100": {"strategy": "sentence", "max_chunk_size": 100, "sentence_overlap": 0},
    "sentence-250-1": {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1},
    "plaintext-250": {"strategy": "recursive", "max_chunk_size": 250, "separator_group": "plaintext"},
    "markdown-100": {"strategy": "recursive", "max_chunk_size": 100, "separator_group": "markdown"},
}
"""For what a document has for sizes."""
DOCUMENTS = {
    "every-text": [*TEXTS],
    "every-text-backwards": [*reversed(TEXTS)],
    "english": [name for name in TEXTS if name.startswith("en-")],
    "markdown-thrice": ["markdown", "markdown-setext", "markdown-dense"] * 3,
    "east": ["zh", "ja", "ko", "th", "zh-hant", "lo-km-my"] * 2,
    "right-to-left": ["ar", "he", "fa", "bidi"] * 3,
    "emoji-thrice": ["emoji", "emoji-joined", "emoji-only", "astral"] * 3,
}
"""Longer documents: texts with a blank line between them."""


def text_of(name: str) -> str:
    """A text or a document, by its name."""
    return "\n\n".join(TEXTS[part] for part in DOCUMENTS.get(name, [name]))


def vectors() -> Iterator[tuple[str, str]]:
    """Names of a setting and of a text that is cut by it."""
    yield from ((setting, text) for setting in SETTINGS for text in TEXTS)
    yield from ((setting, text) for setting in LONG_SETTINGS for text in DOCUMENTS)


def main() -> None:
    """Write the file: a line for each setting and text, with start and end of every chunk in UTF-16 units."""
    import icu4py
    from plain_chunks import plain_chunks

    lines = [
        f"[{json.dumps(setting)},{json.dumps(text)},"
        f"{json.dumps(plain_chunks(text_of(text), {**SETTINGS, **LONG_SETTINGS}[setting]), separators=(',', ':'))}]"
        for setting, text in vectors()
    ]
    body = ",\n".join(lines)
    FILE.write_text(
        f'{{"icu":"{icu4py.icu_version}","chunks":[\n{body}\n]}}\n', encoding="ascii", newline="\n"
    )


if __name__ == "__main__":
    main()
