"""Mappings of ``semantic_text`` fields: their parameters, and which of them may change.

Source: ``SemanticTextFieldMapper`` of Elasticsearch's inference plugin.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from typing import Any, Final

from ragbridge.local.elastic.errors import refuse
from ragbridge.local.search.errors import invalid_argument, mapper_parsing
from ragbridge.local.search.mapping import Field
from ragbridge.rules.chunking import read_settings
from ragbridge.rules.endpoints import CHUNKING_TASKS

DEFAULT_ENDPOINT: Final = ".jina-embeddings-v5-text-small"
"""Of fields without ``inference_id``, from 9.4 on where the Elastic Inference Service is reached."""
_MODEL_SETTINGS = ("service", "task_type", "dimensions", "similarity", "element_type")


def check_semantic(path: str, given: Map[str, Any]) -> dict[str, Any]:
    """The parameters of a field as Elasticsearch keeps them.

    Raises:
        Failure: 400.
    """
    parameters: dict[str, Any] = {"inference_id": DEFAULT_ENDPOINT, **given}
    for name in ("inference_id", "search_inference_id"):
        if name in parameters and (not isinstance(parameters[name], str) or not parameters[name]):
            raise invalid_argument(f"[{name}] on mapper [{path}] of type [semantic_text] must not be empty")
    chunking = parameters.pop("chunking_settings", None)
    if chunking:
        if not isinstance(chunking, dict):
            raise mapper_parsing(f"[chunking_settings] on mapper [{path}] must be an object")
        values, problems = read_settings(chunking)
        refuse(problems)
        parameters["chunking_settings"] = values
    if parameters.get("model_settings") is None:
        parameters.pop("model_settings", None)
    else:
        parameters["model_settings"] = _check_model(parameters["model_settings"])
    options = parameters.get("index_options")
    if options is None:
        parameters.pop("index_options", None)
    elif not isinstance(options, dict) or set(options) not in ({"dense_vector"}, {"sparse_vector"}):
        raise invalid_argument(f"Unsupported index options type {options}")
    return parameters


def _check_model(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise mapper_parsing("[model_settings] must be an object")
    unknown = [name for name in given if name not in _MODEL_SETTINGS]
    if unknown:
        raise mapper_parsing(f"[model_settings] unknown field [{unknown[0]}]")
    task = given.get("task_type")
    if task is None:
        raise invalid_argument("Required [task_type]")
    if task not in CHUNKING_TASKS:
        raise invalid_argument(
            f"Wrong [task_type], expected text_embedding, sparse_embedding, or embedding, got {task}"
        )
    for name in ("dimensions", "similarity", "element_type"):
        if task == "sparse_embedding" and given.get(name) is not None:
            raise invalid_argument(f"[{name}] is not allowed for task type [{task}]")
        if task != "sparse_embedding" and given.get(name) is None:
            if name == "element_type":
                given = {**given, "element_type": "float"}
                continue
            raise invalid_argument(f"required [{name}] field is missing for task type [{task}]")
    return dict(given)


def merge_semantic(known: Field, given: Field) -> Field:
    """A field after a later mapping.

    Raises:
        Failure: 400, what was indexed would not fit it.
    """
    path, before, after = known.path, known.parameters, dict(given.parameters)
    model = before.get("model_settings")
    if model is not None:
        asked = after.setdefault("model_settings", model)
        conflict = _shown(asked, service=False) != _shown(model, service=False)
        if conflict:
            raise invalid_argument(
                f"Mapper for [{path}] conflicts with existing mapper:\n\tCannot update parameter [model_settings] from "
                f"[{_shown(model)}] to [{_shown(asked)}]"
            )
    return Field(path, known.type, after, known.parent)


def _shown(model: Map[str, Any], *, service: bool = True) -> str:
    """Model settings as ``MinimalServiceSettings.toString`` shows them."""
    names = [name for name in _MODEL_SETTINGS if service or name != "service"]
    return ", ".join(f"{name}={model[name]}" for name in names if name in model)


def fitting(field: Field, model: Map[str, Any]) -> bool:
    """Whether embeddings of a model can join those that the field has."""
    return _shown(field.parameters.get("model_settings", model), service=False) == _shown(
        model, service=False
    )
