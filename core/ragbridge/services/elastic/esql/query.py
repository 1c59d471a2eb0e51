"""``Esql``: the text of an ES|QL query, or of a part of it, with the values that its parameters stand for. No I/O.

What users give is never spliced into a text: values are named parameters (``?question``), names are quoted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.encoding import encode

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_PLAIN = re.compile(r"[A-Za-z_@][A-Za-z0-9_]*(?:\.[A-Za-z_@][A-Za-z0-9_]*)*")
"""Names of fields that are written as they are."""
_RESERVED = frozenset(
    [
        "and",
        "as",
        "asc",
        "by",
        "desc",
        "false",
        "first",
        "in",
        "is",
        "last",
        "like",
        "metadata",
        "not",
        "null",
        "nulls",
        "on",
        "or",
        "rlike",
        "true",
        "where",
        "with",
    ]
)
_FORBIDDEN_INDEX = re.compile(r'[\s"\\/?|,#`<>]')


@dataclass(frozen=True, slots=True, init=False)
class Esql:
    """The text of a query, or of a part of it, with the values of its parameters.

    Parts are joined with ``|``, as commands are in ES|QL; their parameters go along::

        query = (
            Esql("FROM books METADATA _score | WHERE MATCH(title, ?question) | LIMIT 100", question=question)
            | esql_rerank(question, on=["title"], inference_id=".jina-reranker-v3")
            | Esql("SORT _score DESC | LIMIT 5")
        )
        elastic.esql(query)

    An expression, such as ``esql_text_embedding`` makes, is put into a text by its ``str``, with its parameters:
    ``Esql(f"EVAL v = {vector}", **vector.params)``.

    Args:
        text: ES|QL, with ``?name`` where a value stands.
        **params: The values by these names: texts, numbers, booleans, None, or lists of them.

    Attributes:
        text: The text.
        params: The values.

    Raises:
        ConfigurationError: The text is empty, a parameter is missing or stands nowhere, or cannot be written as JSON.
    """

    text: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __init__(self, text: str, /, **params: Any) -> None:
        body = check.text("ES|QL", text)
        asked = names_in(body)
        for name in params.keys() - asked:
            raise ConfigurationError(f"parameter {name!r} stands nowhere in the query: write ?{name}")
        for name in sorted(asked - params.keys()):
            raise ConfigurationError(f"?{name} stands in the query and has no value: pass {name}=...")
        object.__setattr__(self, "text", body.strip())
        object.__setattr__(self, "params", {name: params[name] for name in params})

    def __str__(self) -> str:
        return self.text

    def __or__(self, following: object) -> Esql:
        if not isinstance(following, Esql):
            return NotImplemented
        return Esql(f"{self.text} | {following.text}", **merged(self.params, following.params))


def merged(*several: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of several parts.

    Raises:
        ConfigurationError: Two have different values of one name.
    """
    found: dict[str, Any] = {}
    for params in several:
        for name, value in params.items():
            if name in found and not _same(found[name], value):
                raise ConfigurationError(
                    f"parameter {name!r} has two values: give the parameters of the parts different names"
                )
            found[name] = value
    return found


def names_in(text: str) -> set[str]:
    """The names of the parameters in a text; not what stands in its strings, quoted names and comments."""
    return {match["name"] for match in _TOKENS.finditer(text) if match["name"]}


_TOKENS = re.compile(
    r'"""(?:.|\n)*?"""|"(?:\\.|[^"\\\n])*"|`(?:``|[^`])*`|//[^\n]*|/\*(?:.|\n)*?\*/'
    r"|\?\??(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
)


def value(kind: str, content: Any) -> Esql:
    """A parameter with a value, under a name that is made of both: equal values share one."""
    digest = hashlib.blake2b(_json(content).encode(), digest_size=6).hexdigest()
    name = f"{kind}_{digest}"
    return Esql(f"?{name}", **{name: content})


def identifier(name: str, where: str) -> str:
    """The name of a field or a column as it stands in a text: quoted where it is no plain one.

    Raises:
        ConfigurationError: It is empty, no text, or holds characters that are none of a name's.
    """
    found = check.text(where, name)
    if not found.isprintable():
        raise ConfigurationError(f"{where}={found!r} holds characters that no field's name has")
    if _PLAIN.fullmatch(found) and not {*found.lower().split(".")} & _RESERVED:
        return found
    return "`" + found.replace("`", "``") + "`"


def index_pattern(name: str, where: str) -> str:
    """The name of an index, or a pattern of names, as it stands in ``FROM``: quoted.

    Raises:
        ConfigurationError: It holds characters that are none of a name's.
    """
    found = check.text(where, name)
    if _FORBIDDEN_INDEX.search(found) or not found.isprintable():
        raise ConfigurationError(f"{where}={found!r} is no name of an index, and no pattern of names")
    return f'"{found}"'


def _same(one: Any, other: Any) -> bool:
    return _json(one) == _json(other)


def _json(content: Any) -> str:
    return json.dumps(json.loads(encode({"value": content}, name="the parameter")), sort_keys=True)
