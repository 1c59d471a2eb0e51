"""``dataclass``: the standard library's, but nothing is compiled before the first object is made.

``dataclasses.dataclass`` compiles up to six functions for a class while its module is imported, a millisecond a class:
half of what ``from ragbridge import Jina`` took. Here it collects the fields and makes the slots; functions that only walk
over fields are closures, and ``__init__`` is compiled when it is first looked at. What comes out is a dataclass like any
other, for ``inspect``, ``replace``, ``match``, pickles, subclasses and pydantic. Type checkers see the standard library's.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from operator import attrgetter
from reprlib import recursive_repr
from types import FunctionType, MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, cast

__all__ = ["dataclass"]


def _dataclass(
    cls: type | None = None,
    /,
    *,
    init: bool = True,
    repr: bool = True,  # noqa: A002 - these are the standard library's names
    eq: bool = True,
    frozen: bool = False,
    kw_only: bool = False,
    slots: bool = False,
) -> Any:
    """What ``dataclasses.dataclass`` does with the same options.

    Raises:
        TypeError: As there; or a field is an ``InitVar``, which this one does not know.
    """

    def made(cls: type) -> type:
        return _made(cls, init=init, shown=repr, eq=eq, frozen=frozen, kw_only=kw_only, slots=slots)

    return made if cls is None else made(cls)


def _made(cls: type, *, init: bool, shown: bool, eq: bool, frozen: bool, kw_only: bool, slots: bool) -> type:
    own = dict(vars(cls))
    if any("InitVar" in str(kind) for kind in own.get("__annotations__", {}).values()):
        raise TypeError(f"{cls.__qualname__} has an InitVar: decorate it with dataclasses.dataclass")
    # Frozen classes alone may inherit from frozen ones: there the standard library has to know, and compiles two functions.
    inherits = any(map(dataclasses.is_dataclass, cls.__mro__[1:]))
    bare = {"init": False, "repr": False, "eq": False}
    made: Any = dataclasses.dataclass(**bare, frozen=frozen and inherits, kw_only=kw_only, slots=slots)(cls)
    if own.get("__hash__") is None:  # Python's own entry, beside an __eq__ of the class
        own.pop("__hash__", None)
    for name, function in _functions(made, shown=shown, eq=eq, frozen=frozen).items():
        if name not in own:
            if function is not None:
                function.__name__, function.__qualname__ = name, f"{made.__qualname__}.{name}"
                function.__module__ = made.__module__
            setattr(made, name, function)
    if init and "__init__" not in own:
        made.__init__ = _LateInit(made, frozen=frozen, slots=slots)
    if frozen and slots:
        made.__getstate__ = own.get("__getstate__", _getstate)
        made.__setstate__ = own.get("__setstate__", _setstate)
    said = made.__dataclass_params__
    said.init, said.repr, said.eq, said.frozen = init, shown, eq, frozen
    return cast("type", made)


def _functions(made: Any, *, shown: bool, eq: bool, frozen: bool) -> dict[str, FunctionType | None]:
    """What walks over fields, by name; None forbids to hash."""
    fields = dataclasses.fields(made)
    found: dict[str, Any] = {}
    if shown:
        found["__repr__"] = _shows([field.name for field in fields if field.repr])
    if eq:
        hashed = [field.name for field in fields if (field.compare if field.hash is None else field.hash)]
        found["__eq__"] = _equals(_reader([field.name for field in fields if field.compare]))
        found["__hash__"] = _hashes(_reader(hashed)) if frozen else None
    if frozen:
        found["__setattr__"], found["__delattr__"] = _refuses(made, {field.name for field in fields})
    return found


class _LateInit:
    """``__init__``, which puts the compiled one into its place when it is first looked at: by a call, or by ``inspect``."""

    def __init__(self, made: Any, *, frozen: bool, slots: bool) -> None:
        self._made = made
        self._fields = fields = dataclasses.fields(made)
        self._types = {each.name: each.type for each in fields if each.init}  # before publish rewrites them
        self._frozen = frozen
        self._slots = slots
        self._module = sys.modules[made.__module__].__dict__

    def __get__(self, instance: object | None, owner: type) -> Any:
        init = self._compiled()  # two threads at once: both compile the same
        type.__setattr__(self._made, "__init__", init)
        return init if instance is None else MethodType(init, instance)

    def _compiled(self) -> FunctionType:
        names = {field.name for field in self._fields}
        me = "self" if "self" not in names else "__dataclass_self__"
        scope: dict[str, Any] = {"__absent": _ABSENT}
        positional: list[str] = []
        keywords: list[str] = []
        body: list[str] = []
        for field in self._fields:
            name, value = field.name, field.name
            if field.default_factory is not dataclasses.MISSING:
                scope[f"__make_{name}"] = field.default_factory
                value = f"__make_{name}()"
                if field.init:
                    value += f" if {name} is __absent else {name}"
                default = "=__absent"
            elif field.default is not dataclasses.MISSING:
                scope[f"__default_{name}"] = field.default
                default = f"=__default_{name}"
                if not field.init:
                    value = f"__default_{name}"
            else:
                default = ""
            if field.init:
                (keywords if field.kw_only else positional).append(name + default)
            elif field.default_factory is dataclasses.MISSING and not (default and self._slots):
                continue  # the class has the default, or nobody has one
            body.append(self._assigned(me, name, value, scope))
        if hasattr(self._made, "__post_init__"):
            body.append(f"{me}.__post_init__()")
        arguments = ", ".join([me, *positional, *(["*", *keywords] if keywords else [])])
        lines = "\n  ".join(body or ["pass"])
        text = f"def make({', '.join(scope)}):\n def __init__({arguments}):\n  {lines}\n return __init__"
        found: dict[str, Any] = {}
        exec(text, self._module, found)  # noqa: S102 - names of fields and nothing else, as the standard library does
        init: FunctionType = found["make"](**scope)
        init.__qualname__ = f"{self._made.__qualname__}.__init__"
        init.__annotations__ = {**self._types, "return": None}
        return init

    def _assigned(self, me: str, name: str, value: str, scope: dict[str, Any]) -> str:
        """The line that sets one field, whatever ``__setattr__`` of a frozen class says."""
        if not self._frozen:
            return f"{me}.{name} = {value}"
        if isinstance(slot := getattr(self._made, name, None), MemberDescriptorType):
            scope[f"__set_{name}"] = slot.__set__  # half the price of ``object.__setattr__``
            return f"__set_{name}({me}, {value})"
        scope["__set"] = object.__setattr__
        return f"__set({me}, {name!r}, {value})"


class _Absent:
    def __repr__(self) -> str:
        return "<factory>"


_ABSENT = _Absent()
"""In place of an argument whose default is made anew for each object."""


def _reader(names: Sequence[str]) -> Callable[[Any], object]:
    return attrgetter(*names) if names else lambda _: ()


def _shows(names: Sequence[str]) -> Callable[[Any], str]:
    def show(self: Any) -> str:
        fields = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{type(self).__qualname__}({fields})"

    whole: Any = recursive_repr()(show)
    whole.__wrapped__ = show  # pprint knows a dataclass's own by this, and by its name
    show.__qualname__ = "__create_fn__.<locals>.__repr__"
    return cast("Callable[[Any], str]", whole)


def _equals(read: Callable[[Any], object]) -> Callable[[Any, object], Any]:
    def equal(self: Any, other: object) -> Any:
        return read(self) == read(other) if type(other) is type(self) else NotImplemented

    return equal


def _hashes(read: Callable[[Any], object]) -> Callable[[Any], int]:
    def number(self: Any) -> int:
        return hash(read(self))

    return number


def _refuses(made: Any, names: set[str]) -> tuple[Callable[..., None], Callable[..., None]]:
    """A subclass may have attributes of its own; no field changes."""

    def assign(self: Any, name: str, value: object) -> None:
        if type(self) is made or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(made, self).__setattr__(name, value)

    def delete(self: Any, name: str) -> None:
        if type(self) is made or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(made, self).__delattr__(name)

    return assign, delete


def _getstate(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _setstate(self: Any, state: list[object]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
