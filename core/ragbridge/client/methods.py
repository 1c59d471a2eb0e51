"""One definition, two faces: a method that builds a plan becomes a blocking method and an awaitable one.

::

    class Jina(Service):
        def _embed(self, texts, *, model=...) -> Plan[Embeddings]:
            "Docstring of both."

        embed = Blocking(_embed)
        aembed = Awaitable(_embed)

Signatures and docstrings are those of the definition, for type checkers and for ``help`` alike.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from ragbridge.flow import Plan

if TYPE_CHECKING:
    from ragbridge.client.service import Service

P = ParamSpec("P")
T = TypeVar("T")


class Blocking(Generic[P, T]):
    """The synchronous face: runs the plan in the calling thread and a few more."""

    def __init__(self, build: Callable[Concatenate[Any, P], Plan[T]]) -> None:
        name = build.__name__.lstrip("_")

        def method(self: Service, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                plan = build(self, *args, **kwargs)
            finally:
                del args, kwargs  # which may hold a key: no error shows them
            return self._run(plan, name)

        self._method: Callable[Concatenate[Any, P], T] = _like(method, build)

    def __set_name__(self, owner: type, name: str) -> None:
        _name(self._method, owner, name)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, P], T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[P, T]: ...
    def __get__(self, instance: object | None, owner: type) -> Callable[..., T]:
        return self._method if instance is None else MethodType(self._method, instance)


class Awaitable(Generic[P, T]):
    """The asynchronous face: runs the plan on the running event loop."""

    def __init__(self, build: Callable[Concatenate[Any, P], Plan[T]]) -> None:
        name = build.__name__.lstrip("_")

        async def method(self: Service, /, *args: P.args, **kwargs: P.kwargs) -> T:
            try:
                plan = build(self, *args, **kwargs)
            finally:
                del args, kwargs
            return await self._run_async(plan, name)

        self._method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]] = _like(method, build)

    def __set_name__(self, owner: type, name: str) -> None:
        _name(self._method, owner, name)

    @overload
    def __get__(
        self, instance: None, owner: type
    ) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, instance: object | None, owner: type) -> Callable[..., Coroutine[Any, Any, T]]:
        return self._method if instance is None else MethodType(self._method, instance)


F = TypeVar("F", bound=Callable[..., Any])


def _like(method: F, build: Callable[..., Any]) -> F:
    """``method`` with the docstring and the parameters of ``build``, and the result that callers see."""
    functools.update_wrapper(method, build)
    signature = inspect.signature(build)
    result = str(signature.return_annotation).removeprefix("Plan[").removesuffix("]")
    method.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
    return method


def _name(method: Callable[..., Any], owner: type, name: str) -> None:
    method.__name__ = name
    method.__qualname__ = f"{owner.__qualname__}.{name}"
