"""Routes of aliases."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from ragbridge.local.elastic.api import Outcome
from ragbridge.local.elastic.errors import Failure
from ragbridge.local.search.asked import EXPANSION, TIMES, Asked
from ragbridge.local.search.errors import SearchFailure, invalid_argument
from ragbridge.local.search.indices import Index
from ragbridge.local.search.shapes import some_names


class NoAlias(Failure):
    """404, whose error is a sentence, beside the aliases that there are (``RestGetAliasesAction``)."""

    def __init__(self, missing: list[str], found: dict[str, Any]) -> None:
        names = ",".join(missing)
        super().__init__(
            404, f"alias [{names}] missing" if len(missing) == 1 else f"aliases [{names}] missing"
        )
        self._found = found

    @property
    def body(self) -> dict[str, Any]:
        """The answer's body."""
        return {"error": self.reason, "status": 404, **self._found}


def show(asked: Asked) -> Outcome:
    """``GET`` and ``HEAD /{index}/_alias/{name}``, with or without both names."""
    asked.check(*EXPANSION, *TIMES, "local")
    patterns = asked.name("name").split(",") if asked.name("name") not in {"", "_all", "*"} else []
    with asked.indices.lock:
        indexes = asked.resolved()
        found = {
            index.name: {"aliases": {name: index.aliases[name] for name in _having(index, patterns)}}
            for index in indexes
            if not patterns or _having(index, patterns)
        }
    if not patterns:
        return Outcome(found)
    names = {name for shown in found.values() for name in shown["aliases"]}
    missing = [pattern for pattern in patterns if "*" not in pattern and pattern not in names]
    if missing:
        raise NoAlias(missing, found)
    return Outcome(found)


def _having(index: Index, patterns: list[str]) -> list[str]:
    return [
        name
        for name in sorted(index.aliases)
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def put(asked: Asked) -> Outcome:
    """``PUT /{index}/_alias/{name}``."""
    asked.check(*TIMES)
    with asked.indices.lock:
        for index in asked.resolved(aliases=False, allow_no_indices=False):
            asked.indices.alias(index, asked.name("name"), asked.body)
    return Outcome({"acknowledged": True})


def delete(asked: Asked) -> Outcome:
    """``DELETE /{index}/_alias/{name}``."""
    asked.check(*TIMES)
    with asked.indices.lock:
        _remove(asked.resolved(aliases=False), asked.name("name").split(","), must_exist=True)
    return Outcome({"acknowledged": True})


def change(asked: Asked) -> Outcome:
    """``POST /_aliases``: all actions, or none."""
    asked.check(*TIMES)
    actions = asked.body.get("actions")
    if not isinstance(actions, list) or not actions:
        raise SearchFailure(400, "No action specified", kind="illegal_argument_exception")
    with asked.indices.lock:
        before = [(index, dict(index.aliases)) for index in asked.indices.all()]
        try:
            for action in actions:
                _act(asked, action)
        except Failure:
            for index, aliases in before:
                index.aliases = aliases
            raise
    return Outcome({"acknowledged": True, "errors": False})


def _act(asked: Asked, action: Any) -> None:
    if not isinstance(action, dict) or len(action) != 1 or not isinstance(next(iter(action.values())), dict):
        raise invalid_argument(
            "[aliases] an action is an object with one member: add, remove or remove_index"
        )
    [(kind, given)] = action.items()
    expressions = _names(given, "index", "indices")
    indexes = [index for name in expressions for index in asked.indices.resolve(name, aliases=False)]
    if not expressions:
        raise invalid_argument("One of [index] or [indices] is required")
    if kind == "remove_index":
        for index in indexes:
            asked.indices.delete(index)
        return
    names = _names(given, "alias", "aliases")
    if not names:
        raise invalid_argument("One of [alias] or [aliases] is required")
    if kind == "add":
        options = {
            name: value
            for name, value in given.items()
            if name not in {"index", "indices", "alias", "aliases", "must_exist"}
        }
        for index in indexes:
            for name in names:
                asked.indices.alias(index, name, options)
    elif kind == "remove":
        _remove(indexes, names, must_exist=given.get("must_exist") is not False)
    else:
        raise invalid_argument(f"[alias_action] unknown field [{kind}]")


def _remove(indexes: list[Index], names: list[str], *, must_exist: bool) -> None:
    found = False
    for index in indexes:
        having = _having(index, ["*" if name == "_all" else name for name in names])
        found = found or bool(having)
        index.aliases = {name: value for name, value in index.aliases.items() if name not in having}
    if not found and must_exist:
        raise SearchFailure(
            404,
            f"aliases [{','.join(names)}] missing",
            kind="aliases_not_found_exception",
            details={"resource.type": "aliases", "resource.id": ",".join(names)},
        )


def _names(given: dict[str, Any], *keys: str) -> list[str]:
    return [name for key in keys for name in some_names(key, given.get(key, []))]
