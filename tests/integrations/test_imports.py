"""What importing adapters brings: their framework, and not yet a client."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

import langchain_ragbridge
import llama_index.embeddings.ragbridge
from ragbridge import ConfigurationError, Elastic

PACKAGES = (
    "haystack_integrations.components.classifiers.ragbridge",
    "haystack_integrations.components.connectors.ragbridge",
    "haystack_integrations.components.embedders.ragbridge",
    "haystack_integrations.components.preprocessors.ragbridge",
    "haystack_integrations.components.rankers.ragbridge",
    "haystack_integrations.components.retrievers.ragbridge",
    "langchain_ragbridge",
    "llama_index.embeddings.ragbridge",
    "llama_index.extractors.ragbridge",
    "llama_index.node_parser.ragbridge",
    "llama_index.postprocessor.ragbridge",
    "llama_index.readers.ragbridge",
    "llama_index.retrievers.ragbridge",
    "llama_index.sparse_embeddings.ragbridge",
    "llama_index.tools.ragbridge",
)
CLIENTS = (
    "ragbridge.client.service",
    "ragbridge.client.session",
    "ragbridge.elastic",
    "ragbridge.local",
    "ragbridge.services.elastic.client",
    "ragbridge.services.jina.client",
    "ragbridge.transport",
)


def test_importing_adapters_imports_no_client():
    """Every public class of every package is there; the client, its transports and the engine come with the first object."""
    code = f"""
import importlib, os, sys, typing
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
made = []
for package in {PACKAGES!r}:
    module = importlib.import_module(package)
    made += [getattr(module, name) for name in module.__all__]
    assert set(module.__all__) <= set(dir(module)) and not hasattr(module, "nonsense")
print([name for name in {CLIENTS!r} if name in sys.modules])
embedder = next(kind for kind in made if kind.__name__ == "JinaTextEmbedder")
print(typing.get_type_hints(embedder.__init__)["client"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "ragbridge.Jina | None"], done.stderr


@pytest.mark.parametrize(
    "wrong", [object(), Elastic("local"), "http://127.0.0.1"], ids=["object", "other", "text"]
)
def test_what_is_no_client_of_the_service_is_refused(wrong):
    """Although the field does not name the client's class, which would have to be imported for it."""
    with pytest.raises(ConfigurationError, match="client: .*should be an instance of Jina"):
        langchain_ragbridge.JinaEmbeddings(client=wrong)
    with pytest.raises(
        (ConfigurationError, ValidationError), match="instance of Jina|holds only a client's address"
    ):
        llama_index.embeddings.ragbridge.JinaEmbedding(client=wrong)
