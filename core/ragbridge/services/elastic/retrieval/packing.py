"""Which vectors of a bulk call travel as base64: asked once, when the first one is to be sent.

What a field that is no ``dense_vector`` made of the text would be wrong and nobody would say so: an unknown field becomes a text.
So the index is asked which fields take it, and where it does not tell, nothing is packed. A failure of these questions is none of
the call: JSON is always right.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ragbridge.errors import InvalidRequestError, RagbridgeError, ResponseError, StatusError
from ragbridge.flow import Flow, Response, wait
from ragbridge.limiter.single_flight import Gate
from ragbridge.services.elastic.wire import decode, segment

if TYPE_CHECKING:
    from ragbridge.services.elastic.retrieval.vectors import Takes, Vector
    from ragbridge.services.elastic.session import ElasticChannel

log = logging.getLogger("ragbridge")

SINCE = (9, 3)
"""The first version that takes base64 (elastic/elasticsearch#137072)."""

NO_INDEX = "index_not_found_exception"

_FLOATS = frozenset({"float", "bfloat16"})
"""Elements of ``dense_vector`` fields whose base64 is that of float32. ``byte`` and ``bit`` have one of their own."""

_SHOWN = {
    "include_defaults": True,
    "filter_path": "*.mappings,*.settings.index.mapping,*.defaults.index.mapping",
}

Fields: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The ``dense_vector`` fields of an index by their paths."""


class Packing:
    """What one bulk call knows of the index it writes to.

    Args:
        channel: The way to Elasticsearch.
        index: What is written to.
        wanted: What the caller settled: True for every array of floats, False for none; None to ask.
    """

    def __init__(self, channel: ElasticChannel, index: str, wanted: bool | None) -> None:
        self._channel = channel
        self._index = index
        self._gate = Gate()
        self.takes: Takes | None = None if wanted is None else _every if wanted else _none
        """What was found out; None where nobody has asked yet."""

    def settle(self) -> Flow[Takes]:
        """What travels as base64. The first to come asks, the others wait for it."""
        with self._gate.enter() as turn:
            yield from wait(turn)
            if self.takes is None:
                self.takes = yield from self._ask()
                self._gate.open()
        return self.takes

    def _ask(self) -> Flow[Takes]:
        release = yield from self._channel.which()
        if release is None or not release.has(SINCE):
            return _none
        path = f"/{segment('index', self._index)}"
        try:
            indices = yield from self._channel.ask(path, _read, query=_SHOWN)
        except InvalidRequestError as error:
            # The next document makes the index, and guesses its fields: from a list a vector, from base64 a text.
            return _none if error.code == NO_INDEX else _float32
        except ResponseError:
            return _float32
        except StatusError as error:
            log.info(
                "%s: vectors are written as JSON, since its fields may not be read (%s); pack_vectors=True settles it",
                self._index,
                error,
            )
            return _none
        except RagbridgeError:
            return _none
        return _fields(indices)


def _none(_path: str | None, _vector: Vector) -> bool:
    return False


def _every(_path: str | None, _vector: Vector) -> bool:
    return True


def _float32(_path: str | None, vector: Vector) -> bool:
    """Where no index tells, as behind a gateway that lets ``_bulk`` alone through: arrays of the type that vectors have."""
    return bool(vector.dtype.itemsize == 4)


def _read(response: Response) -> list[Mapping[str, Any]]:
    """What each of the indexes behind a name says of itself.

    Raises:
        ResponseError: It says nothing.
    """
    indices: list[Mapping[str, Any]] = [
        index for index in decode(response).values() if isinstance(index, dict) and "mappings" in index
    ]
    if not indices:
        raise ResponseError("the answer has no index with 'mappings'")
    return indices


def _fields(indices: list[Mapping[str, Any]]) -> Takes:
    """What all of ``indices`` take."""
    if not all(map(_leaves_out_vectors, indices)):
        return _none  # documents would come back with texts in the place of lists
    known = [dict(_dense(index["mappings"], "")) for index in indices]

    def takes(path: str | None, vector: Vector) -> bool:
        return path is not None and all(_fits(fields.get(path), vector) for fields in known)

    return takes


def _leaves_out_vectors(index: Mapping[str, Any]) -> bool:
    """Whether an index makes ``_source`` anew from its vectors, as new ones do since 9.2, instead of keeping what was sent."""
    for level in ("settings", "defaults"):
        value: Any = index.get(level)
        for name in ("index", "mapping", "exclude_source_vectors"):
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return str(value).lower() == "true"
    return True


def _dense(mapping: object, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The ``dense_vector`` fields of a mapping, those of objects included."""
    fields = mapping.get("properties") if isinstance(mapping, dict) else None
    for name, field in fields.items() if isinstance(fields, dict) else ():
        place = f"{path}.{name}" if path else name
        if isinstance(field, dict) and field.get("type") == "dense_vector":
            yield place, field
        else:
            yield from _dense(field, place)


def _fits(field: Mapping[str, Any] | None, vector: Vector) -> bool:
    """Whether a field takes ``vector`` as base64, and as what it is. Of another width, the list is what errors are about."""
    if field is None or "copy_to" in field or field.get("element_type", "float") not in _FLOATS:
        return False
    dims = field.get("dims")
    if dims is None:  # the first vector tells; of bfloat16, a text of two bytes a number could be meant
        return bool(field.get("element_type", "float") == "float")
    return bool(dims == vector.size)
