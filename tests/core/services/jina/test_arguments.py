"""What users pass by mistake: it is refused before anything is sent, and the message says what to pass instead."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    Image,
    InvalidRequestError,
    Jina,
    Pdf,
    RequestError,
    Retry,
    maxsim,
)
from ragbridge.flow import Response

PAIRS = [("good", "praise"), ("bad", "blame")]

LISTS = {
    "texts": lambda jina, value: jina.embed(value),
    "documents of chunks": lambda jina, value: jina.embed_documents(value),
    "tokens": lambda jina, value: jina.embed_multivector(value, role="document"),
    "documents": lambda jina, value: jina.rerank("q", value),
    "inputs": lambda jina, value: jina.classify(value, labels=["a", "b"]),
    "labels": lambda jina, value: jina.classify(["a"], labels=value),
    "examples": lambda jina, value: jina.classifiers.train(value),
    "segmented": lambda jina, value: jina.segment_many(value),
    "urls": lambda jina, value: jina.read_many(value),
    "each url": lambda jina, value: jina.read_each(value),
    "batch": lambda jina, value: jina.submit_batch(value),
    "ids": lambda jina, value: jina.batch("b", ids=value),
}


@pytest.fixture
def unsent(scripted):
    """A client, of which the test ends with nothing sent."""
    transport = scripted()
    yield Jina(base_url="http://x", limits=None, transport=transport)
    assert not transport.requests


@pytest.mark.parametrize(
    "wrong", ["one text", b"bytes", 5, Image(b"x")], ids=["str", "bytes", "int", "image"]
)
@pytest.mark.parametrize("call", LISTS.values(), ids=LISTS)
def test_one_thing_in_place_of_a_list_is_refused(unsent, call, wrong):
    """Whichever method it is, and never by a TypeError: the message says that a list is wanted."""
    with pytest.raises(ConfigurationError, match="pass a list"):
        call(unsent, wrong)


@pytest.mark.parametrize(
    "name", [name for name in LISTS if name not in {"labels", "batch", "ids"}]
)  # where None means that there are none
def test_none_in_place_of_a_list_is_refused(unsent, name):
    """A value that was forgotten is no empty list."""
    with pytest.raises(ConfigurationError, match="is NoneType: pass a list"):
        LISTS[name](unsent, None)


@pytest.mark.parametrize("call", [LISTS["texts"], LISTS["documents"], LISTS["urls"], LISTS["batch"]])
def test_a_dict_is_no_list(unsent, call):
    """Its keys would go without its values, and nobody would notice."""
    with pytest.raises(ConfigurationError, match="is one dict: pass a list"):
        call(unsent, {"https://a.example": "a"})


def test_generators_and_arrays_are_lists():
    """What can be gone through once is enough."""
    jina = Jina(base_url="local")
    assert jina.embed(text for text in "ab").vectors.shape == (2, 1024)
    assert jina.embed(np.array(["a", "b"])).vectors.shape == (2, 1024)
    assert len(jina.rerank("a", np.array(["a", "b"]))) == 2
    assert len(jina.classify((text for text in "ab"), labels={"x": 1, "y": 2}.keys())) == 2
    assert jina.classifiers.train(pair for pair in PAIRS).samples == 2
    assert len(jina.segment_many(text for text in "ab")) == 2


@pytest.mark.parametrize("model", [None, 3, "", " "])
@pytest.mark.parametrize("call", [
    lambda jina, model: jina.embed(["a"], model=model),
    lambda jina, model: jina.embed_multivector(["a"], model=model, role="query"),
    lambda jina, model: jina.rerank("q", ["a"], model=model),
    lambda jina, model: jina.classifiers.train(PAIRS, model=model),
    lambda jina, model: jina.submit_batch(["a"], model=model),
])  # fmt: skip
def test_a_model_that_is_no_name_is_refused(unsent, call, model):
    """The message names the setting and an example."""
    with pytest.raises(ConfigurationError, match=r"model=.* must be a model's name, such as 'jina-"):
        call(unsent, model)


@pytest.mark.parametrize("option", ["truncate", "normalized", "late_chunking"])
@pytest.mark.parametrize("wrong", ["false", 1, np.bool_(True)], ids=str)
def test_switches_of_embeddings_are_booleans(unsent, option, wrong):
    """``"false"`` would be taken for true."""
    with pytest.raises(ConfigurationError, match=f"{option}=.*must be True or False"):
        unsent.embed(["a"], model="jina-embeddings-v3", **{option: wrong})


def test_switches_elsewhere_are_booleans(unsent):
    """So for tokens and for rankings."""
    with pytest.raises(ConfigurationError, match="return_tokens='no' must be True or False"):
        unsent.embed_multivector(["a"], model="jina-embeddings-v4", role="query", return_tokens="no")
    for option in ("return_documents", "return_embeddings"):
        with pytest.raises(ConfigurationError, match=f"{option}='no' must be True or False"):
            unsent.rerank("q", ["a"], **{option: "no"})


@pytest.mark.parametrize("value", [b"picture", Path("picture.png")], ids=["bytes", "path"])
def test_a_file_says_what_it_is(unsent, value):
    """Bytes and paths may be anything: the message shows how to say what."""
    with pytest.raises(ConfigurationError, match=r"texts\[0\] is .*such as Image\(\.\.\.\) or Pdf"):
        unsent.embed([value], model="jina-clip-v2")


@pytest.mark.parametrize("wrong", [None, 5, b"http://x"])
def test_an_address_that_is_no_text_is_refused(wrong):
    """By the name of the setting."""
    with pytest.raises(ConfigurationError, match="base_url is"):
        Jina("key", base_url=wrong)


def test_a_handle_in_place_of_its_id_is_refused(unsent):
    """The message says where the id is."""
    with pytest.raises(ConfigurationError, match=r"is BatchJob: pass the job's \.id, a string"):
        unsent.batch(unsent.batch("b"))


def test_maxsim_says_which_vectors_it_wants():
    """A whole result in place of one query's vectors, and one array in place of a list, are the likely mistakes."""
    found = Jina(base_url="local").embed_multivector(["a b", "c"], role="document")
    with pytest.raises(ConfigurationError, match=r"query is MultiVectors: .*vectors\[0\]"):
        maxsim(found, found)
    with pytest.raises(ConfigurationError, match="documents is one array"):
        maxsim(found.vectors[0], found.vectors[0])


