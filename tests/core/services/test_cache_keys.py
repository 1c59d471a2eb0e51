"""Whatever is asked differently is kept under another key: each option of each product, by one table."""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from ragbridge import Elastic, Image, Jina, RateLimit, ReaderOptions, Retry
from ragbridge.cache.keys import Keys
from ragbridge.flow import Request, Response
from ragbridge.local import Engine
from ragbridge.testing import ScriptedTransport, VirtualClock

V3, V4, CLIP = "jina-embeddings-v3", "jina-embeddings-v4", "jina-clip-v2"
PAGES = {"https://a.example": "<p>a</p>", "https://b.example": "<p>b</p>"}


class Kept:
    """A cache that knows nothing, and remembers the keys of what it is given."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()

    def get_many(self, keys: Any) -> dict[bytes, bytes]:
        return {}

    def put_many(self, items: Mapping[bytes, bytes]) -> None:
        self.keys |= set(items)


@dataclass(frozen=True)
class Method:
    """A method that keeps answers: one call, and calls of which each differs from it in what its name says.

    Attributes:
        service: The client's class.
        name: Of the method.
        call: Its arguments.
        others: By argument, values that it may have instead, with what else they need.
        free: Arguments that no answer depends on, and why.
    """

    service: type[Any]
    name: str
    call: Mapping[str, Any]
    others: Mapping[str, tuple[Mapping[str, Any], ...]]
    free: frozenset[str] = field(default=frozenset())

    def keys(self, **changes: Any) -> set[bytes]:
        """The keys of one call's answers."""
        return keys_of(self.service, self.name, {**self.call, **changes})


def answer(request: Request) -> Response:
    """An Elasticsearch whose endpoints are all there."""
    if request.method == "GET":
        name = request.place.rpartition("/")[2]
        row = {"inference_id": name, "task_type": "text_embedding", "service": "elastic"}
        body: Any = {"endpoints": [row]}
    else:
        texts = json.loads(request.body)["input"]
        dense = "/embedding/" in request.place
        body = {
            "sparse_embedding": [{"is_truncated": False, "embedding": {"a": 1.0}} for _ in texts]
        } if "sparse" in request.place else {
            "embeddings" if dense else "text_embedding": [{"embedding": [0.5] * 4} for _ in texts]
        }  # fmt: skip
    return Response(200, {"x-elastic-product": "Elasticsearch"}, json.dumps(body).encode())


ENGINE = Engine(pages=PAGES)


def answer_of_jina(request: Request) -> Response:
    """The embedded engine's, but for the reader, of whose options it refuses some."""
    if not request.place.endswith("/r/"):
        return ENGINE.handle(request).response
    return Response(200, {}, json.dumps({"data": {"url": "https://a.example", "content": "a"}}).encode())


def connected(service: type[Any], **settings: Any) -> tuple[Any, ScriptedTransport]:
    """A client, and what its requests go to unless the settings say otherwise."""
    transport = ScriptedTransport(default=answer_of_jina if service is Jina else answer)
    given = {"limits": None, "retry": Retry(attempts=1), "transport": transport}
    address = {"api_key": "k", "base_url": "http://x"} if service is Jina else {"url": "http://x"}
    return service(**{**given, **address, **settings}), transport


def keys_of(service: type[Any], name: str, arguments: Mapping[str, Any], **settings: Any) -> set[bytes]:
    kept = Kept()
    client, _ = connected(service, cache=kept, **settings)
    result = getattr(client, name)(**arguments)
    if inspect.isgenerator(result):
        list(result)
    assert kept.keys
    return kept.keys


