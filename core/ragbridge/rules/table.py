"""Tables of settings: one row says what Elasticsearch asks of one setting. Client and embedded engine read the same rows.

The client reads them to refuse a body before it is sent; the engine to refuse a request and to fill in defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ragbridge.ground.records import dataclass
from ragbridge.rules.reader import Scope

Values: TypeAlias = Mapping[str, Any]
"""Settings that were read and found right, by name."""
Reader: TypeAlias = "Callable[[Scope, Setting], Any]"
"""Takes a setting out of an object and notes what is wrong with it; None where it is absent or wrong."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What Elasticsearch asks of one setting.

    Attributes:
        name: Its name in a request.
        read: Its type: ``text``, ``word``, ``flag``, ``count``, ...
        tasks: The task types that have it; empty for all.
        when: Whether it exists beside the settings of the rows above; None for always.
        required: Whether it must be there.
        choices: For ``word``: the words that are allowed.
        least: For ``count``: the smallest value.
        most: For ``count``: the largest value.
        default: What Elasticsearch fills in: a value, or a function of the other settings. None for nothing.
        changeable: Whether ``_update`` takes it.
        shown: Whether Elasticsearch shows it; a key is never shown.
    """

    name: str
    read: Reader
    tasks: tuple[str, ...] = ()
    when: Callable[[Values], bool] | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int = 1
    most: int | None = None
    default: Any = None
    changeable: bool = False
    shown: bool = True

    def exists(self, task_type: str, others: Values) -> bool:
        """Whether an endpoint of this task type, with these other settings, has this one."""
        return (not self.tasks or task_type in self.tasks) and (self.when is None or self.when(others))

    def fill_in(self, others: Values) -> Any:
        """The default beside these other settings; None for nothing."""
        return self.default(others) if callable(self.default) else self.default


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a new endpoint, with its service settings read: the input of rules about several settings.

    Attributes:
        inference_id: The id it asks for.
        task_type: The task type it asks for.
        scope: Its ``service_settings``, where problems are noted.
        values: The settings that were right.
    """

    inference_id: str
    task_type: str
    scope: Scope
    values: Values


@dataclass(frozen=True, slots=True)
class ServiceRules:
    """What Elasticsearch asks of the endpoints of one service.

    Attributes:
        name: The service's name in requests.
        tasks: The task types that it has.
        service_settings: Rows for ``service_settings``, in the order in which Elasticsearch reads them.
        task_settings: Rows for ``task_settings``.
        check: Rules about several settings at once.
        roles: Whether a request may say what texts are for (``input_type``).
    """

    name: str
    tasks: tuple[str, ...]
    service_settings: tuple[Setting, ...]
    task_settings: tuple[Setting, ...] = ()
    check: Callable[[Asked], None] | None = None
    roles: bool = True

    def check_task(self, scope: Scope, task_type: str) -> bool:
        """Whether the service has this task type; it is noted where it does not."""
        if task_type not in self.tasks:
            scope.note(
                f"The [{self.name}] service does not support task type [{task_type}]",
                f"it has {', '.join(self.tasks)}",
                kind="status",
            )
        return task_type in self.tasks

    def read(self, inference_id: str, task_type: str, scope: Scope) -> dict[str, Any]:
        """The service settings of a new endpoint that are right. What is wrong is noted in ``scope``."""
        values = read(self.service_settings, task_type, scope)
        if self.check is not None:
            self.check(Asked(inference_id, task_type, scope, values))
        return values

    def read_changes(self, task_type: str, scope: Scope) -> dict[str, Any]:
        """The service settings that a request to change an endpoint sets."""
        return read(self.changeable, task_type, scope)

    def read_task_settings(self, task_type: str, scope: Scope) -> dict[str, Any]:
        """The task settings that are right, of an endpoint or of one request."""
        return read(self.task_settings, task_type, scope)

    @property
    def changeable(self) -> tuple[Setting, ...]:
        """The rows of the service settings that ``_update`` takes. None of them has to be given."""
        return tuple(replace(row, required=False) for row in self.service_settings if row.changeable)


def read(rows: Iterable[Setting], task_type: str, scope: Scope) -> dict[str, Any]:
    """The settings that are given and right, by name."""
    values: dict[str, Any] = {}
    for row in rows:
        if not row.exists(task_type, values):
            continue
        if row.required and not scope.has(row.name):
            scope.miss(row.name)
        value = row.read(scope, row)
        if value is not None:
            values[row.name] = value
    return values


def shown(rows: Iterable[Setting], task_type: str, values: Values) -> dict[str, Any]:
    """The settings as Elasticsearch shows them: with defaults, without keys."""
    complete = {
        row.name: row.fill_in(values) if values.get(row.name) is None else values[row.name]
        for row in rows
        if row.shown and row.exists(task_type, values)
    }
    return {name: value for name, value in complete.items() if value is not None}


def unknown(names: Iterable[str], service: str) -> str:
    """The sentence about settings that a service does not have."""
    return f"Configuration contains settings [{', '.join(names)}] unknown to the [{service}] service"


def text(scope: Scope, row: Setting) -> str | None:
    """A string that is not empty."""
    return scope.text(row.name)


def secret(scope: Scope, row: Setting) -> str | None:
    """The same, never quoted in a sentence."""
    return scope.text(row.name, secret=True)


def word(scope: Scope, row: Setting) -> str | None:
    """One of ``choices``, read in any case and given in lower case."""
    value = scope.text(row.name, choices=row.choices)
    return None if value is None else value.strip().lower()


def flag(scope: Scope, row: Setting) -> bool | None:
    """A boolean."""
    return scope.flag(row.name)


def count(scope: Scope, row: Setting) -> int | None:
    """A positive integer from ``least`` to ``most``."""
    return scope.positive(row.name, least=row.least, most=row.most)