def test_handles_travel_with_their_client():
    """Groups of methods and jobs are pickled and copied as their client is."""
    jina = Jina(base_url="http://x")
    for handle in (jina.classifiers, jina.batch("b", ids=["1"])):
        for twin in (pickle.loads(pickle.dumps(handle)), copy.copy(handle), copy.deepcopy(handle)):
            assert type(twin) is type(handle)
    assert pickle.loads(pickle.dumps(jina.batch("b", ids=["1"]))).ids == ("1",)


def test_a_model_that_there_is_not_is_no_matter_of_an_item(scripted):
    """Whoever leaves out items by ``index`` would leave out good ones."""
    body = b'{"detail": "Model nope not found", "code": "INPUT_MODEL_NOT_FOUND", "request_id": "r"}'
    for status in (400, 404):
        jina = Jina(base_url="http://x", limits=None, transport=scripted(Response(status, {}, body)))
        with pytest.raises(
            InvalidRequestError, match=r"INPUT_MODEL_NOT_FOUND: Model nope not found"
        ) as caught:
            jina.embed(["a"], model="nope")
        assert caught.value.index is None


@pytest.mark.parametrize("call", [LISTS["segmented"], LISTS["urls"]], ids=["segment_many", "read_many"])
def test_a_lost_answer_names_its_item_and_a_refused_key_names_none(scripted, call):
    """Which of many failed is told, unless it is a matter of the account."""
    urls = ["https://a.example", "https://b.example"]
    lost = scripted(RequestError("broken"), RequestError("broken"))
    with pytest.raises(RequestError, match=r"(texts|urls)\[0\].*: broken"):
        call(
            Jina(base_url="http://x", limits=None, retry=Retry(attempts=1), concurrency=1, transport=lost),
            urls,
        )
    refused = scripted(Response(401, {}, b'{"detail": "Unauthorized"}'))
    with pytest.raises(AuthenticationError, match="HTTP 401: Unauthorized") as caught:
        call(Jina(base_url="http://x", limits=None, concurrency=1, transport=refused), urls)
    assert caught.value.index is None


def test_a_balance_without_a_key_is_the_engines():
    """All of the engine runs without a key."""
    assert Jina(base_url="local").balance() == 10_000_000


def test_a_pdf_may_be_an_object_in_a_list(unsent):
    """Alone in a list it is what the service's own single object is; beside others it is refused by its place."""
    with pytest.raises(ConfigurationError, match=r"texts\[1\] is a Pdf beside others"):
        unsent.embed(["a", Pdf(b"%PDF-1.4")], model="jina-clip-v2")
