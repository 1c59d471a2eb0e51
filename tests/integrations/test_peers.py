"""Other people's clients of the Jina API against the embedded engine over a real socket.

What they read is what the engine promises: vectors and scores are those of ``Jina(base_url="local")``, and a wrong key
leads to each client's own error.
"""

from __future__ import annotations

import base64
import json
from base64 import b64decode

import numpy as np
import pytest

from ragbridge import Image, Jina
from ragbridge.local import Engine
from ragbridge.server import running

pytestmark = pytest.mark.peers

KEY, WRONG = "jina_right", "jina_wrong"
REFUSED = r"^Invalid API key$"
QUERY = "Which animal lives in the sea?"
TEXTS = [
    "Bread is baked from flour, water and salt.",
    "The octopus is an animal of the sea: it lives among rocks and hunts crabs.",
    "Interest rates were raised by the central bank.",
    "Ein Text, der nicht englisch ist: Straße, naïve, 東京.",
]
SUNSET = "ignore:`langchain-community` is being sunset:DeprecationWarning"
"""Said once, when the package is imported."""


PAGES = {
    "https://example.com/sea?page=1": "<html><head><title>The sea</title></head><body><p>The octopus lives in the sea.</p></body></html>",
    "https://example.com/bread": "# Bread\n\nBread is baked from flour.",
}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""A picture of one pixel, whole: some of the clients open it."""


@pytest.fixture(scope="module")
def address():
    with running(Engine(api_keys=[KEY], pages=PAGES)) as address:
        yield address


@pytest.fixture
def pictures(tmp_path):
    """Files of two pictures, which differ behind their end."""
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path in paths:
        path.write_bytes(PNG + path.name.encode())
    return paths


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    """These clients would send requests for loopback to a proxy of the machine's environment."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture(scope="module")
def local():
    with Jina(base_url="local") as jina:
        yield jina


def assert_same(vectors, expected):
    """These are the expected vectors; JSON's are rounded to 8 decimals."""
    np.testing.assert_allclose(np.asarray(vectors), expected.vectors, rtol=0, atol=1e-7)


def rows(ranking):
    return [(row.index, pytest.approx(row.score, abs=1e-7)) for row in ranking]


