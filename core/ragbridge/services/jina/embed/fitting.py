"""What is asked of a model, as its host can be asked: prefixes in place of tasks, or a refusal before anything is sent."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragbridge.client.wire import encode
from ragbridge.errors import ConfigurationError
from ragbridge.hosts import Finding, Host
from ragbridge.models import Role
from ragbridge.services.jina.embed.options import EmbeddingOptions
from ragbridge.services.jina.items import Items
from ragbridge.services.jina.place import Prefixes, able, served

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragbridge.client.arguments import Where
    from ragbridge.services.jina.session import JinaChannel


def for_host(
    channel: JinaChannel,
    inputs: Items,
    options: EmbeddingOptions,
    finding: Finding,
    *,
    where: Where,
    starts: Iterable[int] | None = None,
) -> tuple[EmbeddingOptions, Items]:
    """What is asked, and of what, as the host that was found can be asked.

    Args:
        channel: The way to the host.
        inputs: What is embedded.
        options: How.
        finding: The host.
        where: Names inputs as the caller knows them.
        starts: The first texts of documents that are embedded as a whole; None where each text is by itself.

    Raises:
        ConfigurationError: The host cannot do it.
    """
    options = fitted(options, finding, channel.prefixes, channel.place.warn_once)
    _check_media(inputs, options, where)
    if options.prefix:
        _check_written(inputs.texts, where)
    return options, prefixed(inputs, options.prefix, starts)


def fitted(
    options: EmbeddingOptions, finding: Finding, prefixes: Prefixes, warn_once: Callable[[str, str], None]
) -> EmbeddingOptions:
    """``options`` for the host that was found.

    Raises:
        ConfigurationError: The host cannot do what is asked; the message names host, model and setting, and the way out.
    """
    host = finding.host
    how = host.embedding
    role = options.role or role_of(options.task)
    own = prefixes.get(role) if role is not None else None
    if how.role == "task":
        return _told(options, host, own or "")
    _check(options, host)
    options = replace(options, host=host, sent=served(finding, options.model, options.row))
    _check_task(options, role, host)
    if how.role == "input_type":
        word = how.words[role] if role is not None else None
        return replace(options, task=None, input_type=word, prefix=own or "")
    prompt = own if own is not None else (options.row.prompt_for(options.task) if options.row else None)
    if own is None and role is not None:
        _warn(options, host, warn_once)
    return replace(options, task=None, prefix=prompt or "")


@functools.lru_cache(maxsize=256)
def _told(options: EmbeddingOptions, host: Host, prefix: str) -> EmbeddingOptions:
    """``options`` for a host that knows the service's own tasks and models."""
    _check(options, host)
    return replace(options, host=host, sent=options.model, prefix=prefix)


def role_of(task: str | None) -> Role | None:
    """The role that a task of the service's is for; None where it is for neither."""
    if task is None:
        return None
    return "query" if task.endswith(".query") else "document" if task.endswith(".passage") else None


def _check(options: EmbeddingOptions, host: Host) -> None:
    how = host.embedding
    given = {
        "dimensions": options.dimensions,
        "truncate": options.truncate,
        "normalized": options.normalized,
        "late_chunking": options.late_chunking or None,
    }
    for name, value in given.items():
        if value is not None and name not in how.fields:
            raise ConfigurationError(
                f"{name}={value!r}: {host.title} cannot be asked for it, whatever {options.model} can; leave it out, or "
                f"use a host that can: {able(lambda other: name in other.embedding.fields)}"  # noqa: B023 - read at once
            )
    if options.embedding_type not in how.types:
        raise ConfigurationError(
            f"embedding_type={options.embedding_type!r}: {host.title} gives floats alone for {options.model}; use "
            f"embedding_type='float', or a host that can: "
            f"{able(lambda other: options.embedding_type in other.embedding.types)}"
        )
    if (options.multivector or options.input_type is not None) and not how.tokens:
        raise ConfigurationError(
            f"embed_multivector: {host.title} gives no vectors of tokens here, whatever {options.model} can; use a host "
            f"that can: {able(lambda other: other.embedding.tokens)}"
        )


def _check_task(options: EmbeddingOptions, role: Role | None, host: Host) -> None:
    """Refuse a task that the host cannot be told: its vectors would be those of another."""
    task, row = options.task, options.row
    if task is None or role is not None:
        return
    if row is not None and (task in row.prompts or task in row.open_tasks):
        return
    raise ConfigurationError(
        f"task={task!r}: {host.title} cannot be told a task, and {options.model} has no prefix for this one; leave it out "
        "where the server was started with that adapter, say role='query' or role='document', or use a host that can: "
        f"{able(lambda other: other.embedding.role == 'task')}"
    )


def _warn(options: EmbeddingOptions, host: Host, warn_once: Callable[[str, str], None]) -> None:
    row = options.row
    if row is None:
        warn_once(
            options.model,
            f"{host.title} is told roles by a prefix of each text, and none is known for {options.model!r}: queries and "
            'documents are embedded alike; say query_prefix= and document_prefix= (or "" for none)',
        )
    elif row.open_tasks and options.task not in row.open_tasks:
        warnings.warn(
            f"{row.name} at {host.title}: its prefix says the role, but servers of the open weights load the adapter for "
            f"{' and '.join(row.open_tasks)} alone, so vectors differ from those of Jina's API; use a v5 model, or embed "
            "queries and documents at the same host",
            stacklevel=2,
        )


def prefixed(inputs: Items, prefix: str, starts: Iterable[int] | None = None) -> Items:
    """``inputs`` whose texts have ``prefix`` before them; media have none.

    Args:
        inputs: What is embedded.
        prefix: What stands before each text.
        starts: The texts that have it alone, where several belong together: the first of each document.
    """
    if not prefix:
        return inputs
    texts = [*inputs.texts]
    for place in range(len(texts)) if starts is None else starts:
        if place not in inputs.others:
            texts[place] = prefix + texts[place]
    return Items(texts, inputs.others, inputs.loads)


def _check_written(texts: Sequence[str], where: Where) -> None:
    """Refuse texts that cannot be written, before a prefix moves their characters.

    Raises:
        ConfigurationError: One holds half of a surrogate pair; its place is told.
    """
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        encode({"input": texts}, texts=texts, name=lambda index: where([index]))


def _check_media(inputs: Items, options: EmbeddingOptions, where: Where) -> None:
    """Refuse images and other media where the host is sent texts alone.

    Raises:
        ConfigurationError: One of them is there.
    """
    host = options.host
    if inputs.others and not host.embedding.media:
        place = min(inputs.others)
        raise ConfigurationError(
            f"{where([place])} is {type(inputs.others[place]).__name__}: {host.title} is sent texts alone, whatever {options.model} "
            f"takes; hosts that take others: {able(lambda other: other.embedding.media)}"
        )
