"""What is exported says the public module as its own: in tracebacks, in ``help`` and in pickles."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import pickletools
import typing
from types import FunctionType, SimpleNamespace

import pytest

from ragbridge import InvalidRequestError, Jina, JobError, RateLimit, ReaderOptions, RequestError, Retry
from ragbridge.elastic import Elastic

PUBLIC = (
    "ragbridge", "ragbridge.adapters", "ragbridge.cache", "ragbridge.arrow", "ragbridge.bits", "ragbridge.chunking", "ragbridge.corpus", "ragbridge.elastic", "ragbridge.local", "ragbridge.observers", "ragbridge.ray", "ragbridge.testing",
)  # fmt: skip


def exported():
    """Every class and function that a public module exports, once."""
    things = {}
    for module in map(importlib.import_module, PUBLIC):
        for name in module.__all__:
            if isinstance(getattr(module, name), (type, FunctionType)):
                things[name] = getattr(module, name)
    return things


def test_annotations_are_read_as_before():
    """Whoever reads the types of a value's fields, as pydantic does, finds their names though they stand in other modules."""
    assert typing.get_args(typing.get_type_hints(ReaderOptions)["engine"])
    field = next(field for field in dataclasses.fields(ReaderOptions) if field.name == "engine")
    read = typing.get_type_hints(SimpleNamespace(__annotations__={"engine": field.type}))
    assert read["engine"] == typing.get_type_hints(ReaderOptions)["engine"]


VALUES = {name: kind for name, kind in exported().items() if dataclasses.is_dataclass(kind)}


@pytest.mark.parametrize("name", exported())
def test_what_is_exported_names_a_public_module(name):
    """It names a module that exports it, so that a pickle of today is read whatever moves inside."""
    thing = exported()[name]
    assert thing.__module__ in PUBLIC
    assert name in importlib.import_module(thing.__module__).__all__
    assert getattr(importlib.import_module(thing.__module__), name) is thing


@pytest.mark.parametrize("name", VALUES)
def test_a_pickled_value_names_public_modules_alone(name):
    """Each exported value, with text in all of its fields."""
    kind = VALUES[name]
    value = object.__new__(kind)
    for field in dataclasses.fields(kind):
        object.__setattr__(value, field.name, field.name)
    copy = pickle.loads(checked(value))
    assert type(copy) is kind
    assert all(getattr(copy, field.name) == field.name for field in dataclasses.fields(kind))


@pytest.mark.parametrize(
    "ask",
    [
        lambda jina: jina.embed(["a", "b"], role="document"),
        lambda jina: jina.embed_documents([["a", "b"], ["c"]]),
        lambda jina: jina.embed_multivector(["a"], role="query"),
        lambda jina: jina.rerank("a", ["a", "b"]),
        lambda jina: jina.classify(["a"], labels=["x", "y"]),
        lambda jina: jina.segment("A sentence. Another one."),
    ],
    ids=["embed", "embed_documents", "embed_multivector", "rerank", "classify", "segment"],
)
def test_a_pickled_result_names_public_modules_alone(ask):
    """Results as they come, with all that they hold."""
    result = ask(Jina(base_url="local"))
    assert type(pickle.loads(checked(result))) is type(result)


@pytest.mark.parametrize(
    "thing",
    [
        Jina(base_url="local", limits=RateLimit(5), retry=Retry(attempts=2)),
        Elastic("local", limits=RateLimit(5)),
        Jina(base_url="local").batch("an-id"),
        RequestError("no answer"),
        InvalidRequestError("wrong", status=422, index=1),
        JobError("failed", job="1", status="failed"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_pickled_clients_and_errors_name_public_modules_alone(thing):
    """So do clients, handles of jobs and errors, which travel between processes."""
    copy = pickle.loads(checked(thing))
    assert type(copy) is type(thing)
    assert repr(copy) == repr(thing)


def checked(thing):
    """The pickle of ``thing``; it names no module of ours that is not public."""
    content = pickle.dumps(thing, protocol=2)
    named = {
        str(argument).split()[0] for code, argument, _ in pickletools.genops(content) if code.name == "GLOBAL"
    }
    ours = {module for module in named if module.partition(".")[0] == "ragbridge"}
    assert ours
    assert ours <= set(PUBLIC)
    return content
