"""Methods that manage inference endpoints: ``elastic.endpoints``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ragbridge.client.methods import Awaitable, Blocking
from ragbridge.client.secret import Secret, concealed
from ragbridge.client.service import Part
from ragbridge.flow import Flow, Plan, single
from ragbridge.rules.endpoints import TaskType
from ragbridge.services.elastic import arguments as check
from ragbridge.services.elastic.endpoints import requests as endpoints
from ragbridge.services.elastic.endpoints.settings.config import AnySettings, build_config, conceal
from ragbridge.values.endpoints import Deletion, Endpoint, InferenceService

if TYPE_CHECKING:
    from ragbridge.rules.chunking import ChunkingSettings
    from ragbridge.services.elastic.session import ElasticChannel, ElasticMethods

T = TypeVar("T")


class Endpoints(Part):
    """Inference endpoints. Each is an id that stands for a model of a service, with settings.

    ::

        from ragbridge.elastic import Elastic, JinaAI

        elastic = Elastic("https://localhost:9200", api_key="...")
        elastic.endpoints.create(
            "jinaai-embeddings", "text_embedding", JinaAI("jina-embeddings-v3", api_key=key)
        )
        elastic.endpoints.get("jinaai-embeddings").dimensions

    Creating, changing and deleting require the privilege ``manage_inference``, reading ``monitor_inference``.

    Args:
        service: The client that they belong to.
    """

    _NAME = "endpoints"

    @property
    def _channel(self) -> ElasticChannel:
        return cast("ElasticMethods", self._service)._channel  # noqa: SLF001 - a part of it

    def _create(
        self,
        inference_id: str,
        task_type: TaskType,
        settings: AnySettings,
        *,
        chunking_settings: ChunkingSettings | None = None,
        timeout: float | None = None,
    ) -> Plan[Endpoint]:
        """Create an endpoint.

        Elasticsearch tries the settings before it answers. It sends a third party's service a request for one text; a
        model of its own it deploys, after downloading it if necessary. The request is never sent twice: if the answer
        is lost, the error says how to check whether the endpoint exists.

        Args:
            inference_id: Its id: lower case letters, digits, hyphens, underscores and dots.
            task_type: Its task: ``"text_embedding"``, ``"sparse_embedding"``, ``"rerank"``, ...
            settings: ``JinaAI(...)``, ``ElasticsearchService(...)``, ``ElasticInferenceService(...)``, ``OpenAI(...)`` or
                ``Cohere(...)``; for other services the body of Elasticsearch's API, with ``service`` and ``service_settings``.
            chunking_settings: How ``semantic_text`` chunks inputs: Elasticsearch's object, or a chunker of
                ``ragbridge.chunking``; by default sentences of 250 words with overlap 1. Not for ``rerank``.
            timeout: Seconds that Elasticsearch may take, 30 by default. A model that is downloaded and deployed
                takes minutes. It continues after a timeout; ``get`` shows when the endpoint exists.

        Raises:
            ConfigurationError: Elasticsearch would refuse the settings; the message quotes it. Nothing was sent.
            InvalidRequestError: Elasticsearch refuses them: the id is taken, or the service behind it refuses.
            RequestError: No answer came. The endpoint may exist nevertheless.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.

        Warns:
            UserWarning: ``max_chunk_size`` is above 300, which Elasticsearch before 9.2 refuses.
        """
        if isinstance(settings, Mapping):
            settings = conceal(settings)
        config = build_config(inference_id, task_type, settings, chunking_settings)
        if timeout is not None:
            timeout = check.seconds("timeout", timeout)
        return _one(endpoints.create(self._channel, inference_id, task_type, config, timeout=timeout))

    create = Blocking(_create)
    acreate = Awaitable(_create)

    def _get(self, inference_id: str, task_type: TaskType | None = None) -> Plan[Endpoint]:
        """One endpoint, as Elasticsearch shows it: with defaults, without keys.

        Args:
            inference_id: Its id.
            task_type: Its task type, if an endpoint of another type should be refused.

        Raises:
            InvalidRequestError: There is no such endpoint (404).
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        endpoints.path(inference_id, task_type)
        return _one(endpoints.get(self._channel, inference_id, task_type))

    get = Blocking(_get)
    aget = Awaitable(_get)

    def _exists(self, inference_id: str, task_type: TaskType | None = None) -> Plan[bool]:
        """Whether there is such an endpoint.

        Args:
            inference_id: Its id.
            task_type: Its task type, if an endpoint of another type should be refused.

        Raises:
            RagbridgeError: Elasticsearch gave no answer, see ``ragbridge.RagbridgeError``.
        """
        endpoints.path(inference_id, task_type)
        return _one(endpoints.exists(self._channel, inference_id, task_type))

    exists = Blocking(_exists)
    aexists = Awaitable(_exists)

    def _list(self, task_type: TaskType | None = None) -> Plan[tuple[Endpoint, ...]]:
        """All endpoints that the cluster may use, including Elasticsearch's own.

        Args:
            task_type: Only those of this task type.

        Raises:
            RagbridgeError: Anything that can fail, see ``ragbridge.RagbridgeError``.
        """
        return _one(endpoints.list_all(self._channel, task_type))

    def _services(self, task_type: TaskType | None = None) -> Plan[tuple[InferenceService, ...]]:
        """The services that Elasticsearch knows, with the settings of each (8.17 and later).

        The route is that of Kibana's forms, and in no published description.

        Args:
            task_type: Only those that have this task type.

        Raises:
            RagbridgeError: Anything that can fail, see ``ragbridge.RagbridgeError``.
        """
        return _one(endpoints.services(self._channel, task_type))

    services = Blocking(_services)
    aservices = Awaitable(_services)

    def _update(
        self,
        inference_id: str,
        task_type: TaskType | None = None,
        *,
        task_settings: Mapping[str, Any] | None = None,
        api_key: str | Secret | None = None,
        num_allocations: int | None = None,
        requests_per_minute: int | None = None,
        max_input_tokens: int | None = None,
    ) -> Plan[Endpoint]:
        """Change some settings of an endpoint (8.17 and later). To change others, delete it and create it again.

        Args:
            inference_id: Its id.
            task_type: Its task type, if an endpoint of another type should be refused.
            task_settings: Defaults of its requests, such as ``{"top_n": 10}``. Others are kept.
            api_key: A new key for the service behind it.
            num_allocations: Allocations of a model on the cluster (service ``elasticsearch``).
            requests_per_minute: The largest number of requests that Elasticsearch sends.
            max_input_tokens: Longest input in tokens.

        Raises:
            ConfigurationError: There is nothing to change, or a value is wrong. Nothing was sent.
            InvalidRequestError: The service has no such setting, or there is no such endpoint.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        api_key = concealed(api_key)
        changes = endpoints.build_changes(
            task_settings=task_settings,
            api_key=api_key,
            num_allocations=num_allocations,
            requests_per_minute=requests_per_minute,
            max_input_tokens=max_input_tokens,
        )
        endpoints.path(inference_id, task_type)
        return _one(endpoints.update(self._channel, inference_id, task_type, changes))

    update = Blocking(_update)
    aupdate = Awaitable(_update)

    def _delete(
        self,
        inference_id: str,
        *,
        task_type: TaskType | None = None,
        dry_run: bool = False,
        force: bool = False,
    ) -> Plan[Deletion]:
        """Delete an endpoint. It is kept if pipelines or ``semantic_text`` fields refer to it, unless ``force`` is set.

        Args:
            inference_id: Its id.
            task_type: Its task type, if an endpoint of another type should be refused.
            dry_run: Only report what refers to it.
            force: Delete it even so. Pipelines and fields that refer to it will fail.

        Raises:
            InvalidRequestError: There is no such endpoint (404), or something refers to it (409).
            RequestError: No answer came. The endpoint may have been deleted.
            RagbridgeError: Anything else, see ``ragbridge.RagbridgeError``.
        """
        endpoints.path(inference_id, task_type)
        return _one(endpoints.delete(self._channel, inference_id, task_type, dry_run=dry_run, force=force))

    delete = Blocking(_delete)
    adelete = Awaitable(_delete)

    # Last in the class, since a method of this name hides the built-in type.
    list = Blocking(_list)
    alist = Awaitable(_list)


def _one(flow: Flow[T]) -> Plan[T]:
    return single(flow)
