"""Servers of the same models: one row a host says how it is spoken to, and what it cannot do.

``table`` has the rows, ``rows`` their columns, ``addresses`` what users paste, ``answers`` the shapes that some hosts have of
their own, ``finding`` tells a host by what it answers.
"""

from ragbridge.hosts.finding import Finding, Signs, asked_at, recognise
from ragbridge.hosts.rows import Embedding, Host, Reranking
from ragbridge.hosts.table import FALLBACK, HOSTS, JINA, host_named, known_at

__all__ = [
    "FALLBACK",
    "HOSTS",
    "JINA",
    "Embedding",
    "Finding",
    "Host",
    "Reranking",
    "Signs",
    "asked_at",
    "host_named",
    "known_at",
    "recognise",
]
