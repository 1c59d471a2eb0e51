"""What the README and the pages of ``docs/`` show works, and what they say of the program is true."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import tomllib
import typing
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import ragbridge
from haystack_integrations.common.ragbridge import tags
from ragbridge import Jina, Retry
from ragbridge.cli.app import app
from ragbridge.elastic import Elastic, Endpoints
from ragbridge.hosts import HOSTS
from ragbridge.hosts.names import HostName
from ragbridge.local import Engine
from ragbridge.local.search import indices
from ragbridge.local.search.queries import parse as queries
from ragbridge.local.search.retrievers import parse as retrievers
from ragbridge.models import MODELS
from ragbridge.otel import names as names_of_spans
from ragbridge.server import running

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
TEXT = "\n\n".join(PAGES.values())
CODE = {
    page: blocks
    for page, text in PAGES.items()
    if (blocks := re.findall(r"```python\n(.*?)```", text, re.DOTALL))
}
ADAPTERS = r"langchain_ragbridge|(?:llama_index|haystack_integrations)\.[a-z_.]*ragbridge"
UNOFFERED = {"deepsearch"}
"""Products of published limits that have no method here."""


@pytest.fixture(scope="module")
def shown(cluster):
    """Runs a page's examples in order, once and in a namespace of their own; gives the names that they leave behind.

    ``answers`` holds what each example called ``best``.
    """
    ran: dict[str, dict[str, object]] = {}

    def run(page):
        if page not in ran:
            names, answers = {}, []
            for block in CODE[page]:
                exec(compile(block, page, "exec"), names)
                answers.append(names.pop("best", None))
            ran[page] = {**names, "answers": [answer for answer in answers if answer]}
        return ran[page]

    return run


@pytest.fixture(scope="module")
def tiers():
    """The published limits that the program keeps to: figures by service, product and tier."""
    printed = CliRunner().invoke(app, ["limits", "--json"]).stdout
    return {(row["service"], row["product"], row["name"]): row["limit"] for row in json.loads(printed)}


def loaded(command):
    """The command itself, which is loaded when it is called."""
    return command.loaded() if hasattr(command, "loaded") else command


def table(page, head):
    """The rows below a table's first line, as lists of cells."""
    (found,) = re.findall(rf"^{re.escape(head)}\n\|[-|: ]+\|\n((?:\|.*\|\n)+)", PAGES[page], re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in found.strip().split("\n")]


STORES = "docs/stores.md"
"""What it shows needs packages that have an environment of their own: ``tests/stores/test_page.py`` runs it."""


@pytest.mark.parametrize("page", [page for page in CODE if page != STORES])
def test_the_examples_of_a_page_run_in_their_order(shown, page):
    """Without a key and without a network, and with nothing from another page."""
    assert shown(page)


@pytest.mark.parametrize("page", ["README.md", "docs/frameworks.md"])
def test_the_examples_in_three_frameworks_find_what_they_look_for(shown, page):
    """The passage about the sea comes first in LangChain, LlamaIndex and Haystack."""
    langchain, llama_index, haystack = shown(page)["answers"]
    assert "sea" in langchain[0].page_content
    assert "sea" in llama_index[0].text
    assert "sea" in haystack[0].content


def test_the_examples_of_the_readme_give_what_they_say(shown):
    """Shapes and rankings of the first run."""
    names = shown("README.md")
    assert names["vectors"].shape == (3, 1024)
    assert names["ranking"].results[0].index in {0, 2}
    assert "sea" in names["found"][0].page_content


def test_the_first_run_works_with_a_key_from_the_environment(monkeypatch):
    """Where a server demands the key of the environment, the first example gives the same as the embedded engine."""
    monkeypatch.setenv("JINA_API_KEY", "a-key")
    names, served = {}, {}
    exec(CODE["README.md"][0], names)
    with running(Engine(api_keys=["a-key"])) as url:
        exec(CODE["README.md"][0].replace('base_url="local"', f'base_url="{url}"'), served)
        assert served["jina"].usage.requests == 2
    assert (served["vectors"] == names["vectors"]).all()
    assert [row.index for row in served["ranking"]] == [row.index for row in names["ranking"]]


def test_the_examples_of_the_products_give_what_they_say(shown):
    """Embeddings, reranking, multi-vectors, batch jobs and late chunking."""
    names = shown("docs/jina.md")
    assert names["passages"].vectors.shape == (3, 256)
    assert names["ranking"].results[0].index in {0, 2}
    assert names["scores"].argmax() in {0, 2}
    assert len(names["vectors"]) == 3
    chunked = shown("docs/frameworks.md")
    assert len(chunked["vectors"]) == len(chunked["chunks"]) > 1
    assert chunked["jina"].usage.requests == 3  # 2, as the page says, before late chunking


