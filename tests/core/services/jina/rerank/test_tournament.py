"""More documents than one call may hold: blocks that are merged, rounds that lead to one last call."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragbridge import ConfigurationError, Image, Jina, Limiter, RateLimit, RequestError, Retry, ServiceError
from ragbridge.flow import Response
from ragbridge.services.jina.rerank.tournament import rounds
from ragbridge.testing import VirtualClock

LISTWISE = "jina-reranker-v3"
POINTWISE = "jina-reranker-v2-base-multilingual"


class Judge:
    """A reranker that goes by the number in each document, and lets scores depend on the company if told so."""

    def __init__(self, *, moody=False):
        self.moody = moody
        self.calls = []

    def send(self, request):
        body = json.loads(request.body)
        numbers = [float(text.split()[0]) for text in body["documents"]]
        self.calls.append(numbers)
        shift = -sum(numbers) / len(numbers) if self.moody else 0.0
        order = sorted(range(len(numbers)), key=lambda index: -numbers[index])[: body.get("top_n")]
        rows = [{"index": index, "relevance_score": numbers[index] + shift} for index in order]
        answer = {"model": "r", "usage": {"total_tokens": 10}, "results": rows}
        return Response(200, {}, json.dumps(answer).encode())

    async def send_async(self, request):
        await asyncio.sleep(0)
        return self.send(request)


def client(judge, **arguments):
    arguments = {"limits": None, "retry": Retry(attempts=1), **arguments}
    return Jina(base_url="http://x", transport=judge, **arguments)


def shuffled(count, seed=7):
    numbers = list(range(count))
    random.Random(seed).shuffle(numbers)
    return numbers


@given(st.integers(1, 3000), st.integers(2, 80), st.integers(1, 3000))
def test_rounds_end_in_one_call_that_is_as_full_as_it_may_be(count, most, wanted):
    """Every call fits, each round is smaller, nobody is lost between rounds, and the work stays bounded."""
    shape = rounds(count, most, min(wanted, count))
    assert shape[-1].calls == 1
    assert shape[-1].entrants == min(count, most)
    assert shape[0].entrants == count
    for this, following in itertools.pairwise(shape):
        assert this.winners == following.entrants < this.entrants
    for this in shape:
        dealt = [this.deal(range(this.entrants), call) for call in range(this.calls)]
        assert sorted(place for block in dealt for place in block) == list(range(this.entrants))
        assert all(len(block) <= most for block in dealt)
        assert all(this.through(call) <= len(block) for call, block in enumerate(dealt))
        assert sum(map(this.through, range(this.calls))) == this.winners
    assert sum(this.entrants for this in shape) <= 2 * count + most * len(shape)


@given(st.integers(1, 3000), st.integers(2, 80), st.integers(1, 40))
def test_the_wanted_best_of_a_call_go_on(count, most, wanted):
    """Or the better half, where more than half of a call's documents are wanted."""
    for this in rounds(count, most, min(wanted, count))[:-1]:
        least = min(wanted, most // 2)
        assert all(this.through(call) >= least for call in range(this.calls))


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 300),
    most=st.integers(2, 40),
    top_n=st.integers(1, 20) | st.none(),
    seed=st.integers(0, 9),
    concurrency=st.integers(1, 5),
)
def test_rounds_find_the_best_where_the_order_does_not_depend_on_the_company(
    count, most, top_n, seed, concurrency
):
    """What is ranked in rounds is what one call would rank, as far as half a call's documents are wanted."""
    numbers = shuffled(count, seed)
    judge = Judge(moody=True)
    jina = client(judge, concurrency=concurrency)
    ranking = jina.rerank("q", [f"{n} x" for n in numbers], model=LISTWISE, top_n=top_n, max_documents_per_call=most)  # fmt: skip
    assert all(len(call) <= most for call in judge.calls)
    found = [numbers[row.index] for row in ranking]
    assert len(found) == len(set(found)) == min(top_n or count, count)
    certain = min(len(found), most if count <= most else max(1, most // 2))
    assert found[:certain] == sorted(numbers, reverse=True)[:certain]
    assert len(ranking.met) == min(count, most)


def test_the_result_says_who_met():
    """Scores of the last call alone are comparable: its documents stand first, the others by when they left."""
    judge = Judge(moody=True)
    numbers = shuffled(50)
    ranking = client(judge).rerank("q", [f"{n} x" for n in numbers], model=LISTWISE, max_documents_per_call=20)  # fmt: skip
    last = judge.calls[-1]
    assert sorted(numbers[index] for index in ranking.met) == sorted(last)
    head = [row.index in ranking.met for row in ranking]
    assert head == [True] * 20 + [False] * 30
    assert ranking.results[0].score == max(last) - sum(last) / len(last)
    assert ranking.usage.requests == len(judge.calls)
    assert ranking.usage.tokens == 10 * len(judge.calls)


def test_those_who_left_early_stand_last():
    """Later rounds first; within a round the place in the call counts, since scores of two calls do not compare."""
    judge = Judge(moody=True)
    ranking = client(judge, concurrency=1).rerank("q", [f"{n} x" for n in range(6)], model=LISTWISE, max_documents_per_call=4)  # fmt: skip
    # Dealt out: 0 2 4 and 1 3 5; two of each go on: 4 2 and 5 3.
    assert judge.calls == [[0, 2, 4], [1, 3, 5], [4, 5, 2, 3]]
    assert [(row.index, row.score) for row in ranking][4:] == [(0, -2.0), (1, -2.0)]
    assert [row.index for row in ranking][:4] == [5, 4, 3, 2]


def test_calls_before_the_last_ask_for_those_who_go_on_alone():
    """Where no more are wanted than meet in the last call, the rest need no row."""
    asked = []

    class Watched(Judge):
        def send(self, request):
            asked.append(json.loads(request.body).get("top_n"))
            return super().send(request)

    documents = [f"{n} x" for n in range(100)]
    client(Watched(), concurrency=1).rerank("q", documents, model=LISTWISE, top_n=3, max_documents_per_call=50)  # fmt: skip
    assert asked == [25, 25, 3]


def test_one_call_holds_all_that_fits():
    """However many documents: the service cuts by itself."""
    judge = Judge()
    ranking = client(judge).rerank("q", [f"{n} x" for n in range(2000)], model=LISTWISE, top_n=5)
    assert len(judge.calls) == 1
    assert ranking.met == set(range(2000))


@pytest.mark.parametrize("top_n", [None, 4, 50])
def test_models_that_judge_each_document_alone_are_cut_freely(top_n):
    """Blocks side by side, merged by score: the ranking is that of one call."""
    numbers = shuffled(100)
    documents = [f"{n} x" for n in numbers]
    judge = Judge()
    cut = client(judge).rerank("q", documents, model=POINTWISE, top_n=top_n, max_documents_per_call=30)
    whole = client(Judge()).rerank("q", documents, model=POINTWISE, top_n=top_n)
    assert sorted(map(len, judge.calls)) == [10, 30, 30, 30]
    assert cut.results == whole.results
    assert cut.met == whole.met == set(range(100))


def test_a_model_that_the_table_does_not_know_is_ranked_in_rounds():
    """Its scores may depend on the company."""
    judge = Judge(moody=True)
    ranking = client(judge).rerank("q", [f"{n} x" for n in range(9)], model="new", max_documents_per_call=4)
    assert len(ranking.met) == 4


def test_what_never_fits_the_quota_is_cut_where_scores_allow_it():
    """Pointwise models rank it in several calls; for listwise ones the message names the setting."""
    documents = [f"{n} " + "x" * 100 for n in range(60)]
    limits = RateLimit(1000, 2000, 2)
    clock = VirtualClock()
    judge = Judge()
    limiter = Limiter(limits, clock=clock.now)
    jina = client(judge, limits=limiter, count_tokens=len, clock=clock, concurrency=1)
    ranking = jina.rerank("q", documents, model=POINTWISE)
    assert [row.index for row in ranking] == list(range(59, -1, -1))
    assert len(judge.calls) > 1
    with pytest.raises(ConfigurationError, match="max_documents_per_call"):
        jina.rerank("q", documents, model=LISTWISE)
    assert len(jina.rerank("q", documents, model=LISTWISE, max_documents_per_call=10)) == 60


def test_heavy_images_go_in_several_requests():
    """A request stays of a size that can be sent, and sent again."""
    sizes = []

    class Watched(Judge):
        def send(self, request):
            body = json.loads(request.body)
            sizes.append(len(body["documents"]))
            rows = [{"index": index, "relevance_score": 0.5} for index in range(len(body["documents"]))]
            return Response(200, {}, json.dumps({"results": rows}).encode())

    images = [Image(bytes([n]) * 4_000_000) for n in range(8)]
    ranking = client(Watched(), concurrency=1).rerank("q", images, model="jina-reranker-m0")
    assert sizes == [4, 4]
    assert [row.index for row in ranking] == list(range(8))


@pytest.mark.parametrize("concurrency", [1, 2, 8])
async def test_both_faces_rank_in_rounds_alike(concurrency):
    """Calls of a round wait for the round before, in threads and on an event loop, however few run at once."""
    documents = [f"{n} x" for n in shuffled(200)]
    options = {"model": LISTWISE, "top_n": 7, "max_documents_per_call": 20}
    jina = client(Judge(moody=True), concurrency=concurrency)
    awaited = await jina.arerank("q", documents, **options)
    assert awaited == await asyncio.to_thread(jina.rerank, "q", documents, **options)


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_a_call_that_fails_ends_the_whole(concurrency):
    """Nobody waits for a round that will never be full."""

    class Broken(Judge):
        def send(self, request):
            if len(self.calls) == 3:
                self.calls.append([])
                return Response(500, {}, b"")
            return super().send(request)

    options = {"model": LISTWISE, "max_documents_per_call": 20}
    documents = [f"{n} x" for n in range(200)]
    with pytest.raises(ServiceError):
        client(Broken(), concurrency=concurrency).rerank("q", documents, **options)
    with pytest.raises(ServiceError):
        await client(Broken(), concurrency=concurrency).arerank("q", documents, **options)


def test_a_call_that_fails_once_is_asked_again_alone():
    """The other calls of its round are kept."""

    class Flaky(Judge):
        failed = False

        def send(self, request):
            if len(self.calls) == 2 and not self.failed:
                self.failed = True
                raise RequestError("connection reset")
            return super().send(request)

    documents = [f"{n} x" for n in range(60)]
    judge = Flaky()
    jina = client(judge, retry=Retry(initial=0.0), concurrency=1)
    ranking = jina.rerank("q", documents, model=LISTWISE, top_n=3, max_documents_per_call=20)
    assert [row.index for row in ranking] == [59, 58, 57]
    assert len(judge.calls) == math.ceil(60 / 20) + 1
