"""Values in queries, as the fields' types read them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from ragbridge.local.search.analysis import text_of
from ragbridge.local.search.queries.base import not_created
from ragbridge.local.search.types import FLOATING, WHOLE

if TYPE_CHECKING:
    from ragbridge.local.search.mapping import Field
    from ragbridge.local.search.view import View

LEXICAL = ("text", "keyword")
"""Types whose values are terms."""
NUMERIC = (*WHOLE, *FLOATING)
_WHOLE = re.compile(r"[+-]?\d{1,20}")
COMPARED = (*LEXICAL, *NUMERIC, "boolean", "date")
"""Types that have values to be compared."""


def number(field: Field, value: Any) -> float | int:
    """A number for a numeric field.

    Raises:
        Failure: 400, it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise not_created(f'For input string: "{text_of(value)[:100]}"', cause_kind="number_format_exception")
    number: int | float
    if isinstance(value, str):
        try:
            number = int(value) if _WHOLE.fullmatch(value) else float(value)
        except ValueError:
            raise not_created(
                f'For input string: "{value[:100]}"', cause_kind="number_format_exception"
            ) from None
    else:
        number = value
    if isinstance(number, float) and not math.isfinite(number):
        raise not_created(f"[{field.type}] supports only finite values, but got [{number}]")
    return number


def boolean(value: Any) -> bool:
    """A boolean for a boolean field.

    Raises:
        Failure: 400, it is none.
    """
    if value in (True, "true"):
        return True
    if value in (False, "false", ""):
        return False
    raise not_created(f"Can't parse boolean value [{text_of(value)[:100]}], expected [true] or [false]")


def unsupported(field: Field, what: str = "term") -> Exception:
    """400: a type that has no such query."""
    if field.type == "semantic_text":
        return not_created(f"semantic_text fields do not support {what} query")
    return not_created(f"Field [{field.path}] of type [{field.type}] does not support {what} queries")


def terms_in(view: View, field: Field, value: Any) -> str:
    """A value of a keyword or text field as a term, by the field's normalizer."""
    text = text_of(value)
    if field.type == "keyword":
        terms = view.analyzer(field)(text)
        return terms[0].text if terms else text
    return text
