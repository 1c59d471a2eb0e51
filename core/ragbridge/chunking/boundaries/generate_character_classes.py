"""Writes ``character_classes.py`` from the ICU that icu4py carries: run it when icu4py moves to a newer Unicode.

    python -m ragbridge.chunking.boundaries.generate_character_classes

A developer's script: nothing in the package imports it. It asks ICU's C library for three properties of every
code point and for the rule status of the text that is just that character.
"""

from __future__ import annotations

import ctypes
import itertools
import textwrap
from pathlib import Path

WORD_BREAK, SCRIPT = 0x1014, 0x100A  # UProperty of ICU's uchar.h
CLASS_OF_WORD_BREAK = {  # short names of the property's values
    "MB": "MID_ANY",
    "SQ": "MID_ANY",
    "ML": "MID_LETTER",
    "MN": "MID_NUMBER",
    "WSegSpace": "SPACE",
    "NU": "DIGIT",
    "LE": "LETTER",
    "EX": "CONNECTOR",
    "Extend": "ATTACHED",
    "FO": "ATTACHED",
    "ZWJ": "ATTACHED",
    "RI": "CONTEXT",
    "HL": "CONTEXT_WORD",
}
SYLLABLES = range(0xAC00, 0xD7A4)  # Word_Break has them with the letters; ICU does not join them to others
CJK_SCRIPTS = {"Hani", "Hira", "Kana"}


class Icu:
    """The few calls needed of the libicuuc that the icu4py wheel bundles."""

    def __init__(self) -> None:
        import icu4py
        from icu4py import breakers  # loading it loads libicuuc

        version = icu4py.icu_version
        major = version.split(".")[0]
        folder = Path(breakers.__file__).parent.parent / "icu4py.libs"
        library = ctypes.CDLL(str(next(folder.glob("libicuuc*"))))
        self.version = version
        self._property = getattr(library, f"u_getIntPropertyValue_{major}")
        self._name = getattr(library, f"u_getPropertyValueName_{major}")
        self._name.restype = ctypes.c_char_p
        self._set_text = getattr(library, f"ubrk_setText_{major}")
        self._next = getattr(library, f"ubrk_next_{major}")
        self._status = getattr(library, f"ubrk_getRuleStatus_{major}")
        opened = getattr(library, f"ubrk_open_{major}")
        opened.restype = ctypes.c_void_p
        self._error = ctypes.c_int(0)
        self._words = ctypes.c_void_p(opened(1, b"", None, 0, ctypes.byref(self._error)))

    def value(self, code_point: int, which: int) -> str:
        """The short name of the value of a property."""
        name: bytes = self._name(which, self._property(code_point, which), 0)
        return name.decode()

    def status(self, code_point: int) -> int:
        """The rule status of the text that is just this character."""
        units = chr(code_point).encode("utf-16-le", "surrogatepass")
        buffer = ctypes.create_string_buffer(units, len(units) + 2)
        self._set_text(self._words, buffer, len(units) // 2, ctypes.byref(self._error))
        self._next(self._words)
        status: int = self._status(self._words)
        return status


def class_of(icu: Icu, code_point: int) -> str:
    """The name of the class in ``characters.py`` that a character belongs to."""
    word_break, script = icu.value(code_point, WORD_BREAK), icu.value(code_point, SCRIPT)
    status = icu.status(code_point)
    if chr(code_point) == "_":
        return "UNDERSCORE"
    if code_point in SYLLABLES:
        return "HANGUL"
    if word_break in {"XX", "LE", "KA"}:
        if status == 400:  # kana and ideographs
            return "CJK"
        if script in CJK_SCRIPTS:
            return "CJK_MARK"
        if (
            word_break == "XX"
        ):  # what is a word without a property are the letters of Thai, Lao, Khmer, Burmese
            return "CONTEXT_WORD" if status else "OTHER"
    return CLASS_OF_WORD_BREAK.get(word_break, "OTHER")


def main() -> None:
    """Write the module."""
    from ragbridge.chunking.boundaries import characters

    icu = Icu()
    classes = (class_of(icu, code_point) for code_point in range(0x110000))
    runs = "".join(
        f"{sum(1 for _ in run):x}{characters.LETTERS[getattr(characters, name)]}"
        for name, run in itertools.groupby(classes)
    )
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(runs, 104))
    Path(__file__).with_name("character_classes.py").write_text(
        f'"""Classes of all code points, ICU {icu.version}. Written by generatecharacter_classes.py: do not edit."""\n\n'
        "from __future__ import annotations\n\n"
        "# Runs of one class: length in hexadecimal, then a letter of characters.LETTERS.\n"
        f"RUNS = (\n{lines}\n)\n",
        encoding="ascii",
    )


if __name__ == "__main__":
    main()
