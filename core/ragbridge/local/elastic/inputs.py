"""Reading an inference request: texts, media, options, and Elasticsearch's rules about them.

Sources: ``InferenceAction.Request.validate``, ``InputType``, and the specification's ``RequestEmbedding`` and
``RerankInput`` (August 2026). Elasticsearch checks less strictly if the path names no task type; here the
endpoint's task type always applies.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ragbridge.ground.records import dataclass
from ragbridge.local.elastic.errors import (
    Failure,
    bad_argument,
    invalid_request,
    invalid_settings,
    unreadable,
)
from ragbridge.local.elastic.settings import read_task_settings
from ragbridge.local.items import MOST_ITEMS, Item, Medium, Part
from ragbridge.models import lookup
from ragbridge.rules import RULES
from ragbridge.rules.endpoints import INPUT_TYPES, NO_INPUT_TYPE

if TYPE_CHECKING:
    from ragbridge.local.elastic.endpoints import Endpoint

FIELDS = ("input", "input_type", "query", "return_documents", "task_settings", "timeout", "top_n")
MEDIA = ("image", "audio", "video", "pdf")
_DATA_URI = re.compile(r"data:[^,]*/[^,]*;base64,")
"""What Elasticsearch checks of a data URI (``InferenceString.validateDataURIFormat``)."""


@dataclass(frozen=True, slots=True)
class Inference:
    """A valid inference request.

    Attributes:
        endpoint: The endpoint that is asked.
        inputs: One entry for each result. Several parts are fused into one vector.
        query: The query of a rerank request.
        settings: Task settings. The request's fields override its ``task_settings``, which override the endpoint's.
    """

    endpoint: Endpoint
    inputs: list[Item]
    query: Part | None
    settings: Mapping[str, Any]


def read(endpoint: Endpoint, body: Mapping[str, Any]) -> Inference:
    """Check a request against its endpoint.

    Raises:
        Failure: 400.
    """
    for name in body:
        if name not in FIELDS:
            raise unreadable(f"[inference] unknown field [{name}]")
    task = endpoint.task_type
    inputs = _inputs(endpoint, body.get("input"))
    query = body.get("query")
    options = {
        "top_n": _typed(body, "top_n", int),
        "return_documents": _typed(body, "return_documents", bool),
        "input_type": _input_type(body.get("input_type")),
    }
    if task == "rerank":
        query = _query(endpoint, query)
    else:
        for name in ("return_documents", "top_n", "query"):
            if body.get(name) is not None:
                raise _misplaced(name, task)
    if options["input_type"] is not None and task not in {"text_embedding", "embedding"}:
        raise _misplaced("input_type", task)
    if options["input_type"] is not None and not RULES[endpoint.service].roles:
        raise invalid_settings([f"Invalid input_type [{options['input_type']}]. {NO_INPUT_TYPE}"])
    if endpoint.service == "elastic" and options["return_documents"] is not None:
        shown = str(options["return_documents"]).lower()
        raise invalid_settings(
            [
                f"Invalid return_documents [{shown}]. The return_documents option is not supported by this service"
            ]
        )
    asked = _typed(body, "task_settings", dict) or {}
    given = {name: value for name, value in options.items() if value is not None}
    settings = {
        **endpoint.task_settings,
        **read_task_settings(endpoint.service, task, asked),
        **given,
    }
    if settings.get("top_n") is not None and settings["top_n"] < 1:
        raise invalid_settings([f"Invalid value [{settings['top_n']}]. [top_n] must be a positive integer"])
    return Inference(endpoint, inputs, query, settings)


def _inputs(endpoint: Endpoint, given: object) -> list[Item]:
    if given is None:
        raise invalid_request("Field [input] cannot be null")
    items = given if isinstance(given, list) else [given]
    if not items:
        raise invalid_request("Field [input] cannot be an empty array")
    if len(items) > MOST_ITEMS:
        raise invalid_request(
            f"Field [input] cannot have more than {MOST_ITEMS} items here, it has {len(items)}"
        )
    return [_READERS.get(endpoint.task_type, _only_text)(endpoint, item) for item in items]


def _query(endpoint: Endpoint, given: object) -> Part:
    if given is None:
        raise invalid_request("Field [query] cannot be null for task type [rerank]")
    query = _rankable(endpoint, given, "query")
    if query == "":
        raise invalid_request("Field [query] cannot be empty for task type [rerank]")
    return query


def _text(item: object, field: str) -> str:
    if not isinstance(item, str):
        raise unreadable(f"[inference] {field} doesn't support values of type: {_java_token(item)}")
    return item


def _only_text(_endpoint: Endpoint, item: object) -> Item:
    return (_text(item, "input"),)


def _document(endpoint: Endpoint, item: object) -> Item:
    return (_rankable(endpoint, item, "input"),)


def _rankable(endpoint: Endpoint, item: object, field: str) -> Part:
    """A text. Multimodal models of the Elastic Inference Service also accept an object."""
    if isinstance(item, str):
        return item
    if not isinstance(item, dict) or endpoint.service != "elastic" or not _multimodal(endpoint):
        return _text(item, field)
    return _part(endpoint, item, field)


def _content(endpoint: Endpoint, item: object) -> Item:
    """One input of the task ``embedding``: a text, or ``content`` with one part or several."""
    if isinstance(item, str):
        return (item,)
    if not isinstance(item, dict) or set(item) != {"content"}:
        raise unreadable("[inference] failed to parse field [input]", bad_argument("Required [content]"))
    if not _multimodal(endpoint):
        raise Failure(
            400, f"Model [{endpoint.service_settings['model_id']}] only accepts texts: send a list of strings"
        )
    parts = item["content"] if isinstance(item["content"], list) else [item["content"]]
    if not parts:
        raise invalid_request("Field [content] cannot be an empty array")
    return tuple(_part(endpoint, part, "content") for part in parts)


_READERS: Mapping[str, Callable[[Endpoint, object], Item]] = {
    "embedding": _content,
    "rerank": _document,
}
"""How the inputs of a task type are read. Other task types take only texts."""


def _part(endpoint: Endpoint, given: object, field: str) -> Part:
    if not isinstance(given, dict) or not isinstance(given.get("value"), str) or "type" not in given:
        raise unreadable(
            f"[inference] failed to parse field [{field}]",
            bad_argument("Required one of fields [type, value]"),
        )
    kind, value = str(given["type"]).lower(), given["value"]
    if kind not in {"text", *_modalities(endpoint)}:
        raise Failure(
            400, f"Model [{endpoint.service_settings['model_id']}] does not accept input of type [{kind}]"
        )
    wanted = "text" if kind == "text" else "base64"
    given_format = str(given.get("format") or wanted).lower()
    if given_format != wanted:
        raise unreadable(
            f"[inference] failed to parse field [{field}]",
            bad_argument(
                f"Data type [{kind}] does not support data format [{given_format}], supported formats are [{wanted}]"
            ),
        )
    return value if kind == "text" else Medium(kind, _content_of(value, field))


def _content_of(value: str, field: str) -> bytes:
    """The bytes of a data URI. Elasticsearch checks its beginning alone, so what is no base64 stands for itself."""
    if not _DATA_URI.match(value):
        raise unreadable(
            f"[inference] failed to parse field [{field}]",
            bad_argument(
                "base64 inputs must be specified as data URIs with the format [data:{MIME-type};base64,...]"
            ),
        )
    encoded = value.partition(",")[2]
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except ValueError:
        return encoded.encode("utf-8", "surrogatepass")


def _modalities(endpoint: Endpoint) -> tuple[str, ...]:
    row = lookup(str(endpoint.service_settings["model_id"]))
    return MEDIA if row is None else row.modalities


def _multimodal(endpoint: Endpoint) -> bool:
    chosen = endpoint.service_settings.get("multimodal_model", True)
    return chosen and any(kind in MEDIA for kind in _modalities(endpoint))


def _input_type(given: object) -> str | None:
    if given is None:
        return None
    word = given.strip().lower() if isinstance(given, str) else given
    if word == "unspecified":
        return None
    if word not in INPUT_TYPES:
        raise unreadable(
            "[inference] failed to parse field [input_type]",
            bad_argument(f"Unrecognized input_type [{given}], must be one of [{', '.join(INPUT_TYPES)}]"),
        )
    return str(word)


def _typed(body: Mapping[str, Any], name: str, kind: type) -> Any:
    value = body.get(name)
    if value is None or type(value) is kind:
        return value
    raise unreadable(f"[inference] {name} doesn't support values of type: {_java_token(value)}")


def _misplaced(name: str, task: str) -> Failure:
    return invalid_request(f"Field [{name}] cannot be specified for task type [{task}]")


def _java_token(value: object) -> str:
    """What Elasticsearch's parser calls a value."""
    names = {bool: "VALUE_BOOLEAN", str: "VALUE_STRING", dict: "START_OBJECT", list: "START_ARRAY"}
    return names.get(type(value), "VALUE_NULL" if value is None else "VALUE_NUMBER")
