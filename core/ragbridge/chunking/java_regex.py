r"""Java's regular expressions in Python's notation.

Elasticsearch's separators are expressions of ``java.util.regex`` with ``MULTILINE``. Python reads most of them the
same way. What differs is rewritten: ``. ^ $`` stop at more kinds of line ends in Java, ``\s \d \w \b`` know ASCII
only, and some escapes are its own. What cannot be rewritten is refused, by name.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

_LINE_ENDS = r"\n\r\x85\u2028\u2029"
_DOT = f"[^{_LINE_ENDS}]"
_CARET = r"(?:\A|(?<=[\n\x85\u2028\u2029])|(?<=\r)(?!\n))(?!\Z)"
_DOLLAR = r"(?:(?=[\r\x85\u2028\u2029])|(?<!\r)(?=\n)|\Z)"
_HORIZONTAL = r" \t\xa0\u1680\u180e\u2000-\u200a\u202f\u205f\u3000"
_VERTICAL = r"\n\x0b\f\r\x85\u2028\u2029"

_WORD = "[A-Za-z0-9_]"

_INSIDE: Final = {  # escapes for many characters, as they are written in a class
    "d": "0-9",
    "D": r"\0-/:-\U0010ffff",
    "s": r" \t-\r",
    "S": r"\0-\x08\x0e-\x1f!-\U0010ffff",
    "w": "A-Za-z0-9_",
    "W": r"\0-/:-@\[-\^`{-\U0010ffff",
    "h": _HORIZONTAL,
    "v": _VERTICAL,
}
_OUTSIDE: Final = {  # escapes outside of a class
    **{escape: f"[{characters}]" for escape, characters in _INSIDE.items()},
    "H": f"[^{_HORIZONTAL}]",
    "V": f"[^{_VERTICAL}]",
    "R": rf"(?:\r\n|[{_VERTICAL}])",
    "b": f"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    "B": f"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
    "A": r"\A",
    "z": r"\Z",
    "Z": rf"(?=(?:\r\n|[{_LINE_ENDS}])?\Z)",
}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "a": "\a", "e": "\x1b"}
_CODE_POINT = re.compile(r"u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|x\{([0-9a-fA-F]+)\}|0([0-3]?[0-7]{1,2})")
_CATEGORY = re.compile(r"[pP](?:([LMNPSZC])|\{(?:Is)?([LMNPSZC][a-z]?)\})")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(?:,(\d*))?\})[+?]?")
_GROUP = re.compile(r"\((?:\?(?::|=|!|<=|<!|>|i:|<([A-Za-z][A-Za-z0-9]*)>))?")
_FLAGS = re.compile(r"\(\?([ims]+)\)")


@dataclass(frozen=True, slots=True)
class Translation:
    """A separator in Python's notation.

    Attributes:
        python: For ``re`` and ``regex``.
        literal: The text if the expression is plain text; else empty.
        bounded: No text can make it slow: no backward reference, few alternatives, and at most one repetition,
            of one character, that is short or ends the expression.
    """

    python: str
    literal: str
    bounded: bool


def translate(pattern: str) -> Translation:
    """Translates a separator.

    Raises:
        ConfigurationError: Java would refuse it, or Python cannot do it.
    """
    return _Translator(pattern).run()


class _Translator:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []
        self._text: list[str] | None = []  # the literal so far; None once the expression is more than text
        self._repeatable = False  # may the next token be a quantifier?
        self._single = False  # is the last token one character?
        self._quantifiers = self._unsafe = self._bars = 0
        self._any = _DOT
        self._ignore_case = False

    def run(self) -> Translation:
        flags = _FLAGS.match(self._pattern)
        if flags:
            self._at = flags.end()
            self._text = None
            self._ignore_case |= "i" in flags[1]
            self._out.append("(?i)" if "i" in flags[1] else "")
            self._any = r"[\s\S]" if "s" in flags[1] else _DOT
        while self._at < len(self._pattern):
            self._token()
        bounded = not self._unsafe and self._quantifiers <= 1 and self._bars <= 8
        if self._ignore_case:
            self._out.insert(0, "(?a)")  # Java ignores the case of ASCII letters only
        literal = "".join(self._text) if self._text is not None else ""
        return Translation("".join(self._out), literal, bounded)

    def _token(self) -> None:
        character = self._pattern[self._at]
        if character == "\\":
            self._at += 1
            self._escape()
        elif character == "[":
            self._add(self._class(), single=True)
        elif character == "(":
            self._open()
        elif character in ")|":
            self._at += 1
            self._bars += character == "|"
            self._add(character, repeatable=character == ")")
        elif character in ".^$":
            self._at += 1
            self._add({".": self._any, "^": _CARET, "$": _DOLLAR}[character], single=character == ".")
        elif character in "*+?{":
            self._quantifier()
        else:
            self._at += 1
            self._literal(character)

    def _add(self, python: str, *, single: bool = False, repeatable: bool = True) -> None:
        self._out.append(python)
        self._text = None
        self._single, self._repeatable = single, repeatable

    def _literal(self, character: str) -> None:
        self._out.append(re.escape(character))
        if self._text is not None:
            self._text.append(character)
        self._single = self._repeatable = True

    def _quantifier(self) -> None:
        quantifier = _QUANTIFIER.match(self._pattern, self._at)
        if quantifier is None or not self._repeatable:
            self._refuse(f"nothing to repeat before [{self._pattern[self._at :]}]")
        self._at = quantifier.end()
        low, high = quantifier[1], quantifier[2]
        unlimited = quantifier[0][0] in "*+" or high == ""
        most = int(high or low or 1)
        at_end = self._at == len(self._pattern)
        short = most <= 1000 and (not unlimited or (at_end and not self._bars))
        self._unsafe += not (self._single and short)
        self._quantifiers += 1
        self._add(quantifier[0], repeatable=False)

    def _open(self) -> None:
        group = _GROUP.match(self._pattern, self._at)
        if group is None:  # the expression matches every opening bracket
            raise AssertionError
        self._at = group.end()
        if group[0] == "(" and self._pattern.startswith("?", self._at):
            self._refuse(f"group [{self._pattern[self._at - 1 : self._at + 3]}] is not supported")
        self._ignore_case |= group[0] == "(?i:"
        self._add(f"(?P<{group[1]}>" if group[1] else group[0], repeatable=False)

    def _escape(self) -> None:
        rest = self._pattern[self._at : self._at + 1]
        if rest == "Q":
            end = self._pattern.find("\\E", self._at)
            end = len(self._pattern) if end < 0 else end
            for character in self._pattern[self._at + 1 : end]:
                self._literal(character)
            self._at = end + 2
        elif rest in _OUTSIDE:
            self._at += 1
            self._add(_OUTSIDE[rest], single=rest not in tuple("bBAzZR"))
        elif rest in tuple("123456789k"):
            self._reference()
        elif category := _CATEGORY.match(self._pattern, self._at):
            self._at = category.end()
            self._unsafe += 1  # the standard library does not know categories
            self._add(f"\\{rest}{{{category[1] or category[2]}}}", single=True)
        else:
            self._literal(self._character())

    def _reference(self) -> None:
        reference = re.compile(r"([1-9])|k<([A-Za-z][A-Za-z0-9]*)>").match(self._pattern, self._at)
        if reference is None:
            self._refuse("a backward reference without a name")
        self._at = reference.end()
        self._unsafe += 1
        self._add(f"(?P={reference[2]})" if reference[2] else f"(?:\\{reference[1]})")

    def _character(self) -> str:
        """The character that an escape stands for; the place is after the backslash."""
        rest = self._pattern[self._at : self._at + 1]
        if not rest:
            self._refuse("a backslash at the end")
        if code_point := _CODE_POINT.match(self._pattern, self._at):
            self._at = code_point.end()
            number = (
                int(code_point[1] or code_point[2] or code_point[3], 16)
                if not code_point[4]
                else int(code_point[4], 8)
            )
            return chr(number) if number < 0x110000 else self._refuse(f"no character has the number {number}")
        self._at += 1
        if rest in _CONTROLS:
            return _CONTROLS[rest]
        if rest.isascii() and rest.isalnum():
            self._refuse(f"escape [\\{rest}] is not supported")
        return rest

    def _class(self) -> str:
        """A class in brackets. Java's unions and intersections are refused: Python reads them differently."""
        self._at += 1
        out = ["["]
        if self._pattern.startswith("^", self._at):
            self._at += 1
            out.append("^")
        first = True
        while True:
            character = self._pattern[self._at : self._at + 1]
            if not character:
                self._refuse("a class without end")
            if character == "]" and not first:
                self._at += 1
                return "".join(out) + "]"
            if character in "[]" or self._pattern.startswith("&&", self._at):
                self._refuse("classes within classes are not supported")
            first = False
            self._at += 1
            if character == "\\":
                out.append(self._in_class())
            else:
                out.append(character if character == "-" else re.escape(character))

    def _in_class(self) -> str:
        rest = self._pattern[self._at : self._at + 1]
        if rest in _INSIDE:
            self._at += 1
            return _INSIDE[rest]
        if category := _CATEGORY.match(self._pattern, self._at):
            self._at = category.end()
            self._unsafe += 1
            return f"\\{rest}{{{category[1] or category[2]}}}"
        return re.escape(self._character())

    def _refuse(self, why: str) -> NoReturn:
        raise ConfigurationError(f"separator [{self._pattern}] cannot be used as a regular expression: {why}")
