"""A bound on the words of a short text, without looking for them: most short texts are one chunk, and are done then."""

from __future__ import annotations

from typing import Final

_PARTS: Final = "".join(
    "?" if code == ord("?") else "a" if chr(code).isalnum() or chr(code) == "_" else " "
    for code in range(128)
)
_TABLE: Final = _PARTS.encode().ljust(256, b" ")


def has_at_most(text: str, words: int) -> bool:
    """Whether a text has no more words than this for certain; False if it may have more, or is too long to ask.

    A word has a run of ASCII letters, digits and underscores in it, or another character that is not ASCII. No run has two.
    """
    if len(text) > 8 * words:  # hopeless
        return False
    if len(text) <= words:
        return True
    # ? stands for what is not ASCII, and for itself.
    kinds = text.encode("ascii", "replace").translate(_TABLE)
    return kinds.count(b"a ") + kinds.count(b"a?") + kinds.count(b"?") + 1 <= words
