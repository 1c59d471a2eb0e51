"""Our ``dataclass`` makes what the standard library's makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import pprint
import re
import typing
from dataclasses import field
from pathlib import Path

import pytest

import ragbridge
from ragbridge.ground import records

DECORATORS = {"ours": records.dataclass, "theirs": dataclasses.dataclass}


def shapes(dataclass):
    """Classes of every kind that the package has."""

    @dataclass
    class Plain:
        """A class with a dict."""

        first: int
        second: str = "two"

    @dataclass(frozen=True, slots=True)
    class Frozen:
        """A value."""

        kind: typing.ClassVar[str] = "value"
        first: int
        second: list[int] = field(default_factory=list, hash=False)
        hidden: str = field(default="hidden", repr=False, compare=False)
        later: str = field(default="later", kw_only=True)

        def twice(self):
            return 2 * self.first

    @dataclass(frozen=True)
    class FrozenDict:
        """A value with a dict."""

        first: int

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Derived(Frozen):
        """It inherits fields, and works one out."""

        last: int = field(init=False)
        fixed: int = field(init=False, default=7)
        made: list[int] = field(init=False, default_factory=list)

        def __post_init__(self):
            object.__setattr__(self, "last", self.first + 1)

    @dataclass(slots=True)
    class Open:
        """A value that changes."""

        self: int
        _set: int = 2

    @dataclass(frozen=True, slots=True, eq=False)
    class Itself:
        """Equal to itself alone."""

        first: int

    @dataclass(frozen=True, slots=True, repr=False, init=False)
    class Bare:
        """It makes itself, and says how it is compared."""

        first: int

        def __init__(self, text):
            object.__setattr__(self, "first", int(text))

        def __repr__(self):
            return f"bare {self.first}"

        def __eq__(self, other):
            return isinstance(other, Bare) and self.first % 10 == other.first % 10

    @dataclass(frozen=True, slots=True)
    class Hashed:
        """It has numbers of its own, and is kept in a way of its own."""

        first: int

        def __eq__(self, other):
            return isinstance(other, Hashed)

        def __hash__(self):
            return 5

        def __repr__(self):
            return "hashed"

        def __getstate__(self):
            return [self.first + 100]

    @dataclass(frozen=True, slots=True)
    class Empty:
        """It has no field."""

    return {
        kind.__name__: kind
        for kind in (Plain, Frozen, FrozenDict, Derived, Open, Itself, Bare, Hashed, Empty)
    }


MADE = {who: shapes(dataclass) for who, dataclass in DECORATORS.items()}
VALUES = {
    "Plain": [((1,), {}), ((1, "2"), {})],
    "Frozen": [((1,), {}), ((1, [2]), {"hidden": "x"}), ((2,), {"later": "y"})],
    "FrozenDict": [((1,), {}), ((2,), {})],
    "Derived": [((1,), {}), ((1, [2]), {"later": "y"})],
    "Open": [((1,), {}), ((1, 3), {})],
    "Itself": [((1,), {}), ((1,), {})],
    "Bare": [(("1",), {}), (("11",), {}), (("2",), {})],
    "Hashed": [((1,), {}), ((2,), {})],
    "Empty": [((), {}), ((), {})],
}


def outcome(act):
    """What came out, or the error in words."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - whichever it is
        return type(error).__name__, str(error)


def told(kind, calls):
    """All that can be asked of a class and of its objects, as texts."""
    ours = [kind(*args, **kwargs) for args, kwargs in calls]
    one = ours[0]
    class_ = [
        str(inspect.signature(kind)),
        str(inspect.signature(kind.__init__)),
        kind.__init__.__qualname__.rpartition(".")[2],
        typing.get_type_hints(kind) if kind.__name__ != "Frozen" else None,
        [(part.name, part.type, part.default, part.kw_only, part.init) for part in dataclasses.fields(kind)],
        kind.__match_args__,
        repr(kind.__dataclass_params__),
        kind.__doc__,
        getattr(kind, "__slots__", None),
        sorted(set(vars(kind)) - {"__firstlineno__", "__static_attributes__", "__weakref__"}),
        outcome(lambda: kind(*range(9))),
        outcome(lambda: kind(nonsense=1)),
    ]
    objects = [
        [repr(each).replace(kind.__qualname__, kind.__name__) for each in ours],
        [[a == b for a in ours] for b in ours],
        one == "another kind",
        [outcome(lambda each=each: hash(each) == hash(copy.copy(each))) for each in ours],
        outcome(lambda: len({*ours})),
        [repr(copy.deepcopy(each)) == repr(each) for each in ours],
        outcome(lambda: setattr(one, kind.__match_args__[0], 9)) if kind.__match_args__ else None,
        outcome(lambda: delattr(one, kind.__match_args__[0])) if kind.__match_args__ else None,
        outcome(lambda: [repr(getattr(dataclasses.replace(one, first=3), "first", None))]),
        outcome(lambda: dataclasses.asdict(one)),
        outcome(one.__reduce_ex__(4)[2].__repr__),
    ]
    return class_ + objects