class TestJinaHaystack:
    """The package ``jina-haystack``."""

    @pytest.fixture
    def make(self, address):
        from haystack.utils import Secret

        def make(component, path, *, key=KEY, **settings):
            return component(api_key=Secret.from_token(key), base_url=f"{address}/v1/{path}", **settings)

        return make

    @pytest.fixture
    def text_embedder(self, make):
        from haystack_integrations.components.embedders.jina import JinaTextEmbedder

        return lambda **settings: make(JinaTextEmbedder, "embeddings", **settings)

    @pytest.fixture
    def document_embedder(self, make):
        from haystack_integrations.components.embedders.jina import JinaDocumentEmbedder

        return lambda **settings: make(JinaDocumentEmbedder, "embeddings", progress_bar=False, **settings)

    @pytest.fixture
    def ranker(self, make):
        from haystack_integrations.components.rankers.jina import JinaRanker

        return lambda **settings: make(JinaRanker, "rerank", **settings)

    @pytest.fixture
    def documents(self):
        from haystack import Document

        return [Document(content=text, meta={"number": index}) for index, text in enumerate(TEXTS)]

    async def test_text(self, text_embedder, local):
        """``JinaTextEmbedder`` gets the vector and the usage of a query, synchronously and asynchronously."""
        embedder = text_embedder(task="retrieval.query", dimensions=256)
        expected = local.embed([QUERY], model="jina-embeddings-v3", task="retrieval.query", dimensions=256)
        for answer in (embedder.run(text=QUERY), await embedder.run_async(text=QUERY)):
            assert_same([answer["embedding"]], expected)
            assert answer["meta"]["usage"]["total_tokens"] == expected.usage.tokens
            assert answer["meta"]["model"].startswith("jina-embeddings-v3")

    async def test_documents(self, document_embedder, documents, local):
        """``JinaDocumentEmbedder`` adds up several requests."""
        embedder = document_embedder(batch_size=3, task="retrieval.passage")
        expected = local.embed(TEXTS, model="jina-embeddings-v3", task="retrieval.passage")
        for answer in (embedder.run(documents=documents), await embedder.run_async(documents=documents)):
            assert_same([document.embedding for document in answer["documents"]], expected)
            assert answer["meta"]["usage"]["total_tokens"] == expected.usage.tokens

    def test_late_chunking(self, document_embedder, documents, local):
        """``late_chunking`` reaches the engine: the documents of a request are one document's chunks."""
        answer = document_embedder(late_chunking=True).run(documents=documents)
        expected = local.embed(TEXTS, model="jina-embeddings-v3", late_chunking=True)
        assert_same([document.embedding for document in answer["documents"]], expected)

    async def test_ranker(self, ranker, documents, local):
        """``JinaRanker`` gets the ranking."""
        ranking = local.rerank(QUERY, TEXTS, model="jina-reranker-v1-base-en", top_n=2)
        for answer in (
            ranker(top_k=2).run(query=QUERY, documents=documents),
            await ranker(top_k=2).run_async(query=QUERY, documents=documents),
        ):
            found = [(document.meta["number"], document.score) for document in answer["documents"]]
            assert found == rows(ranking)
            assert found[0][0] == 1
            assert answer["meta"]["usage"]["total_tokens"] == ranking.usage.tokens

    async def test_images(self, make, pictures, local):
        """``JinaDocumentImageEmbedder``, which sends pictures as texts of data URIs, gets the vectors of pictures."""
        from haystack import Document
        from haystack_integrations.components.embedders.jina import JinaDocumentImageEmbedder

        found = [Document(meta={"file_path": str(path)}) for path in pictures]
        expected = local.embed([Image(path) for path in pictures], model="jina-clip-v2")
        component = make(JinaDocumentImageEmbedder, "embeddings", batch_size=1)
        for answer in (component.run(documents=found), await component.run_async(documents=found)):
            assert_same([document.embedding for document in answer["documents"]], expected)

    @pytest.fixture
    def connector(self, address, monkeypatch):
        from haystack.utils import Secret
        from haystack_integrations.components.connectors.jina import JinaReaderConnector, reader

        hosts = {mode: f"{address}/{str(mode)[0]}/" for mode in reader.READER_ENDPOINT_URL_BY_MODE}
        monkeypatch.setattr(reader, "READER_ENDPOINT_URL_BY_MODE", hosts)  # the class has no setting for it
        return lambda mode, **settings: JinaReaderConnector(mode, Secret.from_token(KEY), **settings)

    async def test_reader(self, connector, local):
        """``JinaReaderConnector`` reads pages, as JSON and as text, synchronously and asynchronously."""
        url = next(iter(PAGES))
        for answer in (connector("read").run(url), await connector("read").run_async(url)):
            (document,) = answer["documents"]
            assert "The octopus lives in the sea." in document.content
            assert (document.meta["title"], document.meta["url"]) == ("The sea", url)
        (document,) = connector("read", json_response=False).run(url)["documents"]
        assert "Title: The sea" in document.content

    async def test_search_and_grounding(self, connector):
        """``JinaReaderConnector`` searches and checks statements."""
        for answer in (connector("search").run(QUERY), await connector("search").run_async(QUERY)):
            assert answer["documents"][0].meta["title"] == "The sea"
        (document,) = connector("ground").run("The octopus lives in the sea.")["documents"]
        assert document.content
        assert 0 <= document.meta["factuality"] <= 1

    async def test_wrong_key(self, text_embedder, document_embedder, ranker, documents):
        """A wrong key is the ``RuntimeError`` with the service's message."""
        for component, question in (
            (text_embedder(key=WRONG), {"text": QUERY}),
            (document_embedder(key=WRONG), {"documents": documents}),
            (ranker(key=WRONG), {"query": QUERY, "documents": documents}),
        ):
            with pytest.raises(RuntimeError, match=REFUSED):
                component.run(**question)
            with pytest.raises(RuntimeError, match=REFUSED):
                await component.run_async(**question)