CALLBACKS = frozenset({"progress", "on_error"})
STREAMS = frozenset({"errors", "window", "text"})
DOCUMENTS = frozenset({"errors", "window", "chunks"})
MODEL = ({"model": V4}, {"model": CLIP})
TEXTS = {
    "model": MODEL,
    "role": ({"role": "query"}, {"role": "document"}),
    "task": ({"task": "separation"}, {"task": "text-matching"}),
    "dimensions": ({"dimensions": 32}, {"dimensions": 64}),
    "truncate": ({"truncate": True},),
    "normalized": ({"normalized": False},),
    "embedding_type": ({"embedding_type": "ubinary"},),
}
CHUNKS = {name: others for name, others in TEXTS.items() if name != "role"}
TOKENS = {
    "model": ({"model": V4},),
    "role": ({"role": "query"},),
    "dimensions": ({"dimensions": 64},),
    "task": (
        {"model": V4, "role": None, "task": "code.query"},
        {"model": V4, "role": None, "task": "code.passage"},
    ),
    "truncate": ({"model": V4, "truncate": True},),
}
TEXT, OTHER = ["a text"], ({"texts": ["another"]}, {"texts": ["a text "]})
COLBERT = {"model": "jina-colbert-v2", "role": "document"}
SETTINGS = {
    "task_settings": ({"task_settings": {"truncate": "NONE"}}, {"task_settings": {"truncate": "END"}})
}
READING = [
    {"return_format": "html"}, {"engine": "direct"}, {"timeout": 9}, {"target_selector": "p"}, {"wait_for_selector": "p"},
    {"remove_selector": "p"}, {"links_summary": True}, {"links_summary": "all"}, {"images_summary": True},
    {"generated_alt": True}, {"retain_images": "none"}, {"retain_links": "none"}, {"no_cache": True},
    {"cache_tolerance": 9}, {"no_gfm": True}, {"no_gfm": "table"}, {"with_iframe": True}, {"with_shadow_dom": True},
    {"token_budget": 9999}, {"max_tokens": 900}, {"set_cookie": "a=b"}, {"set_cookie": "a=c"}, {"proxy": "auto"},
    {"proxy_url": "http://p.example"}, {"locale": "de-DE"}, {"referer": "http://r.example"}, {"user_agent": "me"},
    {"robots_txt": "me"}, {"base": "final"}, {"remove_overlay": True}, {"keep_img_data_url": True},
    {"respond_timing": "html"}, {"markdown_chunking": "h2"}, {"markdown_heading_style": "setext"}, {"markdown_hr": "---"},
    {"markdown_bullet_list_marker": "-"}, {"markdown_em_delimiter": "*"}, {"markdown_strong_delimiter": "__"},
    {"markdown_link_style": "referenced"}, {"markdown_link_reference_style": "full"}, {"do_not_track": True},
    {"viewport": (640, 480)}, {"inject_page_script": "1"}, {"preset": "agent"}, {"retain_media": "none"},
    {"detach_invisibles": True}, {"assert_status_code": 200}, {"page": 2}, {"instruction": "a"}, {"json_schema": {}},
    {"inject_frame_script": "1"}, {"custom_header": {"a": "b"}}, {"extra": {"x-new": "1"}}, {"extra": {"new": 1}},
]  # fmt: skip
SHORTCUTS = (
    "return_format", "engine", "timeout", "target_selector", "remove_selector", "links_summary", "images_summary",
    "no_cache", "max_tokens", "page", "preset",
)  # fmt: skip
OPTIONS = tuple({"options": ReaderOptions(**options)} for options in READING)
PAGE = {"urls": ["https://a.example"], "max_age": 60}

