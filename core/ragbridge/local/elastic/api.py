"""Elasticsearch's inference API in this process: ``_inference``, ingest pipelines, and the cluster's name.

Checks requests as Elasticsearch 9.5 does, with its error shapes and, where they are known, its sentences, and answers
them from static embeddings. Indexes, documents and searches are the business of ``ragbridge.local.search``, which adds them.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from ragbridge.flow import Response
from ragbridge.local.elastic import answers, catalogue, inputs, settings
from ragbridge.local.elastic.cluster import INFO, not_offered
from ragbridge.local.elastic.compression import plain
from ragbridge.local.elastic.endpoints import ANY, Endpoint, Registry, already_exists
from ragbridge.local.elastic.errors import Failure, NoRoute
from ragbridge.local.elastic.filtering import filtered
from ragbridge.local.elastic.http import (
    Query,
    check_duration,
    check_parameters,
    content_type,
    flag,
    read_body,
    respond,
)
from ragbridge.local.elastic.pipelines import Pipelines
from ragbridge.local.elastic.preconfigured import preconfigured
from ragbridge.local.elastic.services.elasticsearch import deployments

if TYPE_CHECKING:
    from ragbridge.local.model import Embedder


class Outcome(NamedTuple):
    """An answer's body, the tokens that it costs, and its status."""

    body: dict[str, Any] | list[dict[str, Any]]
    tokens: int = 0
    status: int = 200


_ROUTE = re.compile(r".*?/(?P<api>_(?!all/)[^/]+)(?:/(?P<rest>.*))?", re.DOTALL)
"""The first part of a path that begins with ``_`` names the API; ``_all`` stands for indexes. Any prefix is accepted."""


