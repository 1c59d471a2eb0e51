"""The hosts, one row each.

Sources, read on 2026-11-28: vLLM main of autumn 2026 (``entrypoints/pooling``), TEI ``0d124dc`` (``router/src/http``), Infinity
``fcb951c`` and 0.0.78, llama.cpp ``server-common.cpp``, Ollama ``fb30760``, SGLang ``serving_rerank.py``, LiteLLM 1.108.7,
``jina-ai/jina-on-prem`` ``c9fde81``, ``jina-ai/jina-sagemaker`` ``62a4264``, OpenRouter's and Cohere's documentation.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ragbridge.errors import ConfigurationError
from ragbridge.hosts import answers
from ragbridge.hosts.addresses import as_given, invoked, unversioned, versioned_if_bare
from ragbridge.hosts.rows import Embedding, Host, Reranking

_DIMENSIONS = {"dimensions": "dimensions"}
_EMBED = (
    "task",
    "dimensions",
    "truncate",
    "normalized",
    "late_chunking",
    "input_type",
    "return_multivector",
    "return_tokenized_input",
)
_RANK = ("top_n", "max_doc_length", "return_embeddings", "return_documents")
_JINA_EMBEDDING = Embedding(
    fields={name: name for name in _EMBED},
    encoding="embedding_type",
    types=frozenset({"float", "binary", "ubinary"}),
    role="task",
    media=True,
    tokens=True,
)
_JINA_RERANKING = Reranking(fields={name: name for name in _RANK}, scores="model", media=True)

_ROWS = (
    Host(
        name="jina",
        title="Jina's API",
        domains=("jina.ai",),
        owners=frozenset({"ragbridge", "jina-ai", "jina", "Jina AI"}),
        embedding=_JINA_EMBEDDING,
        reranking=_JINA_RERANKING,
        products=True,
        publishes=True,
    ),
    Host(
        name="jina-on-prem",
        title="Jina's on-premises server",
        info=frozenset({"license", "license_status"}),
        embedding=_JINA_EMBEDDING,
        reranking=_JINA_RERANKING,
    ),
    Host(
        name="litellm",
        title="LiteLLM's proxy",
        headers=frozenset({"x-litellm-version", "x-litellm-call-id", "x-litellm-model-id"}),
        embedding=_JINA_EMBEDDING,  # passed on; its provider jina_ai refuses encoding_format
        reranking=_JINA_RERANKING,
    ),
    Host(
        name="openai",
        title="an OpenAI-like host",
        base=versioned_if_bare,
        items=2048,
        embedding=Embedding(fields=_DIMENSIONS),
        reranking=Reranking(),
    ),
    Host(
        name="vllm",
        title="vLLM",
        owners=frozenset({"vllm"}),
        publisher="jinaai",
        embedding=Embedding(fields=_DIMENSIONS | {"truncate": "truncate"}, write=answers.cut_to_context),
        reranking=Reranking(),
    ),
    Host(
        name="tei",
        title="Text Embeddings Inference",
        base=unversioned,
        info=frozenset({"max_client_batch_size", "max_batch_tokens"}),
        items=32,
        embedding=Embedding(fields=_DIMENSIONS),
        reranking=Reranking(documents="texts", fields={}, results=None, score="score"),
    ),
    Host(
        name="infinity",
        title="Infinity",
        base=as_given,
        owners=frozenset({"infinity"}),
        items=2048,
        embedding=Embedding(fields=_DIMENSIONS),
        reranking=Reranking(),
    ),
    Host(
        name="llama.cpp",
        title="llama.cpp's server",
        owners=frozenset({"llamacpp"}),
        embedding=Embedding(),
        reranking=Reranking(scores="logit"),
    ),
    Host(
        name="ollama",
        title="Ollama",
        owners=frozenset({"library"}),
        items=2048,
        embedding=Embedding(fields=_DIMENSIONS),
        reranking=None,
    ),
    Host(
        name="sglang",
        title="SGLang",
        owners=frozenset({"sglang"}),
        publisher="jinaai",
        embedding=Embedding(fields=_DIMENSIONS),
        reranking=Reranking(fields={}, results=None, score="score", scores="logit"),
    ),
    Host(
        name="cohere",
        title="a host that speaks Cohere's v2",
        base=unversioned,
        domains=("cohere.com",),
        items=96,
        embedding=Embedding(
            path="/v2/embed",
            input="texts",
            fields={"dimensions": "output_dimension", "truncate": "truncate", "input_type": "input_type"},
            encoding="embedding_types",
            role="input_type",
            words={"query": "search_query", "document": "search_document"},
            write=answers.of_cohere,
            read=answers.from_cohere,
        ),
        reranking=Reranking(path="/v2/rerank"),
    ),
    Host(
        name="openrouter",
        title="OpenRouter",
        base=versioned_if_bare,
        domains=("openrouter.ai",),
        embedding=Embedding(
            fields=_DIMENSIONS | {"input_type": "input_type"},
            role="input_type",
            words={"query": "search_query", "document": "search_document"},
        ),
        reranking=None,
    ),
    Host(
        name="sagemaker",
        title="Amazon SageMaker",
        base=invoked,
        publisher="",
        aws="sagemaker",
        embedding=Embedding(
            path="",
            input="data",
            fields={name: name for name in ("task", "dimensions", "late_chunking")},
            encoding=None,
            role="task",
            write=answers.of_sagemaker,
            read=answers.from_sagemaker,
        ),
        reranking=Reranking(
            path="",
            scores="model",
            write=answers.of_sagemaker_ranking,
            read=answers.from_sagemaker_ranking,
        ),
    ),
)

HOSTS: dict[str, Host] = {host.name: host for host in _ROWS}
"""Every host by its name."""

JINA = HOSTS["jina"]
FALLBACK = HOSTS["openai"]
"""What a host is taken for that does not tell what it is."""


def host_named(name: object) -> Host:
    """The row of ``host=``.

    Raises:
        ConfigurationError: There is none; the message has all names.
    """
    if isinstance(name, str) and name in HOSTS:
        return HOSTS[name]
    raise ConfigurationError(
        f"host={name!r} must be one of {', '.join(map(repr, HOSTS))}; or None to find out by asking"
    )


def known_at(address: str) -> Host | None:
    """The host that is known to be at ``address`` by its name on the network; None where it has to be asked."""
    place = urlsplit(address).hostname or ""
    for host in HOSTS.values():
        if any(place == domain or place.endswith(f".{domain}") for domain in host.domains):
            return host
    return None