METHODS = [
    Method(Jina, "embed", {"texts": TEXT, "model": V3}, {
        **TEXTS, "texts": OTHER, "late_chunking": ({"late_chunking": True},),
    }, CALLBACKS),
    Method(Jina, "embed_stream", {"items": TEXT, "model": V3}, {**TEXTS, "items": ({"items": ["b"]},)}, STREAMS),
    Method(Jina, "embed_documents", {"documents": [TEXT], "model": V3}, {
        **CHUNKS, "documents": ({"documents": [["b"]]},), "late_chunking": ({"late_chunking": True},),
    }, CALLBACKS),
    Method(Jina, "embed_documents_stream", {"documents": [TEXT], "model": V3}, {
        **CHUNKS, "documents": ({"documents": [["b"]]},), "late_chunking": ({"late_chunking": True},),
    }, DOCUMENTS),
    Method(Jina, "embed_multivector", {"texts": TEXT, **COLBERT}, {
        **TOKENS, "texts": OTHER, "return_tokens": ({"model": V4, "return_tokens": True},),
    }, CALLBACKS),
    Method(Jina, "embed_multivector_stream", {"items": TEXT, **COLBERT}, {**TOKENS, "items": ({"items": ["b"]},)}, STREAMS),
    Method(Jina, "sparse_embed", {"texts": TEXT, "role": "document"}, {
        "texts": OTHER,
        "model": (),
        "role": ({"role": "query"}, {"role": None}),
        "task": (),
    }, CALLBACKS),
    Method(Jina, "rerank", {"query": "q", "documents": TEXT, "model": "jina-reranker-m0"}, {
        "query": ({"query": "r"}, {"query": Image(b"\x89PNG\r\n\x1a\n")}),
        "documents": ({"documents": ["b"]}, {"documents": [Image(b"\x89PNG\r\n\x1a\n")]}),
        "model": ({"model": "jina-reranker-v2-base-multilingual"},),
    # What is wanted of the scores does not change them; the other two are those of listwise models.
    }, frozenset({"top_n", "return_documents", "max_documents_per_call", "max_doc_length", "return_embeddings", "normalize_scores"})),
    Method(Jina, "classify", {"inputs": TEXT, "labels": ["x", "y"], "model": V3}, {
        "inputs": ({"inputs": ["b"]},),
        "labels": ({"labels": ["y", "x"]}, {"labels": ["x", "z"]}, {"labels": {"a": ["x", "y"]}}),
        "model": ({"model": CLIP},),
    # A trained classifier's answers are never kept.
    }, CALLBACKS | {"classifier"}),
    Method(Jina, "segment", {"content": "One. Two."}, {
        "content": ({"content": "One. Three."},),
        "tokenizer": ({"tokenizer": "gpt2"},),
        "max_chunk_length": ({"max_chunk_length": 5},),
        "head": ({"head": 2}, {"head": 3}),
        "tail": ({"tail": 2}, {"tail": 3}),
        "return_tokens": ({"return_tokens": True},),
    }),
    Method(Jina, "segment_many", {"texts": ["One. Two."]}, {
        "texts": ({"texts": ["b"]},), "tokenizer": ({"tokenizer": "gpt2"},), "max_chunk_length": ({"max_chunk_length": 5},),
    }),
    Method(Jina, "read", {"url": "https://a.example", "max_age": 60}, {
        "url": ({"url": "https://b.example"},),
        "html": ({"html": "<p>a</p>"}, {"html": "<p>b</p>"}),
        "pdf": (),
        "file": (),
        "options": OPTIONS,
        # Those with an argument of their own are the same options.
        **dict.fromkeys(SHORTCUTS, ()),
    }, frozenset({"max_age"})),
    Method(Jina, "read_many", PAGE, {"urls": ({"urls": ["https://b.example"]},), "options": OPTIONS},
           frozenset({"progress", "max_age"})),
    Method(Jina, "read_each", PAGE, {"urls": ({"urls": ["https://b.example"]},), "options": OPTIONS}, frozenset({"max_age"})),
    Method(Elastic, "embed", {"texts": TEXT, "inference_id": "a"}, {
        **SETTINGS,
        "texts": OTHER,
        "inference_id": ({"inference_id": "b"},),
        "role": ({"role": "query"}, {"role": "document"}),
        "input_type": ({"input_type": "clustering"}, {"input_type": "classification"}),
        "task_type": ({"task_type": "embedding"},),
    }, CALLBACKS | {"timeout"}),
    Method(Elastic, "embed_stream", {"items": TEXT, "inference_id": "a"}, {
        **SETTINGS,
        "items": ({"items": ["b"]},),
        "inference_id": ({"inference_id": "b"},),
        "role": ({"role": "query"}, {"role": "document"}),
        "input_type": ({"input_type": "clustering"},),
        "task_type": ({"task_type": "embedding"},),
    }, STREAMS | {"timeout"}),
    Method(Elastic, "sparse_embed", {"texts": TEXT, "inference_id": "a"}, {
        **SETTINGS, "texts": OTHER, "inference_id": ({"inference_id": "b"},),
    }, CALLBACKS | {"timeout", "role"}),  # queries and documents are embedded alike
    Method(Elastic, "sparse_embed_stream", {"items": TEXT, "inference_id": "a"}, {
        **SETTINGS, "items": ({"items": ["b"]},), "inference_id": ({"inference_id": "b"},),
    }, STREAMS | {"timeout", "role"}),
]  # fmt: skip
"""Every method that keeps answers."""

NEVER = {
    Jina: {
        "search",
        "ground",
        "balance",
        "find_host",
        "models",
        "submit_batch",
        "batch",
        "batches",
        "submit_bulk",
        "bulk",
        "close",
    },
    Elastic: {"rerank", "search", "bulk", "create_index", "esql", "close", "from_client"},
}
"""Methods that keep nothing: what they answer is of the moment, or is a cluster's own; a reranker of Elasticsearch's may be
listwise."""