@pytest.mark.filterwarnings(SUNSET)
class TestLangChainCommunity:
    """The Jina classes of ``langchain-community``."""

    @pytest.fixture
    def embeddings(self, address, monkeypatch):
        from langchain_community.embeddings import jina

        monkeypatch.setattr(jina, "JINA_API_URL", f"{address}/v1/embeddings")
        return jina.JinaEmbeddings

    @pytest.fixture
    def rerank(self, address, monkeypatch):
        from langchain_community.document_compressors import jina_rerank

        monkeypatch.setattr(jina_rerank, "JINA_API_URL", f"{address}/v1/rerank")
        return jina_rerank.JinaRerank

    @pytest.fixture
    def documents(self):
        from langchain_core.documents import Document

        return [Document(text, metadata={"number": index}) for index, text in enumerate(TEXTS)]

    @pytest.mark.parametrize("model", ["jina-embeddings-v2-base-en", "jina-embeddings-v3"])
    async def test_embeddings(self, embeddings, local, model):
        """``JinaEmbeddings`` gets the vectors of documents and of a query, synchronously and asynchronously."""
        client = embeddings(jina_api_key=KEY, model_name=model)
        expected, query = local.embed(TEXTS, model=model), local.embed([QUERY], model=model)
        assert_same(client.embed_documents(TEXTS), expected)
        assert_same(await client.aembed_documents(TEXTS), expected)
        assert_same([client.embed_query(QUERY)], query)

    @pytest.mark.parametrize("model", ["jina-clip-v1", "jina-clip-v2", "jina-embeddings-v4"])
    def test_images(self, embeddings, local, pictures, model):
        """``embed_images``, which sends the objects of 2024, gets the vectors of files and of addresses."""
        address = "https://example.com/picture.png"
        expected = local.embed([*map(Image, pictures), Image(address)], model=model)
        client = embeddings(jina_api_key=KEY, model_name=model)
        assert_same(client.embed_images([*map(str, pictures), address]), expected)

    @pytest.fixture
    def search(self, address):
        from langchain_community.utilities.jina_search import JinaSearchAPIWrapper

        return lambda key=KEY: JinaSearchAPIWrapper(api_key=key, base_url=f"{address}/s/")

    def test_search(self, search, local):
        """``JinaSearchAPIWrapper`` and the tool over it find pages, with title, address, summary and content."""
        from langchain_community.tools.jina_search import JinaSearch

        (best, *_) = search().download_documents(QUERY)
        assert "The octopus lives in the sea." in best.page_content
        assert (best.metadata["title"], best.metadata["link"]) == ("The sea", next(iter(PAGES)))
        for told in (search().run(QUERY), JinaSearch(search_wrapper=search()).invoke({"query": QUERY})):
            assert json.loads(told)[0]["title"] == "The sea"
        with pytest.raises(Exception, match="HTTP error 401"):
            search(WRONG).run(QUERY)

    def test_rerank(self, rerank, documents, local):
        """``JinaRerank`` gets the ranking."""
        found = rerank(jina_api_key=KEY, top_n=2).compress_documents(documents, QUERY)
        ranking = local.rerank(QUERY, TEXTS, model="jina-reranker-v1-base-en", top_n=2)
        assert [(row.metadata["number"], row.metadata["relevance_score"]) for row in found] == rows(ranking)
        assert found[0].metadata["number"] == 1

    def test_all_documents(self, rerank, documents, local):
        """``top_n=None``, which travels as null, gives every document."""
        found = rerank(jina_api_key=KEY).rerank(documents, QUERY, top_n=None, model="jina-reranker-v3")
        ranking = local.rerank(QUERY, TEXTS, model="jina-reranker-v3")
        assert [(row["index"], row["relevance_score"]) for row in found] == rows(ranking)
        assert len(found) == len(TEXTS)

    def test_wrong_key(self, embeddings, rerank, documents):
        """A wrong key is the ``RuntimeError`` with the service's message."""
        with pytest.raises(RuntimeError, match=REFUSED):
            embeddings(jina_api_key=WRONG).embed_query(QUERY)
        with pytest.raises(RuntimeError, match=REFUSED):
            rerank(jina_api_key=WRONG).compress_documents(documents, QUERY)

    def test_refused_text(self, embeddings):
        """The engine's refusal of a request, an empty list here, is read as an error as well."""
        with pytest.raises(RuntimeError, match="at least 1 item"):
            embeddings(jina_api_key=KEY).embed_documents([])


