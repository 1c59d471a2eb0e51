"""``/_inference``: create, read, change and delete endpoints. Build the requests, read the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ragbridge.client.secret import ConcealedBytes, Secret
from ragbridge.errors import (
    ConfigurationError,
    InvalidRequestError,
    RequestError,
    ResponseError,
    ServiceError,
)
from ragbridge.flow import Flow, Response
from ragbridge.rules import RULES
from ragbridge.rules.reader import Scope
from ragbridge.services.elastic.arguments import given
from ragbridge.services.elastic.encoding import encode
from ragbridge.services.elastic.endpoints.settings.base import rate_limit
from ragbridge.services.elastic.endpoints.settings.config import check_task_type, secrets_of
from ragbridge.services.elastic.wire import check_product, decode, duration, rows, segment
from ragbridge.values.endpoints import Deletion, Endpoint, InferenceService

if TYPE_CHECKING:
    from ragbridge.services.elastic.session import ElasticChannel

T = TypeVar("T")

PRODUCT = "endpoints"
SETTINGS = "the endpoint's body"
NOT_FOUND = "resource_not_found_exception"
NOT_DONE = frozenset({503})
"""A ``ServiceError`` of this status means that nothing was done; after any other the endpoint may exist."""


def create(
    channel: ElasticChannel,
    inference_id: str,
    task_type: str,
    config: Mapping[str, Any],
    *,
    timeout: float | None,
) -> Flow[Endpoint]:
    """Create an endpoint from a checked body."""
    flow = channel.send(
        "PUT",
        path(inference_id, task_type),
        product=PRODUCT,
        read=read_endpoint,
        query={"timeout": None if timeout is None else duration(timeout)},
        body=ConcealedBytes(encode(config, name=SETTINGS)),
        timeout=timeout,
        idempotent=False,
        secrets=tuple(secrets_of(config)),
    )
    channel.forget(inference_id)
    hint = (
        f"the endpoint may exist nevertheless, or its model may still be starting: check with "
        f"endpoints.get({inference_id!r}). If there is none, create it again with a longer timeout="
    )
    return (yield from _once(flow, hint))


def get(channel: ElasticChannel, inference_id: str, task_type: str | None) -> Flow[Endpoint]:
    """One endpoint."""
    endpoints = yield from _read(channel, path(inference_id, task_type))
    if len(endpoints) != 1:
        raise ResponseError(f"the answer about endpoint {inference_id!r} holds {len(endpoints)} of them")
    return endpoints[0]


def exists(channel: ElasticChannel, inference_id: str, task_type: str | None) -> Flow[bool]:
    """Whether there is such an endpoint. A 404 that is not from Elasticsearch's inference API is raised."""
    try:
        yield from get(channel, inference_id, task_type)
    except InvalidRequestError as error:
        if error.status == 404 and error.code == NOT_FOUND:
            return False
        raise
    return True


def list_all(channel: ElasticChannel, task_type: str | None) -> Flow[tuple[Endpoint, ...]]:
    """All endpoints, of one task type or of every."""
    if task_type is None:
        return (yield from _read(channel, "/_inference"))
    check_task_type(task_type)
    return (yield from _read(channel, f"/_inference/{task_type}/_all"))


def services(channel: ElasticChannel, task_type: str | None) -> Flow[tuple[InferenceService, ...]]:
    """All services, or those that have a task type."""
    where = "/_inference/_services"
    if task_type is not None:
        check_task_type(task_type)
        where += f"/{task_type}"
    return (yield from channel.send("GET", where, product=PRODUCT, read=_read_services))


def update(
    channel: ElasticChannel, inference_id: str, task_type: str | None, changes: Mapping[str, Any]
) -> Flow[Endpoint]:
    """Change the settings that can be changed."""
    endpoint = yield from channel.send(
        "PUT",
        path(inference_id, task_type) + "/_update",
        product=PRODUCT,
        read=read_endpoint,
        body=ConcealedBytes(encode(changes, name=SETTINGS)),
        secrets=tuple(secrets_of(changes)),
    )
    channel.forget(inference_id)
    return endpoint


def delete(
    channel: ElasticChannel, inference_id: str, task_type: str | None, *, dry_run: bool, force: bool
) -> Flow[Deletion]:
    """Delete an endpoint, or report what would happen."""
    flow = channel.send(
        "DELETE",
        path(inference_id, task_type),
        product=PRODUCT,
        read=read_deletion,
        query={"dry_run": dry_run or None, "force": force or None},
        idempotent=dry_run,
    )
    if not dry_run:
        channel.forget(inference_id)
    return (
        yield from _once(
            flow, f"the endpoint may have been deleted: check with endpoints.exists({inference_id!r})"
        )
    )


def _read(channel: ElasticChannel, where: str) -> Flow[tuple[Endpoint, ...]]:
    return (yield from channel.send("GET", where, product=PRODUCT, read=read_endpoints))


