"""BM25 is Lucene's: judged by tantivy, which has Lucene's formula and its table of lengths."""

from __future__ import annotations

import random

import numpy as np
import pytest
import tantivy

from ragbridge.local.search.analysis import Term, standard, whitespace
from ragbridge.local.search.bm25 import TextIndex, idf, stored_length

CORPORA = 1000
LENGTHS = (1, 2, 3, 5, 8, 20, 39, 40, 41, 42, 60)
"""Words of a document: lengths below 40 are kept as they are, others are rounded."""
LONG = (100, 300, 900)
"""In every tenth corpus."""
LOGARITHM = 1.4e-7
"""How far one word's score may be off in tantivy, which takes the logarithm of a float32: 2.2 times half its last digit."""


def _corpora() -> list[tuple[list[list[str]], list[str]]]:
    """Documents and a query each."""
    draw = random.Random(14)
    corpora = []
    for number in range(CORPORA):
        words = [f"w{rank}" for rank in range(draw.randint(2, 30))]
        lengths = LENGTHS if number // 10 % 10 else LONG
        documents = [draw.choices(words, k=draw.choice(lengths)) for _ in range(1 + number % 10)]
        corpora.append((documents, [draw.choice(words) for _ in range(draw.randint(1, 4))]))
    return corpora


def _judged(corpora: list[tuple[int, list[list[str]], list[str]]], count: int) -> dict[int, dict[int, float]]:
    """The scores that tantivy gives in corpora of ``count`` documents each: one field a corpus, in one index."""
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("row", stored=True)
    for number, _, _ in corpora:
        builder.add_text_field(f"c{number}", tokenizer_name="whitespace")
    schema = builder.build()
    index = tantivy.Index(schema)
    writer = index.writer(15_000_000, 1)
    for row in range(count):
        texts = {f"c{number}": " ".join(documents[row]) for number, documents, _ in corpora}
        writer.add_document(tantivy.Document(row=row, **texts))
    writer.commit()
    index.reload()
    searcher = index.searcher()
    scores: dict[int, dict[int, float]] = {}
    for number, _, query in corpora:
        clauses = [
            (tantivy.Occur.Should, tantivy.Query.term_query(schema, f"c{number}", word)) for word in query
        ]
        hits = searcher.search(tantivy.Query.boolean_query(clauses), count).hits
        scores[number] = {searcher.doc(address)["row"][0]: score for score, address in hits}
    return scores


def test_a_thousand_corpora_are_scored_as_tantivy_scores_them() -> None:
    """Scores agree to 1e-6, but for what tantivy loses in the logarithm where nearly all documents have a word."""
    by_size: dict[int, list[tuple[int, list[list[str]], list[str]]]] = {}
    for number, (documents, query) in enumerate(_corpora()):
        by_size.setdefault(len(documents), []).append((number, documents, query))
    compared = 0
    for count, corpora in by_size.items():
        judged = _judged(corpora, count)
        for number, documents, query in corpora:
            index = TextIndex(
                [[Term(word, place, 0, 0) for place, word in enumerate(words)] for words in documents]
            )
            own = np.sum([index.score(word) for word in query], axis=0)
            close = pytest.approx(judged[number], rel=1e-6, abs=LOGARITHM * len(query))
            assert {int(row): own[row] for row in own.nonzero()[0]} == close
            compared += len(judged[number])
    assert compared > CORPORA


def test_documents_without_the_field_do_not_count() -> None:
    """They change neither how rare a word is nor how long documents are on average."""
    texts = ["one two", "two three four", "five"]
    having = TextIndex([standard(text) for text in texts])
    others = TextIndex([None, *(standard(text) for text in texts), None])
    assert others.score("two")[1:4] == pytest.approx(having.score("two"))


def test_a_keyword_s_score_is_how_rare_it_is() -> None:
    """Keywords have no length and no count."""
    index = TextIndex([[Term("a", 0, 0, 1), Term("a", 1, 0, 1)], [Term("b", 0, 0, 1)], None], norms=False)
    assert index.score("a")[0] == pytest.approx(idf(2, 1))


@pytest.mark.parametrize(
    ("length", "kept"), [(39, 39), (40, 40), (41, 40), (42, 42), (55, 54), (57, 56), (100, 96), (900, 856)]
)
def test_lengths_are_kept_as_lucene_keeps_them(length: int, kept: int) -> None:
    """In one byte: exactly below 40, by four bits above."""
    assert stored_length(length) == kept


def test_terms_are_words_by_unicode_s_boundaries() -> None:
    """Apostrophes and dots join letters, commas join digits, ideographs stand alone."""
    assert [term.text for term in standard("Don't pay 3,000.50 to A.B_c — ok? 東京タワー")] == [
        *("don't", "pay", "3,000.50", "to", "a.b_c", "ok", "東", "京", "タワー"),
    ]
    assert [term.text for term in whitespace("Don't, pay")] == ["Don't,", "pay"]