class TestLlamaIndex:
    """``llama-index-embeddings-jinaai`` and ``llama-index-postprocessor-jinaai-rerank``."""

    @pytest.fixture
    def embedding(self, address):
        from llama_index.embeddings.jinaai import JinaEmbedding

        def make(*, key=KEY, **settings):
            made = JinaEmbedding(api_key=key, **settings)
            made._api.api_url = f"{address}/v1/embeddings"  # the class has no setting for it
            return made

        return make

    @pytest.fixture
    def rerank(self, address):
        from llama_index.postprocessor.jinaai_rerank import JinaRerank

        return lambda *, key=KEY, **settings: JinaRerank(api_key=key, base_url=f"{address}/v1", **settings)

    @pytest.fixture
    def nodes(self):
        from llama_index.core.schema import NodeWithScore, TextNode

        return [NodeWithScore(node=TextNode(id_=str(index), text=text)) for index, text in enumerate(TEXTS)]

    async def test_embedding(self, embedding, local):
        """``JinaEmbedding`` gets the vectors of texts and of a query, synchronously and asynchronously."""
        client = embedding(task="retrieval.passage", dimensions=128, embed_batch_size=3)
        options = {"model": "jina-embeddings-v3", "task": "retrieval.passage", "dimensions": 128}
        expected, query = local.embed(TEXTS, **options), local.embed([QUERY], **options)
        assert_same(client.get_text_embedding_batch(TEXTS), expected)
        assert_same(await client.aget_text_embedding_batch(TEXTS), expected)
        assert_same([client.get_query_embedding(QUERY)], query)
        assert_same([await client.aget_query_embedding(QUERY)], query)

    @pytest.mark.parametrize("encoding", ["binary", "ubinary"])
    async def test_bits(self, embedding, local, encoding):
        """Both packed types unpack to the signs of the vectors."""
        client = embedding(encoding_documents=encoding, encoding_queries=encoding, dimensions=256)
        signs = local.embed(TEXTS, model="jina-embeddings-v3", dimensions=256).vectors > 0
        assert np.array_equal(client.get_text_embedding_batch(TEXTS), signs)
        assert np.array_equal(await client.aget_text_embedding_batch(TEXTS), signs)

    async def test_images(self, embedding, local, pictures):
        """``JinaEmbedding`` gets the vectors of pictures: of files and addresses, one and several."""
        client = embedding(model="jina-clip-v2")
        address = "https://example.com/picture.png"
        expected = local.embed([*map(Image, pictures), Image(address)], model="jina-clip-v2")
        given = [*map(str, pictures), address]
        assert_same(client.get_image_embedding_batch(given), expected)
        assert_same([client.get_image_embedding(one) for one in given], expected)
        assert_same(await client.aget_image_embedding_batch(given), expected)

    def test_rerank(self, rerank, nodes, local):
        """``JinaRerank`` gets the ranking."""
        found = rerank(top_n=3).postprocess_nodes(nodes, query_str=QUERY)
        ranking = local.rerank(QUERY, TEXTS, model="jina-reranker-v1-base-en", top_n=3)
        assert [(int(row.node.node_id), row.score) for row in found] == rows(ranking)
        assert found[0].node.node_id == "1"

    async def test_wrong_key(self, embedding, rerank, nodes):
        """A wrong key is the service's message from ``requests``, and the status 401 from ``aiohttp``."""
        from aiohttp import ClientResponseError

        with pytest.raises(RuntimeError, match=REFUSED):
            embedding(key=WRONG).get_text_embedding(QUERY)
        with pytest.raises(RuntimeError, match=REFUSED):
            rerank(key=WRONG).postprocess_nodes(nodes, query_str=QUERY)
        with pytest.raises(ClientResponseError) as caught:
            await embedding(key=WRONG).aget_text_embedding(QUERY)
        assert caught.value.status == 401


