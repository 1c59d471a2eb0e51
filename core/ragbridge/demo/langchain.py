"""The pipeline in LangChain: ``InMemoryVectorStore`` between this project's embeddings and reranker."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_ragbridge import JinaEmbeddings, JinaRerank
from ragbridge import Jina
from ragbridge.demo.corpus import Corpus
from ragbridge.demo.pipelines import DIMENSIONS, RERANKED, RETRIEVED, Answer, Hit


def answers(corpus: Corpus, client: Jina, dimensions: int = DIMENSIONS) -> Iterator[Answer]:
    """Index the passages, then answer the queries one by one."""
    store = InMemoryVectorStore(JinaEmbeddings(client=client, dimensions=dimensions))
    store.add_documents([Document(passage.text, id=passage.id) for passage in corpus.passages])
    retriever = store.as_retriever(search_kwargs={"k": RETRIEVED})
    reranker = JinaRerank(client=client, top_n=RERANKED)
    for query in corpus.queries:
        documents = retriever.invoke(query.text)
        best = reranker.compress_documents(documents, query.text)
        yield Answer(
            query,
            tuple(str(document.id) for document in documents),
            tuple(Hit(str(document.id), document.metadata["relevance_score"]) for document in best),
        )
