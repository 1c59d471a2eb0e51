"""What is taken for a list of items: any iterable, but none that would be read in another way than it was meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MappingView, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from ragbridge.errors import ConfigurationError
from ragbridge.values.inputs import Group, Media


def iterated(values: Any, name: str, *, of: str = "strings", instead: str = "") -> Iterator[Any]:
    """The items of ``values``, which may be any iterable; none is read yet.

    Args:
        values: What the caller gave.
        name: The argument.
        of: What it holds.
        instead: What to use for a single item.

    Raises:
        ConfigurationError: It is a single item, or not iterable; a set, which has no order; or a table, which iterates
            over columns.
    """
    kind = type(values).__name__
    if isinstance(values, AbstractSet) and not isinstance(values, MappingView):
        raise ConfigurationError(
            f"{name} is a {kind}, whose order is not yours: pass a list of {of}, such as sorted(...)"
        )
    if is_table(values):
        raise ConfigurationError(
            f"{name} is a {kind}, a table, and iterates over its columns: pass one column as a list of {of}, "
            "such as table['text'].tolist()"
        )
    if isinstance(values, (str, bytes, Mapping, Media, Group)):
        raise ConfigurationError(f"{name} is one {kind}: pass a list of {of}{instead}")
    try:
        return iter(values)
    except TypeError:
        raise ConfigurationError(f"{name} is {kind}: pass a list of {of}{instead}") from None


def is_table(values: object) -> bool:
    """Whether ``values`` iterates over columns, or over their names: so do pandas, Polars, PyArrow and Dask.

    Their types have ``columns`` as a value. A method of that name is another thing (SQLAlchemy's results), and what is a
    sequence tells its items itself.
    """
    columns = getattr(type(values), "columns", None)
    return columns is not None and not callable(columns) and not isinstance(values, Sequence)
