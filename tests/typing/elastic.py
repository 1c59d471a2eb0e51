"""What type checkers know of ``Elastic``: read by mypy and pyright, never run."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_type

from ragbridge import Elastic, Embeddings, Image, Ranking, RateLimit, Retry, SparseEmbeddings, Usage

elastic = Elastic("https://localhost:9200", api_key=("id", "key"), ca_certs=Path("ca.pem"), timeout=90)
Elastic(cloud_id="name:abc", api_key="encoded", limits="eis")
Elastic("https://localhost:9200", basic_auth=("me", "secret"), verify=ssl.create_default_context())
Elastic("https://localhost:9200", bearer_auth="token", verify=False, limits=RateLimit(600), retry=Retry())
Elastic("local", limits=None)
Elastic("https://localhost:9200", "key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Elastic("https://localhost:9200", basic_auth="me")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def taken(es: object) -> None:
    """The official client is no dependency: its class is not asked for. Subclasses give themselves."""
    assert_type(Elastic.from_client(es, timeout=90), Elastic)
    assert_type(Mine.from_client(es), Mine)


def embed(texts: list[str]) -> None:
    """The endpoint must be named; roles and input types are completed, any other text is taken for the latter."""
    passages = elastic.embed(texts, inference_id="my", role="document", timeout=60)
    assert_type(passages, Embeddings)
    assert_type(passages.usage, Usage)
    elastic.embed(texts, inference_id="my", input_type="clustering", task_settings={"late_chunking": True})
    elastic.embed(texts, inference_id="my", task_type="embedding")
    elastic.embed(texts)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    elastic.embed(texts, inference_id="my", role="passage")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    elastic.embed(texts, inference_id="my", task_type="rerank")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def sparse(texts: list[str]) -> None:
    """Mappings of tokens to weights; a role is taken, an input type is not."""
    found = elastic.sparse_embed(texts, inference_id="my")
    assert_type(found, SparseEmbeddings)
    assert_type(found[0], Mapping[str, float])
    assert_type(iter(found), Iterator[Mapping[str, float]])
    assert_type(found.is_truncated, tuple[bool, ...])
    elastic.sparse_embed(texts, inference_id="my", role="query")
    elastic.sparse_embed(texts, inference_id="my", input_type="search")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def rerank(documents: list[str], rows: list[Mapping[str, str]]) -> None:
    """Texts, images and objects with ``text`` are ranked alike, and asked for."""
    elastic.rerank(Image(b"a picture"), [Image(b"a picture"), "a text"], inference_id="my")
    assert_type(elastic.rerank("query", documents, inference_id="my", top_n=3), Ranking)
    elastic.rerank("query", rows, inference_id="my", return_documents=True)
    elastic.rerank("query", documents)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def awaited(texts: list[str]) -> None:
    """The awaitable face has the same parameters, and must be awaited for the same result."""
    assert_type(await elastic.aembed(texts, inference_id="my", role="query"), Embeddings)
    assert_type(await elastic.asparse_embed(texts, inference_id="my"), SparseEmbeddings)
    assert_type(await elastic.arerank("query", texts, inference_id="my", top_n=1), Ranking)
    async with Mine("local") as mine:
        assert_type(mine, Mine)


class Mine(Elastic):
    """A client of a user's own."""
