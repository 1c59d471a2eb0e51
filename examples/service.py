"""A search service: FastAPI, asynchronous from the request to the reranked answer.

    pip install "ragbridge[local,icu]" fastapi uvicorn
    uvicorn --app-dir examples service:app
    curl "http://127.0.0.1:8000/search?query=who+shares+a+quota"

It searches the Markdown files of ``FOLDER``. Without ``JINA_API_KEY`` the embedded engine answers.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ragbridge import Jina, RagbridgeError
from ragbridge.chunking import Chunk, SentenceChunker

FOLDER = Path(os.environ.get("FOLDER", "docs"))
CANDIDATES = 50
"""Passages that the reranker reads for each query."""


class Hit(BaseModel):
    """A passage, and where it stands."""

    file: str
    start: int
    text: str
    score: float


def passages() -> list[tuple[str, Chunk]]:
    """The passages of all files, each with the name of its file."""
    chunker = SentenceChunker(max_chunk_size=80, sentence_overlap=0)
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
    return [(name, chunk) for name, text in texts.items() for chunk in chunker.chunk(text)]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One client for all requests: they share its connections and its quota."""
    jina = Jina() if "JINA_API_KEY" in os.environ else Jina(base_url="local")
    chunks = passages()
    async with jina:
        embedded = await jina.aembed([chunk.text for _, chunk in chunks], role="document")
        app.state.jina, app.state.chunks, app.state.vectors = jina, chunks, embedded.vectors
        yield


app = FastAPI(title="Search", lifespan=lifespan)


@app.get("/search")
async def search(
    request: Request,
    query: Annotated[str, Query(min_length=1, max_length=1_000)],
    top: Annotated[int, Query(ge=1, le=20)] = 3,
) -> list[Hit]:
    """The passages that answer a query, the best first."""
    state = request.app.state
    embedded = await state.jina.aembed([query], role="query")
    nearest = np.argsort(state.vectors @ embedded.vectors[0])[::-1][:CANDIDATES]
    found = [state.chunks[place] for place in nearest]
    ranking = await state.jina.arerank(query, [chunk.text for _, chunk in found], top_n=top)
    best = [(*found[row.index], row.score) for row in ranking]
    return [Hit(file=file, start=chunk.start, text=chunk.text, score=score) for file, chunk, score in best]


@app.exception_handler(RagbridgeError)
async def unanswered(_: Request, error: RagbridgeError) -> JSONResponse:
    """What may pass is 503, so that callers come again; what is wrong here is 500. Messages hold no key and no text."""
    return JSONResponse({"detail": str(error)}, status_code=503 if error.retryable else 500)