def test_the_examples_for_elasticsearch_search_what_they_wrote(shown):
    """Index, search, reranking and retrieval in a framework."""
    names = shown("docs/elasticsearch.md")
    assert sorted(hit.source["content"] for hit in names["hits"]) == sorted(names["texts"])
    assert "sea" in names["hits"][0].source["content"]
    assert [len(best) for best in names["answers"]] == [1]
    assert "sea" in names["documents"][0].page_content


def test_the_examples_of_errors_and_of_the_engine_give_what_they_say(shown):
    """The message names the widths that the model has; a page that was handed in is read; a served engine answers."""
    assert "1024" in shown("docs/errors.md")["message"]
    names = shown("docs/engine.md")
    assert "Fishermen" in names["page"].content
    assert "Fishermen" in names["hits"][0].source["content"]
    assert names["vectors"].shape == (1, 1024)
    assert shown("docs/limits.md")["jina"].usage.tokens > 0


def test_the_page_on_the_engine_lists_what_its_search_offers():
    """Each query and each retriever that there is, and no other; and how much an index holds."""
    rows = dict(table("docs/engine.md", "| part | offered |"))
    for name, readers in (("queries", queries), ("retrievers", retrievers)):
        said = set(re.findall(r"`(\w+)`", rows[name])) - {"semantic_text"}
        assert said == {*readers.LEAVES, *readers.COMPOUND}
    assert f"{indices.MOST_DOCUMENTS:,} documents" in PAGES["docs/engine.md"]
    assert f"{indices.MOST_BYTES // 2**20} MiB" in PAGES["docs/engine.md"]


def test_the_tables_of_limits_are_the_programs_own(tiers):
    """The figures stand once in the code; the page repeats all of them truly."""
    head = "| | `keyless` | `free` (default) | `paid` | `premium` |"
    names = re.findall(r"`(\w+)`", head)
    found = {
        (product, name): cell
        for products, *cells in table("docs/limits.md", head)
        for product in products.split(", ")
        for name, cell in zip(names, cells, strict=True)
        if cell
    }
    expected = {}
    for (service, product, name), limit in tiers.items():
        if service == "jina" and product not in UNOFFERED:
            figures = (limit["requests_per_minute"], limit["tokens_per_minute"])
            expected[product, name] = " / ".join(f"{n:,}" for n in figures if n is not None)
            expected["requests at once", name] = str(limit["concurrency"])
    assert found == expected


def test_the_readme_states_the_default_limits(tiers):
    """Those of the tier that a client has without being told."""
    assert inspect.signature(Jina).parameters["limits"].default == "auto"
    default = "free"
    limit = tiers["jina", "embeddings", default]
    assert (
        f"the default is the {default} tier: {limit['requests_per_minute']:,} requests and "
        f"{limit['tokens_per_minute']:,} tokens a minute, {limit['concurrency']} at once"
    ) in PAGES["README.md"]


