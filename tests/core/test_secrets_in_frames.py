"""What tools show of the frames of an error (rich, ``pytest -l``, Sentry and the like): the key is in none of ours.

Those of HTTP libraries and of the standard library cannot be reached: some hold the header's bytes while they send it.
"""

from __future__ import annotations

import asyncio
import pprint
import reprlib
import socket
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import ragbridge
from ragbridge import Elastic, Jina, RagbridgeError, Retry
from ragbridge.elastic import JinaAI
from ragbridge.flow import Response
from ragbridge.local import Engine

KEY = "jina_" + "s3cretQ" * 20  # longer than what tools show of a text: they cut it, and show its beginning
SHORT = "s3cretQ"
TEXTS = ["a boat", "the sea"]
OURS = str(Path(ragbridge.__file__).parent)
WAYS: list[Callable[[Any], str]] = [repr, pprint.pformat, reprlib.Repr().repr]


def errors_of(error: BaseException | None) -> Iterator[BaseException]:
    """``error`` and whatever it came of."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


def frames_of(error: BaseException) -> Iterator[types.FrameType]:
    """Every frame of ours that tools would show."""
    for one in errors_of(error):
        step = one.__traceback__
        while step is not None:
            if step.tb_frame.f_code.co_filename.startswith(OURS):
                yield step.tb_frame
            step = step.tb_next


def assert_hidden(error: BaseException) -> None:
    """No local of any frame of ours shows the key, whichever way it is written."""
    pretty = pytest.importorskip("rich.pretty")
    ways = [*WAYS, lambda value: pretty.pretty_repr(value, max_length=20, max_string=80, expand_all=True)]
    frames = list(frames_of(error))
    assert frames
    for frame in frames:
        for name, value in frame.f_locals.items():
            if isinstance(value, (Jina, Elastic)) and not hasattr(value, "_settings"):
                continue  # half made: it has no repr, and tools say so
            for way in ways:
                shown = way(value)
                assert SHORT not in shown, f"{name} of {frame.f_code.co_qualname}: {shown[:300]}"


def jina(url: str, **more: Any) -> Jina:
    """A client that gives up soon."""
    return Jina(
        KEY,
        base_url=url,
        host="jina",
        **{"limits": "free", "retry": Retry(attempts=1), "timeout": 0.2, **more},
    )


def elastic(**login: Any) -> Callable[..., Elastic]:
    """The same for Elasticsearch."""

    def make(url: str, **more: Any) -> Elastic:
        return Elastic(url, **login, **{"limits": "eis", "retry": Retry(attempts=1), "timeout": 0.2, **more})

    return make


CALLS: dict[str, tuple[Callable[..., Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "embed": (jina, lambda client: client.embed(TEXTS), lambda client: client.aembed(TEXTS)),
    "a job": (
        lambda url, **more: jina(url, batch_size=1, concurrency=2, **more),
        lambda client: client.embed(TEXTS),
        lambda client: client.aembed(TEXTS),
    ),
    "read": (jina, lambda client: client.read("https://a.example"), lambda client: client.aread("https://a.example")),
    "Elastic": (
        elastic(api_key=("anId", KEY)),
        lambda client: client.embed(TEXTS, inference_id="e"),
        lambda client: client.aembed(TEXTS, inference_id="e"),
    ),
    "Elastic, bearer_auth": (
        elastic(bearer_auth=KEY),
        lambda client: client.search("docs", query={"match_all": {}}),
        lambda client: client.asearch("docs", query={"match_all": {}}),
    ),
    "an endpoint's key": (
        elastic(bearer_auth="another"),
        lambda client: client.endpoints.create("e", "text_embedding", JinaAI("jina-embeddings-v3", api_key=KEY)),
        lambda client: client.endpoints.acreate("e", "text_embedding", JinaAI("jina-embeddings-v3", api_key=KEY)),
    ),
    "an endpoint's new key": (
        elastic(bearer_auth="another"),
        lambda client: client.endpoints.update("e", api_key=KEY),
        lambda client: client.endpoints.aupdate("e", api_key=KEY),
    ),
}  # fmt: skip


def refusing(wire, written):
    wire.send(written(Response(401, {}, b'{"detail": "no"}')))


def echoing(wire, written):
    wire.send(written(Response(401, {"X-Request-Id": KEY}, f'{{"detail": "no such key: {KEY}"}}'.encode())))


def babbling(wire, written):
    wire.send(written(Response(200, {"x-elastic-product": "Elasticsearch"}, b"no JSON")))


def breaking(wire, written):
    wire.hang_up()


def silent(wire, written):
    wire.pause(None)


STAGES = {
    "401": refusing,
    "the key echoed": echoing,
    "a bad body": babbling,
    "a break": breaking,
    "silence": silent,
}


@pytest.fixture
def place(request: pytest.FixtureRequest, raw_server: Any, on_the_wire: Any) -> str:
    """Where a server behaves as the stage says; for the first one, where there is none."""
    if request.param == "no connection":
        with socket.create_server(("127.0.0.1", 0)) as free:
            return f"http://127.0.0.1:{free.getsockname()[1]}"
    script = STAGES[request.param]
    return str(raw_server(lambda wire, _: script(wire, on_the_wire)))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("place", ["no connection", *STAGES], indirect=True)
def test_no_frame_of_ours_shows_the_key(place, call, face, any_library):
    """Whatever fails, with each HTTP library: a time-out, a refusal, a broken connection, a body that is none."""
    make, ask, ask_async = CALLS[call]
    own: dict[str, Any] = {}
    if any_library == "own client":
        own = (
            {"http_client": httpx.Client(verify=False)}
            if face == "sync"
            else {"async_http_client": httpx.AsyncClient(verify=False)}
        )
    client = make(place, **own)

    async def run() -> None:
        try:
            await ask_async(client)
        finally:
            await client.aclose()
            for one in own.values():
                await one.aclose()

    with pytest.raises(RagbridgeError) as raised:
        asyncio.run(run()) if face == "async" else ask(client)
    assert_hidden(raised.value)
    client.close()
    if face == "sync":
        for one in own.values():
            one.close()


def test_frames_of_the_embedded_engine_show_no_key():
    """It answers in this process: all frames are ours."""
    client = Jina(KEY, base_url="http://service", transport=Engine(), limits=None, retry=Retry(attempts=1))
    with pytest.raises(RagbridgeError) as raised:
        client.classify(TEXTS, classifier="no such")
    assert_hidden(raised.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Jina(KEY, timeout=-1),
        lambda: Jina(KEY, base_url="nowhere"),
        lambda: Jina(KEY, region="mars"),
        lambda: Jina(KEY, limits="keyless"),
        lambda: Jina(KEY, limits="no such tier"),
        lambda: Jina(f"{KEY} and more"),
        lambda: Elastic("http://x", api_key=KEY, timeout=-1),
        lambda: Elastic("http://x", api_key=f"anId:{KEY}"),
        lambda: Elastic("http://x", api_key=("anId", KEY), bearer_auth=KEY),
        lambda: Elastic("http://x", basic_auth=("user", KEY), batch_size=-1),
        lambda: Elastic("http://x", basic_auth=("us:er", KEY)),
        lambda: Elastic("http://x", bearer_auth=f"{KEY} x"),
        lambda: Elastic("local", bearer_auth=KEY),
        lambda: JinaAI("jina-embeddings-v3", api_key=f"{KEY} x"),
        lambda: Elastic("http://x").endpoints.update("e", api_key=KEY, num_allocations=-1),
        lambda: Elastic("http://x").endpoints.create(
            "e", "rerank", {"service": "jinaai", "service_settings": {"api_key": KEY, "model_id": 5}}
        ),
    ],
)
def test_frames_of_a_client_that_is_not_made_show_no_key(make):
    """A wrong setting beside the key, or a key that cannot be one."""
    with pytest.raises(RagbridgeError) as raised:
        make()
    assert_hidden(raised.value)


def test_frames_of_a_key_from_the_environment_show_nothing(monkeypatch):
    """One that cannot be a key, such as a pasted line."""
    monkeypatch.setenv("JINA_API_KEY", f"{KEY} and more")
    with pytest.raises(RagbridgeError) as raised:
        Jina()
    assert_hidden(raised.value)
