"""Forms: the fields of a body that is ``multipart/form-data`` (RFC 7578) or ``application/x-www-form-urlencoded``."""

from __future__ import annotations

from email.message import Message
from email.parser import HeaderParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from ragbridge.ground.records import dataclass
from ragbridge.local.refusals import Problem, invalid

if TYPE_CHECKING:
    from ragbridge.local.calls import Call
    from ragbridge.local.refusals import Refusal

MOST_PARTS = 100
"""Fields of a form at most. No product has a tenth of that."""
MOST_HEAD = 8192
"""Bytes of the headers of one part at most."""

_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field of a form.

    Attributes:
        content: Its bytes.
        name: The file's name; "" for a field that is no file.
    """

    content: bytes
    name: str = ""


def is_form(call: Call) -> bool:
    """Whether the body is a form, by its content type."""
    return _head(call).get_content_type() in {"multipart/form-data", "application/x-www-form-urlencoded"}


def read_form(call: Call) -> dict[str, FormPart]:
    """The fields of a form, by name; the last one of a name counts. Empty where the body is no form.

    Raises:
        Refusal: 422 for a form that cannot be read: too many parts, parts within parts, encoded parts.
    """
    head = _head(call)
    if head.get_content_type() == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(
                call.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_PARTS
            )
        except ValueError as error:
            raise _invalid(f"A form has at most {MOST_PARTS} fields") from error
        return {name: FormPart(value.encode("utf-8", "surrogatepass")) for name, value in pairs}
    boundary = head.get_boundary()
    if head.get_content_type() != "multipart/form-data" or not boundary:
        return {}
    pieces = (b"\r\n" + call.body).split(b"\r\n--" + boundary.encode("latin-1", "replace"), MOST_PARTS + 2)
    fields: dict[str, FormPart] = {}
    for number, piece in enumerate(pieces[1:], 1):
        if piece.startswith(b"--"):
            break
        if number > MOST_PARTS:
            raise _invalid(f"A form has at most {MOST_PARTS} fields")
        name, part = _read_part(piece)
        fields[name] = part
    return fields


def _read_part(piece: bytes) -> tuple[str, FormPart]:
    _, line, rest = piece.partition(b"\r\n")
    head, blank, content = rest.partition(b"\r\n\r\n")
    if not line or not blank or len(head) > MOST_HEAD:
        raise _invalid("A part of the form has no headers, or its headers do not end")
    headers = HeaderParser().parsestr(head.decode("utf-8", "replace"))
    if headers.get_content_maintype() == "multipart":
        raise _invalid("A part of a form must not be multipart itself")
    if headers.get("content-transfer-encoding", "").strip().lower() not in _PLAIN_ENCODINGS:
        raise _invalid("The parts of a form must not be encoded (RFC 7578, section 4.7)")
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise _invalid("A part of the form has no name")
    return name, FormPart(content, headers.get_filename() or "")


def _head(call: Call) -> Message:
    head = Message()
    head["content-type"] = " ".join(call.headers.get("content-type", "").split()) or "application/json"
    return head


def _invalid(message: str) -> Refusal:
    return invalid([Problem("body", message, "value_error")])
