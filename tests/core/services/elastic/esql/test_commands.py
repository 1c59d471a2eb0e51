"""Commands and functions of ES|QL that run models: what is written, judged by the official client's builder."""

from __future__ import annotations

import base64
import json

import pytest

from ragbridge import ConfigurationError, Group, Image
from ragbridge.elastic import (
    Esql,
    esql_embedding,
    esql_fork,
    esql_from,
    esql_fuse,
    esql_knn,
    esql_rerank,
    esql_text_embedding,
)

PNG = b"\x89PNG\r\n\x1a\n picture"


def written(found: Esql) -> str:
    """The text with the values in the places of their parameters, as a person would have written it."""
    text = found.text
    for name, value in sorted(found.params.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(f"?{name}", json.dumps(value))
    return text


def test_the_official_builder_writes_the_same() -> None:
    """A whole query, built by both (elasticsearch 9.2 or later)."""
    esql = pytest.importorskip("elasticsearch.esql")
    functions = pytest.importorskip("elasticsearch.esql.functions")
    if not hasattr(esql.ESQL.from_("a"), "rerank") or not hasattr(functions, "text_embedding"):
        pytest.skip("this builder knows no models")
    theirs = (
        esql.ESQL.from_("books")
        .metadata("_id", "_index", "_score")
        .fork(
            esql.ESQL.branch().where('MATCH(title, "sea")').limit(50),
            esql.ESQL.branch()
            .where(functions.knn(esql.E("v"), functions.text_embedding("sea", "e5")))
            .limit(50),
        )
        .fuse("linear")
        .with_(normalizer="minmax")
        .limit(20)
        .rerank(rerank_score="sea")
        .on("title", "my field")
        .with_(inference_id="r")
    )
    near = esql_knn("v", esql_text_embedding("sea", "e5"))
    ours = (
        esql_from("books")
        | esql_fork(
            Esql("WHERE MATCH(title, ?q) | LIMIT 50", q="sea"),
            Esql(f"WHERE {near} | LIMIT 50", **near.params),
        )
        | esql_fuse("linear", normalizer="minmax")
        | Esql("LIMIT 20")
        | esql_rerank("sea", on=["title", "my field"], inference_id="r", column="rerank_score")
    )
    said = " ".join(theirs.render().split()).replace("( ", "(").replace(" )", ")").replace(")(", ") (")
    assert written(ours) == said.replace("FROM books", 'FROM "books"')


def test_searches_side_by_side_are_joined() -> None:
    """By ranks or by scores, with every option of the page."""
    assert esql_fuse().text == "FUSE RRF"
    assert esql_fuse("rrf", rank_constant=20, weights={"fork1": 0.7, "fork2": 0.3}).text == (
        'FUSE RRF WITH {"rank_constant": 20, "weights": {"fork1": 0.7, "fork2": 0.3}}'
    )
    assert esql_fuse(
        "linear", score="my score", group="branch", keys=["id", "lang"], normalizer="none"
    ).text == ('FUSE LINEAR SCORE BY `my score` GROUP BY branch KEY BY id, lang WITH {"normalizer": "none"}')


def test_rows_are_scored_by_a_reranker() -> None:
    """The question and the endpoint travel as parameters."""
    found = esql_rerank('a "quoted" question', on="title", inference_id=".jina-reranker-v3")
    assert (
        written(found)
        == 'RERANK "a \\"quoted\\" question" ON title WITH {"inference_id": ".jina-reranker-v3"}'
    )
    assert '"quoted"' not in found.text
    assert written(esql_rerank("sea", on=["a", "b"], column="s")) == 'RERANK s = "sea" ON a, b'


def test_any_input_has_a_vector() -> None:
    """A text alone, or an image and its type; the content of a file is a parameter too."""
    assert written(esql_embedding("sea", "omni")) == 'EMBEDDING("sea", "omni")'
    found = esql_embedding(Image(PNG), "omni", timeout=30)
    assert written(found) == (
        f'EMBEDDING("data:image/png;base64,{base64.b64encode(PNG).decode()}", "omni", '
        '{"type": "image", "timeout": "30s"})'
    )
    near = esql_knn("v", found, k=5, similarity=0.5)
    assert near.text == f'KNN(v, {found}, {{"k": 5, "similarity": 0.5}})'
    assert near.params == found.params


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: esql_from(), "names no index"),
        (lambda: esql_fork(Esql("LIMIT 1")), "from 2 to 8 branches, not 1"),
        (lambda: esql_fork(Esql("LIMIT 1"), "LIMIT 1"), r"branches\[1\] is str, not Esql"),
        (lambda: esql_fuse("mmr"), "method='mmr' must be"),
        (lambda: esql_fuse("linear", rank_constant=3), "rank_constant= is for method='rrf'"),
        (lambda: esql_fuse(normalizer="minmax"), "normalizer= is for method='linear'"),
        (lambda: esql_fuse("linear", normalizer="l2_norm"), "normalizer='l2_norm' must be"),
        (lambda: esql_fuse(weights={'fork1"': 1}), "a branch is named fork1"),
        (lambda: esql_fuse(weights={"fork1": -1}), r"weights\['fork1'\]=-1"),
        (lambda: esql_fuse(keys="id"), "keys='id' must be a list of names"),
        (lambda: esql_rerank("", on="a"), "query is empty"),
        (lambda: esql_rerank("a", on=[]), r"on=\[\] must be a list of names"),
        (lambda: esql_rerank("a", on="b", inference_id=""), "inference_id is empty"),
        (lambda: esql_text_embedding(" ", "e"), "text is empty"),
        (lambda: esql_embedding(Group(["a"]), "e"), "content is a Group: ES|QL embeds one part"),
        (lambda: esql_embedding(b"a", "e"), "content is bytes: say what it is"),
        (lambda: esql_embedding("a", "e", timeout=0), "timeout=0"),
        (lambda: esql_knn("v", "TEXT_EMBEDDING(...)"), "vector is str: pass an expression"),
        (lambda: esql_knn("v", esql_text_embedding("a", "e"), k=0), "k=0"),
    ],
)
def test_wrong_arguments_are_refused_by_name(build, says) -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=says):
        build()
