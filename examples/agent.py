"""An agent that judges what it found: LangGraph, with retrieval by vectors and a reranker.

    pip install "ragbridge[local,icu,langchain]" langgraph
    python agent.py "who shares a quota?" docs/*.md

It searches, reranks, and looks further afield while the best passage scores too low. Then a chat model answers from the
passages: give yours to ``build``, such as ``init_chat_model(...)`` of the package ``langchain``. Without one the best
passage is the answer. Without ``JINA_API_KEY`` the embedded engine embeds and ranks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TypedDict

from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.vectorstores import InMemoryVectorStore
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from langchain_ragbridge import JinaEmbeddings, JinaRerank, RagbridgeTextSplitter

ENOUGH = 0.5
"""The reranker's score from which on a passage is taken for an answer: choose it by looking at your own data."""

NARROW, WIDE = 10, 80
"""Passages that the reranker reads at first, and at most."""


class State(TypedDict, total=False):
    """What the agent knows."""

    question: str
    candidates: int
    passages: list[Document]
    answer: str


def build(documents: list[Document], model: BaseChatModel | None = None) -> CompiledStateGraph:
    """An agent over documents. Its steps are asynchronous: call ``ainvoke({"question": ...})``."""
    settings = {} if "JINA_API_KEY" in os.environ else {"base_url": "local"}
    splitter = RagbridgeTextSplitter("sentence", 80, sentence_overlap=0)
    store = InMemoryVectorStore(JinaEmbeddings(**settings))
    store.add_documents(splitter.split_documents(documents))
    reranker = JinaRerank(top_n=3, **settings)

    async def search(state: State) -> State:
        candidates = min(state.get("candidates", NARROW // 2) * 2, WIDE)
        found = await store.asimilarity_search(state["question"], k=candidates)
        passages = await reranker.acompress_documents(found, state["question"])
        return {"candidates": candidates, "passages": list(passages)}

    def judge(state: State) -> str:
        scores = [passage.metadata["relevance_score"] for passage in state["passages"]]
        return "answer" if max(scores, default=0) >= ENOUGH or state["candidates"] >= WIDE else "search"

    async def answer(state: State) -> State:
        texts = [passage.page_content for passage in state["passages"]]
        if model is None or not texts:
            return {"answer": texts[0] if texts else "Nothing was found."}
        told = "\n\n".join(texts)
        reply = await model.ainvoke(f"Answer from these passages alone:\n\n{told}\n\n{state['question']}")
        return {"answer": reply.text}

    graph = StateGraph(State)
    graph.add_node(search)
    graph.add_node(answer)
    graph.add_edge(START, "search")
    graph.add_conditional_edges("search", judge, ["search", "answer"])
    graph.add_edge("answer", END)
    return graph.compile()


if __name__ == "__main__":
    import asyncio

    question, *files = sys.argv[1:]
    documents = [Document(Path(file).read_text(encoding="utf-8"), metadata={"file": file}) for file in files]
    found = asyncio.run(build(documents).ainvoke({"question": question}))
    print(found["answer"])
