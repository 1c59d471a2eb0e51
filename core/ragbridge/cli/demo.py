"""``ragbridge demo``: one pipeline in each framework over the documentation that is installed anyway."""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragbridge import Elastic, Jina
from ragbridge.cli import connection, streams, terminal
from ragbridge.limiter.tiers import resolve
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress

    from ragbridge.demo.corpus import Corpus
    from ragbridge.demo.pipelines import Answer, Pipeline
    from ragbridge.demo.report import Figures
    from ragbridge.local import Engine

SERVICE_QUERIES = 25
"""Default number of queries at a hosted service, where each costs money and time, mostly for reranking."""

ENGINES = ("jina", "elastic")
"""Whose products the demo uses: the Jina AI API in three frameworks, or Elasticsearch's search in memory."""

CHARACTERS_PER_TOKEN = 3.5
"""Rough figure for English with code, to announce the cost."""


def demo(
    *,
    as_json: connection.AsJson = False,
    queries: Annotated[
        int | None,
        typer.Option(min=1, help=f"Queries to ask; all that there are, {SERVICE_QUERIES} with the service."),
    ] = None,
    local: connection.Local = False,
    base_url: connection.BaseUrl = None,
    host: connection.Host = None,
    limits: connection.Limits = "auto",
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache", metavar="FILE", dir_okay=False, help="Keep answers there: a second run pays for none."
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            "--engine",
            metavar="ENGINE",
            help="jina: the Jina AI API in three frameworks; elastic: Elasticsearch's search in memory, without a cluster.",
        ),
    ] = "jina",
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Of the embedded engine: minilm for a sentence model, or a folder; see serve. Implies --local.",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(hidden=True, dir_okay=False, help="Draw the result into this file, as SVG."),
    ] = None,
) -> None:
    """Embed, index, retrieve and rerank in LangChain, LlamaIndex and Haystack, or in Elasticsearch, and compare.

    The text: the docstrings of Python's standard library and of NumPy. Their summary lines are the questions, the rest the answers.
    Without a key nothing leaves this machine.
    """
    url = _service(
        engine, base_url, local=local or model is not None, other=cache is not None or picture is not None
    )
    from ragbridge.demo import corpus as source
    from ragbridge.demo import pipelines, report

    embedded = None if model is None else _engine(model)
    dimensions = pipelines.DIMENSIONS if embedded is None else _dimensions(embedded)
    loaded = _pipelines(engine, dimensions)
    rows: list[Figures] = []
    answers: list[Answer] = []
    known = wanted = 0
    with terminal.progress() as bar:
        reading = bar.add_task("reading docstrings", total=None)
        corpus = source.load()
        bar.remove_task(reading)
        asked = queries or (None if url == Jina.LOCAL else SERVICE_QUERIES)
        if asked is not None:
            corpus = corpus.asking(asked)
        if url != Jina.LOCAL:
            _announce(corpus, len(loaded), connection.kept(limits, url))
        if embedded is not None and engine == "jina" and (cache is None or not cache.exists()):
            _embed(corpus, embedded, dimensions, bar)
        for framework, pipeline in loaded.items():
            task = bar.add_task(framework, total=len(corpus.queries))
            advance = functools.partial(bar.advance, task)
            with _client(engine, embedded, url=url, limits=limits, cache=cache, host=host) as client:
                row, answers = report.measure(
                    framework,
                    pipeline,
                    corpus=corpus,
                    client=client,
                    on_answer=advance,
                )
                if client.cache is not None:
                    known, wanted = (
                        known + client.cache.hits,
                        wanted + client.cache.hits + client.cache.misses,
                    )
            rows.append(row)
    if picture is not None:
        _draw(picture, rows, answers, url)
    if as_json:
        kept = {} if cache is None else {"cache": {"known": known, "wanted": wanted}}
        typer.echo(json.dumps({"frameworks": [dataclasses.asdict(row) for row in rows], **kept}, indent=2))
        return
    console = terminal.output()
    console.print(report.table(rows))
    if cache is not None:
        console.print(
            f"From the cache: {known:,} of {wanted:,} answers ({cache})\n", markup=False, soft_wrap=True
        )
    for example in report.examples(answers, corpus):
        console.print(example)


