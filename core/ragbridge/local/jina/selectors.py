"""CSS selectors of the simple kinds.

Names, ``*``, ``#id``, ``.class``, ``[attribute]`` and its comparisons, combined by spaces, ``>`` and commas. What else CSS
has is refused: an engine for tests needs no selector library.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragbridge.ground.records import dataclass
from ragbridge.local.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ragbridge.local.jina.dom import Element

MAX_LENGTH = 1000
"""Characters of a selector at most."""

_NAME = r"[A-Za-z_-][\w-]*"
_SIMPLE = re.compile(
    rf"""
    (?P<type>\*|{_NAME})
    | \#(?P<id>{_NAME})
    | \.(?P<class>{_NAME})
    | \[\s*(?P<attribute>{_NAME})\s*(?:(?P<operator>[~|^$*]?=)\s*(?P<value>"[^"]*"|'[^']*'|{_NAME}|\d+)\s*)?\]
    """,
    re.VERBOSE,
)
_COMBINATOR = re.compile(r"\s*([>,])\s*|\s+")

_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda given, value: given == value,
    "~=": lambda given, value: value in given.split(),
    "|=": lambda given, value: given == value or given.startswith(f"{value}-"),
    "^=": lambda given, value: bool(value) and given.startswith(value),
    "$=": lambda given, value: bool(value) and given.endswith(value),
    "*=": lambda given, value: bool(value) and value in given,
}


@dataclass(frozen=True, slots=True)
class _Step:
    """One compound selector, and how it is joined to the one before it."""

    child: bool
    tests: tuple[Callable[[Element], bool], ...]

    def matches(self, element: Element) -> bool:
        return all(test(element) for test in self.tests)


def select(root: Element, selectors: Sequence[str], option: str) -> list[Element]:
    """The elements inside ``root`` that a selector names: those of the first selector first, each in the page's order.

    Args:
        root: Where to look.
        selectors: CSS selectors.
        option: The option that holds them, for the message of a refusal.

    Raises:
        Refusal: 400 for a selector that is wrong, or of a kind that the engine does not have.
    """
    found: dict[int, Element] = {}
    for selector in selectors:
        alternatives = [*_parse(selector, option)]
        for element in root.walk():
            if any(_matches(element, steps) for steps in alternatives):
                found.setdefault(id(element), element)
    return [*found.values()]


def _parse(selector: str, option: str) -> Iterator[list[_Step]]:
    text, place = selector.strip(), 0
    steps: list[_Step] = []
    child = False
    while place < len(text) <= MAX_LENGTH:
        tests: list[Callable[[Element], bool]] = []
        while match := _SIMPLE.match(text, place):
            if match["type"] and tests:
                break
            tests.append(_test(match))
            place = match.end()
        if not tests:
            break
        steps.append(_Step(child, tuple(tests)))
        if place == len(text):
            yield steps
            return
        joint = _COMBINATOR.match(text, place)
        if joint is None:
            break
        child = joint[1] == ">"
        place = joint.end()
        if joint[1] == ",":
            yield steps
            steps = []
    raise Refusal(
        400,
        f"{option}: {selector[:100]!r}; the embedded engine takes names, #id, .class, [attribute] and [attribute=value], "
        "joined by spaces, > and commas",
    )


def _test(match: re.Match[str]) -> Callable[[Element], bool]:
    kind, value = match.lastgroup, match["value"]
    if match["attribute"]:
        name = match["attribute"].lower()
        if not match["operator"]:
            return lambda element: name in element.attributes
        compare = _COMPARE[match["operator"]]
        wanted = value[1:-1] if value[0] in "\"'" else value
        return lambda element: name in element.attributes and compare(element.attributes[name], wanted)
    if kind == "type":
        tag = match["type"].lower()
        return lambda element: tag in {"*", element.tag}
    if kind == "id":
        identity = match["id"]
        return lambda element: element.attributes.get("id") == identity
    word = match["class"]
    return lambda element: word in element.attributes.get("class", "").split()


def _matches(element: Element, steps: Sequence[_Step]) -> bool:
    """Whether an element, with those that hold it, is what the steps say. Steps back where a descendant may be deeper."""
    if not steps[-1].matches(element):
        return False
    # The places in ``steps`` that the elements so far may stand for: a set, so that no combination is tried twice.
    at = {len(steps) - 1}
    holder = element.parent
    while holder is not None and holder.tag:
        further = {place for place in at if place and not steps[place].child}
        further |= {place - 1 for place in at if place and steps[place - 1].matches(holder)}
        at = further | ({0} & at)
        if 0 in at:
            return True
        holder = holder.parent
    return 0 in at
