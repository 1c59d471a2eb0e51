"""What all LlamaIndex components over Elasticsearch promise about settings, secrets and copies."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle

import httpx
import pytest
from llama_index.core.ingestion.pipeline import get_transformation_hash
from llama_index.core.schema import MetadataMode, NodeWithScore, TextNode
from pydantic import ValidationError

from llama_index.embeddings.ragbridge import ElasticEmbedding
from llama_index.postprocessor.ragbridge import ElasticRerank
from llama_index.retrievers.ragbridge import ElasticSemanticRetriever
from llama_index.sparse_embeddings.ragbridge import ElasticSparseEmbedding
from ragbridge import AuthenticationError, ConfigurationError, Elastic, RateLimit, Retry

URL = "http://127.0.0.1:9"
KEY = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw=="
SECRET = "correct-horse-battery"
CONNECTION = {
    "url": URL,
    "verify": False,
    "limits": RateLimit(500, None, 3, window=6.0),
    "retry": Retry(attempts=2),
    "timeout": 9.0,
    "concurrency": 5,
    "task_settings": {"a": 1},
    "inference_timeout": 90.0,
}
OWN = {
    ElasticEmbedding: {
        "model_name": "my-embeddings",
        "task_type": "embedding",
        "input_type": "clustering",
        "batch_size": 7,
        "embed_batch_size": 99,
        "num_workers": 2,
    },
    ElasticSparseEmbedding: {
        "model_name": "my-sparse",
        "batch_size": 7,
        "embed_batch_size": 99,
        "num_workers": 2,
    },
    ElasticRerank: {
        "inference_id": "my-rerank",
        "top_n": 3,
        "metadata_mode": MetadataMode.EMBED,
        "keep_retrieval_score": True,
    },
}
USES = {
    ElasticEmbedding: lambda made: made.get_text_embedding("a"),
    ElasticSparseEmbedding: lambda made: made.get_text_embedding("a"),
    ElasticRerank: lambda made: made.postprocess_nodes(
        [NodeWithScore(node=TextNode(text="a"))], query_str="b"
    ),
}
ENDPOINTS = {
    ElasticEmbedding: ".jina-embeddings-v5-text-small",
    ElasticSparseEmbedding: ".elser-2-elastic",
    ElasticRerank: ".jina-reranker-v3",
}

every = pytest.mark.parametrize("kind", list(OWN))
secretly = pytest.mark.parametrize(
    ("secret", "header"),
    [
        ({"api_key": KEY}, f"ApiKey {KEY}"),
        ({"api_key": ("an-id", SECRET)}, f"ApiKey {base64.b64encode(f'an-id:{SECRET}'.encode()).decode()}"),
        (
            {"basic_auth": ("elastic", SECRET)},
            f"Basic {base64.b64encode(f'elastic:{SECRET}'.encode()).decode()}",
        ),
        ({"bearer_auth": SECRET}, f"Bearer {SECRET}"),
    ],
    ids=["key", "id-and-key", "basic", "bearer"],
)


def copies(made):
    """By every way that the framework has."""
    kind = type(made)
    yield pickle.loads(pickle.dumps(made))
    yield kind.from_dict(made.to_dict())
    yield kind.from_json(made.to_json())
    yield kind.from_dict(made.model_dump())


@every
@secretly
def test_secrets_are_sent_and_shown_nowhere(kind, secret, header, serve):
    """Neither texts about the object, nor its dumps and pickles, nor errors hold them."""
    wire = serve(api_keys=["another"])
    made = kind(inference_id=ENDPOINTS[kind], url=wire.url, **secret)
    with pytest.raises(AuthenticationError) as refused:
        USES[kind](made)
    assert wire.keys == [header]
    told = [repr(made), str(made), made.to_dict(), made.to_json(), made.model_dump(), made.model_dump_json()]
    told += [pickle.dumps(made), made.__getstate__(), str(refused.value), refused.value.body]
    told += [kind(inference_id="x", client=Elastic(URL, **secret)).to_dict()]
    for wrong in ({"elastic_api_key": secret}, {"api_key": [[KEY, SECRET]]}, {**secret, "limits": "gold"}):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - whatever it says, not the secret
            kind(inference_id="x", url=URL, **wrong)
        told.append(str(caught.value))
    shown = [text for text in map(str, told) if any(part in text for part in (KEY, SECRET, header[8:]))]
    assert shown == []


@every
def test_unpickled_takes_the_key_of_its_own_process(kind, wire, monkeypatch):
    """A pickle carries no credentials; its copy uses the environment's, the original its own."""
    made = kind(inference_id=ENDPOINTS[kind], url=wire.url, basic_auth=("elastic", SECRET))
    data = pickle.dumps(made)
    monkeypatch.setenv("ELASTIC_API_KEY", KEY)
    USES[kind](pickle.loads(data))
    USES[kind](made)
    assert [key.split()[0] for key in wire.keys] == ["ApiKey", "Basic"]


@every
def test_the_environment_says_where(kind, wire, monkeypatch):
    """Without an address there is an error that names the variables; they are looked up, and never stored."""
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL"):
        kind(inference_id=ENDPOINTS[kind])
    monkeypatch.setenv("ELASTICSEARCH_URL", wire.url)
    made = kind(inference_id=ENDPOINTS[kind])
    USES[kind](made)
    assert len(wire.bodies) == 1
    assert made.to_dict()["url"] is None
    data = pickle.dumps(made)
    monkeypatch.delenv("ELASTICSEARCH_URL")
    with pytest.raises(ConfigurationError, match="ELASTICSEARCH_URL"):
        USES[kind](pickle.loads(data))


