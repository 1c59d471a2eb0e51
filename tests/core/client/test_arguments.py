"""What counts as a list of items, for every call that takes one."""

from __future__ import annotations

import pytest

from ragbridge import ConfigurationError, Jina
from ragbridge.client.arguments import listed
from ragbridge.elastic import Elastic

TEXTS = ["the sea", "bread"]


class Table:
    """A table as pandas, Polars and PyArrow have them: it iterates over its columns."""

    columns = ("text", "id")

    def __iter__(self):
        return iter(self.columns)


CALLS = {
    "embed": lambda given: Jina(base_url="local").embed(given),
    "embed_documents": lambda given: Jina(base_url="local").embed_documents(given),
    "embed_multivector": lambda given: Jina(base_url="local").embed_multivector(given, role="document"),
    "rerank": lambda given: Jina(base_url="local").rerank("q", given),
    "classify": lambda given: Jina(base_url="local").classify(given, labels=["a", "b"]),
    "labels": lambda given: Jina(base_url="local").classify(TEXTS, labels=given),
    "segment_many": lambda given: Jina(base_url="local").segment_many(given),
    "elastic embed": lambda given: Elastic("local").embed(
        given, inference_id=".jina-embeddings-v5-text-small"
    ),
    "elastic rerank": lambda given: Elastic("local").rerank("q", given, inference_id=".jina-reranker-v3"),
}
calls = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


@calls
def test_a_table_is_not_taken_for_the_names_of_its_columns(call):
    """A DataFrame, which iterates over names, is refused with what to pass instead."""
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    rows = {"text": TEXTS, "id": ["1", "2"]}
    tables = [Table(), pandas.DataFrame(rows), pyarrow.table(rows), pyarrow.RecordBatch.from_pydict(rows)]
    for table in tables:
        with pytest.raises(ConfigurationError, match="iterates over its columns: pass one column as a list"):
            call(table)


@calls
@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_has_no_order_that_answers_could_have(call, kind):
    """Results come in the order of the items, which a set does not have."""
    with pytest.raises(ConfigurationError, match="whose order is not yours"):
        call(kind(TEXTS))


def test_a_column_is_a_list_as_any_other():
    """Series, Index, arrays of NumPy, generators and views of a dict give what a list of the same texts gives."""
    pandas = pytest.importorskip("pandas")
    numpy = pytest.importorskip("numpy")
    with Jina(base_url="local") as jina:
        expected = jina.embed(TEXTS).tolist()
        for column in (
            pandas.Series(TEXTS, index=[7, 3]),
            pandas.Index(TEXTS),
            numpy.array(TEXTS),
            numpy.array(TEXTS, dtype=object),
            iter(TEXTS),
            dict.fromkeys(TEXTS).keys(),
            dict(enumerate(TEXTS)).values(),
        ):
            assert jina.embed(column).tolist() == expected


def test_columns_of_another_meaning_make_no_table():
    """A sequence tells its items itself, and a method named ``columns`` is no list of columns (SQLAlchemy's results)."""

    class Laid(list[str]):
        columns = 2

    class Result:
        def columns(self) -> None:
            raise NotImplementedError

        def __iter__(self):
            return iter(["a", "b"])

    assert listed(Laid(["a", "b"]), "texts") == ["a", "b"]
    assert listed(Result(), "texts") == ["a", "b"]
