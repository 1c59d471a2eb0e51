"""The hosts' names as type checkers complete them."""

from __future__ import annotations

from typing import Literal, TypeAlias

HostName: TypeAlias = (
    str
    | Literal[
        "jina",
        "jina-on-prem",
        "litellm",
        "openai",
        "vllm",
        "tei",
        "infinity",
        "llama.cpp",
        "ollama",
        "sglang",
        "cohere",
        "openrouter",
        "sagemaker",
    ]
)
"""The name of a host: a row of ``ragbridge.hosts``."""
