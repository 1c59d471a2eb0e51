"""Requests to SageMaker: signed right before they are sent, by the machine's own credentials, which are shown nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import sys
import traceback
from typing import Any

import pytest
from fake_hosts import AWS, MODEL, Asked, Said, sagemaker, served

from ragbridge import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    Jina,
    RateLimitError,
    RequestError,
    Response,
    Retry,
    ServiceError,
)
from ragbridge.testing import ScriptedTransport, VirtualClock

pytest.importorskip("botocore")

ENDPOINT = "/endpoints/mine/invocations"
FRANKFURT = "https://runtime.sagemaker.eu-central-1.amazonaws.com/endpoints/mine"
ONCE = Retry(attempts=1)


@pytest.fixture(autouse=True)
def _aws(monkeypatch, tmp_path):
    """Credentials in the environment, and none in files of this machine."""
    for name, value in {
        **AWS,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture(scope="module")
def server():
    with served(sagemaker) as one:
        yield one


def embed(client: Jina, face: str, texts: list[str]) -> Any:
    return (
        client.embed(texts, model=MODEL) if face == "sync" else asyncio.run(client.aembed(texts, model=MODEL))
    )


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("library", ["httpx", "httpx2", "fast"])
def test_every_library_sends_what_was_signed(server, library, face):
    """The server reckons the signature anew, from the bytes and headers that arrived, and refuses any other."""
    pytest.importorskip({"fast": "httpx"}.get(library, library))
    client = Jina(
        base_url=server.url + "/endpoints/mine", host="sagemaker", retry=ONCE, transport=library, batch_size=2,
        headers={"X-Tenant": "a  b", "X-Amzn-SageMaker-Target-Variant": "blue"},
    )  # fmt: skip
    assert embed(client, face, ["ä€😀", "the sea", "a boat"]).vectors.shape == (3, 1024)
    assert server.asked[-1].headers["x-amzn-sagemaker-target-variant"] == "blue"


def test_a_wrong_secret_is_refused_by_the_server_of_these_tests(server, monkeypatch):
    """Else the tests here would say nothing."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with pytest.raises(AuthenticationError, match="signature"):
        Jina(base_url=server.url + ENDPOINT, host="sagemaker", retry=ONCE).embed(["a"], model=MODEL)


