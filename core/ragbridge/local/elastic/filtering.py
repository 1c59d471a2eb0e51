"""``filter_path``: the parts of an answer that a request asks for, as Elasticsearch selects them.

Patterns are separated by commas. Each is a path of names separated by dots, where ``*`` stands for any characters of a name
and ``**`` for any names. A pattern that begins with ``-`` leaves out what it names; these are applied first. Lists are
transparent, and what has nothing left is left out. Source: Elasticsearch's documentation, "Common options", and
``FilterPathBasedFilter``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Rule: TypeAlias = tuple[str, ...]
"""The names of a pattern that are still to be met."""

ANY_DEPTH = "**"
_DOT = re.compile(r"(?<!\\)\.")


def filtered(body: Mapping[str, Any], filter_path: str) -> dict[str, Any]:
    """The parts of ``body`` that ``filter_path`` selects; all of it where the filter is empty."""
    patterns = [pattern.strip() for pattern in filter_path.split(",") if pattern.strip(" -")]
    left_out = [_rule(pattern[1:]) for pattern in patterns if pattern.startswith("-")]
    kept = [_rule(pattern) for pattern in patterns if not pattern.startswith("-")]
    selected = _select(dict(body), left_out, inclusive=False) if left_out else dict(body)
    return (_select(selected, kept, inclusive=True) if kept else selected) or {}


def _rule(pattern: str) -> Rule:
    return tuple(name.replace("\\.", ".") for name in _DOT.split(pattern))


def _select(value: Any, rules: Sequence[Rule], *, inclusive: bool) -> Any:
    """What is left of an object or a list; a value that is neither is left only if rules exclude."""
    if isinstance(value, list):
        rows = [_select(row, rules, inclusive=inclusive) for row in value]
        return [row for row in rows if row is not None and row not in ({}, [])]
    if not isinstance(value, dict):
        return None if inclusive else value
    left: dict[str, Any] = {}
    for name, inner in value.items():
        further = _further(rules, name)
        if () in further:
            if inclusive:
                left[name] = inner
        elif not further:
            if not inclusive:
                left[name] = inner
        else:
            some = _select(inner, further, inclusive=inclusive)
            if some is not None and some not in ({}, []):
                left[name] = some
    return left


def _further(rules: Sequence[Rule], name: str) -> list[Rule]:
    """What is left of each rule that ``name`` meets; an empty rule is one that it meets whole."""
    further: list[Rule] = []
    for rule in rules:
        first, rest = rule[0], rule[1:]
        if first != ANY_DEPTH:
            further += [rest] if _matches(first, name) else []
        elif rest:
            further += [rule, *_further([rest], name)]
        else:
            further.append(())
    return further


def _matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern with ``*``. Linear, unlike a regular expression of many wildcards."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    last = others.pop()
    if not name.startswith(first) or len(name) < len(first) + len(last) or not name.endswith(last):
        return False
    place, stop = len(first), len(name) - len(last)
    for part in others:
        place = name.find(part, place, stop)
        if place < 0:
            return False
        place += len(part)
    return True
