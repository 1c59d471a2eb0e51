"""``/v1/rerank`` of the embedded engine."""

from __future__ import annotations

import pytest

QUERY = "Which city is the capital of France?"
DOCUMENTS = ["Bananas are yellow.", "Paris is the capital of France.", "Lyon is a city in France."]


def test_best_first(rerank):
    """Results come best first, each with the index of its document and a score rounded to 8 digits."""
    answer = rerank(QUERY, DOCUMENTS)
    assert [result["index"] for result in answer["results"]] == [1, 2, 0]
    scores = [result["relevance_score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert scores == [round(score, 8) for score in scores]
    assert all(-1 <= score <= 1 for score in scores)
    assert answer["model"] == "jina-reranker-v3 (embedded: wordllama-l2-supercat-256)"
    assert set(answer["usage"]) == {"total_tokens"}


def test_the_query_itself_scores_one(rerank):
    """A document equal to the query has the highest score there is."""
    assert rerank(QUERY, [QUERY, *DOCUMENTS])["results"][0]["relevance_score"] == pytest.approx(1, abs=1e-6)


def test_scores_are_independent(rerank):
    """A document's score does not depend on the other documents."""
    together = {result["index"]: result["relevance_score"] for result in rerank(QUERY, DOCUMENTS)["results"]}
    alone = [rerank(QUERY, [document])["results"][0]["relevance_score"] for document in DOCUMENTS]
    assert [together[index] for index in range(3)] == pytest.approx(alone, abs=1e-6)


def test_top_n(rerank):
    """``top_n`` keeps the best; more than there are is fine."""
    assert [result["index"] for result in rerank(QUERY, DOCUMENTS, top_n=2)["results"]] == [1, 2]
    assert len(rerank(QUERY, DOCUMENTS, top_n=99)["results"]) == 3


def test_listwise_models_wrap_documents(rerank):
    """v3 always sends documents as objects."""
    answer = rerank(QUERY, [DOCUMENTS[0], {"text": DOCUMENTS[1], "id": 7}])
    assert [result["document"] for result in answer["results"]] == [
        {"text": DOCUMENTS[1]},
        {"text": DOCUMENTS[0]},
    ]


def test_other_models_echo_documents(rerank):
    """v2 sends back what came."""
    documents = [DOCUMENTS[0], {"text": DOCUMENTS[1], "id": 7}]
    answer = rerank(QUERY, documents, model="jina-reranker-v2-base-multilingual")
    assert [result["document"] for result in answer["results"]] == [documents[1], documents[0]]


def test_documents_left_out(rerank):
    """Without ``return_documents`` the key is missing, not null."""
    answer = rerank(QUERY, DOCUMENTS, return_documents=False)
    assert all(set(result) == {"index", "relevance_score"} for result in answer["results"])


def test_usage_counts_query_once(rerank):
    """Usage is the query's tokens once and each document's."""
    one = rerank(QUERY, [DOCUMENTS[0]])["usage"]["total_tokens"]
    two = rerank(QUERY, [DOCUMENTS[0]] * 2)["usage"]["total_tokens"]
    assert two - one < one < 2 * (two - one) + 12


def test_max_doc_length(rerank):
    """Longer documents are cut before they are compared and billed."""
    long = "Bananas are yellow. " * 200 + DOCUMENTS[1]
    assert rerank(QUERY, [long], max_doc_length=100)["usage"]["total_tokens"] < 120
    whole, cut = rerank(QUERY, [long]), rerank(QUERY, [long], max_doc_length=100)
    assert whole["results"][0]["relevance_score"] > cut["results"][0]["relevance_score"]


def test_empty_texts(rerank):
    """An empty query or document is scored, and lower than an answer."""
    answer = rerank(QUERY, ["", DOCUMENTS[1]])
    assert [result["index"] for result in answer["results"]] == [1, 0]
    assert len(rerank("", DOCUMENTS)["results"]) == 3


@pytest.mark.parametrize(
    ("fields", "field", "kind"),
    [
        ({"documents": []}, "documents", "too_short"),
        ({"documents": None}, "documents", "missing"),
        ({"documents": "text"}, "documents", "list_type"),
        ({"documents": ["a", 1]}, "documents.1", "string_type"),
        ({"query": None}, "query", "missing"),
        ({"query": 5}, "query", "string_type"),
        ({"top_n": 0}, "top_n", "greater_than_equal"),
        ({"return_documents": 1}, "return_documents", "bool_type"),
        ({"max_doc_length": 9000}, "max_doc_length", "less_than_equal"),
    ],
)
def test_validation(rerank, fields, field, kind):
    """A wrong field is answered with 422 that names it."""
    answer = rerank(**{"query": QUERY, "documents": DOCUMENTS, **fields})
    assert answer["status"] == 422
    assert [(error["field"], error["type"]) for error in answer["errors"]] == [(field, kind)]


def test_unknown_model(rerank):
    """A model that does not rerank is not found."""
    assert rerank(QUERY, DOCUMENTS, model="jina-embeddings-v3")["code"] == "INPUT_MODEL_NOT_FOUND"


def test_long_queries(rerank):
    """A query of many tokens is compared as a whole: its end decides as well as its beginning."""
    filler = "the weather is nice and the sun shines on all of us today " * 10
    answer = rerank(filler + "capital of France", ["Bananas are yellow.", "Paris is the capital of France."])
    assert answer["results"][0]["index"] == 1
    assert rerank(filler, [filler])["results"][0]["relevance_score"] == pytest.approx(1, abs=1e-5)