@every
def test_unknown_and_contradicting_settings_are_refused(kind):
    """A typo, no endpoint or two, two credentials, and a client beside settings of a connection."""
    client = Elastic("local")
    with pytest.raises(ValidationError, match="ulr"):
        kind(inference_id="x", ulr="local")
    with pytest.raises((ConfigurationError, TypeError), match="inference_id"):
        kind(url="local")
    with pytest.raises(ConfigurationError, match="inference_id"):
        kind(inference_id="", url="local")
    with pytest.raises(ConfigurationError, match="give one of them"):
        kind(inference_id="x", url=URL, api_key=KEY, bearer_auth=SECRET)
    with pytest.raises(ConfigurationError, match="give timeout, url to it"):
        kind(inference_id="x", client=client, url="local", timeout=3)
    with pytest.raises(ConfigurationError, match="asks for no credentials"):
        kind(inference_id="x", url="local", api_key=KEY)
    with pytest.raises(ConfigurationError, match="gold"):
        kind(inference_id="x", url=URL, limits="gold")
    with pytest.raises(ConfigurationError, match="timeout=-1"):
        kind(inference_id="x", url="local", inference_timeout=-1)
    with pytest.raises(ConfigurationError, match="client=Elastic"):
        kind.from_dict(kind(inference_id="x", client=client).to_dict())
    with pytest.raises(ValidationError, match="verify"):
        kind(inference_id="x", url=URL, verify="perhaps")


def test_two_names_of_the_endpoint_must_agree():
    """LlamaIndex's name and Elasticsearch's are one setting."""
    for kind in (ElasticEmbedding, ElasticSparseEmbedding):
        with pytest.raises(ConfigurationError, match="model_name='b'"):
            kind(inference_id="a", model_name="b", url="local")
        assert kind(model_name="b", url="local").inference_id == "b"


@every
def test_a_ready_client_is_used_and_never_replaced_silently(kind):
    """With ``client=``, requests go through it; where it cannot be stored, restoring asks for it."""
    paths = []

    def answer(request):
        paths.append(request.url.path)
        return httpx.Response(404, json={"error": {"type": "x", "reason": "no such endpoint"}, "status": 404})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    made = kind(inference_id="mine", client=Elastic(URL, http_client=http))
    with pytest.raises(Exception, match="no such endpoint"):
        USES[kind](made)
    assert [path.rpartition("/")[2] for path in paths] == ["mine"]
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(made)
    assert made.to_dict()["client"] == URL
    assert kind.from_dict(made.to_dict(), client=made.client).client is made.client
    assert pickle.loads(pickle.dumps(kind(inference_id="x", client=Elastic("local")))).client.url == "local"


@every
def test_a_setting_that_is_changed_later_holds(kind, wire):
    """Fields can be assigned like those of any LlamaIndex component, those of the connection included."""
    made = kind(inference_id=ENDPOINTS[kind], url=URL)
    made.url = wire.url
    USES[kind](made)
    assert len(wire.bodies) == 1
    assert USES[kind](made.model_copy(update={"url": "local"}))
    assert len(wire.bodies) == 1


def test_cache_key_follows_what_changes_vectors_and_not_the_key():
    """The ingestion cache's hash differs for each setting that changes vectors, and for another cluster."""
    nodes, base = [TextNode(text="the sea")], {"inference_id": "x", "url": URL}
    others = [
        {},
        {"inference_id": "y"},
        {"url": "local"},
        {"input_type": "clustering"},
        {"task_type": "embedding"},
    ]
    made = [ElasticEmbedding(**(base | other)) for other in others]
    made.append(ElasticEmbedding(inference_id="x", client=Elastic("http://third")))
    hashes = [get_transformation_hash(nodes, one) for one in made]
    assert len(set(hashes)) == len(made)
    assert get_transformation_hash(nodes, ElasticEmbedding(**base, api_key=KEY)) == hashes[0]


@secretly
def test_a_retriever_keeps_its_secrets(secret, header):
    """It is no component with dumps, but has texts and pickles all the same."""
    made = ElasticSemanticRetriever("docs", "content", url=URL, **secret)
    told = [repr(made), repr(vars(made)), pickle.dumps(made)]
    assert [text for text in map(str, told) if KEY in text or SECRET in text or header[8:] in text] == []


async def test_all_of_them_share_one_client():
    """One ``Elastic`` serves any number of components, in both faces."""
    client = Elastic("local")
    for kind, use in USES.items():
        assert use(kind(inference_id=ENDPOINTS[kind], client=client))
    found = await asyncio.gather(
        ElasticEmbedding(inference_id=ENDPOINTS[ElasticEmbedding], client=client).aget_query_embedding("a"),
        ElasticSparseEmbedding(
            inference_id=ENDPOINTS[ElasticSparseEmbedding], client=client
        ).aget_query_embedding("a"),
    )
    assert [len(vector) > 0 for vector in found] == [True, True]
    assert client.usage.requests == 5


def test_json_holds_plain_values():
    """What ``to_json`` writes can be read by anything."""
    made = ElasticEmbedding(inference_id="x", **CONNECTION)
    assert json.loads(made.to_json())["limits"]["requests_per_minute"] == 500