class InferenceApi(ABC):
    """The inference API with its own endpoints. It is safe for threads.

    Args:
        embedder: Returns the embedded model; called when vectors or tokens are first needed.
    """

    def __init__(self, embedder: Callable[[], Embedder]) -> None:
        self._embedder = embedder
        self._pipelines = Pipelines()
        self._registry = Registry(preconfigured())

    def owns(self, method: str, path: str) -> bool:
        """Whether a request belongs to Elasticsearch: the root, and all paths with a part that begins with ``_``.

        So do requests for a single index (``PUT``, ``DELETE``, ``HEAD`` of one name).
        """
        path = path.rstrip("/")
        if not path:
            return method in {"GET", "HEAD"}
        if _ROUTE.fullmatch(path):
            return True
        return method in {"PUT", "DELETE", "HEAD"} and path.count("/") == 1

    def handle(
        self,
        method: str,
        path: str,
        query: Query,
        headers: Mapping[str, str],
        body: bytes,
        *,
        charge: Callable[[int], None] | None = None,
    ) -> tuple[Response, int]:
        """Answer a request for which ``owns`` is true.

        Args:
            method: The method, in capitals.
            path: The path, decoded, without the query.
            query: The query parameters.
            headers: The headers, with names in lower case.
            body: The body.
            charge: Counts tokens before a request takes effect; raises what refuses it.

        Returns:
            The answer, and the tokens that it costs beside those that were given to ``charge``.
        """
        further: Mapping[str, str] = {}
        try:
            body = plain(headers, body)
            answer, tokens, status = self._answer(method, path.rstrip("/"), query, body, charge)
        except Failure as failure:
            answer, tokens, status = failure.body, 0, failure.status
            further = failure.headers
        if "filter_path" in query:
            answer = _selected(answer, query["filter_path"])
        indent = 2 if "pretty" in query and query["pretty"] != "false" else None
        response = respond(status, answer, content_type(headers, query), indent)
        return Response(status, {**response.headers, **further}, response.body), tokens

    def refuse(
        self,
        status: int,
        reason: str,
        headers: Mapping[str, str] | None = None,
        *,
        form: str = "application/json",
    ) -> Response:
        """The answer for a request that a check of the key or a quota has refused, in Elasticsearch's shape and a content type."""
        response = respond(status, Failure(status, reason).body, form)
        challenge = {"www-authenticate": 'ApiKey, Basic realm="ragbridge"'} if status == 401 else {}
        return Response(status, {**response.headers, **challenge, **(headers or {})}, response.body)

    def _answer(
        self, method: str, path: str, query: Query, body: bytes, charge: Callable[[int], None] | None
    ) -> Outcome:
        if not path:
            return Outcome(INFO)
        route = _ROUTE.fullmatch(path)
        parts = [part for part in (route["rest"] or "").split("/") if part] if route else []
        api = route and route["api"]
        if api not in _METHODS:
            return self._answer_other(method, path, query, body, charge)
        allowed = _METHODS[api](parts)
        if method not in allowed:
            raise NoRoute(method, f"{path}?{urlencode(query)}" if query else path, allowed)
        if api == "_ingest":
            return Outcome(self._keep(method, path, parts[1:], query, body))
        return self._answer_inference(method, path, parts, query, body)

    @abstractmethod
    def _answer_other(
        self, method: str, path: str, query: Query, body: bytes, charge: Callable[[int], None] | None
    ) -> Outcome:
        """Answer a request to another API than ``_inference`` and ``_ingest``."""

    @abstractmethod
    def _indexes_using(self, inference_id: str) -> list[str]:
        """The indexes whose mappings name an endpoint."""

    def _answer_inference(
        self, method: str, path: str, parts: list[str], query: Query, body: bytes
    ) -> Outcome:
        match method, parts:
            case "GET", ["_region_policy"]:
                raise not_offered("_inference/_region_policy", "it has no regions")
            case "GET", ["_services", *named]:
                check_parameters(path, query)
                return Outcome(catalogue.services(settings.check_task(named[0]) if named else None))
            case "GET", _:
                check_parameters(path, query)
                return Outcome(self._get(parts))
            case "DELETE", _:
                check_parameters(path, query, "dry_run", "force")
                return Outcome(self._delete(*_named(parts), query))
            case "PUT", [_, *_, "_update"]:
                check_parameters(path, query, "timeout")
                return Outcome(self._update(*_named(parts[:-1]), read_body(body)))
            case "PUT", _:
                check_parameters(path, query, "timeout")
                return Outcome(self._create(*_named(parts), read_body(body)))
            case _, [_, *_, "_stream"]:
                raise self._no_stream(*_named(parts[:-1]))
        check_parameters(path, query, "timeout")
        return self._infer(*_named(parts), read_body(body))

    def _keep(self, method: str, path: str, names: list[str], query: Query, body: bytes) -> dict[str, Any]:
        check_parameters(path, query, "master_timeout", "timeout")
        name = names[0] if names else "*"
        if method == "PUT":
            return self._pipelines.put(name, read_body(body))
        if method == "DELETE":
            return self._pipelines.delete(name)
        return self._pipelines.get(None if name == "*" else name)

    def _get(self, parts: list[str]) -> dict[str, Any]:
        if not parts or (len(parts) == 1 and parts[0] in ANY):
            endpoints = self._registry.list()
        elif parts[-1] in ANY:
            endpoints = self._registry.list(settings.check_task(parts[0]))
        else:
            endpoints = [self._find(*_named(parts))]
        return {"endpoints": [endpoint.body for endpoint in endpoints]}

    def _create(self, task_type: str | None, inference_id: str, config: dict[str, Any]) -> dict[str, Any]:
        if inference_id in self._registry.reserved:
            raise Failure(
                400,
                f"[{inference_id}] is a reserved inference ID. Cannot create a new inference endpoint with a reserved ID.",
            )
        known = self._registry.list()
        if any(endpoint.inference_id == inference_id for endpoint in known):
            raise already_exists(inference_id)
        endpoint = settings.create(
            inference_id,
            task_type,
            config,
            deployments=deployments(known),
            learn_width=lambda: self._embedder().width,
        )
        self._registry.add(endpoint)
        return endpoint.body

    def _update(self, task_type: str | None, inference_id: str, config: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._registry.find(inference_id)
        changed = settings.update(
            endpoint,
            task_type,
            config,
            deployments=deployments(self._registry.list()),
            learn_width=lambda: self._embedder().width,
        )
        self._registry.replace(endpoint, changed)
        return changed.body

    def _delete(self, task_type: str | None, inference_id: str, query: Query) -> dict[str, Any]:
        self._find(task_type, inference_id)
        dry_run, force = flag(query, "dry_run"), flag(query, "force")
        pipelines = self._pipelines.referring(inference_id)
        indexes = self._indexes_using(inference_id)
        reason = ""
        if pipelines:
            reason += (
                f"Inference endpoint {inference_id} is referenced by pipelines: [{', '.join(pipelines)}]. Ensure that no "
                "pipelines are using this inference endpoint, or use force to ignore this warning and delete the inference "
                "endpoint."
            )
        if indexes:  # the sentence begins with a space, as Elasticsearch's does
            reason += (
                f" Inference endpoint {inference_id} is being used in the mapping for indexes: [{', '.join(indexes)}]. Ensure "
                "that no index mappings are using this inference endpoint, or use force to ignore this warning and delete the "
                "inference endpoint."
            )
        if dry_run:
            error = {"error_message": reason} if reason else {}
            return {"acknowledged": False, "pipelines": pipelines, "indexes": indexes, **error}
        if not force and inference_id in self._registry.reserved:
            raise Failure(
                400,
                f"[{inference_id}] is a reserved inference endpoint. Use the force=true query parameter to delete the "
                "inference endpoint.",
            )
        if not force and reason:
            raise Failure(409, reason)
        self._registry.remove(inference_id)
        return {"acknowledged": True, "pipelines": [], "indexes": []}

    def _infer(self, task_type: str | None, inference_id: str, body: dict[str, Any]) -> Outcome:
        endpoint = self._registry.find(inference_id)
        if task_type not in {None, endpoint.task_type}:
            raise Failure(
                400,
                f"Incompatible task_type, the requested type [{task_type}] does not match the model type "
                f"[{endpoint.task_type}]",
            )
        if body.get("timeout") is not None:
            check_duration(str(body["timeout"]))
        inference = inputs.read(endpoint, body)
        own = settings.SERVICES[endpoint.service].answer
        return (
            Outcome(*answers.answer(inference, self._embedder())) if own is None else Outcome(own(inference))
        )

    def _no_stream(self, task_type: str | None, inference_id: str) -> Failure:
        endpoint = self._registry.find(inference_id)
        streams = settings.SERVICES[endpoint.service].streams
        if not streams:
            return Failure(405, f"Streaming is not allowed for service [{endpoint.service}].")
        return Failure(
            405,
            f"Streaming is not allowed for service [{endpoint.service}] and task [{task_type or endpoint.task_type}]. "
            f"Supported tasks: [{', '.join(streams)}]",
        )

    def _find(self, task_type: str | None, inference_id: str) -> Endpoint:
        endpoint = self._registry.find(inference_id)
        if task_type not in {None, endpoint.task_type}:
            raise Failure(
                400,
                f"Requested task type [{task_type}] does not match the inference endpoint's task type "
                f"[{endpoint.task_type}]",
            )
        return endpoint


def _selected(answer: Any, filter_path: str) -> Any:
    if isinstance(answer, list):
        return [filtered(row, filter_path) for row in answer]
    return filtered(answer, filter_path)


def _inference_methods(parts: Sequence[str]) -> tuple[str, ...]:
    """Methods of the routes below ``_inference``."""
    match parts:
        case []:
            return ("GET",)
        case [_] | [_, _]:
            return "DELETE", "GET", "POST", "PUT"
        case [_, _, "_update"]:
            return ("PUT",)
        case [_, _, "_stream"]:
            return ("POST",)
    return ()


def _ingest_methods(parts: Sequence[str]) -> tuple[str, ...]:
    """Methods of the routes below ``_ingest``."""
    match parts:
        case ["pipeline"]:
            return ("GET",)
        case ["pipeline", _]:
            return "DELETE", "GET", "PUT"
    return ()


_METHODS = {"_inference": _inference_methods, "_ingest": _ingest_methods}
"""The APIs that the engine answers, and which methods each of their paths has a route for."""


def _named(parts: Sequence[str]) -> tuple[str | None, str]:
    """Task type, if the path names one, and id."""
    return (None if len(parts) == 1 else settings.check_task(parts[0])), parts[-1]