@pytest.mark.parametrize("name", VALUES)
def test_a_class_and_its_objects_are_those_of_the_standard_library(name):
    """Signature, fields, slots, representation, comparison, hash, copies, state and errors, to the letter."""
    ours, theirs = (told(MADE[who][name], VALUES[name]) for who in ("ours", "theirs"))
    assert ours == theirs


def test_an_init_is_compiled_when_it_is_first_looked_at():
    """Importing a module compiles nothing, and each class is compiled once."""
    kind = shapes(records.dataclass)["Frozen"]
    assert type(vars(kind)["__init__"]).__name__ == "_LateInit"
    kind(1)
    compiled = vars(kind)["__init__"]
    kind(2)
    assert inspect.isfunction(compiled)
    assert vars(kind)["__init__"] is compiled


def test_the_package_makes_its_values_with_it():
    """The standard library's decorator would compile each class anew in each process; an ``InitVar`` alone needs it."""
    texts = {
        path.name: path.read_text(encoding="utf-8") for path in Path(ragbridge.__path__[0]).rglob("*.py")
    }
    theirs = [
        name
        for name, text in texts.items()
        if re.search(r"^from dataclasses import .*\bdataclass\b|@dataclasses\.", text, re.M)
    ]
    assert theirs == ["recursive.py"]


def test_users_inherit_from_a_value_as_from_any_dataclass():
    """Frozen ones from frozen ones alone; a plain subclass has attributes of its own."""
    base = MADE["ours"]["FrozenDict"]
    derived = dataclasses.make_dataclass("Derived", [("more", int)], bases=(base,), frozen=True)
    assert derived(1, 2).more == 2
    with pytest.raises(TypeError, match="non-frozen"):
        dataclasses.make_dataclass("Open", [("more", int)], bases=(base,))

    class Named(base):
        """Not a dataclass."""

    named = Named(1)
    named.name = "one"
    del named.name
    with pytest.raises(dataclasses.FrozenInstanceError):
        named.first = 2


def test_long_values_are_printed_over_lines_as_before():
    """``pprint`` knows its own kind by how the function is called that represents it."""
    kind = MADE["ours"]["Plain"]
    assert (
        pprint.pformat(kind(1, "x" * 90)).count("\n")
        == pprint.pformat(MADE["theirs"]["Plain"](1, "x" * 90)).count("\n")
        == 1
    )


def test_a_value_that_holds_itself_is_shown_once():
    """As the standard library does."""
    kind = MADE["ours"]["Plain"]
    value = kind(1)
    value.second = value
    assert repr(value).endswith("second=...)")


def test_what_it_cannot_do_is_refused():
    """An ``InitVar`` would be taken for a field."""
    with pytest.raises(TypeError, match=r"InitVar: decorate it with dataclasses\.dataclass"):

        @records.dataclass
        class Late:
            first: dataclasses.InitVar[int]


def test_pickles_of_the_standard_library_are_read():
    """A cache or a queue may hold values that were written before."""
    from ragbridge import Retry

    old = dataclasses.make_dataclass(
        "Retry",
        [(part.name, part.type, part.default) for part in dataclasses.fields(Retry)],
        frozen=True,
        slots=True,
    )
    old.__module__ = Retry.__module__
    state = old(attempts=3).__reduce_ex__(4)[2]
    empty = Retry.__new__(Retry)
    empty.__setstate__(state)
    assert empty == Retry(attempts=3)
    assert pickle.loads(pickle.dumps(Retry(attempts=3))) == Retry(attempts=3)
