"""``ragbridge elastic endpoints``: Elasticsearch's inference endpoints, listed, shown, created, changed and deleted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from ragbridge import Jina
from ragbridge.cli import files, terminal
from ragbridge.cli.commands import Command, Group
from ragbridge.cli.connection import AsJson
from ragbridge.cli.terminal import output, printable
from ragbridge.client.secret import Secret, find_key
from ragbridge.errors import ConfigurationError
from ragbridge.rules.endpoints import TaskType
from ragbridge.values.endpoints import Endpoint

if TYPE_CHECKING:
    from ragbridge.elastic import Elastic

MAX_CONFIG = 2**20
"""Bytes of an endpoint's settings."""

app = typer.Typer(
    cls=Group, help="Elasticsearch's inference API.", rich_markup_mode=None, add_completion=False
)
endpoints = typer.Typer(cls=Group, help="Inference endpoints. The API key is read from ELASTIC_API_KEY.")
app.add_typer(endpoints, name="endpoints")

Url: TypeAlias = Annotated[
    str | None, typer.Option("--url", metavar="URL", help="Elasticsearch; else ELASTICSEARCH_URL.")
]
CloudId: TypeAlias = Annotated[
    str | None, typer.Option("--cloud-id", metavar="ID", help="A deployment; else ELASTIC_CLOUD_ID.")
]
CaCerts: TypeAlias = Annotated[
    Path | None, typer.Option("--ca-certs", exists=True, help="Certificates to trust, such as http_ca.crt.")
]
Task: TypeAlias = Annotated[
    TaskType | None, typer.Option("--task-type", metavar="TYPE", help="Only endpoints of this task type.")
]
TaskSettings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--task-setting", metavar="NAME=VALUE", help="A task setting, such as top_n=10. Any number."
    ),
]
Id: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id.")]


@endpoints.command("list", cls=Command)
def list_endpoints(
    *,
    task_type: Task = None,
    as_json: AsJson = False,
    url: Url = None,
    cloud_id: CloudId = None,
    ca_certs: CaCerts = None,
) -> None:
    """List the endpoints, Elasticsearch's own among them."""
    with _connect(url, cloud_id, ca_certs) as elastic:
        listed = elastic.endpoints.list(task_type)
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(endpoint) for endpoint in listed], indent=2))
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("endpoint", style="bold", no_wrap=True)
    for name in ("task type", "service", "model"):
        table.add_column(name, no_wrap=True)
    table.add_column("dimensions", justify="right")
    table.add_column("similarity")
    table.add_column("chunking")
    for endpoint in sorted(listed, key=lambda one: one.inference_id):
        table.add_row(*map(_cell, _row(endpoint)))
    terminal.show(table)


@endpoints.command(cls=Command)
def show(
    inference_id: Id,
    *,
    task_type: Task = None,
    as_json: AsJson = False,
    url: Url = None,
    cloud_id: CloudId = None,
    ca_certs: CaCerts = None,
) -> None:
    """Show one endpoint with all its settings."""
    with _connect(url, cloud_id, ca_certs) as elastic:
        _show(elastic.endpoints.get(inference_id, task_type), as_json=as_json)


@endpoints.command(cls=Command)
def create(
    inference_id: Id,
    task_type: Annotated[TaskType, typer.Argument(metavar="TYPE", help="Such as text_embedding or rerank.")],
    *,
    service: Annotated[
        str | None, typer.Option("--service", metavar="NAME", help="jinaai, elasticsearch, elastic, ...")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="The model's id.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A service setting, such as num_threads=1. Any number."),
    ] = None,
    task_setting: TaskSettings = None,
    chunking: Annotated[
        str | None,
        typer.Option(metavar="JSON", help='Such as {"strategy": "sentence", "max_chunk_size": 250}.'),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="The whole body as JSON instead; - for standard input."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="For models that are downloaded first; 30 by default."),
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    cloud_id: CloudId = None,
    ca_certs: CaCerts = None,
) -> None:
    """Create an endpoint.

    The key for service jinaai is read from JINA_API_KEY; keys of other services stand in the body of --config.
    """
    if config is not None and any((service, model, setting, task_setting)):
        raise typer.BadParameter("--config is the whole body: leave the other settings out")
    body = (
        _body(service, model, setting or (), task_setting or ())
        if config is None
        else _json(files.content(config, option="--config", most=MAX_CONFIG))
    )
    with _connect(url, cloud_id, ca_certs) as elastic:
        made = elastic.endpoints.create(
            inference_id,
            task_type,
            body,
            chunking_settings=None if chunking is None else _json(chunking),
            timeout=timeout,
        )
    _show(made, as_json=as_json)