class TestOpenAI:
    """The official ``openai`` client, which asks for base64 unless told otherwise."""

    @pytest.fixture
    def client(self, address):
        from openai import OpenAI

        with OpenAI(api_key=KEY, base_url=f"{address}/v1", max_retries=0) as client:
            yield client

    @pytest.mark.parametrize("options", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
    def test_encodings(self, client, local, options):
        """Vectors arrive in the client's default encoding and in each that it can be told."""
        answer = client.embeddings.create(model="jina-embeddings-v3", input=TEXTS, **options)
        vectors = [row.embedding for row in answer.data]
        if options.get("encoding_format") == "base64":  # handed on as it came
            vectors = [np.frombuffer(b64decode(vector), "<f4") for vector in vectors]
        expected = local.embed(TEXTS, model="jina-embeddings-v3")
        assert_same(vectors, expected)
        assert [row.index for row in answer.data] == list(range(len(TEXTS)))
        assert answer.usage.total_tokens == expected.usage.tokens

    def test_one_text(self, client, local):
        """A string instead of a list, a width and the service's own fields are understood."""
        answer = client.embeddings.create(
            model="jina-embeddings-v3", input=QUERY, dimensions=64, extra_body={"task": "retrieval.query"}
        )
        expected = local.embed([QUERY], model="jina-embeddings-v3", dimensions=64, role="query")
        assert_same([row.embedding for row in answer.data], expected)

    async def test_async(self, address, local):
        """``AsyncOpenAI`` gets the same."""
        from openai import AsyncOpenAI

        async with AsyncOpenAI(api_key=KEY, base_url=f"{address}/v1", max_retries=0) as client:
            answer = await client.embeddings.create(model="jina-embeddings-v3", input=TEXTS)
        assert_same([row.embedding for row in answer.data], local.embed(TEXTS, model="jina-embeddings-v3"))

    def test_models(self, client):
        """The client's list of models holds those that the engine serves."""
        names = {model.id for model in client.models.list()}
        assert {"jina-embeddings-v3", "jina-reranker-v3"} <= names

    def test_wrong_key(self, client):
        """A wrong key is the client's ``AuthenticationError``, with the service's code."""
        from openai import AuthenticationError

        with pytest.raises(AuthenticationError) as caught:
            client.with_options(api_key=WRONG).embeddings.create(model="jina-embeddings-v3", input=TEXTS)
        assert (caught.value.status_code, caught.value.code) == (401, "AUTH_INVALID_API_KEY")

    def test_unknown_model(self, client):
        """A model that does not exist is the client's ``BadRequestError``, with the service's code."""
        from openai import BadRequestError

        with pytest.raises(BadRequestError) as caught:
            client.embeddings.create(model="text-embedding-3-small", input=TEXTS)
        assert caught.value.code == "INPUT_MODEL_NOT_FOUND"

    def test_token_ids(self, client):
        """Token ids, which the service does not take, are refused: never embedded as something else."""
        from openai import UnprocessableEntityError

        with pytest.raises(UnprocessableEntityError):
            client.embeddings.create(model="jina-embeddings-v3", input=[[1, 2, 3]])