def test_each_attempt_is_signed_anew(monkeypatch):
    """With credentials that were renewed on the way, and at its own time."""

    def once_busy(asked: Asked) -> Said:
        seen.append(asked.headers["authorization"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", AWS["AWS_ACCESS_KEY_ID"])
        return sagemaker(asked) if len(seen) > 1 else Said({"message": "busy"}, 503)

    seen: list[str] = []
    with served(once_busy) as one:
        client = Jina(base_url=one.url + ENDPOINT, host="sagemaker", clock=VirtualClock())
        assert client.embed(["a"], model=MODEL).vectors.shape == (1, 1024)
    assert len(seen) == 2


def test_neither_a_key_of_the_environment_nor_one_that_is_given_goes_to_aws(monkeypatch):
    """The former is not for AWS; the latter would be ignored, so it is refused."""
    monkeypatch.setenv("JINA_API_KEY", "jina_s3cretQ")
    assert Jina(base_url=FRANKFURT, host="sagemaker")._channel.secrets() == []
    for settings in ({"api_key": "k"}, {"api_key": lambda: "k"}, {"headers": {"Authorization": "k"}}):
        with pytest.raises(
            ConfigurationError, match="host='sagemaker' is asked with AWS credentials: leave out"
        ):
            Jina(base_url=FRANKFURT, host="sagemaker", **settings)


@pytest.mark.parametrize(
    ("address", "region"),
    [
        (FRANKFURT, "eu-central-1"),
        ("https://runtime.sagemaker-fips.us-gov-west-1.amazonaws.com/endpoints/x", "us-gov-west-1"),
        ("https://vpce-1.runtime.sagemaker.us-east-2.vpce.amazonaws.com/endpoints/x", "us-east-2"),
        ("http://127.0.0.1:9/endpoints/x", "ap-south-1"),
    ],
)
def test_the_region_is_that_of_the_address_else_of_the_environment(address, region, monkeypatch):
    """A signature for another one is refused by AWS."""
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    assert Jina(base_url=address, host="sagemaker")._transport._region == region


def test_what_is_missing_is_named(monkeypatch):
    """The package and the region when the client is made, credentials by the first request: looking for them takes time."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match="no AWS credentials were found: set AWS_ACCESS_KEY_ID"):
        Jina(base_url=FRANKFURT, host="sagemaker").embed(["a"], model=MODEL)
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(ConfigurationError, match="no region is named.*AWS_REGION"):
        Jina(base_url="http://127.0.0.1:9/endpoints/x", host="sagemaker")
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigurationError, match=r'not installed.*pip install "ragbridge\[sagemaker\]"'):
        Jina(base_url=FRANKFURT, host="sagemaker")


def test_credentials_are_shown_nowhere(caplog):
    """Neither in errors, their causes and logs, nor in representations and pickles."""
    caplog.set_level(logging.DEBUG, logger="ragbridge")
    client = Jina(base_url="http://127.0.0.1:9/endpoints/x", host="sagemaker", retry=ONCE)
    with pytest.raises(RequestError) as raised:
        client.embed(["a"], model=MODEL)
    shown = (
        "".join(traceback.format_exception(raised.value)) + caplog.text + repr(client) + repr(vars(client))
    )
    step = raised.value.__traceback__
    while step is not None:
        if "ragbridge" in step.tb_frame.f_code.co_filename:
            shown += repr(step.tb_frame.f_locals)
        step = step.tb_next
    assert "s3cretQ" not in shown + repr(pickle.dumps(client))
    assert pickle.loads(pickle.dumps(client))._transport._service == "sagemaker"


def test_a_transport_of_ones_own_signs_by_itself():
    """Nothing of AWS is needed then: a session of boto3 may do it."""
    answer = {"data": [{"id": "0", "embedding": [0.5, 0.5]}]}
    transport = ScriptedTransport(Response(200, {}, json.dumps(answer).encode()))
    client = Jina(base_url=FRANKFURT, host="sagemaker", transport=transport)
    assert client.embed(["a"], model="mine").vectors.tolist() == [[0.5, 0.5]]
    (request,) = transport.requests
    assert request.url == FRANKFURT + "/invocations"
    assert "authorization" not in request.headers
    assert json.loads(request.body) == {"data": [{"text": "a"}]}


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said({"ErrorCode": "X", "Message": "m", "OriginalMessage": "too long", "OriginalStatusCode": 400}, 424), InvalidRequestError),
        (Said({"ErrorCode": "X", "Message": "m", "OriginalMessage": "oops", "OriginalStatusCode": 500}, 424), ServiceError),
        (Said({"message": "Rate exceeded"}, 400, {"x-amzn-errortype": "ThrottlingException"}), RateLimitError),
        (Said({"message": "The security token included in the request is expired"}, 403), AuthenticationError),
    ],
    ids=["the model refuses", "the model fails", "too many", "expired"],
)  # fmt: skip
def test_what_sagemaker_says_is_understood(said, kind):
    """424 is what its model answered, and 400 may be a limit."""
    with served(lambda _: said) as one, pytest.raises(kind):
        Jina(base_url=one.url + ENDPOINT, host="sagemaker", retry=ONCE).embed(["a"], model=MODEL)


def test_bodies_stay_below_the_limit():
    """SageMaker takes 6 MB: long texts go in requests of their own, whatever ``batch_size`` says."""
    sizes = []

    def bounded(asked: Asked) -> Said:
        sizes.append(len(asked.raw))
        return sagemaker(asked) if len(asked.raw) < 6_291_456 else Said({"message": "too large"}, 413)

    with served(bounded) as one:
        client = Jina(base_url=one.url + ENDPOINT, host="sagemaker", retry=ONCE, batch_size=512)
        found = client.embed(["x" * 100_000 + str(number) for number in range(80)], model="mine")
    assert found.vectors.shape == (80, 1024)
    assert max(sizes) < 6_291_456
