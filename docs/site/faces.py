"""For the reference: methods as users call them, and the examples of docstrings as code."""

from __future__ import annotations

import copy
import re
from typing import Any

import griffe

SESSION = re.compile(r"^(?P<indent> *)>>> .*(?:\n(?! *\n).*)*", re.MULTILINE)
"""A session of the interpreter, up to the next blank line."""

RECORD = "ragbridge.ground.records.dataclass"


class Faces(griffe.Extension):
    """Puts the method in the place of ``x = Blocking(_x)``, names its awaitable twin ``ax = Awaitable(_x)``, fences sessions."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Once an object is read."""
        if obj.docstring:
            text = SESSION.sub(r"\g<indent>```pycon\n\g<0>\n\g<indent>```", obj.docstring.value)
            text = re.sub(r"^ *::\n|(?<=:):$", "", text, flags=re.MULTILINE)
            # Headings are for names.
            obj.docstring.value = re.sub(r"^#+ (.*)$", r"**\1**", text, flags=re.MULTILINE)

    def on_module_members(self, *, mod: griffe.Module, **_: Any) -> None:
        """Once all of a module is read. Our ``dataclass`` is taken for the standard library's, whose arguments are known."""
        member = mod.members.get("dataclass")
        if isinstance(member, griffe.Alias) and member.target_path == RECORD:
            member.target_path = "dataclasses.dataclass"

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Once all of a class is read. A twin has the same arguments and the same text, so it has no entry of its own."""
        if any(decorator.callable_path == RECORD for decorator in cls.decorators):
            cls.labels.add("dataclass")
        calls = {
            name: (str(member.value.function), str(member.value.arguments[0]))
            for name, member in cls.members.items()
            if isinstance(member, griffe.Attribute) and isinstance(member.value, griffe.ExprCall)
            if str(member.value.function) in {"Blocking", "Awaitable"}
        }
        twins = {build: name for name, (face, build) in calls.items() if face == "Awaitable"}
        for name, (face, build) in calls.items():
            if face == "Awaitable":
                cls.del_member(name)
                continue
            method = copy.copy(cls.members[build])
            method.name = name
            if isinstance(method.returns, griffe.ExprSubscript) and str(method.returns.left) == "Plan":
                method.returns = method.returns.slice
            if method.docstring and build in twins:
                title, *rest = method.docstring.value.split("\n\n", 1)
                text = "\n\n".join([title, f"Awaited: `{twins[build]}`.", *rest])
                method.docstring = griffe.Docstring(text, parent=method, parser=method.docstring.parser)
            cls.set_member(name, method)