@endpoints.command(cls=Command)
def update(
    inference_id: Id,
    *,
    task_type: Task = None,
    task_setting: TaskSettings = None,
    num_allocations: Annotated[
        int | None, typer.Option(help="Of a model on the cluster (service elasticsearch).")
    ] = None,
    requests_per_minute: Annotated[int | None, typer.Option(help="What Elasticsearch sends at most.")] = None,
    max_input_tokens: Annotated[int | None, typer.Option(help="Longest input.")] = None,
    new_key: Annotated[
        bool,
        typer.Option("--new-key", help=f"Send the key in {Jina.KEY_VARIABLES[0]} in place of the old one."),
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    cloud_id: CloudId = None,
    ca_certs: CaCerts = None,
) -> None:
    """Change the settings of an endpoint that can be changed. For others, delete it and create it again."""
    key = _jina_key() if new_key else None
    with _connect(url, cloud_id, ca_certs) as elastic:
        changed = elastic.endpoints.update(
            inference_id,
            task_type,
            task_settings=dict(_pairs(task_setting or ())) or None,
            api_key=key,
            num_allocations=num_allocations,
            requests_per_minute=requests_per_minute,
            max_input_tokens=max_input_tokens,
        )
    _show(changed, as_json=as_json)


@endpoints.command(cls=Command)
def delete(
    inference_id: Id,
    *,
    task_type: Task = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what refers to it; nothing is deleted.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete it whatever refers to it.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    cloud_id: CloudId = None,
    ca_certs: CaCerts = None,
) -> None:
    """Delete an endpoint. One that pipelines or semantic_text fields refer to is kept, unless forced."""
    with _connect(url, cloud_id, ca_certs) as elastic:
        done = elastic.endpoints.delete(inference_id, task_type=task_type, dry_run=dry_run, force=force)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(done), indent=2))
        return
    what = "deleted" if done.acknowledged else "not deleted"
    typer.echo(f"{inference_id}: {what}{' (dry run)' if dry_run else ''}")
    for kind, names in (("pipeline", done.pipelines), ("index", done.indexes)):
        for name in names:
            typer.echo(f"  {kind} {printable(name)} refers to it")
    if done.message:
        typer.echo(printable(done.message))


def _connect(url: str | None, cloud_id: str | None, ca_certs: Path | None) -> Elastic:
    from ragbridge.elastic import Elastic

    return Elastic(url, cloud_id=cloud_id, ca_certs=ca_certs)


def _body(
    service: str | None, model: str | None, settings: Sequence[str], task_settings: Sequence[str]
) -> dict[str, Any]:
    """The body that the options describe. Elasticsearch's rules are checked by the client."""
    if service is None:
        raise typer.BadParameter("--service is missing: jinaai, elasticsearch or elastic; or pass --config")
    fields = dict(_pairs(settings))
    if "api_key" in fields:
        raise typer.BadParameter(
            f"other users of this machine can read a command line: do not pass the key there, set {Jina.KEY_VARIABLES[0]}, or pass --config"
        )
    if model is not None:
        fields = {"model_id": model, **fields}
    if service == "jinaai":
        fields["api_key"] = _jina_key().reveal()
    task = dict(_pairs(task_settings))
    return {"service": service, "service_settings": fields, **({"task_settings": task} if task else {})}


def _jina_key() -> Secret:
    key = find_key(None, Jina.KEY_VARIABLES)
    if key is None:
        raise ConfigurationError(f"service jinaai needs a key: set one of {', '.join(Jina.KEY_VARIABLES)}")
    return key


def _pairs(options: Sequence[str]) -> Iterable[tuple[str, Any]]:
    """Name and value of ``name=value``. A value that is not JSON is taken as text."""
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{name!r} has no value: write NAME=VALUE")
        try:
            yield name, json.loads(value)
        except ValueError:
            yield name, value


def _json(text: str | bytes) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except UnicodeDecodeError:
        raise typer.BadParameter(
            "not valid JSON: it is not in UTF-8"
        ) from None  # the error holds the content
    except RecursionError:
        raise typer.BadParameter("not valid JSON: it is nested too deeply") from None
    except ValueError as error:
        raise typer.BadParameter(f"not valid JSON: {error}") from None  # gives the position, not the content
    if not isinstance(config, dict):
        raise typer.BadParameter("not a JSON object")
    return config


def _row(endpoint: Endpoint) -> Iterable[object]:
    cut = endpoint.chunking_settings
    yield from (endpoint.inference_id, endpoint.task_type, endpoint.service, endpoint.model)
    yield from (endpoint.dimensions, endpoint.similarity)
    yield " ".join(str(value) for value in (cut.get("strategy"), cut.get("max_chunk_size")) if value)


def _show(endpoint: Endpoint, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(endpoint), indent=2))
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in _flat(dataclasses.asdict(endpoint)):
        table.add_row(_cell(name), _cell(value))
    output().print(table)


def _flat(values: Mapping[str, Any], where: str = "") -> Iterable[tuple[str, object]]:
    """Every value that is not an object, by its full name."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{where}{name}.")
        else:
            yield where + name, value


def _cell(value: object) -> str:
    from rich.markup import escape

    shown = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return escape(printable(shown).replace("\n", " "))