def test_the_readme_names_the_versions_that_the_package_allows():
    """The lower bounds of ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for name, extra, requirement in (
        ("LangChain", "langchain", "langchain-core"),
        ("LlamaIndex", "llama-index", "llama-index-core"),
        ("Haystack", "haystack", "haystack-ai"),
    ):
        (stated,) = re.findall(rf"{name} (\d+(?:\.\d+)?)[,.]", PAGES["README.md"])
        (allowed,) = (row for row in extras[extra] if row.startswith(f"{requirement}>="))
        assert allowed.startswith((f"{requirement}>={stated},", f"{requirement}>={stated}.")), allowed
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in PAGES["README.md"]
    named = {
        name
        for text in re.findall(r"ragbridge\[([\w,-]+)\]|extra `([\w-]+)`", TEXT)
        for names in text
        for name in names.split(",")
        if name
    }
    assert named <= set(extras)


def test_the_table_of_errors_is_whole_and_true():
    """Every error that reaches a user, and whether the same request is tried again."""
    rows = table("docs/errors.md", "| error | when | retried |")
    stated = {name.strip("`"): retried for name, _, retried in rows}
    pending, errors = [ragbridge.RagbridgeError], {}
    while pending:
        for error in pending.pop().__subclasses__():
            pending.append(error)
            if error.__name__ in {*ragbridge.__all__, *importlib.import_module("ragbridge.elastic").__all__}:
                errors[error.__name__] = "yes" if error.retryable else "no"
    assert stated == errors
    fields = re.findall(r"A `StatusError` has (.*?)\.\n", PAGES["docs/errors.md"])[0]
    made = vars(ragbridge.StatusError("said", status=400))
    assert set(re.findall(r"`(\w+)`", fields)) == set(made)
    assert f"by default {Retry().attempts} attempts" in PAGES["docs/errors.md"]


def test_the_table_of_models_is_whole_and_true():
    """What each model can do, as requests are checked against it."""
    head = "| model | products | tokens of an input | widths | inputs | on Elastic's service |"
    stated = {name.strip("`"): cells for name, *cells in table("docs/jina.md", head)}
    assert stated == {
        row.name: [
            ", ".join(sorted(row.products)),
            f"{row.context:,}",
            ", ".join(map(str, row.sizes or ([row.dimensions] if row.dimensions else []))),
            ", ".join(row.modalities),
            f"`{row.eis_task}`" if row.eis_task else "",
        ]
        for row in MODELS.values()
    }


def test_the_table_of_hosts_is_whole_and_true():
    """How each host is spoken to, as requests are written."""
    head = "| `host=` | embeds at | reranks at | is told a role by | base64 is asked for by | items a request | scores |"
    scores = {"model": "the model's", "probability": "0 to 1", "logit": "logits"}
    assert {name.strip("`"): cells for name, *cells in table("docs/hosts.md", head)} == {
        host.name: [
            f"`{host.embedding.path}`" if host.embedding.path else "the endpoint",
            (f"`{host.reranking.path}`" if host.reranking.path else "the endpoint") if host.reranking else "",
            "a prefix" if host.embedding.role == "prefix" else f"`{host.embedding.role}`",
            f"`{host.embedding.encoding}`" if host.embedding.encoding else "",
            str(host.items or ""),
            scores[host.reranking.scores] if host.reranking else "",
        ]
        for host in HOSTS.values()
    }
    assert set(typing.get_args(typing.get_args(HostName)[1])) == {*HOSTS}


def test_the_table_of_prefixes_is_whole_and_true():
    """What stands before a query and a document, as it is put there."""
    told = {}
    for names, *cells in re.findall(
        r"^\| (`.*?) \| `(.*?)` \| `(.*?)` \|$",
        PAGES["docs/hosts.md"].partition("## Queries")[2],
        re.MULTILINE,
    ):
        prefixes = [cell.replace("\\n", "\n") for cell in cells]
        told |= dict.fromkeys(re.findall(r"`(.*?)`", names), prefixes)
    assert told == {
        row.name: [row.prompt_for(row.task_for(role)) for role in ("query", "document")]
        for row in MODELS.values()
        if row.prompts
    }


def test_a_model_that_the_table_lacks_is_noticed(invented):
    """Two rows more in the program, and the page is no longer whole."""
    with pytest.raises(AssertionError, match="invented-embedder"):
        test_the_table_of_models_is_whole_and_true()


def test_the_table_of_adapters_is_whole_and_true():
    """Every class that an adapter exports is named beside its package, and every name that is there exists."""
    rows = table("docs/frameworks.md", "| package | classes |")
    named = {package.strip("`"): set(re.findall(r"`(\w+)`", classes)) for package, classes in rows}
    root = ROOT / "integrations"
    packages = [
        ".".join(path.parent.relative_to(root).parts) for path in root.rglob("*ragbridge/__init__.py")
    ]
    packages.remove("haystack_integrations.common.ragbridge")  # what components stand on: nobody's to use
    assert named == {package: set(importlib.import_module(package).__all__) for package in packages}


def test_what_the_pages_name_of_the_package_exists():
    """Methods of ``jina.`` and ``elastic.``, names of the adapters with their package, and public modules."""
    text = re.sub(r"\b(?:llama_index|haystack_integrations|langchain_ragbridge)[.\w]*", "", TEXT)
    for owner, names in {
        Jina: re.findall(r"\bjina\.(\w+)\(", text),
        type(Jina(base_url="local").classifiers): re.findall(r"\bjina\.classifiers\.(\w+)\(", text),
        Elastic: re.findall(r"\belastic\.(\w+)\(", text),
        Endpoints: re.findall(r"\belastic\.endpoints\.(\w+)\(", text),
    }.items():
        assert names
        assert [name for name in names if not hasattr(owner, name)] == []
    for package, name in re.findall(rf"`({ADAPTERS})\.(\w+)`", TEXT):
        assert hasattr(importlib.import_module(package), name), f"{package}.{name}"
    of_spans = {name for name in vars(names_of_spans).values() if isinstance(name, str)}
    of_spans |= set(re.findall(r'"(ragbridge\.\w+)"', inspect.getsource(tags)))
    for name in set(re.findall(r"`(ragbridge(?:\.\w+)+)`", TEXT)) - of_spans:
        assert pkgutil.resolve_name(name), name
    assert re.findall(r"\bragbridge[\w.]*\._\w+|`_\w+(?:\.py)?`", TEXT) == []


def test_the_bodies_for_elasticsearch_exist():
    """Each function of the page's list is exported."""
    listed = PAGES["docs/elasticsearch.md"].partition("## Bodies for any client")[2].partition("##")[0]
    names = re.findall(r"`(\w+)`", listed)
    assert len(names) == 20
    assert set(names) <= set(importlib.import_module("ragbridge.elastic").__all__)