every = pytest.mark.parametrize(
    "method", METHODS, ids=lambda method: f"{method.service.__name__}-{method.name}"
)


@pytest.mark.parametrize("service", [Jina, Elastic])
def test_every_method_is_in_the_table(service):
    """A new one keeps answers, or it is said above that it does not."""
    found = {
        name
        for name, member in inspect.getmembers(service, callable)
        if not name.startswith("_") and not (name[0] == "a" and hasattr(service, name[1:]))
    }
    assert found == {method.name for method in METHODS if method.service is service} | NEVER[service]


@every
def test_every_argument_is_in_the_table(method):
    """A new one is changed in a row, or it is said there that no answer depends on it."""
    arguments = set(inspect.signature(getattr(method.service, method.name)).parameters) - {"self"}
    assert arguments == {*method.others} | method.free


@every
def test_what_is_asked_differently_has_another_key(method):
    """Any two calls of the table: no option can be forgotten, queries and documents never meet, nor do two widths."""
    calls = [{}, *itertools.chain(*method.others.values())]
    found = [method.keys(**changes) for changes in calls]
    for (one, keys), (other, others) in itertools.combinations(zip(calls, found, strict=True), 2):
        assert not keys & others, (one, other)
    assert found[0] == method.keys()


def test_every_option_of_the_reader_is_in_the_table():
    """A new one is changed there."""
    assert {name for options in READING for name in options} == {
        option.name for option in fields(ReaderOptions)
    }


SOURCES = {
    Jina: [
        {}, {"base_url": "http://y"}, {"base_url": "http://x/prefix"}, {"cache_version": "2"}, {"cache_version": "3"},
        {"transport": Engine(pages=PAGES)},
    ],
    Elastic: [{}, {"url": "http://y"}, {"url": "http://x/prefix"}, {"cache_version": "2"}],
}  # fmt: skip


@every
def test_what_another_source_answers_is_never_taken(method):
    """Another address, the embedded engine, another version of the caller's."""
    found = [
        keys_of(method.service, method.name, method.call, **settings) for settings in SOURCES[method.service]
    ]
    assert len(set.union(*found)) == sum(map(len, found))


@every
def test_what_is_known_costs_no_request_and_no_place_in_the_quota(method):
    """A client whose quota is used up has it at once."""
    clock, kept = VirtualClock(), {}
    limits = RateLimit(requests_per_minute=1, tokens_per_minute=None, concurrency=1, window=60.0)
    client, transport = connected(method.service, cache=kept, limits=limits, clock=clock)
    for _ in range(2):
        result = getattr(client, method.name)(**method.call)
        if inspect.isgenerator(result):
            list(result)
        assert len([request for request in transport.requests if request.method == "POST"]) == 1
    assert clock.slept == []
    assert kept


def test_products_never_meet():
    """The same model and text, embedded as one vector and as one for each token, and classified."""
    one = keys_of(Jina, "embed", {"texts": TEXT, "model": V4, "role": "document"})
    many = keys_of(Jina, "embed_multivector", {"texts": TEXT, "model": V4, "role": "document"})
    dense = keys_of(Elastic, "embed", {"texts": TEXT, "inference_id": "a"})
    sparse = keys_of(Elastic, "sparse_embed", {"texts": TEXT, "inference_id": "a"})
    assert len(one | many | dense | sparse) == 4


def test_a_stream_finds_what_a_call_has_kept():
    """They ask for the same."""
    arguments = {"model": V3, "role": "document", "dimensions": 64}
    call = keys_of(Jina, "embed", {"texts": TEXT, **arguments})
    stream = keys_of(Jina, "embed_stream", {"items": TEXT, **arguments})
    documents = keys_of(Jina, "embed_documents", {"documents": [TEXT], "model": V3, "dimensions": 64})
    assert call == stream == documents


def test_a_key_is_no_other_partition_of_the_same_letters():
    """Neither of source and product, nor of text and digest."""
    made = [
        Keys("a", "b", {}), Keys("ab", "", {}), Keys("a", "b", {}, "c"), Keys("a", "b", {"c": None}), Keys("a", "b", {"c": ""}),
    ]  # fmt: skip
    found = [keys.of(item) for keys in made for item in ("x", b"x", "x ", "")]
    assert len(set(found)) == len(found)
    assert {len(key) for key in found} == {20}
