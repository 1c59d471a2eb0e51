"""Loads the embedded model that a setting names, once per process for all engines."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ragbridge.errors import ConfigurationError
from ragbridge.local import network, weights
from ragbridge.local.model import StaticEmbedder
from ragbridge.local.sentence import SentenceEmbedder

if TYPE_CHECKING:
    from ragbridge.local.model import Embedder

_loaded: dict[str | Path | None, Embedder] = {}
_lock = threading.RLock()


def _renew_lock() -> None:
    # If the process forks while another thread holds the lock, that thread does not exist in the child to release it.
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def named(model: str | Path | None) -> str | Path | None:
    """What a setting ``model=`` stands for: None for static embeddings, ``"minilm"``, or the path of a directory."""
    return model if model is None or model == network.MINILM else Path(model).resolve()


def name_of(model: str | Path | None) -> str:
    """The name of the model that ``named`` has found; nothing is loaded."""
    if model is None:
        return weights.WORDLLAMA
    return network.MINILM_NAME if model == network.MINILM else str(model)


def load(model: str | Path | None) -> Embedder:
    """Loads a model that ``named`` has found.

    Raises:
        ConfigurationError: The extra is not installed, or the directory has neither a model2vec model nor an ONNX sentence
            model.
    """
    if model not in _loaded:
        with _lock:
            if model not in _loaded:
                _loaded[model] = _read(model)
    return _loaded[model]


def _read(model: str | Path | None) -> Embedder:
    if model is None:
        return StaticEmbedder(weights.packaged())
    if not isinstance(model, Path):
        return _sentences(network.packaged())
    if not model.is_dir():  # model2vec would take it for a model's name and download it
        raise ConfigurationError(
            f"model={str(model)!r} is not a directory; pass one with a model2vec model or an ONNX sentence model, "
            'or "minilm"'
        )
    file = network.network_in(model)
    if file is None:
        return StaticEmbedder(weights.read_directory(model))
    return _sentences(network.read_directory(model, file))


def _sentences(model: network.Network) -> SentenceEmbedder:
    return SentenceEmbedder(model, cast("StaticEmbedder", load(None)))