def _once(flow: Flow[T], hint: str) -> Flow[T]:
    """A request that is not sent twice. If its outcome is unknown, the error says with ``hint`` how to find out."""
    try:
        return (yield from flow)
    except RequestError as error:
        if not error.sent:
            raise
        raise RequestError(f"{error}; {hint}") from error
    except ResponseError as error:
        raise ResponseError(f"{error}; {hint}") from error
    except ServiceError as error:
        if error.status in NOT_DONE:
            raise
        raise error.replace(message=f"{error.message}; {hint}") from error


def path(inference_id: str, task_type: str | None) -> str:
    """The path of an endpoint.

    Raises:
        ConfigurationError: ``inference_id`` does not name a single endpoint, or there is no such task type.
    """
    part = segment("inference_id", inference_id)
    if inference_id.startswith("_") or "*" in inference_id:
        raise ConfigurationError(
            f"inference_id={inference_id!r} names no single endpoint: endpoints.list() has all"
        )
    if task_type is None:
        return f"/_inference/{part}"
    check_task_type(task_type)
    return f"/_inference/{task_type}/{part}"


def build_changes(
    *,
    task_settings: Mapping[str, Any] | None = None,
    api_key: str | Secret | None = None,
    num_allocations: int | None = None,
    requests_per_minute: int | None = None,
    max_input_tokens: int | None = None,
) -> dict[str, Any]:
    """The body of an update.

    Raises:
        ConfigurationError: There is nothing to change, or a value is wrong.
    """
    api_key = Secret(api_key) if isinstance(api_key, str) else api_key
    service = given(
        api_key=api_key.reveal() if api_key else None,
        num_allocations=num_allocations,
        rate_limit=rate_limit(requests_per_minute),
        max_input_tokens=max_input_tokens,
    )
    scope = Scope("service_settings", service)
    changeable = [{row.name: row for row in rules.changeable} for rules in RULES.values()]
    for row in dict(row for table in reversed(changeable) for row in table.items()).values():
        row.read(scope, row)
    if not any(service.keys() <= table.keys() for table in changeable):
        scope.note(
            "num_allocations is a setting of service elasticsearch, and api_key, requests_per_minute and max_input_tokens "
            "are not: an endpoint has one kind"
        )
    if task_settings is not None and (not isinstance(task_settings, Mapping) or not task_settings):
        scope.note(f"task_settings={task_settings!r} must be an object that is not empty")
    if not service and task_settings is None:
        scope.note("Request body is empty (name what is to change)")
    if scope.problems:
        raise ConfigurationError("; ".join(map(str, scope.problems)))
    return given(service_settings=service or None, task_settings=task_settings)


def read_endpoint(response: Response) -> Endpoint:
    """The endpoint in an answer."""
    return endpoint_of(decode(response))


def read_endpoints(response: Response) -> tuple[Endpoint, ...]:
    """The endpoints in an answer."""
    return tuple(map(endpoint_of, rows(decode(response), "endpoints")))


def endpoint_of(body: Mapping[str, Any]) -> Endpoint:
    """An endpoint as Elasticsearch shows it. A key is removed, although none should be there.

    Raises:
        ResponseError: ``body`` does not describe an endpoint.
    """
    service_settings = _object(body, "service_settings")
    service_settings.pop("api_key", None)
    return Endpoint(
        inference_id=_text(body, "inference_id"),
        task_type=_text(body, "task_type"),
        service=_text(body, "service"),
        service_settings=service_settings,
        task_settings=_object(body, "task_settings"),
        chunking_settings=_object(body, "chunking_settings"),
    )


def _read_services(response: Response) -> tuple[InferenceService, ...]:
    """The services in an answer, which is a list."""
    check_product(response)
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        raise ResponseError("the answer about services is not JSON") from None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise ResponseError("the answer about services is no list of objects")
    return tuple(map(_service, found))


def _service(body: Mapping[str, Any]) -> InferenceService:
    name, label, tasks = body.get("service"), body.get("name"), body.get("task_types")
    if not isinstance(name, str) or not isinstance(tasks, list):
        raise ResponseError("a service of the answer has no name or no task types")
    settings = _object(body, "configurations")
    return InferenceService(name, label if isinstance(label, str) else name, tuple(map(str, tasks)), settings)


def read_deletion(response: Response) -> Deletion:
    """The outcome of a deletion."""
    body = decode(response)
    acknowledged, message = body.get("acknowledged"), body.get("error_message")
    if not isinstance(acknowledged, bool):
        raise ResponseError("the answer does not say whether the deletion was acknowledged")
    return Deletion(
        acknowledged,
        _names(body, "pipelines"),
        _names(body, "indexes"),
        message if isinstance(message, str) else None,
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ResponseError(f"an endpoint without {name!r} in the answer")
    return value


def _object(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise ResponseError(f"{name!r} of an endpoint in the answer is not an object")
    return dict(value or {})


def _names(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = body.get(name)
    if names is None:
        return ()
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise ResponseError(f"{name!r} of a deletion is not a list of names")
    return tuple(sorted(names))
