"""The paths and shapes of other hosts of the same models, by the rows of ``ragbridge.hosts``: their clients work here too.

Each is the request of one of Jina's products in other words: it is put into Jina's, read as such, and its answer is written in
the host's. A model may be left out, as where a server has one. Sources: the same as those of ``ragbridge.hosts.table``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ragbridge.hosts import HOSTS
from ragbridge.hosts.table import FALLBACK
from ragbridge.local.calls import Call, Route, Row, Work
from ragbridge.local.fields import Fields
from ragbridge.local.jina.embeddings import read_embeddings
from ragbridge.local.jina.encodings import encoder
from ragbridge.local.jina.models import read_models
from ragbridge.local.jina.rerank import read_rerank
from ragbridge.models import DEFAULT_EMBEDDING_MODEL, DEFAULT_RERANK_MODEL, Role, lookup

if TYPE_CHECKING:
    from ragbridge.hosts import Reranking

_TEI, _COHERE = HOSTS["tei"], HOSTS["cohere"]
TEI_EMBED = "/embed"
"""TEI's own route beside the OpenAI-like one, which its row asks: ``inputs``, and a list of lists."""


def routes() -> list[Route]:
    """The routes of other hosts, at the root: those of Jina's own paths come first."""
    tei, cohere = _reranking(_TEI.reranking), _reranking(_COHERE.reranking)
    return [
        Route("POST", "^" + _COHERE.embedding.path, "embeddings", _cohere_embed),
        Route("POST", "^" + cohere.path, "rerank", _cohere_rerank),
        Route("POST", "^" + FALLBACK.embedding.path, "embeddings", _embed),
        Route("POST", "^" + tei.path, "rerank", _rerank),
        Route("POST", "^" + TEI_EMBED, "embeddings", _tei_embed),
        Route("GET", "^/info", "", lambda _: Work(0, lambda _: json.dumps(_INFO).encode())),
        Route("GET", "^/models(?:/(?P<model>.+))?", "", read_models),
    ]


_INFO: Mapping[str, Any] = {
    "model_id": DEFAULT_EMBEDDING_MODEL,
    "model_dtype": "float32",
    "model_type": {"embedding": {"pooling": "mean"}},
    "max_concurrent_requests": 512,
    "max_input_length": 32768,
    "max_batch_tokens": 262144,
    "max_client_batch_size": _TEI.items,
    "version": "ragbridge",
}


def _reranking(how: Reranking | None) -> Reranking:
    if how is None:
        raise LookupError("a host of this module cannot rerank")
    return how


def _embed(call: Call) -> Work:
    """OpenAI's words are among those that Jina's service takes; a host of one model needs no name of it."""
    return read_embeddings(_body(call, _named(call, DEFAULT_EMBEDDING_MODEL)))


def _tei_embed(call: Call) -> Work:
    given = _named(call, DEFAULT_EMBEDDING_MODEL)
    asked = {"model": given["model"], "input": given.get("inputs")}
    asked |= {ours: given[ours] for ours in ("dimensions", "truncate") if ours in given}
    if "normalize" in given:
        asked["normalized"] = given["normalize"]
    encode = encoder("float")
    return replace(
        read_embeddings(_body(call, asked)),
        write=lambda rows: b"[%b]" % b",".join(encode(row.numbers) for row in rows),
    )


def _cohere_embed(call: Call) -> Work:
    given, how = _named(call, DEFAULT_EMBEDDING_MODEL), _COHERE.embedding
    fields = Fields(given)
    kinds = given.get(how.encoding or "") or ["float"]
    if not isinstance(kinds, list) or not {*map(str, kinds)} <= {"float", "base64", "binary", "ubinary"}:
        fields.report(
            "embedding_types", "Input should be a list of float, base64, binary, ubinary", "value_error"
        )
    fields.check()
    row = lookup(str(given["model"]))
    roles: dict[Any, Role] = {word: role for role, word in how.words.items()}
    role = roles.get(given.get("input_type"))
    asked = {"model": given["model"], "input": given.get(how.input)}
    asked |= {
        ours: given[theirs] for ours, theirs in how.fields.items() if ours != "truncate" and theirs in given
    }
    asked["truncate"] = given.get("truncate", "END") != "NONE"
    if role is not None and row is not None:
        asked["task"] = row.task_for(role)
    work = read_embeddings(_body(call, asked))

    def write(rows: Sequence[Row]) -> bytes:
        return json.dumps(
            {
                "id": "ragbridge",
                "embeddings": {
                    kind: [json.loads(encoder(kind)(each.numbers)) for each in rows] for kind in kinds
                },
                "texts": given.get(how.input),
                "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": work.tokens}},
            }
        ).encode()

    return replace(work, write=write)


def _rerank(call: Call) -> Work:
    """Jina's and Cohere's words, or TEI's, as its ``texts`` tell."""
    given, how = _named(call, DEFAULT_RERANK_MODEL), _reranking(_TEI.reranking)
    if how.documents not in given:
        return read_rerank(_body(call, given))
    asked = {"model": given["model"], "query": given.get("query"), "documents": given[how.documents]}
    wants_text = given.get("return_text") is True
    work = read_rerank(_body(call, asked))

    def write(body: dict[str, Any]) -> Any:
        return [
            {
                "index": row["index"],
                how.score: row.get("relevance_score"),
                **({"text": given[how.documents][row["index"]]} if wants_text else {}),
            }
            for row in body["results"]
        ]

    return _rewritten(work, write)


def _cohere_rerank(call: Call) -> Work:
    given = _named(call, DEFAULT_RERANK_MODEL)
    given.setdefault("return_documents", False)
    work = read_rerank(_body(call, given))
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1, "input_tokens": work.tokens}}
    return _rewritten(work, lambda body: {"id": "ragbridge", **body, "meta": meta})


def _named(call: Call, model: str) -> dict[str, Any]:
    """The fields of the body, with ``model`` where it names none."""
    fields = Fields.of(call.body)
    return {"model": fields.get("model") or model, **{n: v for n, v in fields.items() if n != "model"}}


def _body(call: Call, fields: Mapping[str, Any]) -> Call:
    return replace(call, body=json.dumps({n: v for n, v in fields.items() if v is not None}).encode())


def _rewritten(work: Work, change: Callable[[dict[str, Any]], Any]) -> Work:
    return replace(work, write=lambda rows: json.dumps(change(json.loads(work.write(rows)))).encode())
