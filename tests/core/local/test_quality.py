"""The embedded engine retrieves and reranks real text: docstrings of the standard library."""

from __future__ import annotations

import importlib
import inspect
import math
import warnings

import numpy as np
import pytest

MODULES = (
    "argparse asyncio base64 bisect collections concurrent.futures configparser contextlib copy csv ctypes datetime decimal "
    "difflib dis doctest email.message enum fileinput fractions functools gettext glob gzip heapq hmac html http.client "
    "imaplib inspect io ipaddress itertools json locale logging mailbox math mimetypes os pathlib pickle platform random re "
    "sched secrets shelve shutil socket sqlite3 statistics string subprocess tarfile tempfile textwrap threading time trace "
    "traceback turtle types typing unittest urllib.parse urllib.request uuid weakref xml.dom.minidom xml.etree.ElementTree zipfile"
)


def docstrings():
    """Summary line -> the rest, where that is long enough and the line does not name its object."""
    found = {}
    for name in MODULES.split():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        for owner in (module, *(each for each in vars(module).values() if inspect.isclass(each))):
            for label, member in vars(owner).items():
                text = inspect.getdoc(member) if callable(member) else None
                summary, _, rest = (text or "").partition("\n\n")
                fits = len(rest) >= 200 and 15 <= len(summary) <= 150 and label.lower() not in summary.lower()
                if fits and summary not in rest:
                    found.setdefault(rest[:1200], " ".join(summary.split()))
    unique = {query: passage for passage, query in found.items()}
    return list(unique), list(unique.values())


@pytest.fixture(scope="module")
def ranks():
    """Places of the right passages, before and after reranking the first 50."""
    from ragbridge.local import Engine

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated corners of the library hold docstrings as well
        queries, passages = docstrings()
    embedder = Engine().load()
    ids = [embedder.ids(passage) for passage in passages]
    asked = [embedder.ids(query) for query in queries]
    similar = embedder.embed(asked, 1024) @ embedder.embed(ids, 1024).T
    before, after = [], []
    for number in range(0, len(queries), max(1, len(queries) // 150)):
        top = np.argsort(-similar[number], kind="stable")[:50]
        order = top[np.argsort(-embedder.relevance(asked[number], [ids[i] for i in top]), kind="stable")]
        before.append(list(top).index(number) if number in top else 50)
        after.append(list(order).index(number) if number in order else 50)
    return len(passages), before, after


def ndcg(places):
    return sum(1 / math.log2(place + 2) for place in places if place < 10) / len(places)


def test_retrieval(ranks):
    """The right passage is among the first ten of hundreds for most queries."""
    passages, before, _ = ranks
    assert passages > 300
    assert sum(place < 10 for place in before) > 0.5 * len(before)


def test_reranking_helps(ranks):
    """Reranking raises nDCG@10 by 0.05 or more."""
    _, before, after = ranks
    assert ndcg(after) >= ndcg(before) + 0.05
