"""Loads the embedded model's weights: the data files of the ``wordllama`` wheel, or a model2vec directory.

``wordllama`` is located but never imported. Importing it reconfigures the root logger, and its own loader downloads a
tokenizer that the wheel already contains under another name. Nothing here uses the network.

``model2vec`` reads its own directories alone. For the packaged weights it would be most of the first answer's time: it
imports joblib, and copies the tokenizer by way of a pickle.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragbridge.errors import ConfigurationError
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXTRA = 'pip install "ragbridge[local]"'
WORDLLAMA = "wordllama-l2-supercat-256"
"""Name of the default model: WordLlama's ``l2_supercat`` token embeddings, 32,000 x 256."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A static model: one vector per token id, and the tokenizer.

    Attributes:
        name: The model's name in answers.
        table: float32 array of shape (number of token ids, width).
        tokenizer: A ``tokenizers.Tokenizer`` that neither pads nor truncates.
        unknown: Id of the unknown token, which embeddings leave out; None if there is none.
    """

    name: str
    table: NDArray[np.float32]
    tokenizer: Any
    unknown: int | None


def packaged() -> Weights:
    """The weights of the ``wordllama`` wheel.

    Raises:
        ConfigurationError: The extra is not installed.
    """
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigurationError(f"the embedded engine needs a package ({error}): {EXTRA}") from error
    spec = importlib.util.find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"the embedded engine needs the weights of the wordllama package: {EXTRA}")
    package = Path(spec.submodule_search_locations[0])
    try:
        vectors = load_file(package / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
        tokenizer = Tokenizer.from_file(str(package / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    except Exception as error:  # the tokenizers library raises bare Exceptions
        raise ConfigurationError(
            f"the wordllama package does not hold the expected files ({error}): {EXTRA}"
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    table = np.ascontiguousarray(vectors, dtype=np.float32)
    return Weights(WORDLLAMA, table, tokenizer, tokenizer.token_to_id(tokenizer.model.unk_token))


def read_directory(directory: Path) -> Weights:
    """The weights of a model2vec directory.

    Raises:
        ConfigurationError: The extra is not installed, or the directory has no model2vec model.
    """
    try:
        from model2vec import StaticModel
    except ImportError as error:
        raise ConfigurationError(
            f"model={str(directory)!r}: a model2vec directory needs the package model2vec: {EXTRA}"
        ) from error
    try:
        model = StaticModel.from_pretrained(directory)
    except Exception as error:
        raise ConfigurationError(
            f"model={str(directory)!r} is neither a model2vec directory ({error}) nor one with an ONNX sentence model: "
            "save it by model2vec, or export it with: optimum-cli export onnx --task feature-extraction"
        ) from error
    return _weights(directory.name, model)


def _weights(name: str, model: Any) -> Weights:
    """Applies the token mapping and token weights to the table once; model2vec would do so on each call."""
    table = np.asarray(model.embedding, dtype=np.float32)
    # Only models with a quantized vocabulary have these attributes; older releases of model2vec have neither.
    mapping, weights = getattr(model, "token_mapping", None), getattr(model, "weights", None)
    if mapping is not None:
        table = table[np.asarray(mapping)]
    if weights is not None:
        table = table * np.asarray(weights, dtype=np.float32)[:, None]
    model.tokenizer.no_truncation()
    return Weights(name, np.ascontiguousarray(table), model.tokenizer, model.unk_token_id)