def test_the_commands_that_the_pages_name_exist():
    """Each make target; each ragbridge command, with its options, and none is left out."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    program = get_command(app)
    named = set()
    for line in re.findall(r"^(?:printf .* \| )?ragbridge (.*?)(?:  +#.*)?$", TEXT, re.MULTILINE):
        words, command = line.partition(" | ")[0].split(), program
        named.add(words[0])
        while hasattr(command, "commands"):
            command = loaded(command.commands[words.pop(0)])
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line
    assert named == set(program.commands)
    endpoints = loaded(program.commands["elastic"]).commands["endpoints"].commands
    assert set(re.findall(r"^ragbridge elastic endpoints (\w+)", TEXT, re.MULTILINE)) == set(endpoints)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_one_title_and_its_links_lead_somewhere(page):
    """One heading of the first order at the top; every relative link names a file, and a heading of it where it says one."""
    prose = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    assert prose.startswith("# ")
    assert len(re.findall(r"^# ", prose, re.MULTILINE)) == 1
    for link in re.findall(r"\]\(([^)]+)\)", prose):
        if not link.startswith("https://"):
            path, _, anchor = link.partition("#")
            target = (ROOT / page).parent / path if path else ROOT / page
            assert target.is_file(), link
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
            assert not anchor or anchor in slugs, link


def test_every_page_is_listed():
    """In the index of ``docs/``, to which the front page leads."""
    pages = {page.removeprefix("docs/") for page in PAGES} - {"README.md"}
    assert pages == set(re.findall(r"^\| \[.*?\]\(([\w-]+\.md)\)", PAGES["docs/README.md"], re.MULTILINE))
    assert "(docs/README.md)" in PAGES["README.md"]


def test_the_readme_is_read_in_five_minutes():
    """At most 6 KB."""
    assert len(PAGES["README.md"].encode()) <= 6_144


def test_the_readme_says_in_words_what_its_picture_shows():
    """Where no picture is drawn, as on a package index, the figures stand in the text that takes its place."""
    ((text, file),) = re.findall(r"!\[(.*?)\]\((.*?)\)", PAGES["README.md"])
    picture = (ROOT / file).read_text(encoding="utf-8")
    for kind in ("before", "after"):
        figures = set(re.findall(rf'class="{kind}"[^>]*>([\d.]+)<', picture))
        assert len(figures) == 1
        assert figures <= set(re.findall(r"\d\.\d+", text))
    ranks = re.findall(r'class="rank id answer"[^>]*>(\d+)<', picture)
    assert f"from rank {ranks[0]} to rank {ranks[1]}" in text


@pytest.mark.parametrize("file", ["constraints.txt", "tests/stores/constraints.txt"])
def test_constraints_hold_names_and_versions_only(file):
    """No address of an index and no path: the files work on any machine, and say first what they are for."""
    lines = (ROOT / file).read_text(encoding="utf-8").split("\n")
    assert lines[0].startswith("# ")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+|#.*|", line) for line in lines)


def test_the_names_of_traces_and_metrics_are_those_of_the_program():
    """The page has every name, and no other."""
    pytest.importorskip("opentelemetry")
    from ragbridge.otel import names

    words = {
        value
        for name, value in vars(names).items()
        if name.isupper() and isinstance(value, str) and "." in value
    }
    shown = set(
        re.findall(r"`((?:gen_ai|server|error|http|ragbridge)\.[a-z_.]+)`", PAGES["docs/observability.md"])
    )
    beside = {
        "ragbridge.observe",
        "ragbridge.otel.names",
        "ragbridge.model",
        "ragbridge.waited",
        "ragbridge.error_type",
    }
    own = {
        "ragbridge.product",
        "ragbridge.attempt",
        "ragbridge.retry_after",
        "ragbridge.parts",
        "ragbridge.retry.delay",
        "ragbridge.pause.duration",
    }
    assert shown - beside <= words
    assert words - own <= shown
