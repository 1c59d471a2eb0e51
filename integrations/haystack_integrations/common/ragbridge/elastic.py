"""The connection settings of every component over Elasticsearch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from haystack.utils import Secret

from haystack_integrations.common.ragbridge.component import ServiceComponent
from ragbridge import ConfigurationError, RateLimit, Retry
from ragbridge.adapters import AnswerFormat, CacheLike, QuotasLike, TransportName, elastic_defaults

if TYPE_CHECKING:
    from ragbridge import Elastic

    _Component = ServiceComponent[Elastic]
else:
    _Component = ServiceComponent  # the client is imported when the first one is made

KEY = Secret.from_env_var(list(elastic_defaults.KEY_VARIABLES), strict=False)
TIMEOUT = elastic_defaults.TIMEOUT
BATCH_SIZE = elastic_defaults.BATCH_SIZE


class ElasticComponent(_Component):
    """A component that owns an ``Elastic``."""

    _SERVICE: ClassVar[type[Any] | str] = "Elastic"
    _SECRETS: ClassVar[tuple[str, ...]] = ("api_key", "password", "bearer_auth")

    def __init__(
        self,
        *,
        client: Elastic | None,
        url: str | None,
        cloud_id: str | None,
        api_key: Secret | None,
        username: str | None,
        password: Secret | None,
        bearer_auth: Secret | None,
        ca_certs: str | None,
        verify: bool,
        limits: RateLimit | dict[str, Any] | str | None,
        retry: Retry | dict[str, Any] | None,
        timeout: float,
        deadline: float | None,
        concurrency: int | None,
        transport: TransportName,
        headers: dict[str, str | Secret | None] | None,
        quotas: QuotasLike | None,
        cache: CacheLike | None,
        cache_version: str,
        answer_format: AnswerFormat,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        if (username is None) != (password is None):
            raise ConfigurationError("username= and password= (a Secret) go together: give both or none")
        if url is not None and "@" in url.partition("://")[2].partition("/")[0]:
            raise ConfigurationError(
                "url= must not hold a user name or password, which would be written down with it"
            )
        if not isinstance(verify, bool):
            raise ConfigurationError(
                f"verify is {type(verify).__name__}, not bool: an SSLContext is what client=Elastic(verify=...) takes"
            )
        self.url = url
        self.cloud_id = cloud_id
        self.api_key = api_key
        self.username = username
        self.password = password
        self.bearer_auth = bearer_auth
        self.ca_certs = ca_certs
        self.verify = verify
        self.batch_size = batch_size
        self.answer_format = answer_format
        super().__init__(
            client=client,
            limits=limits,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            concurrency=concurrency,
            transport=transport,
            headers=headers,
            quotas=quotas,
            cache=cache,
            cache_version=cache_version,
        )

    @classmethod
    def _names(cls) -> list[str]:
        # Haystack's secrets are no pairs: two settings stand for the client's basic_auth.
        return [*super()._names(), "username", "password"]

    def _make(self, settings: dict[str, Any]) -> Elastic:
        if self.api_key == KEY:
            # The client looks there by itself, and only where no other credential was given and a key is of use.
            settings["api_key"] = None
        username, password = settings.pop("username"), settings.pop("password")
        if username is not None and password is None:
            raise ConfigurationError(
                "username= without a password: the variable that password= names is not set"
            )
        return super()._make({**settings, "basic_auth": None if username is None else (username, password)})