def _service(engine: str, base_url: str | None, *, local: bool, other: bool) -> str:
    """Where the requests go.

    Raises:
        typer.BadParameter: There is no such engine, or it has not all of the options.
    """
    if engine not in ENGINES:
        raise typer.BadParameter(f"--engine {engine!r} must be {' or '.join(ENGINES)}")
    if engine == "jina":
        return connection.base_url(base_url, local=local)
    if base_url not in {None, Elastic.LOCAL} or other:
        raise typer.BadParameter("--engine elastic runs in this process, without --base-url and --cache")
    return Elastic.LOCAL


def _pipelines(engine: str, dimensions: int) -> Mapping[str, Pipeline[Any]]:
    """The pipelines of an engine, by name. Elasticsearch's endpoints have a width of their own."""
    from ragbridge.demo import pipelines

    if engine == "elastic":
        return {name: pipelines.load(name) for name in pipelines.ELASTIC}
    found: dict[str, Any] = {name: pipelines.load(name) for name in pipelines.FRAMEWORKS}
    return {name: functools.partial(pipeline, dimensions=dimensions) for name, pipeline in found.items()}


def _client(
    engine: str, embedded: Engine | None, *, url: str, limits: str, cache: Path | None, host: str | None
) -> Jina | Elastic:
    if engine == "jina":
        return connection.client(url, limits, cache, host, embedded)
    from ragbridge.local import Engine

    return Elastic(url, transport=embedded or Engine())


def _engine(model: str) -> Engine:
    """The embedded engine with a model of the user's choice, loaded: a wrong one is refused before anything is read."""
    from ragbridge.local import Engine

    engine = Engine(model=model)
    engine.load()
    return engine


def _dimensions(engine: Engine) -> int:
    """A width that the default model has, and that holds the engine's vectors: most models' cannot be cut."""
    sizes = sorted(MODELS[DEFAULT_EMBEDDING_MODEL].sizes)
    return next((size for size in sizes if size >= engine.load().width), sizes[-1])


def _embed(corpus: Corpus, engine: Engine, dimensions: int, bar: Progress) -> None:
    """Embed the passages once. The engine keeps the vectors, so that each framework finds them."""
    count = len(corpus.passages)
    name = engine.load().name
    start = time.monotonic()
    task = bar.add_task(f"embedding by {name}", total=count)
    texts = (passage.text for passage in corpus.passages)
    with Jina(base_url=Jina.LOCAL, transport=engine) as client:
        for _ in client.embed_stream(texts, role="document", dimensions=dimensions, window=16):
            bar.advance(task)
    bar.remove_task(task)
    streams.say(
        f"{name} has embedded {count:,} passages in {time.monotonic() - start:.0f} s, once for all frameworks"
    )


def _draw(file: Path, rows: list[Figures], answers: list[Answer], url: str) -> None:
    """Write the README's picture, with the middle one of the printed examples."""
    from ragbridge.demo import picture, report

    models = "the embedded engine, without a key" if url == Jina.LOCAL else url
    shown = report.picked(answers)
    file.write_text(picture.draw(rows, shown[len(shown) // 2], models=models), encoding="utf-8")


def _announce(corpus: Corpus, frameworks: int, limits: str | None) -> None:
    """Announce what the service will bill."""
    from ragbridge.demo.pipelines import RETRIEVED

    letters = sum(len(passage.text) for passage in corpus.passages)
    embedding = frameworks * letters / CHARACTERS_PER_TOKEN
    reranking = embedding / len(corpus.passages) * RETRIEVED * len(corpus.queries)
    said = f"the service will bill about {embedding + reranking:,.0f} tokens"
    limit = resolve(limits, service="jina", product="embeddings")
    if limit is not None and limit.tokens_per_minute is not None:
        # Embedding and reranking have quotas of their own and follow one another.
        minutes = (embedding + reranking) / limit.tokens_per_minute
        said += f", which takes about {minutes:.0f} minutes at limits={limits!r}"
    streams.say(f"{said}; ctrl-C ends it, --local costs nothing")
